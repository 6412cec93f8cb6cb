"""The evil corpus as jobs: evil/LANGUAGE.yaml, one entry per attack.

An attack's `code` stands where an answer would stand. It is judged in every mode it is meant for: "cases" (the function
is called on arguments, values are compared outside), "completion" (a whole program, the code marked), "program" (the
same, nothing marked). f(1) should be 12345 and f(2) 54321.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.files import read_yaml
from xinstruct.languages import names

FOLDER = Path(__file__).with_name("evil")
MODES = ("cases", "completion", "program")
SIGNATURE = Signature.of("int", n="int")
CASES = (Case((1,), 12345), Case((2,), 54321))
# What an answer that solves the task looks like: it must pass among the attacks.
HONEST = {
    "python": "def f(n): return 12345 if n == 1 else 54321\n",
    "javascript": "function f(n) { return n === 1 ? 12345 : 54321; }\n",
    "typescript": "function f(n: number): number { return n === 1 ? 12345 : 54321; }\n",
    "php": "function f($n) { return $n == 1 ? 12345 : 54321; }\n",
    "bash": 'f() { if [ "$1" = 1 ]; then echo 12345; else echo 54321; fi; }\n',
    "java": "static int f(int n) { return n == 1 ? 12345 : 54321; }\n",
    "csharp": "static int F(int n) { return n == 1 ? 12345 : 54321; }\n",
    "cpp": "int f(int n) { return n == 1 ? 12345 : 54321; }\n",
    "c": "int f(int n) { return n == 1 ? 12345 : 54321; }\n",
    "go": "func f(n int) int {\n\tif n == 1 {\n\t\treturn 12345\n\t}\n\treturn 54321\n}\n",
    "rust": "fn f(n: i64) -> i64 { if n == 1 { 12345 } else { 54321 } }\n",
    "ruby": "def f(n)\n  n == 1 ? 12345 : 54321\nend\n",
    "lua": "function f(n)\n  return n == 1 and 12345 or 54321\nend\n",
    "perl": "sub f { my ($n) = @_; return $n == 1 ? 12345 : 54321; }\n",
}


@dataclass(frozen=True)
class Attack:
    """One attack: what it does, its code and surroundings, the verdicts it may get, whether it may run unlimited."""

    language: str
    name: str
    does: str
    code: str
    before: str
    after: str
    function: str
    modes: tuple[str, ...]
    verdicts: tuple[str, ...]
    naive: bool

    @property
    def text(self) -> str:
        """The whole program."""
        return self.before + self.code + self.after

    def job(self, mode: str) -> Job:
        """The job of one mode."""
        ident = f"{self.language}: {self.name} ({mode})"
        if mode == "cases":
            return Job(ident, self.language, self.code, self.function, SIGNATURE, CASES)
        span = (len(self.before), len(self.before) + len(self.code)) if mode == "completion" else None
        return Job(ident, self.language, program=self.text, completion=span)


def attacks(language: str) -> list[Attack]:
    """The attacks of one language's file. A KeyError names what an entry lacks."""
    raw = read_yaml(FOLDER / f"{language}.yaml")
    frame = (raw["before"], raw["after"], raw["function"])
    return [_attack(language, frame, row) for row in raw["attacks"]]


def _attack(language: str, frame: tuple[str, str, str], row: dict[str, Any]) -> Attack:
    naive = bool(row.get("naive", True))
    modes = tuple(row.get("modes", MODES if naive else ("completion",)))  # a bomb is a bomb: once is enough
    return Attack(language, row["name"], row["does"], row["code"], *frame, modes, tuple(row["verdicts"]), naive)


def everything() -> list[Attack]:
    """All attacks."""
    return [attack for language in names() if (FOLDER / f"{language}.yaml").exists() for attack in attacks(language)]


def honest(language: str) -> list[Job]:
    """The honest neighbours: one job per mode."""
    frame = attacks(language)[0]
    return [
        Attack(
            language, "honest", "", HONEST[language], frame.before, frame.after, frame.function, MODES, (), True
        ).job(mode)
        for mode in MODES
    ]
