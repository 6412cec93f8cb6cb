"""Duplicates of one language by each kind of evidence, the choice of the kept one, and what is no duplicate."""

from __future__ import annotations

import random

import pytest

from xinstruct.dedup.duplicates import Document, Thresholds, duplicates

LIMITS = Thresholds(0.8, 0.9, 128)
COUNT = """def count(items, word):
    total = 0
    for item in items:
        if item.lower() == word:
            total += 1
    return total
"""
RENAMED = '''def occurrences( texts ,wanted ):
    """How often it occurs."""
    n = 0
    for t in texts:  # each of them
        if (t.lower() == wanted):
            n += 1
    return n
'''


def of(instruction: str, code: str, results: str = "", language: str = "python") -> Document:
    return Document.of(language, instruction, code, results)


def found(*documents: Document) -> dict[int, tuple[int, str, bool]]:
    return {at: (copy.of, copy.evidence, copy.exact) for at, copy in duplicates(documents, LIMITS).items()}


def test_layout_comments_and_names_make_no_other_code() -> None:
    plain = RENAMED.replace("(t.lower() == wanted)", "t.lower() == wanted")
    assert found(of("Count a word.", COUNT), of("How often?", plain)) == {1: (0, "code", True)}


@pytest.mark.parametrize(("old", "new"), [("+=", "-="), ("total = 0", "total = 1"), ("lower", "upper"), ("==", "!=")])
def test_operators_constants_and_called_names_do(old: str, new: str) -> None:
    assert found(of("Count a word.", COUNT), of("How often?", COUNT.replace(old, new, 1))) == {}


def test_equal_instructions_are_duplicates_unless_the_answers_return_different_results() -> None:
    plus, minus = "def f(a, b):\n    return a + b", "def f(a, b):\n    return sum((b, -a))"
    assert found(of("Combine two values.", plus), of("combine  two\nvalues", minus)) == {1: (0, "instruction", True)}
    assert found(of("Combine two values.", plus, "in:1"), of("Combine two values.", minus, "in:2")) == {}
    assert found(of("Combine two values.", plus, "in:1"), of("Combine two values.", minus, "other:2")) != {}


def test_equal_results_are_duplicates_whatever_the_code() -> None:
    one, two = "def f(a):\n    return a * 2", "def g(value):\n    return value + value"
    assert found(of("Double it.", one, "in:1"), of("Add it to itself.", two, "in:1")) == {1: (0, "results", True)}


def test_near_code_is_found_and_its_similarity_is_true() -> None:
    body = "\n".join(f"    total += items[{i}] * weight_{i}" for i in range(20))
    code = f"def f(items):\n    total = 0\n{body}\n    return total\n"
    documents = [of("Weigh.", code), of("Sum up.", code.replace("* weight_7", "- weight_7"))]
    [(at, copy)] = duplicates(documents, LIMITS).items()
    assert (at, copy.of, copy.evidence, copy.exact) == (1, 0, "code", False)
    assert 0.8 <= copy.similarity < 1


def test_every_copy_names_a_kept_one_and_the_order_of_the_others_changes_nothing() -> None:
    codes = [COUNT.replace("total", f"n{i}") for i in range(30)] + [f"def f(x):\n    return x + {i}" for i in range(30)]
    documents = [of(f"Task {i} of its own kind", code) for i, code in enumerate(codes)]
    order = list(range(60))
    random.Random(1).shuffle(order)
    for numbers in (list(range(60)), order):
        copies = duplicates([documents[i] for i in numbers], LIMITS)
        kept = {numbers[at] for at in range(60)} - {numbers[at] for at in copies}
        assert len(kept & set(range(30))) == 1
        assert set(range(30, 60)) <= kept
        assert all(copy.of not in copies for copy in copies.values())


def test_text_that_is_no_code_and_empty_text_are_compared_without_error() -> None:
    odd = ["", ")))((", "\ud800", "x" * 50_000, "def f(:\n  ret urn"]
    documents = [of("Do it", text, language=language) for text in odd for language in ("python", "java", "cobol")]
    assert len(duplicates(documents, LIMITS)) == len(documents) - 1
