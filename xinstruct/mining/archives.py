"""Text files from wheels, zips and tarballs, streamed; nothing is written or executed.

Only regular members with a clean relative path count; links and devices are skipped as unsafe, sizes are bounded (per
file, per archive), text must be UTF-8. Every refused member is reported with its Reason. The caller's pattern selects
the members; nested archives are not opened.
"""

from __future__ import annotations

import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from xinstruct.records import Reason

MAX_FILE = 2_000_000
MAX_TOTAL = 600_000_000
MAX_MEMBERS = 200_000


@dataclass(frozen=True)
class Member:
    """One wanted file of an archive: its bytes, or the reason it was refused."""

    path: str
    data: bytes = b""
    reason: Reason | None = None
    detail: str = ""


def read_archive(path: Path, wanted: Callable[[str], bool], max_file: int = MAX_FILE) -> Iterator[Member]:
    """Yield the wanted members of an archive in its own order. Never raises for a bad archive."""
    try:
        if path.suffix == ".deb":
            yield from _deb(path, wanted, max_file)
        else:
            yield from (_zip if zipfile.is_zipfile(path) else _tar)(path, wanted, max_file)
    except (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError, ValueError) as error:
        yield Member(path.name, reason=Reason.CORRUPT_ARCHIVE, detail=str(error)[:300])


def unsafe(name: str) -> bool:
    """Tell whether a member's name is absolute, leaves the archive, or has characters that no path should have."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return not parts or name.startswith(("/", "\\")) or ".." in parts or "\0" in name or ":" in parts[0]


def _zip(path: Path, wanted: Callable[[str], bool], max_file: int) -> Iterator[Member]:
    total = 0
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist()[:MAX_MEMBERS]:
            if info.is_dir() or not wanted(info.filename):
                continue
            mode = info.external_attr >> 16
            if unsafe(info.filename) or (mode and (mode & 0o170000) not in (0, 0o100000)):
                yield Member(info.filename, reason=Reason.UNSAFE_PATH)
                continue
            with archive.open(info) as handle:
                member = _member(info.filename, handle, max_file)
            total += len(member.data)
            yield member
            if total > MAX_TOTAL:
                yield Member(path.name, reason=Reason.TOO_LARGE, detail=f"over {MAX_TOTAL} bytes unpacked")
                return


def _deb(path: Path, wanted: Callable[[str], bool], max_file: int) -> Iterator[Member]:
    """Yield members of a .deb, an ar archive: 60-byte headers, members padded to even lengths, files in data.tar.*."""
    with path.open("rb") as handle:
        if handle.read(8) != b"!<arch>\n":
            raise ValueError("no ar archive")
        while len(header := handle.read(60)) == 60:
            size = int(header[48:58])
            if header.startswith(b"data.tar"):
                yield from _tar(path, wanted, max_file, handle)
                return
            handle.seek(size + size % 2, 1)
    raise ValueError("no data.tar in it")


def _tar(path: Path, wanted: Callable[[str], bool], max_file: int, handle: IO[bytes] | None = None) -> Iterator[Member]:
    total = 0
    with tarfile.open(None if handle else path, "r|*", fileobj=handle, bufsize=1 << 18) as archive:
        for count, info in enumerate(archive):
            total += info.size
            if total > MAX_TOTAL or count > MAX_MEMBERS:
                yield Member(path.name, reason=Reason.TOO_LARGE, detail=f"over {MAX_TOTAL} bytes unpacked")
                return
            if info.isdir() or not wanted(info.name):
                continue
            if not info.isreg() or unsafe(info.name):
                yield Member(info.name, reason=Reason.UNSAFE_PATH)
                continue
            handle = archive.extractfile(info)
            if handle is not None:
                yield _member(info.name, handle, max_file)


def _member(name: str, handle: IO[bytes], max_file: int) -> Member:
    data = handle.read(max_file + 1)
    if len(data) > max_file:
        return Member(name, reason=Reason.TOO_LARGE, detail=f"over {max_file} bytes")
    data = data.removeprefix(b"\xef\xbb\xbf")
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return Member(name, reason=Reason.NOT_UTF8, detail=str(error)[:200])
    return Member(name, data)
