"""Verdicts beside those of reference evaluators on the same completions: ``make reference``.

multipl_e  MultiPL-E's tests by the standard commands, a program's verdict its exit status: HumanEval-X's canonical
           answers and broken variants of them, or with --answers a model's
evalplus   EvalPlus from PyPI (build/bench/peers) on published answers to HumanEval+
mbxp       published answers to MBXP that do not pass here by exit status, which is what their publisher counts
mapcoder   code that a publisher cut out of answers and whose published verdict differs from ours, by plain python

All of it runs in the sandbox. Results are kept in results/reference, and docs/results/reference.md is written from all
that are kept. mbxp and mapcoder start from the verdicts that `make published` left under work/published.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench import plain
from bench.verdicts.agreement import ANSWERS, LIMITS
from bench.verdicts.completions import canonical, numbered
from bench.verdicts.document import write_page
from bench.verdicts.peers import compared, reference_page
from bench.verdicts.places import PAGES, RESULTS, SHARED
from bench.verdicts.published import declared_rows, result_path
from xinstruct.benchmarks.answers import answers_file
from xinstruct.benchmarks.command import make_judge
from xinstruct.benchmarks.fetch import rows
from xinstruct.benchmarks.problems import about, load, locate
from xinstruct.benchmarks.rules import apply, rules
from xinstruct.benchmarks.samples import Answer, read_answers
from xinstruct.benchmarks.score import judged
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.limits import Limits
from xinstruct.execution.mounts import BOX
from xinstruct.execution.sandbox import Sandbox
from xinstruct.files import BadInput, write_json
from xinstruct.languages import EIGHT
from xinstruct.plan import work_root
from xinstruct.records import PASSED

PEERS = Path("build/bench/peers")
_EVALPLUS = Limits(cpu_seconds=1200, wall_factor=1, memory_mb=8192, output_kb=1024, processes=256, open_files=1024)
_NEEDED = ("evalplus", "numpy", "psutil")  # what of the peers' packages EvalPlus's judging imports
Row = dict[str, Any]  # task, ours, theirs


def main(argv: list[str] | None = None) -> int:
    """Run the parts asked for, then write the page. Returns 1 when files are missing."""
    args = _parser().parse_args(argv)
    try:
        for part in args.parts:
            PARTS[part](args)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 1
    write_page(args.out, reference_page(args.results))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", default=list(PARTS), choices=list(PARTS), help="all of them")
    parser.add_argument("--shared", type=Path, default=SHARED, help="folder of problem and answer files")
    parser.add_argument("--languages", nargs="*", default=list(EIGHT), choices=EIGHT)
    parser.add_argument("--files", nargs="*", default=[], help="published files that EvalPlus judges")
    parser.add_argument("--variant", default="mini", choices=("mini", "base", "plus"), help="HumanEval+ inputs")
    parser.add_argument("--answers", type=Path, help="folder of a model's answers to MultiPL-E")
    parser.add_argument("--variants", type=int, default=1, help="broken variants of each canonical answer")
    parser.add_argument("--every", type=int, default=1, help="only every so many completions under MultiPL-E's tests")
    parser.add_argument("--workers", type=int, default=2, help="programs at a time")
    parser.add_argument("--results", type=Path, default=RESULTS / "reference", help="folder of results")
    parser.add_argument("--published", type=Path, default=work_root() / "published", help="what make published left")
    parser.add_argument("--out", type=Path, default=PAGES / "reference.md", help="page that is written anew")
    return parser


def _keep(args: argparse.Namespace, name: str, evaluator: str, what: str, found: list[Row]) -> None:
    kept = compared(evaluator, what, found)
    write_json(args.results / f"{name}.json", kept)
    print(f"{name}: {len(found) - len(kept['differing'])} of {len(found)} verdicts agree", flush=True)


def _beside(jobs: Sequence[Job], judge: Judge, args: argparse.Namespace) -> list[Row]:
    """Our verdicts and those of the standard commands."""
    ours = judge.judge(jobs, "here")
    theirs = plain.fenced([(job.language, job.program) for job in jobs], judge.sandbox, args.workers)
    return [
        {"task": job.id, "ours": mine.verdict, "theirs": other}
        for job, mine, other in zip(jobs, ours, theirs, strict=True)
    ]


# ---- MultiPL-E's tests


def multipl_e(args: argparse.Namespace) -> None:
    """A result for each language in which there are completions."""
    data = args.shared / "benchmarks"
    for language in args.languages:
        one = dataclasses.replace(about("multipl_e", language), limits=LIMITS)
        with make_judge(one, None, args.workers) as judge:
            theirs = load(one, data, judge)
            if args.answers:
                answers = read_answers(answers_file(args.answers, "multipl_e", language), theirs, partial=True)
                jobs, what = _answer_jobs(answers, "chat"), f"{language}, answers of {args.answers.name}"
            elif language in ANSWERS:
                source = numbered(load(about("humaneval_x", ANSWERS[language]), data, judge))
                both = numbered(theirs)
                jobs = [each.theirs for each in canonical(source, both, both, args.variants)]
                what = f"{language}, HumanEval-X's answers and variants of them"
            else:
                continue
            what += f", one of {args.every}" if args.every > 1 else ""
            name = f"multipl_e-{language}{f'-{args.answers.name}' if args.answers else ''}"
            _keep(args, name, "MultiPL-E's tests, standard commands", what, _beside(jobs[:: args.every], judge, args))


def _answer_jobs(answers: Sequence[Answer], rule_set: str) -> list[Job]:
    codes = [(answer, apply(rules(rule_set), answer.problem, answer.text)[0]) for answer in answers]
    return [answer.problem.job(answer.problem.task_id, code) for answer, code in codes if code]


# ---- EvalPlus


def evalplus(args: argparse.Namespace) -> None:
    """A result for each published file that was scored on HumanEval+, in one run of EvalPlus."""
    one = about(f"humaneval_plus:{args.variant}", "python")
    files = [row["file"] for row in declared_rows() if row["benchmark"] == "humaneval_plus"]
    files = [name for name in files if not args.files or name in args.files]
    records = {row["task_id"]: row for row in rows(locate(one, args.shared))}
    with make_judge(one, None, args.workers) as judge:
        problems = load(one, args.shared, judge)
        answers = {name: read_answers(args.shared / "published" / f"{name}.jsonl.gz", problems) for name in files}
        tasks = [
            {**records[answer.problem.task_id], "completion": answer.text, "inputs": _inputs(records, answer, one.raw)}
            for name in files
            for answer in answers[name]
        ]
        found = _run_evalplus(tasks, judge.sandbox, args.workers)
        passed = iter(found["passed"])
        for name in files:
            ours = judged(answers[name], rules("completion"), judge, name)
            rows_of = [
                {"task": row.task_id, "ours": row.verdict, "theirs": PASSED if next(passed) else "failed"}
                for row in ours
            ]
            _keep(args, f"evalplus-{args.variant}-{name}", f"{found['version']}, {one.variant} inputs", name, rows_of)


def _inputs(records: dict[str, Any], answer: Answer, raw: dict[str, Any]) -> list[Any]:
    return [args for key in raw["inputs"] for args in records[answer.problem.task_id][key]]


def _run_evalplus(tasks: list[dict[str, Any]], sandbox: Sandbox, workers: int) -> dict[str, Any]:
    """Run bench/peers.py in the sandbox with the packages it needs and return its output. Raises BadInput."""
    packages = next((PEERS / "lib").glob("python*/site-packages"))
    site = sandbox.folder() / "site"
    for path in packages.iterdir():
        if path.name.split(".")[0].split("-")[0] in _NEEDED:
            shutil.copytree(path, site / path.name)
    files = {"peers.py": Path("bench/peers.py").read_text(encoding="utf-8"), "tasks.json": json.dumps(tasks)}
    command = ("sh", "-c", f"python3 peers.py evalplus {workers} < tasks.json")
    env = {"PYTHONPATH": f"{BOX}/site", "EVALPLUS_MAX_MEMORY_BYTES": "-1"}
    done = sandbox.run(command, _EVALPLUS, files=files, shown={"site": site}, env=env)
    if done.status or done.reason:
        raise BadInput(f"EvalPlus did not end well ({done.reason or done.status}): {done.stderr.decode()[-500:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


# ---- published verdicts and rates


def mbxp(args: argparse.Namespace) -> None:
    """Run the standard commands: on the answers that do not pass here, in TypeScript on all, emitted for ES5."""
    own = [row for row in declared_rows() if row["benchmark"] == "mbxp:published"]
    for row in (row for row in own if row["language"] in args.languages):
        everything = row["language"] == "typescript"
        ours = {one["task_id"]: one["verdict"] for one in _result(args, row)["rows"]}
        wanted = {name for name, verdict in ours.items() if everything or verdict != PASSED}
        with make_judge(about(row["benchmark"], row["language"]), None, args.workers) as judge:
            problems = load(about(row["benchmark"], row["language"]), args.shared, judge)
            answers = read_answers(args.shared / "published" / f"{row['file']}.jsonl.gz", problems)
            jobs = _answer_jobs([one for one in answers if one.problem.task_id in wanted], row["rules"])
            programs = [(job.language, job.program) for job in jobs]
            if everything:
                made = plain.emitted([text for _, text in programs], judge.sandbox)
                programs = [("javascript", text) for text in made]
            theirs = plain.fenced(programs, judge.sandbox, args.workers)
        what = f"{row['file']}, {'emitted for ES5 by typescript 5' if everything else 'what does not pass here'}"
        found = [{"task": job.id, "ours": ours[job.id], "theirs": said} for job, said in zip(jobs, theirs, strict=True)]
        _keep(args, f"mbxp-{row['language']}", "exit status alone", what, found)


def mapcoder(args: argparse.Namespace) -> None:
    """Run plain python on code whose published verdict differs from ours."""
    for row in (row for row in declared_rows() if row["field"] == "extracted"):
        differing = {one["task_id"]: one["reference"] for one in _result(args, row)["reference"]["differing"]}
        one = about(row["benchmark"], "python")
        with make_judge(one, None, args.workers) as judge:
            path = args.shared / "published" / f"{row['file']}.jsonl.gz"
            answers = read_answers(path, load(one, args.shared, judge), field="extracted")
            jobs = _answer_jobs([each for each in answers if each.problem.task_id in differing], row["rules"])
            theirs = plain.fenced([("python", job.program) for job in jobs], judge.sandbox, args.workers)
        found = [
            {"task": job.id, "ours": PASSED if differing[job.id] else "failed", "theirs": said}
            for job, said in zip(jobs, theirs, strict=True)
        ]
        _keep(
            args, f"mapcoder-{row['file']}", "python on the code that was cut out", f"{row['file']}, published", found
        )


def _result(args: argparse.Namespace, row: dict[str, Any]) -> dict[str, Any]:
    path = result_path(args.published, row)
    if not path.exists():
        raise BadInput(f"{path}: no such file; run make published first")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


PARTS: dict[str, Callable[[argparse.Namespace], None]] = {
    "multipl_e": multipl_e,
    "evalplus": evalplus,
    "mbxp": mbxp,
    "mapcoder": mapcoder,
}


if __name__ == "__main__":
    sys.exit(main())
