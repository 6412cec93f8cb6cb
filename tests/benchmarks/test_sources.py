"""Problem files from a hub's data set and from a release, on loopback; what is declared of sources."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.benchmarks.conftest import PARAMS, RECORDS
from tests.benchmarks.test_score import answers, lines
from tests.llm.conftest import Handler, loopback, serve, sha256  # noqa: F401
from tests.models.test_hub import COMMIT, REPO, FakeHub, Serve
from xinstruct.benchmarks import command
from xinstruct.benchmarks.fetch import declaration, declared, rows
from xinstruct.benchmarks.problems import About, about
from xinstruct.benchmarks.sources import SOURCES, obtain
from xinstruct.cli import main
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput


def parquet(records: list[dict[str, Any]]) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(records), buffer)
    return buffer.getvalue()


def moved(one: About, **source: dict[str, Any]) -> About:
    """The benchmark with the problems of conftest, to be had from these sources."""
    return replace(one, problems=len(RECORDS), raw={**one.raw, "sources": source})


@pytest.fixture
def hub(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:  # noqa: F811
    server = FakeHub(
        {
            "all/HumanEval-0.parquet": parquet(RECORDS[:4]),
            "all/HumanEval-1.parquet": parquet(RECORDS[4:]),
            "all/other.parquet": b"no parquet",
            "list.json": json.dumps(RECORDS).encode(),
        },
        kind="dataset",
    )
    monkeypatch.setenv("HF_ENDPOINT", serve(server))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    return server


HUB = {"repo": REPO, "revision": None, "files": "all/{stem}-*.parquet"}


def test_a_data_sets_files_become_one_and_are_locked(hub: FakeHub, tmp_path: Path) -> None:
    one = moved(about("humaneval_python", "python"), hub=HUB)
    folder = obtain(one, "hub", print)
    path = folder / "humaneval_python" / "HumanEval.jsonl.gz"
    assert list(rows(path)) == RECORDS
    first = path.read_bytes()
    assert obtain(one, "hub", print) == folder and path.read_bytes() == first
    lock = json.loads((tmp_path / "work" / "downloads" / "hub" / "lock.json").read_text())
    assert lock[f"datasets/{REPO}@"]["revision"] == COMMIT
    assert (hub.listings, sorted(hub.gets)) == (1, ["all/HumanEval-0.parquet", "all/HumanEval-1.parquet"])


def test_a_list_stays_a_list(hub: FakeHub) -> None:
    one = moved(about("mbpp:sanitized", "python"), hub={**HUB, "files": "list.json"})
    path = obtain(one, "hub", print) / "mbpp" / "sanitized-mbpp.json.gz"
    assert json.loads(gzip.decompress(path.read_bytes())) == RECORDS == list(rows(path))


def test_what_the_hub_lacks_is_named(hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    one = about("humaneval_python", "python")
    with pytest.raises(BadInput, match=rf"{REPO} at {COMMIT}: no file fits HumanEval/x; give"):
        obtain(moved(one, hub={**HUB, "files": "{stem}/x"}), "hub", print)
    with pytest.raises(BadInput, match=r"dataset maker/None.*this repository and revision \(benchmark.yaml\)"):
        obtain(moved(one, hub={**HUB, "repo": "maker/None"}), "hub", print)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"dataset maker/Other.*HF_ENDPOINT.*--data"):
        obtain(moved(one, hub={**HUB, "repo": "maker/Other"}), "hub", print)
    with pytest.raises(BadInput, match=r"humaneval_python in python has no source 'release'; it has: hub; .*--data"):
        obtain(moved(one, hub=HUB), "release", print)


def test_scoring_from_the_hub(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def narrowed(name: str, language: str) -> About:
        return moved(about(name, language), hub=HUB)

    monkeypatch.setattr("xinstruct.benchmarks.score.about", narrowed)
    monkeypatch.setattr(command, "about", narrowed)
    monkeypatch.setattr(command, "make_judge", lambda one, cache, workers: Judge(PARAMS))
    file = lines(tmp_path / "a.jsonl", answers())
    line = ["score", "--benchmark", "humaneval_python", "--language", "python", "--samples", str(file)]
    assert main([*line, "--source", "hub"]) == 0
    assert "100.00 % (9 of 9 answers" in capsys.readouterr().out


def test_a_release_is_checked_and_kept(
    serve: Serve,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    data, asked = gzip.compress(b'{"task_id": "a"}\n'), []

    def script(handler: Handler, body: bytes) -> None:
        asked.append(handler.path)
        handler.reply(200 if handler.path == "/r.jsonl.gz" else 404, data)

    url, one = serve(script), about("humaneval_plus", "python")
    pinned = moved(one, release={"url": f"{url}/r.jsonl.gz", "sha256": sha256(data)})
    path = obtain(pinned, "release", print) / "humaneval_plus" / one.file
    assert path.read_bytes() == data
    obtain(pinned, "release", print)
    assert asked == ["/r.jsonl.gz"]
    with pytest.raises(BadInput, match="pinned is 0000"):
        obtain(moved(one, release={"url": f"{url}/r.jsonl.gz", "sha256": "0" * 64}), "release", print)
    assert [item.name for item in path.parent.iterdir()] == [one.file], "a wrong file takes no right one's place"
    path.unlink()
    with pytest.raises(BadInput, match=r"/none: cannot be downloaded: HTTP Error 404.*--data"):
        obtain(moved(one, release={"url": f"{url}/none", "sha256": "0" * 64}), "release", print)


@pytest.mark.slow
def test_every_declared_source_is_whole() -> None:
    needed = {"hub": {"repo", "revision", "files"}, "release": {"url", "sha256"}}
    needed["pypi"] = {"package", "version", "sha256", "files"}
    found = []
    for name in declared():
        for variant, part in declaration(name).get("variants", {"": {"languages": {"": {}}}}).items():
            for language in part["languages"]:
                one = about(f"{name}:{variant}" if variant else name, language)
                found += [(one, source, one.raw["sources"][source]) for source in one.raw.get("sources", {})]
    for one, source, parts in found:
        assert set(parts) == needed[source], one
        assert len(parts.get("sha256", "0" * 64)) == 64
        assert source != "pypi" or one.file in parts["files"]
    assert {source for _, source, _ in found} == set(SOURCES)
