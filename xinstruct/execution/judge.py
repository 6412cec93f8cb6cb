"""The judge takes programs and returns verdicts. It works outside the sandbox in which the programs run.

``Judge.judge`` runs each job's code on the arguments of its cases and compares the results with the expected ones;
``Judge.observe`` only returns the results. Verdicts: passed, wrong_answer, compile_error, runtime_error, timeout,
memory, output_limit, forged, unsupported, infrastructure. The expected values never enter the sandbox. Programs are
built in ``xinstruct.languages`` and isolated in ``sandbox.py``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tqdm import tqdm

from xinstruct.execution import normal, prepared, toolchains, verdicts
from xinstruct.execution.cache import VerdictCache
from xinstruct.execution.compiling import Built, batches, compile_batch, compile_one
from xinstruct.execution.forks import choice
from xinstruct.execution.jobs import Job, build, sources, together
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import Program, Unsupported, get
from xinstruct.params import ExecutionParams
from xinstruct.progress import bar as progress_bar

VERSION = 11  # counted up when verdicts may come out differently: older cached ones are then not used
CHUNK = 1024  # jobs in hand at a time: bounds memory and scratch
_PLACEHOLDER = "<nonce>"
# The machine's load may have made these: even CPU time runs faster beside others.
_DOUBTFUL = ("timeout", "infrastructure")


@dataclass
class _Task:
    """A job in progress: the program with its nonce, its cache key, the positions of all equal jobs."""

    job: Job
    program: Program
    nonce: str
    key: str
    places: list[int]
    built: Built | None = None


class Judge:
    """Judges programs in parallel. It is a context manager and may be used for many calls.

    params: the `execution` section of params.yaml. cache: an SQLite file for verdicts, or None. Raises BadInput when
    programs cannot be isolated here and `unsafe` was not requested.
    """

    def __init__(self, params: ExecutionParams, cache: Path | None = None, unsafe: bool = False) -> None:
        self.limits = Limits.of(params)
        self._limits = dataclasses.astuple(self.limits)
        self.workers, self.tolerance = params.workers, params.float_tolerance
        sys.set_int_max_str_digits(0)  # a result may be an integer of any size; the output limit bounds it
        self.sandbox = Sandbox(self.workers, unsafe, forks=params.forks != "off")
        self.cache = VerdictCache(cache)

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, close the cache."""
        self.sandbox.close()
        self.cache.close()

    def judge(self, jobs: Sequence[Job], desc: str = "judging", bar: tqdm[Any] | None = None) -> list[Verdict]:
        """Return verdicts in the order of the jobs. Never raises for a bad program. `bar` may cover several calls."""
        return self._all(jobs, desc, observing=False, bar=bar)

    def observe(self, jobs: Sequence[Job], desc: str = "observing") -> list[Verdict]:
        """Return values and errors per case and ignore expected ones. "passed" means that every call ended."""
        return self._all(jobs, desc, observing=True)

    # ---- all jobs

    def _all(self, jobs: Sequence[Job], desc: str, observing: bool, bar: tqdm[Any] | None = None) -> list[Verdict]:
        if bar is None:
            with progress(len(jobs), desc) as own:
                return self._all(jobs, desc, observing, own)
        done: list[Verdict] = []
        for start in range(0, len(jobs), CHUNK):
            done += self._chunk(jobs[start : start + CHUNK], bar.update, observing)
        return done

    def _chunk(self, jobs: Sequence[Job], tick: Callable[[int], Any], observing: bool) -> list[Verdict]:
        """Judge one chunk: take cached verdicts, compile in batches, run, and run doubtful programs again alone."""
        found: dict[int, Verdict] = {}
        tasks = self._prepare(jobs, found, observing)
        known = self.cache.get(list(tasks))
        fresh: dict[str, Verdict] = {}
        tick(len(found) + sum(len(tasks[key].places) for key in known))
        todo = [task for key, task in tasks.items() if key not in known]
        for task, verdict in self._run_all(todo, observing):
            if verdict.verdict == "timeout":
                verdict.detail = "over the limit of time"  # which clock struck first is the machine's doing
            fresh[task.key] = verdict
            tick(len(task.places))
        self.cache.put({key: verdict for key, verdict in fresh.items() if verdict.verdict != "infrastructure"})
        for key, task in tasks.items():
            for place in task.places:
                found[place] = dataclasses.replace((known | fresh)[key], id=jobs[place].id)
        return [found[place] for place in range(len(jobs))]

    def _prepare(self, jobs: Sequence[Job], found: dict[int, Verdict], observing: bool) -> dict[str, _Task]:
        """Return tasks by cache key. Jobs that cannot be run at all get their verdict in `found`."""
        tasks: dict[str, _Task] = {}
        for place, job in enumerate(jobs):
            nonce = secrets.token_hex(16)
            try:
                program = toolchains.linked(build(job, nonce))
                key = self._key(job, program, nonce, observing)
            except Unsupported as error:
                found[place] = self._without_run(job, "unsupported", normal.stable(str(error), nonce))
                continue
            except toolchains.Missing as error:
                found[place] = self._without_run(job, "infrastructure", str(error))
                continue
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                said = (
                    f"no program could be built: {type(error).__name__}: {error}"  # a flaw of ours, not the program's
                )
                found[place] = self._without_run(job, "infrastructure", normal.stable(said, nonce)[:300])
                continue
            tasks.setdefault(key, _Task(job, program, nonce, key, [])).places.append(place)
        return tasks

    def _without_run(self, job: Job, verdict: str, detail: str) -> Verdict:
        total = len(job.cases)
        return Verdict(job.id, verdict, detail, self.sandbox.tier, 0, total, [None] * total, [""] * total)

    def _key(self, job: Job, program: Program, nonce: str, observing: bool) -> str:
        """Return a key of everything a verdict depends on: the built program covers code, arguments and driver.

        It does not cover whether commands are forked, because a verdict is the same either way (docs/forks.md).
        """
        expected = [] if observing else [case.expected for case in job.cases]
        parts = [
            VERSION,
            job.language,
            toolchains.version(job.language),
            {name: text.replace(nonce, _PLACEHOLDER) for name, text in program.files.items()},
            [program.compile, program.run, program.env, program.separation, program.note],
            [prepared.digest(made) for made in (*program.compile_with, *program.run_with)],
            self._limits,
            [observing, len(job.cases), expected, self.tolerance, self.sandbox.tier],
            job.signature.to_json() if job.signature else "",
            *(["by status"] if program.by_status else []),
        ]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    # ---- running

    def _run_all(self, tasks: list[_Task], observing: bool) -> Iterator[tuple[_Task, Verdict]]:
        """Yield verdicts as they come. Those that the machine's load may have caused get a second run, alone."""
        choice.expect(self.sandbox, ((task.job.language, task.program) for task in tasks))
        with ThreadPoolExecutor(self.workers * 3) as pool:
            try:
                again: list[tuple[_Task, str]] = []
                for task, verdict in self._pooled(pool, tasks, observing):
                    if verdict.verdict in _DOUBTFUL:
                        again.append((task, verdict.verdict))
                    else:
                        yield task, verdict
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        for task, first in again:
            task.built = None
            verdict = self._attempt(task, observing)
            verdict.flaky = verdict.verdict != first
            yield task, verdict

    def _pooled(self, pool: ThreadPoolExecutor, tasks: list[_Task], observing: bool) -> Iterator[tuple[_Task, Verdict]]:
        """Compile batches first, so that no core waits for the last one; run each task after its batch."""
        parts = list(self._batches(tasks))
        batched = {id(task) for part in parts for task in part}
        ended: SimpleQueue[Future[Any]] = SimpleQueue()
        compiling: dict[Future[Any], list[_Task]] = {}
        running: dict[Future[Any], _Task] = {}

        def run(task: _Task) -> None:
            future = pool.submit(self._attempt, task, observing)
            running[future] = task
            future.add_done_callback(ended.put)

        for part in parts:
            batch = pool.submit(self._compile_batch, part)
            compiling[batch] = part
            batch.add_done_callback(ended.put)
        for task in tasks:
            if id(task) not in batched:
                run(task)
        while compiling or running:
            future = ended.get()
            if future in running:
                yield running.pop(future), future.result()
                continue
            future.result()
            for task in compiling.pop(future):
                run(task)

    def _batches(self, tasks: list[_Task]) -> Iterable[list[_Task]]:
        kinds = [(task.job.language, task.program.by_status) for task in tasks]
        for kind in dict.fromkeys(kinds):
            own = [task for task, its in zip(tasks, kinds, strict=True) if its == kind]
            # a compiler's start is shared by more where the other workers have other languages' programs to do
            share = max(1, round(self.workers * len(own) / len(tasks)))
            for part in batches(kind[0], [task.program for task in own], share):
                yield [own[i] for i in part]

    def _compile_batch(self, tasks: list[_Task]) -> None:
        """Compile tasks together; those that the command did not reach are compiled alone later."""
        programs = [sources(task.program) for task in tasks]
        try:
            built = compile_batch(self.sandbox, tasks[0].job.language, programs, self.limits)
        except prepared.Unprepared:
            return
        for task, result in zip(tasks, built, strict=True):
            task.built = result

    def _attempt(self, task: _Task, observing: bool) -> Verdict:
        """Compile the task unless that is done, run it, compare its results."""
        try:
            built = task.built or compile_one(self.sandbox, task.job.language, sources(task.program), self.limits)
        except prepared.Unprepared as error:
            return self._without_run(task.job, "infrastructure", str(error))
        try:
            if built.verdict:
                said = normal.stable(built.said, task.nonce)
                verdict = self._without_run(task.job, built.verdict, normal.first_error(said))
                verdict.stderr = said[:2000]
            else:
                verdict = self._run(task, built, observing)
            _excuse(task.job, verdict)
        except prepared.Unprepared as error:
            verdict = self._without_run(task.job, "infrastructure", str(error))
        finally:
            built.discard()
        verdict.compile_cpu, verdict.compile_wall = built.cpu, built.wall
        return verdict

    def _run(self, task: _Task, built: Built, observing: bool) -> Verdict:
        job, program, total = task.job, task.program, len(task.job.cases)
        # what is observed must show what differs from one interpreter to the next, such as the order of a set
        beside = prepared.shown(self.sandbox, program.run_with)
        fork = None if observing else choice.run(self.sandbox, job.language, program)
        result = self.sandbox.run(
            program.run,
            self.limits,
            files=program.files,
            folder=built.folder,
            shown=beside,
            env=program.env,
            fresh=observing,
            # a program with tests of its own keeps its nonce in memory, where a fixed address would give it away
            steady=not observing and not job.program,
            fork=fork,
        )
        verdict, said = verdicts.decide(job.id, self.sandbox.tier, result, task.nonce, total, program.by_status)
        if said.again:
            whole = toolchains.linked(together(job, task.nonce, said.again))
            return self._run(dataclasses.replace(task, program=whole), built, observing)
        verdict.separation = program.separation if job.program else "values"
        if verdict.verdict != verdicts.PASSED or observing:
            return verdict
        if job.program or job.signature is None:
            verdict.passed, verdict.total, verdict.detail = 1, 1, program.note
        else:
            verdicts.compare(verdict, job.signature, job.cases, self.tolerance)
        return verdict


def _excuse(job: Job, verdict: Verdict) -> None:
    """Call a program unsupported that failed for what the toolchain lacks."""
    if verdict.verdict not in ("compile_error", "runtime_error"):
        return
    said, version = f"{verdict.detail}\n{verdict.stderr}", toolchains.version(job.language)
    if lacking := get(job.language).gap(job.code or job.program, said, version):
        verdict.verdict, verdict.detail = "unsupported", lacking


def progress(total: int | None, desc: str) -> tqdm[Any]:
    """Return a bar with rate and time left (a line now and then where stderr is no terminal)."""
    return progress_bar(total=total, desc=desc, unit="program")
