"""Several engines answer as one does; a death is told, a cancelled job gives its slot back."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.models.helpers import run
from xinstruct.files import BadInput
from xinstruct.models.engine import Engine
from xinstruct.models.prefix_queue import PrefixQueue
from xinstruct.models.sampling import Completion, GenerationRequest
from xinstruct.models.workers import EngineDied, EnginePool, how_many
from xinstruct.processes import cores

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pool(tiny: Path) -> Iterator[EnginePool]:
    with EnginePool(tiny, slots=32, context=512, dtype="float32", count=2, tell=0.02) as engines:
        yield engines


def jobs_of(prompts: int, samples: int) -> list[GenerationRequest]:
    draw = random.Random(2)
    prompted = [tuple(draw.randrange(200) for _ in range(5 + 7 * i)) for i in range(prompts)]
    return [GenerationRequest(ids, 5 + k, 0.9, seed=k) for ids in prompted for k in range(samples)]


def test_engines_answer_as_one_engine_does(tiny: Path, pool: EnginePool) -> None:
    jobs = jobs_of(20, 3)
    alone = run(Engine(tiny, slots=16, context=512, dtype="float32"), jobs)
    told: dict[int, Completion] = {}
    found = pool.run(jobs, lambda number, completion: told.__setitem__(number, completion))
    assert [completion.ids for completion in found] == [completion.ids for completion in alone]
    assert [told[i].ids for i in range(len(jobs))] == [completion.ids for completion in found]
    assert all(worker.worked > 0 for worker in pool.workers), "all of them had work"


def test_tokens_are_counted_as_they_come(pool: EnginePool) -> None:
    jobs = [GenerationRequest((i, 1, 2), 480) for i in range(20)]
    counts: list[int] = []
    counted: list[int] = []  # how many counts there were when an answer was finished
    found = pool.run(jobs, lambda _, completion: counted.append(len(counts)), counts.append)
    total = sum(len(completion.ids) for completion in found)
    assert counted[0] > 1 and 0 < counts[counted[0] - 1] < total, "before the first answer was finished"
    assert counts == sorted(counts) and counts[-1] == total


def test_a_cancelled_job_gives_its_slot_back(pool: EnginePool) -> None:
    came: list[Completion] = []
    cancels = [pool.add(GenerationRequest((i, 1, 2), 480), came.append) for i in range(20)]
    pool.run([GenerationRequest((7, 7), 1)])
    for cancel in cancels:
        cancel()
    pool.run(jobs_of(4, 2))
    assert sum(len(completion.ids) == 480 for completion in came) < len(cancels), "most were stopped on their way"
    assert not any(worker.assigned for worker in pool.workers)


def test_what_does_not_fit_is_refused_at_once(pool: EnginePool) -> None:
    with pytest.raises(BadInput, match="exceeds the context size of 512"):
        pool.add(GenerationRequest((1,) * 500, 20), lambda completion: None)
    with pytest.raises(BadInput, match="empty prompt"):
        pool.run([GenerationRequest((), 20)])


def test_a_folder_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(BadInput):
        EnginePool(tmp_path, count=1)


def test_a_death_is_told(tiny: Path) -> None:
    told = threading.Event()
    with EnginePool(tiny, slots=16, context=512, dtype="float32", count=2, died=told.set) as pool:
        os.kill(pool.workers[1].process.pid or 0, signal.SIGKILL)
        assert told.wait(20)
        with pytest.raises(EngineDied):
            pool.run(jobs_of(2, 2))


def test_a_process_that_hangs_is_ended_and_one_without_work_is_not(tiny: Path) -> None:
    with EnginePool(tiny, slots=16, context=512, dtype="float32", count=1, patience=2.0) as pool:
        time.sleep(5)
        assert pool.run(jobs_of(2, 2)), "silence without work is no hanging"
        os.kill(pool.workers[0].process.pid or 0, signal.SIGSTOP)
        with pytest.raises(EngineDied, match="silent for too long"):
            pool.run(jobs_of(2, 2))


def test_as_many_engines_as_cores_while_the_memory_lasts(tiny: Path, tmp_path: Path) -> None:
    assert how_many(tiny) == cores()
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    assert how_many(tmp_path) == 1


def test_a_worker_goes_on_with_its_prompt_then_takes_a_new_one_then_helps() -> None:
    waiting: PrefixQueue[str] = PrefixQueue()
    for prompt in "ab":
        for i in range(3):
            waiting.add(prompt, f"{prompt}{i}")
    assert (waiting.take(1), waiting.take(2)) == ("a0", "b0")
    assert [waiting.take(1) for _ in range(5)] == ["a1", "a2", "b1", "b2", None]
    waiting.add("a", "a3")
    assert waiting and waiting.take(2) == "a3" and not waiting


def test_without_a_worker_every_prompt_comes_once_before_any_comes_again() -> None:
    waiting: PrefixQueue[str] = PrefixQueue()
    for item in ("a0", "a1", "a2", "b0", "b1", "c0"):
        waiting.add(item[0], item)
    assert [waiting.take(None) for _ in range(7)] == ["a0", "b0", "c0", "a1", "a2", "b1", None]
