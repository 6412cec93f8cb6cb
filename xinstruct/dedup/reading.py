"""Records of public data: JSON lines, a JSON list, Parquet or Arrow tables, plain or compressed, in files or folders.

Files that only describe the data beside them (``dataset_infos.json`` and the like) are passed over. What cannot be
read, and a folder without anything that can, is an error that names it.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from xinstruct.files import BadInput

Record = dict[str, Any]
_TEXT = (".jsonl", ".json", ".ndjson")
_COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda data: bytes(pa.CompressedInputStream(io.BytesIO(data), "zstd").read()),
}
_ENDINGS = (*(text + packed for text in _TEXT for packed in _COMPRESSED), ".parquet", ".pq")
_ABOUT = {"dataset_infos.json", "dataset_info.json", "dataset_dict.json", "state.json", "metadata.json", "config.json",
          "package.json", "croissant.json"}  # fmt: skip


def data_files(path: Path) -> list[Path]:
    """Return the readable files at or below a path, sorted. Raises BadInput when it is missing or holds none."""
    if not path.exists():
        raise BadInput(f"{path}: no such file or folder")
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())
    found = [file for file in files if file.name.endswith(_ENDINGS) and file.name not in _ABOUT]
    if not found:
        some = ", ".join(file.name for file in files[:3]) or "nothing"
        raise BadInput(f"{path}: no file that can be read ({', '.join(_ENDINGS[:3])}, .parquet ...); there is {some}")
    return found


def records(path: Path) -> Iterator[Record]:
    """Yield the records of a file. Raises BadInput with file and line."""
    if path.suffix in (".parquet", ".pq"):
        yield from _table(path)
        return
    try:
        text = _COMPRESSED[path.suffix if path.suffix in _COMPRESSED else ""](path.read_bytes()).decode("utf-8-sig")
    except (OSError, EOFError, ValueError, lzma.LZMAError, pa.ArrowException) as error:
        raise BadInput(f"{path}: cannot be read as JSON lines: {error}") from error
    yield from _listed(path, text) if _is_one(text) else _lines(path, text)


def _table(path: Path) -> Iterator[Record]:
    try:
        for batch in pq.ParquetFile(path).iter_batches(batch_size=1000):
            yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise BadInput(f"{path}: not a readable Parquet file: {error}") from error


def _is_one(text: str) -> bool:
    """Tell whether a text is one JSON value and not lines of them."""
    first = text.lstrip()[:1]
    if first == "[":
        return True
    line = text.lstrip().partition("\n")[0]
    try:
        json.loads(line)
    except ValueError:
        return first == "{"
    return False


def _listed(path: Path, text: str) -> Iterator[Record]:
    """Yield the records of one JSON value: a list, or an object that names a list or its records."""
    try:
        value = json.loads(text)
    except ValueError as error:
        raise BadInput(f"{path}: cannot be read as JSON lines: {error}") from error
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list) and item and isinstance(item[0], dict)]
        named = [{"id": key} | item for key, item in value.items() if isinstance(item, dict)]
        value = lists[0] if lists else named if len(named) == len(value) else [value]
    for number, record in enumerate(value, 1):
        yield _checked(record, path, f"entry {number}")


def _lines(path: Path, text: str) -> Iterator[Record]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                record = json.loads(line)
            except ValueError as error:
                raise BadInput(f"{path}: cannot be read as JSON lines: line {number}: {error}") from error
            yield _checked(record, path, f"line {number}")


def _checked(record: Any, path: Path, where: str) -> Record:
    if not isinstance(record, dict):
        raise BadInput(f"{path}: {where} is no object with fields, but {str(record)[:40]!r}")
    return record


def texts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield (field, text) of a record; fields of fields and lists of texts count, tables of values do not."""
    if isinstance(value, str):
        yield name, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts(item, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        yield from (pair for item in value if not isinstance(item, list) for pair in texts(item, name))
