"""Exits of trusted tests in the text of one program: a status of 0 goes on to the end instead, where it is reported.

Tests may end with their own exit. In one text with the code under test such an exit looks like any other, so it is
written anew: other statuses still leave at once. Only what is certain to be the tests' own is changed, an exit in the
body of their main (not in a function inside of it) or their last statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from xinstruct.code.lexical import blanked, closing

_CONTROL = re.compile(r"\s*(?:(?:\}\s*)?(?:if|else|for|while|do|switch|try|catch|finally|match|loop)\b.*)?", re.S)


def in_main(language: str, tests: str, main: str, call: str, instead: Callable[[str], str]) -> str:
    """Return tests in which the calls in the body of main become statements: `instead` of the text of the arguments.

    main, call: patterns that end in the bracket that opens the body and the arguments.
    """
    plain = blanked(language, tests)
    found = re.search(main, plain)
    if not found:
        return tests
    first, last = found.end(), closing(plain, found.end() - 1)
    for match in reversed(list(re.finditer(call, plain[:last]))):
        end = closing(plain, match.end() - 1)
        behind = re.match(r"\s*;", plain[end:])
        if match.start() >= first and _of_main(plain[first : match.start()]):
            statement = instead(tests[match.end() : end - 1].strip() or "0")
            tests = tests[: match.start()] + statement + tests[end + (behind.end() if behind else 0) :]
    return tests


def _of_main(before: str) -> bool:
    """Tell whether a place is of the body that `before` begins: all open braces are those of control statements."""
    heads: list[str] = []
    start = round_open = 0
    for at, char in enumerate(before):
        round_open += (char == "(") - (char == ")")
        if char == "{":
            heads.append(before[start:at] if round_open == 0 else "(")
        elif char == "}" and heads:
            heads.pop()
        start = at + 1 if char in "{};" or (char == "\n" and not before[start:at].strip()) else start
    return round_open == 0 and all(_CONTROL.fullmatch(head) for head in heads)


def by_path(language: str, tests: str, words: str, path: str) -> str:
    """Return tests in which the words that a pattern finds, outside of literals, are written behind a path.

    Found by its path, what fails a test is the library's own, whatever the code under test calls by that word.
    """
    for match in reversed(list(re.finditer(words, blanked(language, tests)))):
        tests = tests[: match.start()] + path + tests[match.start() :]
    return tests


def at_end(tests: str, call: str, instead: Callable[[str], str]) -> str:
    """Return tests whose last line, when it is the call, is `instead` of the text of the arguments.

    call: a pattern with the group `status`.
    """
    body = tests.rstrip()
    at = body.rfind("\n") + 1
    found = re.fullmatch(call, body[at:])
    return tests[:at] + instead((found["status"] or "").strip()) + "\n" if found else tests
