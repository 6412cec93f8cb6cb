"""Runs what the backends write, through the judge, many programs at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from tests.params import execution
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge, Verdict
from xinstruct.execution.toolchains import available


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    with Judge(execution(cpu_seconds=10, wall_factor=4)) as made:
        yield made


def need(language: str) -> None:
    if not available(language):
        pytest.skip(f"{language} is not installed")


def job(language: str, code: str, signature: Signature, *rows: Sequence[object], name: str = "f") -> Job:
    return Job(f"{language}:{name}", language, code, name, signature, tuple(Case(tuple(row)) for row in rows))


def outcome(verdict: Verdict) -> list[object]:
    """Per case its value, or its error's text after an exclamation mark."""
    assert verdict.verdict == "passed", (verdict.verdict, verdict.detail, verdict.stderr, verdict.stdout)
    return [f"!{e}" if e else v for v, e in zip(verdict.values, verdict.errors, strict=True)]
