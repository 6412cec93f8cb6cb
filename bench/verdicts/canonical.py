"""The canonical solutions of public benchmarks as programs for the judge, each with a wrong stub beside it.

The data is no part of the project: it is found in the folder that places.py names, or nowhere. ``make verdicts``
judges all of it and prints a table: set, language, canonical passed/n, stub failed/n, and why some tasks are left out.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.verdicts.places import BENCHMARKS as DATA
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.params import at_hand

PARAMS = replace(at_hand().execution, workers=2, cpu_seconds=20, wall_factor=4, memory_mb=1024, output_kb=256)
# Tests so weak that a stub passes them.
VACUOUS = {"TypeScript": 8, "Python": 1, "PHP": 1, "C#": 1}
# Headers that a task includes and this machine may lack, and what to say then.
_HEADERS = {"boost/": "boost's headers are not installed", "openssl/": "OpenSSL's headers are not installed"}
_MCEVAL = {
    **{"Python": "python", "C#": "csharp", "Java": "java", "CPP": "cpp", "PHP": "php", "JavaScript": "javascript"},
    **{"TypeScript": "typescript", "Shell": "bash"},
}


@dataclass(frozen=True)
class Task:
    """One task: program text around the solution, the solution, a stub. skip: why it cannot be run here, or ""."""

    source: str
    id: str
    language: str
    before: str
    solution: str
    stub: str
    after: str
    skip: str = ""

    def job(self, stub: bool = False) -> Job:
        """A job of the canonical solution or of the stub, the completion marked."""
        completion = self.stub if stub else self.solution
        ident = f"{self.source} {self.id}{' stub' if stub else ''}"
        span = (len(self.before), len(self.before) + len(completion))
        return Job(ident, self.language, program=self.before + completion + self.after, completion=span)


def records(name: str) -> list[dict[str, Any]]:
    """The records of a data file."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as handle:
        return [json.loads(line) for line in handle] if ".jsonl" in name else list(json.load(handle))


def humaneval() -> Iterator[Task]:
    """HumanEval."""
    for row in records("humaneval/HumanEval.jsonl.gz"):
        after = f"\n{row['test']}\ncheck({row['entry_point']})\n"
        stub = "    return 'stub'\n"
        yield Task("HumanEval", row["task_id"], "python", row["prompt"], row["canonical_solution"], stub, after)


def mbpp() -> Iterator[Task]:
    """MBPP, the sanitized set."""
    for row in records("mbpp/sanitized-mbpp.json.gz"):
        tests = "\n".join([*row["test_imports"], *row["test_list"]])
        names = [name for name in re.findall(r"^def\s+(\w+)", row["code"], re.M) if re.search(rf"\b{name}\b", tests)]
        stub = "".join(f"def {name}(*args):\n    return 'stub'\n" for name in names)
        code = row["code"].replace("\r", "")
        yield Task("MBPP sanitized", str(row["task_id"]), "python", "", code, stub, f"\n{tests}\n")


def humaneval_x() -> Iterator[Task]:
    """HumanEval-X: the solution closes the braces that the prompt opened."""
    files = {"python": "humaneval_python", "java": "humaneval_java", "cpp": "humaneval_cpp"}
    for language, name in {**files, "javascript": "codegeex2_humanevalx_js"}.items():
        for row in records(f"humaneval-x/{name}.jsonl.gz"):
            head = row["declaration"].strip().splitlines()[-1]
            close = {"java": "    }\n}\n", "python": ""}.get(language, "}\n")
            stub = f"    {default(language, head)}\n{close}"
            solution, tests = row["canonical_solution"], f"\n{row['test']}"
            skip = missing(row["prompt"] + solution + tests)
            yield Task("HumanEval-X", row["task_id"], language, row["prompt"], solution, stub, tests, skip)


