"""A benchmark's problems as programs: the records of its files, assembled as its benchmark.yaml says.

``load`` returns the problems of one variant in one language. The declaration's ``program`` is the template of a
program, with {code}, {tests}, {function} and {stub}. Where records need more than fields, ``reader`` names a
module of this package that has ``read(rows, about)``.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from xinstruct.benchmarks.fetch import HERE, declaration, rows
from xinstruct.code.lexical import blanked
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.files import BadInput
from xinstruct.languages import get

_FIELDS = {"prompt": "", "function": "", "tests": "", "solution": ""}


class BenchmarkProblem(Protocol):
    """The interface that scoring needs of a problem, whatever form its tests have."""

    @property
    def task_id(self) -> str:
        """The problem's id in the benchmark's files."""

    @property
    def language(self) -> str:
        """A key of xinstruct.languages."""

    @property
    def prompt(self) -> str:
        """The text that a completion continues."""

    @property
    def function(self) -> str:
        """The requested function; "" when unknown."""

    def job(self, ident: str, code: str) -> Job:
        """Return the judge's job for a complete code."""


@dataclass(frozen=True)
class ProgramProblem:
    """A problem whose tests are source text behind (or around) the code."""

    task_id: str
    language: str
    prompt: str
    function: str
    tests: str
    program: str  # a text with {code}, {tests}, {function}, {stub}
    solution: str = ""  # canonical answer, a continuation of the prompt; "" when the benchmark has none
    stub: str = ""
    fit_braces: bool = False
    by_status: bool = False

    def job(self, ident: str, code: str) -> Job:
        """Return the whole program as a job, with the completion marked: what the answer adds to the prompt.

        With fit_braces, the tests lose braces that the code already closed.
        """
        tests = self.tests
        if self.fit_braces:
            code, tests = fitted(self.language, code, self.prompt, tests)
        parts = {"tests": tests, "function": self.function, "stub": self.stub}
        before, after = (filled(part, parts) for part in self.program.split("{code}"))
        start = len(before) + self._given(code)
        span = (start, len(before) + len(code))
        program, span = get(self.language).in_order(before + code + after, span)
        return Job(ident, self.language, program=program, completion=span, by_status=self.by_status)

    def _given(self, code: str) -> int:
        """Return how much of the code's beginning is the prompt or its preamble, which no answer wrote."""
        preamble = traits_of(self.language).preamble(self.prompt, self.function)
        texts = (self.prompt, self.prompt.rstrip(), preamble)
        return next((len(text) for text in texts if text and code.startswith(text)), 0)


@dataclass(frozen=True)
class TranslatedProblem:
    """A problem whose tests are cases: the same in every language, written by translate.py."""

    task_id: str
    language: str
    prompt: str  # header and description in the language, without fence
    instruction: str  # the user turn
    function: str
    signature: Signature
    cases: tuple[Case, ...]
    header: str
    preamble: str = ""  # Python only: what the original prompt holds besides the function

    def job(self, ident: str, code: str) -> Job:
        """Return the judge's job for an answer's code."""
        code, _ = get(self.language).in_order(code, (0, len(code)))
        return Job(ident, self.language, code, self.function, self.signature, self.cases)


@dataclass(frozen=True)
class About:
    """A benchmark's declaration, narrowed to one variant and language."""

    name: str
    variant: str
    language: str
    file: str
    problems: int
    rules: str
    limits: dict[str, Any]
    folders: list[str]
    raw: dict[str, Any]  # all keys, those of variant and language laid over the benchmark's


def about(name: str, language: str) -> About:
    """Return the declaration of NAME or NAME:VARIANT in a language. Raises BadInput naming the known ones."""
    name, _, wanted = name.partition(":")
    base = declaration(name)
    variants = base.get("variants", {"": {"languages": {}}})
    variant = wanted or next(iter(variants))
    if variant not in variants:
        raise BadInput(f"benchmark {name} has no variant {variant!r}; it has {', '.join(variants)}")
    languages = variants[variant]["languages"]
    if variant and language not in languages:
        raise BadInput(f"benchmark {name}:{variant} has no {language}; it has {', '.join(languages)}")
    layers = [base, variants[variant], languages.get(language, {})]
    raw = {key: value for layer in layers for key, value in layer.items()}
    raw["fields"] = {key: value for layer in layers for key, value in layer.get("fields", {}).items()}
    return About(
        name=name,
        variant=variant,
        language=language,
        file=raw.get("file", raw.get("records", "")),
        problems=raw["problems"],
        rules=raw["rules"],
        limits=raw.get("limits", {}),
        folders=raw.get("folders", []),
        raw=raw,
    )


def load(one: About, data: Path, judge: Judge) -> list[BenchmarkProblem]:
    """Return the problems in the order of the file. Raises BadInput when it is missing or has another size."""
    reader = one.raw.get("reader", "translate")
    if reader == "translate":
        from xinstruct.benchmarks.translate import expressible, read_suite

        return list(expressible(read_suite(one.name, data, judge), one.language)[0])
    found = list(_reader(reader)(rows(locate(one, data)), one))
    if len(found) != one.problems:
        raise BadInput(f"{locate(one, data)}: {len(found)} problems, the declaration says {one.problems}")
    return found


