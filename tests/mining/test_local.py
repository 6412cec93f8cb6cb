"""Sources that no registry keeps: packed alike each time, pinned, mined with each row's own licence."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xinstruct.files import BadInput, hash_path
from xinstruct.mining import local
from xinstruct.mining.archives import read_archive
from xinstruct.mining.corpus import mine_source
from xinstruct.mining.fetch import Sources
from xinstruct.packages.downloads import Downloads
from xinstruct.records import Reason

CODE = 'def twice(x: int) -> int:\n    """Return the double of a number."""\n    return x + x * 1\n'
MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of this software\n"


def tree(root: Path) -> Path:
    (root / "pkg").mkdir(parents=True)
    (root / "pkg" / "a.py").write_text(CODE)
    (root / "LICENSE").write_text(MIT)
    (root / "pkg" / "link.py").symlink_to("/etc/passwd")
    os.mkfifo(root / "pkg" / "pipe.py")
    return root


def test_folder(tmp_path: Path) -> None:
    root = tree(tmp_path / "src")
    first = local.folder(str(root), "p", tmp_path / "one")
    assert hash_path(first) == hash_path(local.folder(str(root), "p", tmp_path / "two"))
    assert [m.path for m in read_archive(first, lambda name: name.endswith(".py"))] == ["p/pkg/a.py"]
    mined = mine_source({"language": "python", "include": "", "file": "p.tar"}, tmp_path / "one", 1024)
    assert mined.licence == "MIT" and [f.name for _, f in mined.findings] == ["twice"]


def test_git_takes_the_commit_not_the_working_tree(tmp_path: Path) -> None:
    root = tree(tmp_path / "src")
    (root / "pkg" / "pipe.py").unlink()
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-qm", "one"]):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    (root / "pkg" / "a.py").write_text("changed")
    path = local.git(str(root), "p", "HEAD", tmp_path / "out")
    members = {m.path: m for m in read_archive(path, lambda name: name.endswith(".py"))}
    assert members["p/pkg/a.py"].data.decode() == CODE
    assert members["p/pkg/link.py"].reason == Reason.UNSAFE_PATH
    with pytest.raises(BadInput, match="cannot archive nope"):
        local.git(str(root), "p", "nope", tmp_path / "out")


def stack(version: int, path: str, licences: list[str]) -> dict[str, Any]:
    if version == 1:
        return {"max_stars_repo_name": "ada/engine", "max_stars_repo_path": path, "content": CODE, "lang": "Python",
                "max_stars_repo_head_hexsha": "c0ffee", "max_stars_repo_licenses": licences}  # fmt: skip
    return {"repo_name": "ada/engine", "path": f"/{path}", "content": CODE, "language": "Python",
            "revision_id": "c0ffee", "detected_licenses": licences}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("version", [1, 2])
def test_the_stack(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    rows = [stack(version, "a.py", ["MIT"]), stack(version, "b.py", ["GPL-3.0-only"]), stack(version, "c.py", [])]
    rows.append(rows[0])
    (tmp_path / "set").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "set" / "rows.parquet")
    path = local.hub(str(tmp_path / "set"), "stack", "main", tmp_path / "out", rows=10)
    mined = mine_source({"language": "python", "include": "", "file": path.name}, path.parent, 1024)
    assert [(where, finding.name) for where, finding in mined.findings] == [("ada/engine/a.py", "twice")]
    assert mined.rows["ada/engine/a.py"] == ("ada/engine", "c0ffee", "MIT")
    assert [reason for _, reason, _ in mined.refused] == [Reason.LICENCE, Reason.LICENCE, Reason.EXACT_DUPLICATE]
    with pytest.raises(BadInput, match="neither"):
        local.plain_row({"text": "x"})


def test_fetch_locks_what_it_first_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    root = tree(tmp_path / "src")
    lists = tmp_path / "s.yaml"
    lists.write_text(f"own:\n  - {{language: python, registry: folder, package: p, version: 1, location: {root}}}\n")

    def fetch() -> list[dict[str, Any]]:
        sources, downloads = Sources("own", tmp_path / "data", lists), Downloads("fetch", 1)
        downloads.run(sources.tasks(downloads))
        return sources.index(lambda text: None)

    index = fetch()
    lock = json.loads((tmp_path / "work" / "downloads" / "sources.lock.json").read_text())
    assert lock == {"folder p 1": index[0]["sha256"]}
    fetch()
    (root / "pkg" / "a.py").write_text("x = 2\n")
    with pytest.raises(BadInput, match="changed since it was first fetched"):
        fetch()
