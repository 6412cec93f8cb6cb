"""Relocation of a Python that was linked for its place of installation, so that it runs from another path.

An interpreter with its own shared library often finds it by an absolute path in the binary (ELF's RUNPATH); pyenv
builds such ones. Programs see the interpreter at another path, so they get copies of those files with the other path
in them. Text that only mentions the old place, such as sysconfig's variables, is not changed.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from xinstruct.files import made_once

_NEEDED, _STRINGS, _RPATH, _RUNPATH = 1, 5, 15, 29  # tags of the dynamic section
_LOADED, _DYNAMIC = 1, 2  # kinds of segments


def binds(prefix: Path, shown: str, cache: Path) -> list[tuple[Path, str]]:
    """Return the binds over an installation at `prefix` that programs see at `shown`: (file or folder, path inside).

    Copies are kept in the cache folder. When the new path is longer than the old one, there is no room for it in the
    file, and the folder that the old path names is shown at its own place.
    """
    found: dict[str, Path] = {}
    for path in _binaries(prefix):
        content = path.read_bytes()
        for old in _search_paths(content, str(prefix).encode()):
            new = old.replace(str(prefix).encode(), shown.encode())
            if len(new) > len(old):
                found |= {place: Path(place) for place in os.fsdecode(old).split(":") if Path(place).is_dir()}
            else:
                content = content.replace(old + b"\0", new.ljust(len(old), b"\0") + b"\0")
                found[f"{shown}/{path.relative_to(prefix)}"] = _kept(content, path.name, cache)
    return [(stands, place) for place, stands in found.items()]


def _binaries(prefix: Path) -> list[Path]:
    """Return the interpreter and its modules."""
    own = Path(os.path.realpath(prefix / "bin" / "python3"))
    return [own, *sorted(prefix.glob("lib/python3.*/lib-dynload/*.so"))] if own.is_relative_to(prefix) else []


def _search_paths(content: bytes, prefix: bytes) -> set[bytes]:
    """Return absolute paths below the prefix that a file searches for libraries, if one of them has a needed one."""
    entries = list(_dynamic(content))
    strings = {tag: [text for its, text in entries if its == tag] for tag in (_NEEDED, _RPATH, _RUNPATH)}
    found = set()
    for text in strings[_RPATH] + strings[_RUNPATH]:
        for folder in text.split(b":"):
            needed = any(os.path.exists(os.path.join(folder, name)) for name in strings[_NEEDED])
            if needed and folder.startswith(prefix + b"/"):
                found.add(text)
    return found


def _dynamic(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the (tag, text) entries of a 64-bit ELF file's dynamic section; none for any other file."""
    if content[:5] != b"\x7fELF\x02":
        return
    start, size, count = struct.unpack_from("Q", content, 32)[0], *struct.unpack_from("HH", content, 54)
    segments = [struct.unpack_from("IIQQQQ", content, start + i * size) for i in range(count)]
    for kind, _, at, _, _, length in segments:
        if kind == _DYNAMIC:
            entries = list(struct.iter_unpack("QQ", content[at : at + length // 16 * 16]))
            strings = next(value for tag, value in entries if tag == _STRINGS)
            base = next(a + strings - v for kind, _, a, v, _, n in segments if kind == _LOADED and v <= strings < v + n)
            for tag, value in entries:
                if tag in (_NEEDED, _RPATH, _RUNPATH):
                    yield tag, content[base + value : content.index(b"\0", base + value)]


def _kept(content: bytes, name: str, cache: Path) -> Path:
    """Return a file with that content in the cache folder, which everybody can execute."""

    def write(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(0o755)

    return made_once(cache / f"{hashlib.sha256(content).hexdigest()[:16]}-{name}", write)
