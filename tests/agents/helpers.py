"""Shared by the tests of the agents: samples, snippets, and a teacher that knows the right answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from tests.params import execution, own
from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.llm.client import Answer, Request
from xinstruct.params import SeedParams, SynthesizeParams
from xinstruct.records import Sample, Snippet, content_id

EXECUTION = execution(cpu_seconds=10, wall_factor=4)
RATING = "Yes"
SCORER = {"form": "yes_no", "weights": {}, "minimum": 4.0, "cutoff": 1.5}
ADD = Signature.of("int", a="int", b="int")
ADD_CASES = [Case((1, 2), 3), Case((5, -1), 4), Case((0, 7), 7)]


def synthesis(**changes: Any) -> SynthesizeParams:
    """The synthesize section of a small run with a weak teacher: sentences, started answers, translations."""
    base: dict[str, Any] = {
        "rounds": 2, "discussions": 6, "agents": 2, "centralized_share": 0.5, "base": "random", "memory_capacity": 4,
        "similarity": 0.95, "memory_shown": 2, "reflection": True, "reflection_notes": 2,
        "operations": {"carry_over": 1.0}, "shapes": {"one_to_one": 1.0}, "tasks": {"translation": 1.0}, "form": "text",
        "new_signature": "keep", "agreement_inputs": 12, "mutants": 0, "cases": 6, "targets": "uniform",
        "target_weights": {}, "block_chars": 400, "prompt_tokens": 40, "prompt_temperature": 0.0, "candidates": 2,
        "wave": 2, "temperature": 0.4, "max_tokens": 100, "examples": 2, "example_order": ["memory", "fixed", "peers"],
        "scorer": SCORER, "rate_failures": 0, "prefill": "always",
    }  # fmt: skip
    found: SynthesizeParams = own("synthesize", **(base | changes))
    return found


def seeding(**changes: Any) -> SeedParams:
    """The seed section of a small run with a weak teacher: sentences about mined functions, in their order."""
    base: dict[str, Any] = {
        "per_language": 3, "tries_per_language": 9, "difficulty_from": 0.0, "difficulty_to": 1.0, "order": "simplest",
        "per_package": 0, "form": "text", "inspire_share": 0.0, "response": "function", "revisions": 0,
        "sufficiency": False,
        "cases": 6, "mutants": 0, "instruction_tokens": 40, "instruction_temperature": 0.7, "candidates": 1, "wave": 0,
        "max_tokens": 100, "examples": 1, "scorer": SCORER, "prefill": "always",
        "wordings": 1, "also_in": 0, "min_statements": 0,
    }  # fmt: skip
    found: SeedParams = own("seed", **(base | changes))
    return found


def sample(language: str, function: str = "add", response: str = "", **changes: Any) -> Sample:
    """A verified seed of a sum of two numbers."""
    code = response or CODE[language]
    fields: dict[str, Any] = {
        "id": content_id(language, function, code),
        "kind": "Ds1",
        "language": language,
        "instruction": f"Write a function `{function}` that adds two numbers.\n\nmore",
        "response": code,
        "function": function,
        "signature": ADD.to_json(),
        "cases": cases_to_json(ADD_CASES),
        "parents": [f"p-{language}-{function}"],
        "snippets": [f"s-{language}-{function}"],
        "licenses": ["MIT" if language == "python" else "Apache-2.0"],
    }
    return Sample(**(fields | changes))


CODE = {
    "python": "def add(a, b):\n    return a + b\n",
    "javascript": "function add(a, b) {\n    return a + b;\n}\n",
    "php": "<?php\n\nfunction add(int $a, int $b): int {\n    return $a + $b;\n}\n",
    "bash": "add() {\n    echo $(( $1 + $2 ))\n}\n",
}
BODIES = {
    "python": "    return a + b\n",
    "javascript": "    return a + b;\n}\n",
    "php": "    return $a + $b;\n}\n",
    "bash": "    echo $(( a + b ))\n}\n",
}


def snippet(language: str, name: str, code: str, signature: Signature, **changes: Any) -> Snippet:
    """A mined function."""
    fields: dict[str, Any] = {
        "id": content_id(language, name, code), "language": language, "name": name, "code": code, "doc": "Does it.",
        "signature": signature.to_json(), "self_contained": True, "tokens": len(code) // 4, "source": "folder",
        "package": "own", "version": "1", "archive_sha256": "", "path": "x", "start_line": 1, "end_line": 2,
        "license": "MIT",
    }  # fmt: skip
    return Snippet(**(fields | changes))


def as_served(body: str, stops: tuple[str, ...]) -> str:
    """A body as a server continues a prefill: a line break first, cut before a stop string."""
    text = f"\n{body}" if body else ""
    return text[: min((text.index(stop) for stop in stops if stop in text), default=len(text))]


STATED: dict[str, Any] = {
    "name": "add",
    "parameters": [{"name": "a", "type": "int"}, {"name": "b", "type": "integer"}],
    "returns": "int",
    "problem": "Given two whole numbers, return what a child gets who counts on from the first by the second.",
    "rules": ["A negative second number counts back.", "Zero changes nothing."],
    "rule": "Seven counts as eight.",
    "calls": [[1, 2], [5, -1], [0, 7], [3, 3]],
}
Rates = str | Callable[[Request], str]


class Oracle:
    """Has the Client's `ask`; `body(request)` writes an answer's code, `rating` is its rating, the rest is canned."""

    def __init__(
        self, body: Callable[[Request], str], sentence: str = "adds two whole numbers", rating: Rates = RATING
    ) -> None:
        self.body, self.sentence, self.rating = body, sentence, rating
        self.asked: list[Request] = []
        self.usage = dict.fromkeys(("calls", "cached", "prompt_tokens", "completion_tokens", "errors"), 0)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def ask(self, requests: Sequence[Request], desc: str = "asking") -> list[Answer]:
        self.asked += requests
        answers = []
        for request in requests:
            if request.id.startswith("score-"):
                text = self.rating if isinstance(self.rating, str) else self.rating(request)
            elif request.schema:
                text = json.dumps({name: STATED[name] for name in request.schema["properties"]})
            elif request.id.endswith(("-prompt", "-instruction")):
                text = f" {self.sentence}. And more."
            else:
                text = as_served(self.body(request), request.stop)
            self.usage["calls"] += 1
            self.usage["completion_tokens"] += len(text.split())
            answers.append(Answer(request.id, text, "stop", 1, len(text.split()), False))
        return answers
