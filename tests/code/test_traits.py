"""What a language looks like stands in one module; code that analyses programs names no language."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from xinstruct.code import traits
from xinstruct.code.names import NAMES
from xinstruct.code.traits import EIGHT, all_traits, traits_of
from xinstruct.code.types import Type

PACKAGE = Path(traits.__file__).parents[2]
# Modules that may name languages, how often, and why.
NAMED = {
    "benchmarks/recorded.py": (1, "the benchmarks' own programs are Python"),
    "benchmarks/translate.py": (2, "the benchmarks' own programs are Python"),
    "benchmarks/scoring.py": (1, "the paper prints a mean without Python"),
    "dedup/normal.py": (1, "Python's own parser takes its needless parentheses away"),
    "dedup/problems.py": (3, "the benchmarks' own programs are Python"),
    "execution/forks/choice.py": (2, "how a language runs: which ones may fork at a point of their own"),
    "execution/forks/trying.py": (6, "how a language runs: which ones may fork at a point of their own"),
    "execution/mounts.py": (1, "the folder of the interpreter's library, no language"),
    "execution/process/starting.py": (1, "a key of the helper's configuration, no language"),
    "execution/tiers.py": (1, "a key of the helper's configuration, no language"),
    "reporting/load.py": (8, "the columns of the paper's tables"),
    "reporting/scores.py": (4, "the columns of the paper's tables"),
}


def named(path: Path) -> int:
    """How many string literals of a module are a language's name."""
    nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    return sum(isinstance(node, ast.Constant) and node.value in NAMES for node in nodes if _text(node))


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_no_module_but_those_of_the_languages_names_a_language() -> None:
    own = (PACKAGE / "code" / "traits", PACKAGE / "languages", PACKAGE / "code" / "names.py")
    paths = [path for path in PACKAGE.rglob("*.py") if not any(path.is_relative_to(place) for place in own)]
    found = {path.relative_to(PACKAGE).as_posix(): count for path in paths if (count := named(path))}
    assert found == {path: count for path, (count, _) in NAMED.items()}


def test_every_language_looks_like_something_and_runs() -> None:
    looks = {path.stem for path in (PACKAGE / "code" / "traits").rglob("*.py") if traits_of(path.stem).syntax}
    assert looks >= set(EIGHT)
    for name in looks:
        assert any((PACKAGE / "languages" / place / f"{name}.py").exists() for place in ("", "extra")), name


@pytest.mark.parametrize("language", EIGHT)
def test_the_facts_of_a_language_fit_together(language: str) -> None:
    look = traits_of(language)
    assert look.name == language and look.grammar.query() and look.grammar.names_query() and look.known()
    assert all(Type.parse(kind) for kind in look.scalars.values() if kind)
    assert look.family in ("", *EIGHT)
    assert look.definition.format(name="f") != look.definition
    assert look.braces + look.indented + look.closing_line == 1


def test_a_language_without_a_module_is_a_brace_language_without_a_grammar() -> None:
    look = traits_of("formula")
    assert look.stops == ("```", "\n}") and not look.definition
    with pytest.raises(ValueError, match="formula has no grammar"):
        _ = look.grammar
    assert traits_of("base").syntax is None
    assert [one.name for one in all_traits()] == list(EIGHT)
