"""Types found by calling: everything here runs in the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.agents.helpers import ADD, EXECUTION, snippet
from xinstruct.agents.cases import find_cases, probe
from xinstruct.agents.inference import with_types
from xinstruct.code.types import Signature
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.records import Snippet


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge(EXECUTION) as found:
        yield found


def untyped(language: str, name: str, code: str) -> Snippet:
    made = snippet(language, name, code, ADD)
    made.signature = ""
    return made


FUNCTIONS = [
    ("python", "pairs_sum", "def pairs_sum(items):\n    return [a + b for a, b in zip(items, items[1:])]", "list<int>"),
    ("python", "shout", "def shout(text):\n    return text.upper() + '!'", "string"),
    ("python", "opaque", "def opaque(thing):\n    return thing.size()", ""),
    ("python", "mixed", "def mixed(n):\n    return n if n % 2 else str(n)", ""),
    ("javascript", "initials", "function initials(words) { return words.map((w) => w.charAt(0)).join('') }", "string"),
    ("javascript", "bent", "function bent(text) { return text * 2 + text.width }", ""),
    ("php", "odd", "function odd(array $items) { return array_values(array_filter($items, fn($x) => $x % 2)); }",
     "list<int>"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "name", "code", "returns"), FUNCTIONS, ids=lambda value: str(value)[:12])
def test_types_are_found_by_calling(judge: Judge, language: str, name: str, code: str, returns: str) -> None:
    if not available(language):
        pytest.skip(f"{language} is not installed")
    found = with_types([untyped(language, name, code)], judge)
    assert [str(Signature.from_json(item.signature).returns) for item in found] == ([returns] if returns else [])


def test_a_function_typed_by_calling_gets_cases(judge: Judge) -> None:
    code = "def gaps(numbers):\n    ordered = sorted(numbers)\n    return [b - a for a, b in zip(ordered, ordered[1:])]"
    item = probe(with_types([untyped("python", "gaps", code)], judge)[0], 5)
    find_cases([item], judge, mutants=2, kill_share=0.7)
    assert item.reason is None and len(item.cases) == 5
