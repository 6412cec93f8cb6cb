"""The licence of a package, read from the package's own files, as an SPDX identifier.

Metadata (a wheel's METADATA, package.json, composer.json) and licence texts are read; texts are recognised by their
characteristic words. Code whose licence is not on ALLOWED is not mined. A licence text takes precedence over metadata
without a known name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

ALLOWED = frozenset(
    {"MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "0BSD", "Unlicense", "CC0-1.0", "PSF-2.0"}
    | {"BSL-1.0", "Zlib"}
)
LICENCE_FILE = re.compile(
    r"(^|/)(licen[cs]e|copying|unlicense|copyright|metadata|package\.json|composer\.json|notice)[^/]*$", re.IGNORECASE
)

_TEXTS = (
    ("AGPL-3.0", r"affero general public license"),
    ("LGPL", r"(lesser|library) general public license"),
    ("GPL", r"gnu general public license"),
    ("MPL-2.0", r"mozilla public license"),
    ("Apache-2.0", r"apache license,? version 2\.0|apache license\s+version 2\.0"),
    ("BSL-1.0", r"boost software license"),
    ("Unlicense", r"this is free and unencumbered software released into the public domain"),
    ("CC0-1.0", r"cc0 1\.0 universal|creative commons cc0|cc0 public domain"),
    ("PSF-2.0", r"python software foundation license"),
    ("Zlib", r"this software is provided 'as-is'.*altered source versions must be plainly marked"),
    ("BSD-3-Clause", r"redistributions? of source code must retain.*(neither the name|endorse or promote)"),
    ("BSD-2-Clause", r"redistributions? of source code must retain"),
    ("ISC", r"permission to use, copy, modify, and(/or)? distribute this software"),
    ("MIT", r"permission is hereby granted, free of charge, to any person obtaining a copy"),
)  # fmt: skip

_NAMES = {
    "mit": "MIT", "mit license": "MIT", "the mit license": "MIT", "expat": "MIT", "mit-0": "MIT-0", "isc": "ISC",
    "bsd": "BSD-3-Clause", "bsd-3-clause": "BSD-3-Clause", "bsd-2-clause": "BSD-2-Clause",
    "bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause",
    "apache-2.0": "Apache-2.0", "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0", "0bsd": "0BSD", "unlicense": "Unlicense", "cc0-1.0": "CC0-1.0",
    "psf-2.0": "PSF-2.0", "python software foundation license": "PSF-2.0", "zlib": "Zlib", "bsl-1.0": "BSL-1.0",
}  # fmt: skip


def licence_of(files: Mapping[str, bytes]) -> str:
    """Return the SPDX identifier of a package from its licence-like files (path -> bytes); "" when none is recognised.

    The file nearest to the root decides; at the same depth metadata precede texts.
    """
    ranked = sorted(files, key=lambda path: (path.count("/"), not _is_metadata(path), path))
    for path in ranked:
        text = files[path].decode("utf-8", "replace")
        found = _from_metadata(path, text) if _is_metadata(path) else recognise(text)
        if found:
            return found
    return ""


def _is_metadata(path: str) -> bool:
    return path.rsplit("/", 1)[-1] in {"METADATA", "package.json", "composer.json"}


def _from_metadata(path: str, text: str) -> str:
    if not path.endswith(".json"):
        head = text.partition("\n\n")[0]
        stated = re.findall(r"^License(?:-Expression)?: (.+)$", head, re.MULTILINE)
        stated += re.findall(r"^Classifier: License :: (?:OSI Approved :: )?(.+)$", head, re.MULTILINE)
        return next((name for name in map(named, stated) if name), "")
    try:
        licence = json.loads(text).get("license", "")
    except (ValueError, AttributeError):
        return ""
    if isinstance(licence, list):
        licence = licence[0] if len(licence) == 1 else ""
    return named(licence.get("type", "") if isinstance(licence, dict) else str(licence))


def named(text: str) -> str:
    """Return the SPDX identifier of a licence's name; of a choice ("MIT OR GPL") the first that is allowed."""
    for part in re.split(r"\s+OR\s+|\s*/\s*", text.strip().strip("()"), flags=re.IGNORECASE):
        if part in ALLOWED:
            return part
        if found := _NAMES.get(part.lower().removesuffix(" (mit)")):
            return found
    return text.strip() if re.fullmatch(r"(A|L)?GPL-\S+|MPL-\S+", text.strip()) else ""


def recognise(text: str) -> str:
    """Return the SPDX identifier of a licence text by its characteristic words, "" when it is unknown."""
    flat = re.sub(r"[\s*#/]+", " ", text[:40000]).lower()
    return next((name for name, pattern in _TEXTS if re.search(pattern, flat)), "")


_HOLDER = re.compile(
    r"^[\s*#/;]*(?:portions )?copyright:?\s*(?:\(c\)|©|&copy;)?\s*"
    r"((?:\d{4}[\d\s,–-]*(?:present)?|\(c\)|by|,|\s)*)(.{2,90}?)"
    r"(?:\.?\s*all rights reserved.*)?[\s*.]*$",
    re.IGNORECASE | re.MULTILINE,
)
_NO_HOLDER = re.compile(
    r"yyyy|name of (copyright )?owner|\[|notice|holder|license|owner|statement|and related|\blaw|interest|work", re.I
)


def holder_of(files: Mapping[str, bytes]) -> str:
    """Return the copyright holder from the topmost licence file with a copyright line; "" when there is none."""
    for path in sorted(files, key=lambda path: (path.count("/"), path)):
        if _is_metadata(path):
            continue
        text = files[path][:40000].decode("utf-8", "replace")
        names = (found[1].strip(" ,;-*") for found in _HOLDER.findall(text))
        if name := next((name for name in names if name and not _NO_HOLDER.search(name)), ""):
            return re.sub(
                r"^copyright(?: \(c\))?[ \d,–-]*|\s*<[^>]*@[^>]*>|\s*\(http[^)]*\)|\s*<http[^>]*>", "", name, flags=re.I
            )
    return _author(files)


def _author(files: Mapping[str, bytes]) -> str:
    """Return the author that the package's metadata name."""
    for path in sorted(filter(_is_metadata, files), key=lambda path: (path.count("/"), path)):
        text = files[path].decode("utf-8", "replace")
        if path.endswith(".json"):
            try:
                author = json.loads(text).get("author", "")
            except (ValueError, AttributeError):
                continue
            author = author.get("name", "") if isinstance(author, dict) else str(author)
        else:
            found = re.search(r"^Author(?:-email)?: \"?([^<\n\"]+)", text.partition("\n\n")[0], re.MULTILINE)
            author = found.group(1) if found else ""
        if author.strip():
            return re.sub(r"\s*<.*", "", author).strip()
    return ""