def mceval() -> Iterator[Task]:
    """McEval's eight languages; a solution mostly opens its own brace."""
    for name, language in _MCEVAL.items():
        for row in records(f"mceval/{name}.jsonl.gz"):
            solution, tests = row["canonical_solution"], f"\n{row['test']}"
            body = default(language, row["signature"])
            opened = solution.lstrip()[:1] != "{"
            if language == "python":
                stub = f"    {body}\n"
            elif language == "bash":
                stub = f"echo stub\n{'}' * (row['prompt'].count('{') > row['prompt'].count('}'))}\n"
            else:
                stub = f"{'' if opened else '{'} {body} }}\n"
            skip = missing(row["prompt"] + solution + tests)
            before = row["prompt"] + ("\n" if language in ("python", "bash") else "")
            yield Task("McEval", row["task_id"], language, before, solution, stub, tests, skip)


def missing(text: str) -> str:
    """Why a program cannot run here: a header or a package that is not installed."""
    if "js-md5" in text:
        return "the npm package js-md5 is not installed"
    found = [why for name, why in _HEADERS.items() if f"<{name}" in text and not Path("/usr/include", name).exists()]
    return found[0] if found else ""


def default(language: str, head: str) -> str:
    """A statement that returns nothing useful from a function with this first line."""
    kind = re.sub(r"\b(public|private|protected|static|final|inline|const)\b", "", head.split("(")[0])
    kind = " ".join(kind.split()[:-1])
    if language in ("cpp", "csharp", "java") and kind.split()[-1:] == ["void"]:
        return "return;"
    if language == "java":
        plain = {"boolean": "false", **dict.fromkeys(("int", "long", "double", "float", "char", "byte", "short"), "0")}
        return f"return {plain.get(kind, 'null')};"
    return {
        **{"python": "return 'stub'", "cpp": "return {};", "csharp": f"return default({kind});"},
        **{"javascript": "return undefined;", "typescript": "return undefined as any;", "php": "return null;"},
    }.get(language, "")


SETS: tuple[Callable[[], Iterator[Task]], ...] = (humaneval, mbpp, humaneval_x, mceval)


def main() -> int:
    """Judge everything (or the languages named) and print the table. Returns 1 when the data is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", nargs="*", help="only these languages")
    parser.add_argument("--set", nargs="*", help="only these sets, by the table's names")
    parser.add_argument("--every", type=int, default=1, help="every n-th task only")
    parser.add_argument("--show", action="store_true", help="what canonical solutions failed with, which stubs passed")
    args = parser.parse_args()
    if not DATA.is_dir():
        print(f"{DATA}: no benchmark data here", file=sys.stderr)
        return 1
    tasks = [task for each in SETS for task in each()]
    tasks = [task for task in tasks if not args.language or task.language in args.language]
    tasks = [task for task in tasks if not args.set or task.source in args.set]
    with Judge(PARAMS) as judge:
        for source, language in dict.fromkeys((task.source, task.language) for task in tasks):
            own = [task for task in tasks if (task.source, task.language) == (source, language)][:: args.every]
            print(row(judge, source, language, own, args.show), flush=True)
    return 0


def row(judge: Judge, source: str, language: str, tasks: list[Task], show: bool) -> str:
    """One line of the table."""
    if not available(language):
        return f"{source} | {language} | not installed"
    ready = [task for task in tasks if not task.skip]
    good = judge.judge([task.job() for task in ready], f"{source} {language}")
    bad = judge.judge([task.job(stub=True) for task in ready], f"{source} {language} stubs")
    lines = [f"  {v.id}: {v.verdict}: {v.detail}" for v in good if v.verdict != "passed"]
    lines += [f"  {v.id}: passed" for v in bad if v.verdict == "passed"]
    apart = sum(v.separation == "process" for v in good)
    passed, failed = (sum(v.verdict == "passed" for v in part) for part in (good, bad))
    skipped = ", ".join(f"{task.id}: {task.skip}" for task in tasks if task.skip)
    line = f"{source} | {language} | {passed}/{len(ready)} | {len(bad) - failed}/{len(ready)} | {apart} | {skipped}"
    return "\n".join([line, *lines]) if show else line


if __name__ == "__main__":
    sys.exit(main())
