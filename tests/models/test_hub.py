"""Downloads from a loopback server that speaks the hub's protocol: listing, resolve, ranges, etags."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import Handler, sha256
from xinstruct.files import BadInput, write_text
from xinstruct.models import fetch, registry
from xinstruct.models.fetch import fetch_student, fetch_teacher
from xinstruct.models.hub import RemoteFile, matching

COMMIT = "a" * 40
REPO = "maker/Coder-GGUF"
WEIGHTS = bytes(range(256)) * 4000
Serve = Callable[[Any], str]


@dataclass
class FakeHub:
    """One repository of a kind. `cut` bodies end early, `spoiled` ones hold something else."""

    files: dict[str, bytes] = field(default_factory=dict)
    cut: int = 0
    part: int = 300_000
    spoiled: int = 0
    gets: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    listings: int = 0
    kind: str = "model"

    def __call__(self, handler: Handler, body: bytes) -> None:
        path = handler.path.split("?")[0]
        if path.startswith(f"/api/{self.kind}s/{REPO}"):
            self.listings += 1
            return self._list(handler)
        prefix = "/datasets" if self.kind == "dataset" else ""
        name = path.removeprefix(f"{prefix}/{REPO}/resolve/{COMMIT}/")
        if name not in self.files:
            return handler.reply(404, b"", X_Error_Code="EntryNotFound")
        return self._file(handler, name)

    def _list(self, handler: Handler) -> None:
        rows = []
        for name, data in self.files.items():
            row: dict[str, Any] = {"rfilename": name, "size": len(data)}
            if not name.endswith(".json"):
                row["lfs"] = {"sha256": sha256(data), "size": len(data), "pointerSize": 130}
            rows.append(row)
        answer = {"id": REPO, "modelId": REPO, "sha": COMMIT, "siblings": rows}
        handler.reply(200, json.dumps(answer).encode(), Content_Type="application/json")

    def _file(self, handler: Handler, name: str) -> None:
        data = self.files[name]
        etag = f'"{sha256(data)}"'
        headers = {"X_Repo_Commit": COMMIT, "ETag": etag, "X_Linked_Etag": etag, "X_Linked_Size": str(len(data))}
        headers["Accept_Ranges"] = "bytes"
        if handler.command == "HEAD":
            return handler.reply(200, data, **headers)
        self.gets.append(name)
        if self.spoiled:
            self.spoiled -= 1
            return handler.reply(200, bytes(len(data)), **headers)
        start, status = 0, 200
        if asked := handler.headers.get("Range"):
            self.ranges.append(asked)
            start, status = int(asked.removeprefix("bytes=").split("-")[0]), 206
            headers["Content_Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        if self.cut:
            self.cut -= 1
            return handler.reply(status, data[start : start + self.part], claimed=len(data) - start, **headers)
        return handler.reply(status, data[start:], **headers)


@pytest.fixture
def hub(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    """The hub, a registry that points to it, and a work folder of its own."""
    server = FakeHub({"coder-q4_k_m.gguf": WEIGHTS, "coder-q8_0.gguf": b"x" * 10, "config.json": b"{}"})
    monkeypatch.setenv("HF_ENDPOINT", serve(server))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    use(monkeypatch, tmp_path, f"{{file: '*-q4_k_m*.gguf', sources: [{{kind: hub, repo: {REPO}, revision: null}}]}}")
    return server


def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gguf: str, safetensors: str = "{}") -> None:
    write_text(tmp_path / "models.yaml", f"coder: {{license: MIT, gguf: {gguf}, safetensors: {safetensors}}}\n")
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "models.yaml")


def pinned(digest: str) -> str:
    source = f"{{kind: hub, repo: {REPO}, revision: {COMMIT}}}"
    return f"{{file: coder-q4_k_m.gguf, size: {len(WEIGHTS)}, sha256: '{digest}', sources: [{source}]}}"


def test_an_open_pin_is_read_from_the_metadata_and_locked(hub: FakeHub, tmp_path: Path) -> None:
    facts = fetch_teacher("coder", tmp_path / "teacher", print)
    assert (tmp_path / "teacher" / "coder-q4_k_m.gguf").read_bytes() == WEIGHTS
    assert facts == json.loads((tmp_path / "teacher" / "model.json").read_text())
    assert (facts["revision"], facts["sha256"], facts["file"]) == (COMMIT, sha256(WEIGHTS), "coder-q4_k_m.gguf")
    assert fetch_teacher("coder", tmp_path / "again", print) == facts
    assert (hub.listings, hub.gets) == (1, ["coder-q4_k_m.gguf"]), "locked, and downloaded once"


def test_a_cut_transfer_is_resumed(hub: FakeHub, tmp_path: Path) -> None:
    hub.files["coder-q4_k_m.gguf"] = large = WEIGHTS * 25  # larger than the pieces it is written in
    hub.cut, hub.part = 1, 15_000_000
    fetch_teacher("coder", tmp_path / "teacher", print)
    assert (tmp_path / "teacher" / "coder-q4_k_m.gguf").read_bytes() == large
    (resumed,) = hub.ranges
    assert int(resumed.removeprefix("bytes=").rstrip("-")) >= 10_000_000


def test_a_small_body_that_is_cut_is_asked_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.cut = 2
    fetch_teacher("coder", tmp_path / "teacher", print)
    assert (tmp_path / "teacher" / "coder-q4_k_m.gguf").read_bytes() == WEIGHTS


def test_wrong_content_once_is_downloaded_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.spoiled = 1
    fetch_teacher("coder", tmp_path / "teacher", print)
    assert (tmp_path / "teacher" / "coder-q4_k_m.gguf").read_bytes() == WEIGHTS


def test_wrong_content_is_refused_and_removed(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path, pinned("0" * 64))
    with pytest.raises(BadInput, match=f"has sha256 {sha256(WEIGHTS)} instead of 0000"):
        fetch_teacher("coder", tmp_path / "teacher", print)
    assert not list(tmp_path.rglob("*.gguf"))


def test_a_spoiled_cache_is_noticed(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path, pinned(sha256(WEIGHTS)))
    fetch_teacher("coder", tmp_path / "teacher", print)
    (kept,) = (tmp_path / "work" / "downloads" / "hub").rglob("coder-q4_k_m.gguf")
    kept.unlink()
    kept.write_bytes(bytes(len(WEIGHTS)))
    fetch_teacher("coder", tmp_path / "again", print)
    assert (tmp_path / "again" / "coder-q4_k_m.gguf").read_bytes() == WEIGHTS


def test_an_unreachable_hub_names_model_variable_and_remedies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    with pytest.raises(BadInput, match=r"Qwen2\.5-Coder.*HF_ENDPOINT.*smollm2-135m"):
        fetch_teacher("qwen2.5-coder-7b-instruct", tmp_path / "teacher", print)


def test_a_repository_the_hub_lacks(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, tmp_path, "{file: '*.gguf', sources: [{kind: hub, repo: maker/None, revision: null}]}")
    with pytest.raises(BadInput, match="see that the hub has this repository"):
        fetch_teacher("coder", tmp_path / "teacher", print)


def test_a_student_from_the_hub(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.files |= {"model.safetensors": WEIGHTS, "notes/README.md": b"not wanted"}
    use(monkeypatch, tmp_path, "{}", f"{{repo: {REPO}, revision: null}}")
    facts = fetch_student("coder", tmp_path / "start", print)
    assert sorted(path.name for path in (tmp_path / "start").iterdir()) == ["config.json", "model.safetensors"]
    assert facts["revision"] == COMMIT


def test_parts_of_one_model_and_ambiguous_patterns() -> None:
    parts = [RemoteFile(f"m-q4_k_m-0000{i}-of-00002.gguf", 1, "") for i in (2, 1)]
    assert [file.path[9:14] for file in matching(parts, "*-q4_k_m*.gguf", "r")] == ["00001", "00002"]
    whole = RemoteFile("m-q4_k_m.gguf", 1, "")
    assert matching([*parts, whole], "*-q4_k_m*.gguf", "r") == [whole]
    for pattern in ("*.gguf", "*.bin"):
        with pytest.raises(BadInput, match="should fit one model file"):
            matching([*parts, RemoteFile("other.gguf", 1, "")], pattern, "r")


def test_folders_endpoints_and_unknown_names(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with pytest.raises(BadInput, match="holds neither a transformers checkpoint nor one GGUF file"):
        fetch_teacher(str(source), tmp_path / "a", print)
    (source / "m.gguf").write_bytes(b"weights")
    facts = fetch_teacher(str(source), tmp_path / "b", print)
    assert (facts["kind"], facts["file"], facts["sha256"]) == ("gguf", "m.gguf", sha256(b"weights"))
    assert fetch_teacher("http://host:8000/v1", tmp_path / "c", print)["kind"] == "endpoint"
    with pytest.raises(BadInput, match="needs weights, not an endpoint"):
        fetch_student("https://host/v1", tmp_path / "d", print)
    with pytest.raises(BadInput, match=r"neither a name in models\.yaml \(smollm2-135m"):
        fetch_teacher("no-such-model", tmp_path / "e", print)


def test_a_checkpoint_folder_as_student(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (source / name).write_text(name)
    fetch_student(str(source), tmp_path / "start", print)
    assert fetch.hash_path(tmp_path / "start") == fetch.hash_path(source)


def test_the_registry_is_sound() -> None:
    known = registry.models()
    assert {"smollm2-135m", "qwen2.5-coder-1.5b-instruct", "qwen2.5-coder-32b-instruct"} <= set(known)
    for model in known.values():
        assert model.license
        assert model.context
        assert len(model.gguf.sha256 or "0" * 64) == 64
        hubs = [source for source in model.gguf.sources if isinstance(source, registry.Repository)]
        assert all(len(source.revision or "0" * 40) == 40 for source in hubs)
    for name in ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"):
        kinds = [type(source) for source in known[name].gguf.sources]
        assert kinds == [registry.Folder, registry.Repository, registry.Parts]
    assert [type(source) for source in known["smollm2-135m"].gguf.sources] == [registry.Folder, registry.Wheel]


def test_what_a_model_is_capable_of_stands_in_the_registry_for_every_model() -> None:
    text = registry.REGISTRY.read_text(encoding="utf-8")
    known = registry.models()
    assert text.count("\n  capable: ") == len(known), "no entry leaves it to the default"
    assert {name for name, model in known.items() if not model.capable} == {
        "smollm2-135m",
        "qwen2.5-coder-0.5b-instruct",
    }
