"""Findings of a package's archive: licence first, then every wanted file.

One archive is one unit of work for a process pool. The stage samples and makes records.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from xinstruct.code.traits import traits_of
from xinstruct.mining.archives import Member, read_archive
from xinstruct.mining.extract import Finding, extract, file_reason
from xinstruct.mining.identify import language_of_content
from xinstruct.mining.licences import ALLOWED, LICENCE_FILE, holder_of, licence_of
from xinstruct.mining.tokens import Count, counter
from xinstruct.records import Reason

_PART = 40_000_000  # bytes of an archive that one unit of work takes
_OF_ALL = {Reason.CORRUPT_ARCHIVE, Reason.TOO_LARGE}  # said of an archive as a whole
_Named = Callable[[str], bool]  # tells a file by its name


@dataclass(frozen=True)
class Limit:
    """The most tokens of a snippet, and the function that counts them."""

    tokens: int
    count: Count


@dataclass
class Mined:
    """The results of one archive: findings by path, and whole files refused."""

    licence: str
    holder: str = ""
    findings: list[tuple[str, Finding]] = field(default_factory=list)
    refused: list[tuple[str, Reason, str]] = field(default_factory=list)
    bytes_read: int = 0
    rows: dict[str, tuple[str, str, str]] = field(
        default_factory=dict
    )  # of a data set: path -> repo, revision, licence


def parts(entry: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Split an entry with a large archive into several that each take a part, so that memory per process is bounded."""
    count = -(-(folder / entry["file"]).stat().st_size // _PART)
    return [entry] if count < 2 else [{**entry, "part": part, "of": count} for part in range(count)]


def _taken(entry: dict[str, Any]) -> Callable[[str], bool]:
    """Return a predicate for the names that belong to an entry's part."""
    part, count = entry.get("part", 0), entry.get("of", 1)
    return lambda name: zlib.crc32(name.encode("utf-8", "surrogateescape")) % count == part


def mine_source(entry: dict[str, Any], folder: Path, max_tokens: int, tokenizer: str = "") -> Mined:
    """Mine one entry of the index of sources (see ``fetch``) from `folder`; `tokenizer`: a tokenizer.json."""
    limit = Limit(max_tokens, counter(tokenizer))
    named, taken = _wanted(entry["language"], entry["include"]), _taken(entry)

    def wanted(name: str) -> bool:
        return named(name) and taken(name)

    if entry["file"].endswith(".parquet"):
        return _mine_rows(entry["language"], folder / entry["file"], wanted, limit)
    first, whole = not entry.get("part"), "of" not in entry
    read = _read(entry, folder, named, wanted)
    mined = Mined(licence_of(read.papers), holder_of(read.papers))
    if mined.licence not in ALLOWED:
        if first:
            mined.refused = [(entry["file"], Reason.LICENCE, f"licence {mined.licence or 'not recognised'}")]
        return mined
    for member in read.members:
        _mine_file(mined, entry["language"], member, read.headers, limit)
    if whole and not mined.findings and not mined.refused:
        mined.refused = [(entry["file"], Reason.EMPTY_PACKAGE, "no wanted file with a function in it")]
    return mined


@dataclass
class _Read:
    """What is kept of an archive: files to mine, licence files by path, headers by stem."""

    members: list[Member] = field(default_factory=list)
    papers: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, bytes] = field(default_factory=dict)


def _read(entry: dict[str, Any], folder: Path, named: _Named, wanted: _Named) -> _Read:
    """Read the wanted files of an entry's part, with the licence files and headers of its whole archive."""
    read, first = _Read(), not entry.get("part")
    for member in read_archive(folder / entry["file"], lambda name: named(name) or bool(LICENCE_FILE.search(name))):
        if member.reason is None and LICENCE_FILE.search(member.path):
            read.papers[member.path] = member.data
        if member.path.endswith(traits_of(entry["language"]).headers) and named(member.path):
            read.headers[_stem(member.path)] = member.data
        if wanted(member.path) or (member.reason in _OF_ALL and member.path == entry["file"] and first):
            read.members.append(member)
    return read


def wanted_names(entry: dict[str, Any]) -> Callable[[str], bool]:
    """Return a predicate for the files of an entry's archive that are mined, by their names."""
    return _wanted(entry["language"], entry["include"])


def wanted_files(entry: dict[str, Any], folder: Path) -> list[bytes]:
    """Return the texts of the files that mine_source would mine, for measurements of other tools."""
    wanted = wanted_names(entry)
    members = [m for m in read_archive(folder / entry["file"], wanted) if m.reason is None]
    return [m.data for m in members if file_reason(m.path, m.data) is None]


def _mine_rows(language: str, path: Path, wanted: Callable[[str], bool], limit: Limit) -> Mined:
    """Mine a packed data set: each row has a repository and a licence of its own."""
    mined, places = Mined(""), set()
    batches = pq.ParquetFile(path).iter_batches(batch_size=500)
    for number, row in enumerate(row for batch in batches for row in batch.to_pylist()):
        if not wanted(row["path"]):
            continue
        place, licence = f"{row['repo']}/{row['path']}", row["licence"]
        if place in places:
            mined.refused.append((f"{place} in row {number}", Reason.EXACT_DUPLICATE, "an earlier row has this path"))
            continue
        places.add(place)
        if not licence or any(part not in ALLOWED for part in licence.split(" AND ")):
            mined.refused.append((place, Reason.LICENCE, f"licence {licence or 'not stated'}"))
            continue
        mined.rows[place] = (row["repo"], row["revision"], licence)
        _mine_file(mined, language, Member(place, row["content"].encode("utf-8", "surrogatepass")), {}, limit)
    return mined


def _wanted(language: str, include: str) -> Callable[[str], bool]:
    pattern = re.compile(include)
    traits = traits_of(language)

    def wanted(name: str) -> bool:
        last = name.rsplit("/", 1)[-1]
        bare = "" in traits.suffixes and "." not in last
        named = bare or last.endswith(tuple(suffix for suffix in traits.suffixes if suffix))
        return named and not last.endswith(traits.excluded) and bool(pattern.search(name))

    return wanted


def _stem(path: str) -> str:
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _mine_file(mined: Mined, language: str, member: Member, headers: dict[str, bytes], limit: Limit) -> None:
    traits, suffixless = traits_of(language), "." not in member.path.rsplit("/", 1)[-1]
    if traits.first_line and suffixless and not traits.first_line.match(member.data):
        return  # a file without suffix that is no script of the language was never a candidate
    reason = member.reason or file_reason(member.path, member.data)
    if reason is not None:
        mined.refused.append((member.path, reason, member.detail))
        return
    mined.bytes_read += len(member.data)
    seen = language_of_content(language, member.data)
    if seen != language:
        mined.refused.append((member.path, Reason.LANGUAGE_CONFLICT, f"reads as {seen}"))
        return
    header = headers.get(_stem(member.path), b"") if not member.path.endswith(traits.headers) else b""
    for finding in extract(language, member.data, limit.tokens, header, limit.count):
        mined.findings.append((member.path, finding))
