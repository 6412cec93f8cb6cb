"""The protocol named "paper": how a model is asked and how its answer becomes a program.

One user turn of the chat template asks to complete the given function and to return the complete code in a code
block; the prompt follows, fenced. Decoding is greedy. The answer's code is found by code/extraction.py; two named
completions follow: an answer that is only the body gets the header it was asked to complete (``+header``), a
Python answer gets the imports and helpers of the original prompt (this has no name: the original harness appends
answers to the prompt, so they are always there).
"""

from __future__ import annotations

import textwrap
from typing import Any

from xinstruct.benchmarks.problems import BenchmarkProblem, TranslatedProblem
from xinstruct.code.extraction import NONE, defines, extract_code
from xinstruct.code.fences import outside
from xinstruct.code.lexical import blanked
from xinstruct.code.programs import behind_what_comes_first
from xinstruct.code.thinking import final_answer
from xinstruct.code.traits import traits_of
from xinstruct.languages import Language, get
from xinstruct.prompts import render, user

NAME = "paper"
EXPLAIN = "explain"  # explain the solution, then write the function from the explanation alone (HumanEvalExplain's way)


def instruction(language: Language, prompt: str) -> str:
    """Return the user turn for a prompt in a language."""
    return render("benchmark_paper", title=language.title, fence=language.fence, prompt=prompt)


def explaining(problem: Any) -> list[dict[str, str]]:
    """Return the turn that shows a problem's solution without its description and asks for an explanation."""
    language = get(problem.language)
    code = f"{problem.prompt}{problem.solution}".strip("\n")
    return [user(render("explain", title=language.title, fence=language.fence, code=code))]


def regenerating(problem: BenchmarkProblem, explanation: str) -> list[dict[str, str]]:
    """Return the turn that gives an explanation and a header and asks for the function."""
    language = get(problem.language)
    header = problem.prompt.strip("\n")
    asked = render("regenerate", title=language.title, fence=language.fence, explanation=explanation, header=header)
    return [user(asked)]


def without_code(explanation: str) -> str:
    """Remove the fenced blocks of an explanation, so that it cannot pass the code on."""
    return outside(final_answer(explanation)).strip()


def conversation(problem: TranslatedProblem) -> list[dict[str, str]]:
    """Return the messages that a model is given."""
    return [user(problem.instruction)]


def program(problem: TranslatedProblem, answer: str) -> tuple[str, str]:
    """Return the code to judge and the rule that found it; ("", "none") when the answer has no code."""
    code, rule = extract_code(answer, problem.language, problem.function)
    if rule == NONE:
        return "", NONE
    if not defines(code, problem.language, problem.function):
        code, rule = _with_header(problem, code), f"{rule}+header"
    if problem.preamble:
        code = behind_what_comes_first(problem.language, f"{problem.preamble}\n\n\n", code)
    return code, rule


def _with_header(problem: TranslatedProblem, body: str) -> str:
    backend, traits = get(problem.language), traits_of(problem.language)
    if traits.indented:
        body = textwrap.indent(textwrap.dedent(body), "    ")
    closing = "" if traits.indented else "}\n"
    # Some answers close the function they were asked to complete, others stop before its brace.
    text = blanked(problem.language, body)
    if text.count("}") > text.count("{"):
        closing = ""
    return f"{problem.header}{body.rstrip()}\n{closing}{backend.footer()}"
