"""Jobs for the judge, and the programs that are built from them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from xinstruct.code.types import Case, Signature, cases_from_json
from xinstruct.execution import toolchains
from xinstruct.languages import Program, Unsupported, get, names
from xinstruct.languages.common import PLAN
from xinstruct.records import Sample


@dataclass(frozen=True)
class Job:
    """One thing to judge: `code` with a function, its signature and cases, or a whole asserting `program`.

    completion: (start, end), the characters of the program that are the code under test; the rest is then trusted.
    by_status: the program passes when it ends with status 0, as many graders count, even if it stopped early.
    """

    id: str
    language: str
    code: str = ""
    function: str = ""
    signature: Signature | None = None
    cases: tuple[Case, ...] = ()
    program: str = ""
    completion: tuple[int, int] | None = None
    by_status: bool = False


def of_sample(sample: Sample, code: str | None = None, ident: str = "") -> Job:
    """Return a sample's cases as a job for its own code, or for another answer's `code`; `ident` defaults to its id.

    Raises ValueError when signature or cases cannot be read, or when there are no cases: anything would pass.
    """
    cases = tuple(cases_from_json(sample.cases))
    if not cases:
        raise ValueError("the sample has no cases")
    own = sample.code if code is None else code
    signature = Signature.from_json(sample.signature)
    return Job(ident or sample.id, sample.language, own, sample.function, signature, cases)


def build(job: Job, nonce: str) -> Program:
    """Return the job's program. Raises Unsupported, or toolchains.Missing when the language is not installed."""
    if job.language not in names():
        raise Unsupported(f"unknown language {job.language!r}; known: {', '.join(names())}")
    language = get(job.language)
    toolchains.version(job.language)
    if job.program:
        if job.by_status:
            return language.standalone(job.program, nonce)
        if job.completion:
            if not 0 <= job.completion[0] <= job.completion[1] <= len(job.program):
                raise Unsupported(f"the completion {job.completion} does not lie within the program")
            return language.marked(job.program, job.completion, nonce)
        return language.asserting(job.program, nonce)
    if not job.function or job.signature is None:
        raise Unsupported("neither a function with a signature nor a program")
    return language.driver(job.code, job.function, job.signature, [list(case.args) for case in job.cases], nonce)


def together(job: Job, nonce: str, reason: str) -> Program:
    """Return a job's program with tests and completion in one process, after they could not be kept apart."""
    return dataclasses.replace(get(job.language).asserting(job.program, nonce), note=f"{reason}; run in one process")


def sources(program: Program) -> Program:
    """Return the program for the compiler: without the plan, so that code cannot include it."""
    return dataclasses.replace(program, files={n: text for n, text in program.files.items() if n != PLAN})
