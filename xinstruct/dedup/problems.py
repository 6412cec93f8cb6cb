"""Problems of benchmarks as evidence is sought for them: their texts, their solutions, and what their tests expect.

Every record with texts is a problem, whatever its fields are called; what the usual fields hold (a canonical solution,
an entry point, asserts) is used where it is there. ``coverage`` tells which declared benchmarks the folders hold.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.fetch import declaration, declared, packaged
from xinstruct.benchmarks.infer import to_json
from xinstruct.benchmarks.parse import UNCLAIMED, test_calls
from xinstruct.benchmarks.translate import read_suite
from xinstruct.code.names import NAMES
from xinstruct.code.types import Case
from xinstruct.dedup.reading import Record, data_files, records, texts
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput

_IDS = ("task_id", "name", "id", "question_id", "problem_id")
_NO_TEXT = {"id", "task_id", "name", "license", "source", "source_file", "url", "version", "language", "level",
            "difficulty", "entry_point", "prompt_terminology", "doctests", "original", "declaration", "signature",
            "stop_tokens"}  # fmt: skip
_SOLUTIONS = ("canonical_solution", "code", "solution", "reference_solution", "response")
_TESTS = ("test", "test_list", "tests", "assertion")
_QUOTED = re.compile(r"(\"\"\"|''')(.*?)(?:\1|\Z)|/\*+(.*?)\*/", re.S)
_LINES = re.compile(r"(?:^[ \t]*(?://|#)(?!!|include)[^\n]*\n)+", re.M)
_SCALARS = (str, int, float, bool, type(None))
_EXAMPLES = re.compile(r">>>|\n\s*\n|\b(?:for )?examples?\b\s*:?|\bassert\b", re.I)


@dataclass(frozen=True)
class Problem:
    """One problem of a benchmark. language: "" when neither file nor record says it."""

    item: str
    benchmark: str
    language: str
    texts: tuple[tuple[str, str], ...]  # (field, text)
    function: str = ""
    solution: str = ""  # complete code
    cases: tuple[Case, ...] = ()


def problems(folders: Sequence[Path]) -> Iterator[Problem]:
    """Yield the problems of all readable files below the folders, in a fixed order.

    Raises BadInput for a folder that does not exist or holds nothing readable, and for a file without any text.
    """
    known = _declared_files()
    for folder in folders:
        if not folder.exists():
            raise BadInput(f"{folder}: no such folder of benchmarks; see deduplicate.benchmarks in params.yaml")
        for path in data_files(folder):
            some = False
            for number, record in enumerate(records(path), 1):
                found = _problem(path, number, record, known.get(path.name, (path.name.split(".")[0], "")))
                some = some or bool(found.texts)
                yield found
            if not some:
                raise BadInput(f"{path}: no record has a text to decontaminate against")


def with_suites(found: Sequence[Problem], folders: Sequence[Path], judge: Judge) -> list[Problem]:
    """Return the problems, those of benchmarks that can be translated with all cases that their solutions answer."""
    cases: dict[tuple[str, str], tuple[Case, ...]] = {}
    for name in packaged():
        for folder in folders:
            if (folder / name / declaration(name)["records"]).is_file():
                cases |= {(name, item): own for item, own in read_suite(name, folder, judge).cases.items()}
    return [replace(one, cases=cases.get((one.benchmark, one.item), one.cases)) for one in found]


def _declared_files() -> dict[str, tuple[str, str]]:
    """Return file name -> (benchmark, language) of all declared benchmarks; of several, the first."""
    found: dict[str, tuple[str, str]] = {}
    for name, language, file in _declared():
        found.setdefault(file, (name, language))
    return found


def _declared() -> Iterator[tuple[str, str, str]]:
    """Yield (benchmark, language, file name) of everything that is declared."""
    for name in declared():
        base = declaration(name)
        if "records" in base:
            yield name, "python", base["records"]
        for variant in base.get("variants", {}).values():
            for language, one in variant["languages"].items():
                yield name, language, one["file"]


def coverage(folders: Sequence[Path]) -> tuple[list[str], list[str]]:
    """Return the declared benchmarks that the folders hold, and those of which files are missing, with languages."""
    there = {path.name for folder in folders if folder.exists() for path in folder.rglob("*") if path.is_file()}
    missing: dict[str, set[str]] = {}
    present = set()
    for name, language, file in _declared():
        if file in there:
            present.add(name)
        else:
            missing.setdefault(name, set()).add(language)
    absent = [name if name not in present else f"{name} ({', '.join(sorted(gone))})" for name, gone in missing.items()]
    return sorted(present), sorted(absent)


def _problem(path: Path, number: int, record: Record, known: tuple[str, str]) -> Problem:
    benchmark, language = known
    record = {key: _unix(value) for key, value in record.items()}
    found = [(field, text) for field, text in texts(record) if field.split(".")[-1] not in _NO_TEXT and text.strip()]
    told = [(f"{field} (description)", part) for field, text in found for part in descriptions(text)]
    said = str(record.get("language", "")).lower()
    language = language or (said if said in NAMES else "")
    solution = _solution(record)
    if not language and solution and _parses(solution):
        language = "python"
    tests = _tests(record)
    function = str(record.get("entry_point") or _called(tests, solution))
    return Problem(
        item=problem_name(path, number, record),
        benchmark=benchmark,
        language=language,
        texts=(*found, *told),
        function=function,
        solution=solution,
        cases=tuple(_cases(tests, function)) if language == "python" else (),
    )


def _unix(value: Any) -> Any:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def problem_name(path: Path, number: int, record: Record) -> str:
    """Return the name of a record's problem: its id, behind the file's name when the id names no benchmark."""
    name = next((str(record[key]) for key in _IDS if record.get(key) is not None), f"{path.name}:{number}")
    return name if "/" in name else f"{path.name.split('.')[0]}/{name}"


def descriptions(text: str) -> Iterator[str]:
    """Yield what the doc strings and comments of a text say before their first example."""
    parts = [found.group(2) or found.group(3) or "" for found in _QUOTED.finditer(text)]
    parts += [re.sub(r"^[ \t]*(?://|#)", "", found.group(), flags=re.M) for found in _LINES.finditer(text)]
    for part in parts:
        told = _EXAMPLES.split(part.strip().strip("*").strip())[0].strip()
        if told and told != text.strip():
            yield told


def _solution(record: Record) -> str:
    for key in _SOLUTIONS:
        if isinstance(text := record.get(key), str) and text.strip():
            prompt = str(record.get("prompt") or record.get("declaration") or "")
            return text if key == "code" or re.match(r"\n*(?:def|from|import|class)\b", text) else prompt + text
    return ""


def _tests(record: Record) -> str:
    for key in _TESTS:
        if value := record.get(key):
            return "\n".join(map(str, value)) if isinstance(value, list) else str(value)
    return ""


def _parses(code: str) -> bool:
    try:
        return bool(ast.parse(code).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False


def _called(tests: str, solution: str) -> str:
    """Return the function of a Python solution that its tests call."""
    defined = re.findall(r"^def\s+(\w+)", solution, re.M)
    return str(next((name for name in re.findall(r"\w+", tests) if name in defined), (defined or [""])[-1]))


def _cases(tests: str, function: str) -> Iterator[Case]:
    """Yield the calls of Python tests with literal arguments and an exact result."""
    seen = set()
    try:
        for name, body in _checks(ast.parse(tests), function or "candidate"):
            for call in test_calls(f"def check({name}):\n{textwrap.indent(ast.unparse(body), '    ')}\n", "check"):
                case = Case(tuple(map(to_json, call.args)), None if call.claim is UNCLAIMED else to_json(call.claim))
                if call.claim is not UNCLAIMED and repr(call.args) not in seen and _neutral([case.args, case.expected]):
                    seen.add(repr(call.args))
                    yield case
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return


def _neutral(value: Any) -> bool:
    """Tell whether a value has a JSON form: sets and complex numbers have none."""
    return all(map(_neutral, value)) if isinstance(value, list | tuple) else isinstance(value, _SCALARS)


def _checks(module: ast.Module, function: str) -> Iterator[tuple[str, ast.Module]]:
    """Yield (name of the function under test, statements) of the module itself and of each of its functions."""
    for body, args in [(module.body, [])] + [
        (node.body, [arg.arg for arg in node.args.args]) for node in module.body if isinstance(node, ast.FunctionDef)
    ]:
        stated = [node for node in body if isinstance(node, ast.Assert)]
        if stated:
            yield (args[0] if len(args) == 1 else function), ast.Module(list(stated), [])
