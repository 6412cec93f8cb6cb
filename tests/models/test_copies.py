"""Several engines answer as one does; a death is told, a cancelled job gives its slot back."""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.helpers import run
from xinstruct.files import BadInput
from xinstruct.models.engine import Engine
from xinstruct.models.prefix_queue import ByPrompt
from xinstruct.models.sampling import Job, Made
from xinstruct.models.workers import Copies, EngineDied, how_many
from xinstruct.processes import cores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copies(tiny: Path) -> Iterator[Copies]:
    with Copies(tiny, slots=32, context=512, dtype="float32", count=2, tell=0.02) as made:
        yield made


def jobs_of(prompts: int, samples: int) -> list[Job]:
    draw = random.Random(2)
    made = [tuple(draw.randrange(200) for _ in range(5 + 7 * i)) for i in range(prompts)]
    return [Job(ids, 5 + k, 0.9, seed=k) for ids in made for k in range(samples)]


def test_copies_answer_as_one_engine_does(tiny: Path, copies: Copies) -> None:
    jobs = jobs_of(20, 3)
    alone = run(Engine(tiny, slots=16, context=512, dtype="float32"), jobs)
    told: dict[int, Made] = {}
    found = copies.run(jobs, lambda number, made: told.__setitem__(number, made))
    assert [made.ids for made in found] == [made.ids for made in alone]
    assert [told[i].ids for i in range(len(jobs))] == [made.ids for made in found]
    assert all(copy.worked > 0 for copy in copies.copies), "all of them had work"


def test_tokens_are_counted_as_they_come(copies: Copies) -> None:
    jobs = [Job((i, 1, 2), 480) for i in range(20)]
    counts: list[int] = []
    counted: list[int] = []  # how many counts there were when an answer was finished
    found = copies.run(jobs, lambda _, made: counted.append(len(counts)), counts.append)
    total = sum(len(made.ids) for made in found)
    assert counted[0] > 1 and 0 < counts[counted[0] - 1] < total, "before the first answer was finished"
    assert counts == sorted(counts) and counts[-1] == total


def test_a_cancelled_job_gives_its_slot_back(copies: Copies) -> None:
    came: list[Made] = []
    cancels = [copies.add(Job((i, 1, 2), 480), came.append) for i in range(20)]
    copies.run([Job((7, 7), 1)])
    for cancel in cancels:
        cancel()
    copies.run(jobs_of(4, 2))
    assert sum(len(made.ids) == 480 for made in came) < len(cancels), "most were stopped on their way"
    assert not any(copy.held for copy in copies.copies)


def test_what_does_not_fit_is_refused_at_once(copies: Copies) -> None:
    with pytest.raises(BadInput, match="exceeds the context size of 512"):
        copies.add(Job((1,) * 500, 20), lambda made: None)
    with pytest.raises(BadInput, match="empty prompt"):
        copies.run([Job((), 20)])


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        Copies(tmp_path, count=1)


def test_a_death_is_told(tiny: Path) -> None:
    told = threading.Event()
    with Copies(tiny, slots=16, context=512, dtype="float32", count=2, died=told.set) as copies:
        os.kill(copies.copies[1].process.pid or 0, signal.SIGKILL)
        assert told.wait(20)
        with pytest.raises(EngineDied):
            copies.run(jobs_of(2, 2))


def test_as_many_copies_as_cores_while_the_memory_lasts(tiny: Path, tmp_path: Path) -> None:
    assert how_many(tiny) == cores()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    assert how_many(tmp_path) == 1


def test_an_asker_goes_on_with_its_prompt_then_takes_a_new_one_then_helps() -> None:
    waiting: ByPrompt[str] = ByPrompt()
    for prompt in "ab":
        for i in range(3):
            waiting.add(prompt, f"{prompt}{i}")
    assert (waiting.take(1), waiting.take(2)) == ("a0", "b0")
    assert [waiting.take(1) for _ in range(5)] == ["a1", "a2", "b1", "b2", None]
    waiting.add("a", "a3")
    assert waiting and waiting.take(2) == "a3" and not waiting
