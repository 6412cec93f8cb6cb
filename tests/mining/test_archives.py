"""Hostile archives are refused with a reason; nothing is written."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from xinstruct.mining import archives
from xinstruct.mining.archives import read_archive
from xinstruct.mining.licences import licence_of, named, recognise
from xinstruct.records import Reason


def tar(path: Path, members: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def link(name: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, "/etc/passwd"
    return info


def test_tar(tmp_path: Path) -> None:
    path = tar(
        tmp_path / "a.tgz",
        [
            (tarfile.TarInfo("p/good.py"), b"x = 1\n"),
            (tarfile.TarInfo("../evil.py"), b"x = 1\n"),
            (tarfile.TarInfo("/abs.py"), b"x = 1\n"),
            (link("p/link.py", tarfile.SYMTYPE), b""),
            (link("p/hard.py", tarfile.LNKTYPE), b""),
            (link("p/dev.py", tarfile.CHRTYPE), b""),
            (tarfile.TarInfo("p/latin.py"), b"# caf\xe9\n"),
            (tarfile.TarInfo("p/big.py"), b"x" * 2000),
        ],
    )
    found = {m.path: m.reason for m in read_archive(path, lambda name: name.endswith(".py"), max_file=1000)}
    assert found.pop("p/good.py") is None
    assert found.pop("p/latin.py") == Reason.NOT_UTF8
    assert found.pop("p/big.py") == Reason.TOO_LARGE
    assert set(found.values()) == {Reason.UNSAFE_PATH} and len(found) == 5
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["a.tgz"]


def test_zip_and_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.py", "x = 1\n" * 100)
        archive.writestr("..\\b.py", "x")
        linked = zipfile.ZipInfo("c.py")
        linked.external_attr = 0o120777 << 16
        archive.writestr(linked, "/etc/passwd")
    reasons = [m.reason for m in read_archive(path, lambda name: True)]
    assert reasons == [None, Reason.UNSAFE_PATH, Reason.UNSAFE_PATH]
    monkeypatch.setattr(archives, "MAX_TOTAL", 100)
    assert [m.reason for m in read_archive(path, lambda name: True)][-1] == Reason.TOO_LARGE


@pytest.mark.parametrize("data", [b"", b"not an archive", b"\x1f\x8b\x08\x00broken"])
def test_corrupt(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.tgz").write_bytes(data)
    assert [m.reason for m in read_archive(tmp_path / "a.tgz", lambda name: True)] == [Reason.CORRUPT_ARCHIVE]


def test_licences() -> None:
    mit = b"Permission is hereby granted, free of charge, to any person obtaining\n * a copy of this software"
    assert recognise(mit.decode()) == "MIT"
    assert recognise("GNU GENERAL PUBLIC LICENSE Version 3") == "GPL"
    assert named("MIT OR Apache-2.0") == "MIT"
    assert licence_of({"p/package.json": b'{"license": "ISC"}', "p/LICENSE": mit}) == "ISC"
    assert licence_of({"p/package.json": b"{}", "p/LICENSE": mit}) == "MIT"
    assert licence_of({"p-1.dist-info/METADATA": b"Name: p\nLicense-Expression: GPL-3.0-only\n\n"}) == "GPL-3.0-only"
    assert licence_of({"p/vendor/x/LICENSE": mit, "p/COPYING": b"GNU Lesser General Public License"}) == "LGPL"
    assert licence_of({}) == ""
