"""The download cache: wrong hashes refused, failures retried once and named, apt lines derived."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from xinstruct import packages
from xinstruct.code.traits import EIGHT
from xinstruct.files import BadInput
from xinstruct.mining.corpus import mine_source
from xinstruct.mining.fetch import source_list
from xinstruct.packages import debian
from xinstruct.records import Reason


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    return tmp_path


class Registry:
    """Stands for a registry client: writes a file, or fails so many times first."""

    def __init__(self, failures: int = 0) -> None:
        self.calls, self.failures = 0, failures

    def __call__(self, folder: Path) -> str:
        self.calls += 1
        if self.calls <= self.failures:
            return "no route"
        (folder / "a-1.whl").write_bytes(b"bytes")
        return ""


def get(registry: Registry, dest: Path, sha256: str = "") -> Path:
    return packages._cached("pypi", "a-1", registry, dest, sha256)


def test_cached_and_checked(tmp_path: Path) -> None:
    registry, good = Registry(), hashlib.sha256(b"bytes").hexdigest()
    assert get(registry, tmp_path / "one", good).read_bytes() == b"bytes"
    assert get(registry, tmp_path / "two", good).name == "a-1.whl"
    assert registry.calls == 1
    with pytest.raises(BadInput, match=f"sha256 is {good}, pinned is 0000"):
        get(registry, tmp_path / "three", "0" * 64)
    assert not (tmp_path / "three" / "a-1.whl").exists()


def test_damaged_cache_is_fetched_again(tmp_path: Path) -> None:
    registry, good = Registry(), hashlib.sha256(b"bytes").hexdigest()
    get(registry, tmp_path / "one", good)
    cached = next((tmp_path / "work").rglob("a-1.whl"))
    cached.unlink()
    cached.write_bytes(b"damaged")
    assert get(registry, tmp_path / "two", good).read_bytes() == b"bytes"
    assert registry.calls == 2


def test_retried_once_then_named(tmp_path: Path) -> None:
    assert get(Registry(failures=1), tmp_path / "one").exists()
    with pytest.raises(BadInput, match="b-1: cannot be downloaded: no route"):
        packages._cached("npm", "b-1", Registry(failures=2), tmp_path, "")


def test_deb_src_lines(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://mirror.example/debian stable main contrib\n# deb x y main\n")
    (tmp_path / "sources.list.d" / "a.sources").write_text(
        "Types: deb\n# a comment\nURIs: http://other.example/debian\nSuites: stable stable-updates\n"
        "Components: main\nSigned-By: /usr/share/keyrings/k.gpg\n\nEnabled: no\nURIs: x\nSuites: y\nComponents: main\n"
    )
    assert debian.deb_src_lines(tmp_path).splitlines() == [
        "deb-src http://mirror.example/debian stable main contrib",
        "deb-src [signed-by=/usr/share/keyrings/k.gpg] http://other.example/debian stable main",
        "deb-src [signed-by=/usr/share/keyrings/k.gpg] http://other.example/debian stable-updates main",
    ]
    with pytest.raises(BadInput, match="no package archive is configured"):
        debian.deb_src_lines(tmp_path / "none")


def test_source_lists(tmp_path: Path) -> None:
    assert {entry["language"] for entry in source_list("default")} == set(EIGHT)
    assert all(len(entry["sha256"]) == 64 for entry in source_list("default"))
    with pytest.raises(BadInput, match="no list 'nope'"):
        source_list("nope")
    (tmp_path / "s.yaml").write_text("mine:\n  - {language: python, registry: floppy, package: a, version: 1}\n")
    with pytest.raises(BadInput, match="entry 0"):
        source_list("mine", tmp_path / "s.yaml")


def test_licence_decides_over_a_package(tmp_path: Path) -> None:
    import zipfile

    code = 'def twice(x: int) -> int:\n    """Return the double of it."""\n    return x + x * 1\n'
    for licence, kept in (("MIT", 1), ("GPL-3.0-only", 0)):
        with zipfile.ZipFile(tmp_path / "p.whl", "w") as archive:
            archive.writestr("p/a.py", code)
            archive.writestr("p-1.dist-info/METADATA", f"Name: p\nLicense-Expression: {licence}\n\n")
        mined = mine_source({"language": "python", "include": "", "file": "p.whl"}, tmp_path, 1024)
        assert mined.licence == licence and len(mined.findings) == kept
        assert [reason for _, reason, _ in mined.refused] == ([] if kept else [Reason.LICENCE])
