"""Code without its comments and doc strings still does the same."""

from __future__ import annotations

import pytest

from xinstruct.code.uncommented import uncommented

CASES = {
    "python": (
        'def f(x):\n    """Says all.\n\n    At length."""\n    # a\n    y = "# no comment"  # b\n    return y\n',
        'def f(x):\n    y = "# no comment"\n    return y',
    ),
    "javascript": (
        "/** Says all. */\nfunction f(x) {\n  // a\n  return '//' + x; // b\n}\n",
        "function f(x) {\n  return '//' + x;\n}",
    ),
    "java": ("int f(int x) {\n  /* ä */ return x; // é\n}", "int f(int x) {\n   return x;\n}"),
    "bash": ('f() {\n  # a\n  echo "# $1"\n}', 'f() {\n  echo "# $1"\n}'),
    "php": ("function f($x) {\n  # a\n  // b\n  return '#' . $x;\n}", "function f($x) {\n  return '#' . $x;\n}"),
}


@pytest.mark.parametrize("language", CASES)
def test_comments_and_doc_strings_are_left_out(language: str) -> None:
    code, bare = CASES[language]
    assert uncommented(language, code) == bare
    assert uncommented(language, bare) == bare
