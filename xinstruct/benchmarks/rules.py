"""Extraction rules: from an answer to the code that is judged, by named lists of steps (rules.yaml).

The first step extracts code from the answer: ``whole`` (all of it), ``first_fence``, ``last_fence`` (that fenced
block; without one there is no code), ``first_fence_or_whole``, ``last_fence_or_whole``, ``last_pair`` (the last
block with its indentation, else all; fences are paired in order, those with the language's tag if there are any),
``headed_pair`` (the same in the text after the heading that analogical prompting asks for), ``best`` and
``best_last`` (see code/extraction.py).
Then: ``stop`` (cut at the first stop string of the language), ``drop_main`` (remove the answer's own main),
``balance`` (add missing or remove surplus closing braces), ``imports`` (add the preset of modules), ``preamble``
(add the prompt's imports and helper functions), ``prompt`` (add the whole prompt), ``auto`` (``preamble`` when the
code defines the function, in the form that the tests need (assembly.py), else ``prompt``).
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

from xinstruct.benchmarks.assembly import assembled
from xinstruct.benchmarks.problems import BenchmarkProblem, ProgramProblem
from xinstruct.code.extraction import NONE, balance_braces, defines, extract_code, fenced_blocks
from xinstruct.code.programs import behind_what_comes_first, without_entry
from xinstruct.code.thinking import final_answer
from xinstruct.code.traits import traits_of
from xinstruct.files import BadInput, read_yaml
from xinstruct.languages import get

TAKES = (
    "whole",
    "first_fence",
    "last_fence",
    "first_fence_or_whole",
    "last_fence_or_whole",
    "last_pair",
    "headed_pair",
    "best",
    "best_last",
)
_HEADING = "Python3 code to solve the original problem:"
_FILE = Path(__file__).parent / "rules.yaml"
DATA_FILES = ("rules.yaml",)


@dataclass(frozen=True)
class Rules:
    """A named list of steps; the first one extracts the code from the answer."""

    name: str
    steps: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.name} ({' + '.join(self.steps)})"


def rules(name: str) -> Rules:
    """Return the rules of a name, or of steps joined by "+". Raises BadInput naming both."""
    known: dict[str, list[str]] = dict(read_yaml(_FILE))
    steps = tuple(known.get(name, name.split("+")))
    if steps[0] not in TAKES or any(step not in _STEPS for step in steps[1:]):
        raise BadInput(f"unknown rules {name!r}; sets: {', '.join(known)}; steps: {', '.join((*TAKES, *_STEPS))}")
    return Rules(name, steps)


def apply(one: Rules, problem: BenchmarkProblem, answer: str) -> tuple[str, str]:
    """Return the code to judge and the rule that found it; ("", "none") when the answer has none."""
    code, found = _take(one.steps[0], problem, final_answer(answer.replace("\r\n", "\n")))
    if found == NONE:
        return "", NONE
    if not code.strip() and "prompt" not in one.steps:  # the prompt alone may be right already
        return "", NONE
    for step in one.steps[1:]:
        changed = _STEPS[step](problem, code)
        found += f"+{step}" if changed != code else ""
        code = changed
    return code, found


def _take(step: str, problem: BenchmarkProblem, answer: str) -> tuple[str, str]:
    if step == "whole":
        return answer, step
    if step.startswith("best"):
        return extract_code(answer, problem.language, problem.function, last=step == "best_last")
    if step.endswith("_pair"):
        text = answer.split(_HEADING)[1].strip() if step == "headed_pair" and _HEADING in answer else answer
        return _last_pair(text, get(problem.language).fence)
    blocks = [text for _, text in fenced_blocks(answer)]
    if blocks:
        return (blocks[0], "first_fence") if step.startswith("first") else (blocks[-1], "last_fence")
    return (answer, "no_fence") if step.endswith("or_whole") else ("", NONE)


def _last_pair(answer: str, tag: str) -> tuple[str, str]:
    opening = f"```{tag}" if f"```{tag}" in answer else "```"
    pairs = re.findall(rf"{re.escape(opening)}(.*?)```", answer, re.S)
    return (pairs[-1], "last_pair") if pairs else (answer, "no_fence")


def _stop(problem: BenchmarkProblem, code: str) -> str:
    ends = [at for text in get(problem.language).stop if (at := code.find(text)) >= 0]
    return code[: min(ends)] if ends else code


def _drop_main(problem: BenchmarkProblem, code: str) -> str:
    traits = traits_of(problem.language)
    if problem.function in ("main", traits.entry):
        return code
    return without_entry(problem.language, traits.main.sub("", code, count=1) if traits.main else code)


def _balance(problem: BenchmarkProblem, code: str) -> str:
    return balance_braces(problem.language, code)[0] if traits_of(problem.language).braces else code


def _imports(problem: BenchmarkProblem, code: str) -> str:
    return behind_what_comes_first(problem.language, traits_of(problem.language).usual_imports, code)


def _preamble(problem: BenchmarkProblem, code: str) -> str:
    text = preamble(problem)
    return behind_what_comes_first(problem.language, f"{text}\n\n", code) if text else code


def _prompt(problem: BenchmarkProblem, code: str) -> str:
    return problem.prompt + code


def _auto(problem: BenchmarkProblem, code: str) -> str:
    if isinstance(problem, ProgramProblem) and (whole := assembled(problem, code)) is not None:
        return whole
    if defines(code, problem.language, problem.function):
        return _preamble(problem, code)
    if traits_of(problem.language).indented and not code.startswith((" ", "\t")):
        code = textwrap.indent(textwrap.dedent(code), "    ")
    return f"{problem.prompt.rstrip()}\n{code}"


def preamble(problem: BenchmarkProblem) -> str:
    """Return the prompt's imports, and in Python its helper functions, which a rewritten function may need."""
    return traits_of(problem.language).preamble(problem.prompt, problem.function)


_STEPS = {
    "stop": _stop,
    "drop_main": _drop_main,
    "balance": _balance,
    "imports": _imports,
    "preamble": _preamble,
    "prompt": _prompt,
    "auto": _auto,
}
