"""What models write behind an answer that is no part of it: a main program, calls that print, checks, tests."""

from __future__ import annotations

import re

from xinstruct.code.lexical import encoded
from xinstruct.code.programs import Part, Program, read, without_entry
from xinstruct.code.traits import traits_of

_FOLLOWS = re.compile(r"^\W*(?:(?:example|sample)s?|test(?:s|ing)?|usage)\b", re.I)


def without_tests(language: str, code: str, name: str) -> str:
    """Return an answer without its main program and without what follows all that its function `name` needs.

    What follows: statements, comments, and definitions that nothing before them names. Whether the answer needs it
    after all, only running it tells. Code that is broken, lacks the function or is of a language whose parts are not
    known (Bash) is returned as it is.
    """
    bare = code if name == traits_of(language).entry else without_entry(language, code)
    program = read(language, bare)
    found = program.find(name) if program is not None and not program.broken else None
    if program is None or found is None:
        return code
    own = (found.types[0] if found.types else found.part).outer
    parts = list(program.parts)
    shown = [at for at, part in enumerate(parts) if part.outer.start_byte >= own.end_byte and _announces(part)]
    parts = parts[: min(shown, default=len(parts))]
    while parts[-1].outer.end_byte > own.end_byte and _is_loose(program, parts[-1]):
        parts.pop()
    lead = len(program.source) - len(encoded(bare))
    short = program.source[lead : parts[-1].outer.end_byte].decode().rstrip() + "\n"
    return short if len(short.strip()) < len(code.strip()) else code


def _announces(part: Part) -> bool:
    """Tell whether a part is a comment that says that examples or tests follow."""
    return part.kind == "other" and "comment" in part.node.type and bool(_FOLLOWS.search(part.text))


def _is_loose(program: Program, part: Part) -> bool:
    """Tell whether a part is a statement or a comment, or a definition that is named nowhere before it."""
    if part.kind == "other" or not part.name:
        return part.kind != "import"
    before = program.source[: part.outer.start_byte].decode()
    return not re.search(rf"(?<!\w){re.escape(part.name)}(?!\w)", before)