def _reader(name: str) -> Callable[[Iterable[dict[str, Any]], About], Iterable[BenchmarkProblem]]:
    if name == "records":
        return read
    module = importlib.import_module(f"xinstruct.benchmarks.{name}")
    found: Callable[[Iterable[dict[str, Any]], About], Iterable[BenchmarkProblem]] = module.read
    return found


def locate(one: About, data: Path) -> Path:
    """Find a variant's file: in `data`, in the benchmark's folder there, or in a declared one."""
    places = [data / part / one.file for part in ("", one.name, *one.folders)]
    for path in places:
        if path.is_file():
            return path
    raise BadInput(f"{data}: no {one.file} of benchmark {one.name} (also not in {', '.join(one.folders)}); give --data")


def read(records: Iterable[dict[str, Any]], one: About) -> Iterable[ProgramProblem]:
    """Yield the problems of records with text fields; a declared field is a template with the record's keys."""
    stub = one.raw.get("stub", "")
    text = (HERE / one.name / "stubs" / stub).read_text(encoding="utf-8") if stub else ""
    low, high = one.raw.get("range", (None, None))
    for record in records:
        if low is None or low <= int(record["task_id"]) <= high:
            yield _problem(record, one, text)


def _problem(record: dict[str, Any], one: About, stub: str) -> ProgramProblem:
    plain = {key: "\n".join(map(str, v)) if isinstance(v, list) else v for key, v in record.items()}
    fields = {key: _FUNCTIONS.get(text, filled)(text, plain) for key, text in one.raw["fields"].items()}
    fields = _FIELDS | {key: value.replace("\r\n", "\n") for key, value in fields.items()}
    if record.get("canonical_solution", "") is None:
        fields["solution"] = ""
    return ProgramProblem(
        task_id=fields["id"],
        language=one.language,
        prompt=fields["prompt"],
        function=fields["function"],
        tests=fields["tests"],
        program=one.raw["program"],
        solution=fields["solution"],
        stub=stub,
        fit_braces=one.raw.get("fit_braces", False),
        by_status=one.raw.get("verdict") == "status",
    )


def filled(template: str, values: dict[str, Any]) -> str:
    """Replace each {name} of `values` in a template; other braces stay, and values are not expanded again."""
    return re.sub(r"\{(\w+)\}", lambda m: str(values[m.group(1)]) if m.group(1) in values else m.group(), template)


# ---- functions whose name no field holds


def _called(_: str, record: dict[str, Any]) -> str:
    """Return the function of the solution that the first test calls (the last function when none matches)."""
    defined = re.findall(r"^def\s+(\w+)", str(record["code"]), re.M)
    called = [
        node.func.id
        for node in ast.walk(ast.parse(str(record["test_list"])))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    return next((name for name in called if name in defined), (defined or [""])[-1])


def _from_name(_: str, record: dict[str, Any]) -> str:
    """Return the function whose header ends the prompt: the last identifier before a parenthesis in its last line."""
    line = next(line for line in reversed(str(record["prompt"]).splitlines()) if "(" in line)
    return str(re.findall(r"([\w$]+)\s*\(", line)[0])


def _declared(_: str, record: dict[str, Any]) -> str:
    """Return the function that the record's declaration opens; the declaration may include a part of the body."""
    opening = r"(?!\s*(?:for|if|while|switch|else)\b).*\(.*(?:\{|:|=>)\s*"
    lines = [line for line in str(record["declaration"]).splitlines() if re.fullmatch(opening, line)]
    arrow = re.search(r"\bconst\s+(\w+)\s*=", lines[-1])
    return arrow.group(1) if arrow else str(re.findall(r"(\w+)\s*\(", lines[-1])[0])


_FUNCTIONS = {"called": _called, "from_name": _from_name, "declared": _declared}


# ---- braces between code and tests


def depth(language: str, code: str) -> int:
    """Return the number of open braces at the end of a brace language's code, ignoring strings and comments."""
    text = blanked(language, code)
    return text.count("{") - text.count("}")


def fitted(language: str, code: str, prompt: str, tests: str) -> tuple[str, str]:
    """Return code and tests so that the leading braces of the tests close exactly what the code leaves open.

    The tests expect the code to end inside the function that the prompt opened. A complete function has closed it:
    then the tests' first brace is removed; for further ones (a class) the end of the code is removed.
    """
    leading = re.match(r"\s*\}", tests)
    surplus = depth(language, prompt) - depth(language, code)
    if not leading or surplus <= 0:
        return code, tests
    for _ in range(surplus - 1):
        head, brace, tail = code.rstrip().rpartition("}")
        if not brace or tail:
            break
        code = head
    return code, tests[leading.end() :]
