"""The language of a file's content, compared with the one that its name implies.

Only content that is clearly in another of the mined languages counts as a conflict: a shebang, an opening tag, or marks
of another language with none of its own. Files with unknown names are not identified.
"""

from __future__ import annotations

import re

from xinstruct.code.traits import all_traits, traits_of

_SHEBANG = re.compile(rb"^#!\s*\S*/(?:env\s+(?:-S\s+)?)?([a-z]+)")
_OTHERS = re.compile(rb"sh|zsh|fish|perl|ruby")  # programs of languages that are not mined


def language_of_content(expected: str, source: bytes) -> str:
    """Return the language of a file's first 20 kB; `expected` unless they are clearly in another one."""
    head, traits = source[:20_000], traits_of(expected)
    own = traits_of(traits.family or expected)
    if shebang := _SHEBANG.match(head):
        named = _named_by(shebang.group(1))
        return expected if named in ("", own.name, *traits.programs_too) else named
    everyone = all_traits()
    if found := next((one for one in everyone if one.marked and one.marks and one.marks.match(head)), None):
        return found.name
    if own.marks is None or own.marks.search(head):
        return expected
    spoken = [one.name for one in everyone if one.marks and one.marks.search(head)]
    return spoken[0] if len(spoken) == 1 else expected


def _named_by(program: bytes) -> str:
    """The language that a shebang's program runs, the program itself where it is none of ours, "" when unknown."""
    name = program.decode()
    ours = next((one.name for one in all_traits() if name in one.programs), "")
    return ours or (name if _OTHERS.fullmatch(program) else "")
