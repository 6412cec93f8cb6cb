"""What an I-Generator is told, and how it asks an endpoint that does not continue a prefill."""

from __future__ import annotations

from typing import Any

from tests.agents.helpers import snippet
from tests.params import own
from xinstruct.agents.cases import probe
from xinstruct.agents.seeds import Draft, IGenerator
from xinstruct.agents.tasks import Thread
from xinstruct.code.types import Signature
from xinstruct.llm.client import Answer
from xinstruct.params import SeedParams


def section(**changes: Any) -> SeedParams:
    found: SeedParams = own("seed", **({"instruction_tokens": 9, "prefill": "always"} | changes))
    return found


def draft() -> Draft:
    one = snippet("python", "f", "def f(n):\n    return n", Signature.of("int", n="int"), package="numbers-kit")
    return Draft(probe(one, 2), "Ds1", Thread("seed", one.id))


def told(source: str = "doc", **changes: Any) -> str:
    return IGenerator(section(**changes), 1).request(draft(), source).messages[0]["content"]


def test_the_context_of_a_snippet_is_a_choice() -> None:
    plain = told()
    assert "Documentation of the Python function `f(n: int) -> int`:\nDoes it." in plain and "numbers-kit" not in plain
    assert told(context=["doc", "signature"]) == plain
    whole = told(context=["package", "doc", "signature"])
    assert whole.index("From the package numbers-kit:") < whole.index("Documentation of")
    assert "Does it." not in told(context=["signature"]) and "(n: int)" not in told(context=["doc"])
    assert "From the package numbers-kit:" in told("code", context=["package"])


def test_a_sentence_that_was_not_started_is_found() -> None:
    writer, item = IGenerator(section(prefill="never"), 1), draft()
    request = writer.request(item, "doc")
    assert not request.prefill and not request.stop
    start = "Write a Python function `f` that"
    assert request.messages[-1]["content"].endswith(start)
    writer._take(item, Answer("x", f"Sure!\n\n{start} gives back its number. Done.", "stop", 1, 1, False))
    assert item.sentence == "gives back its number."
