"""Normalised messages of programs and compilers, without what depends on the run or the machine.

Every text of a program or a compiler that a verdict keeps is made here, so that the same program gets the same
verdict, to the letter, on every machine. Reports that runtimes write about themselves (of a collector, of native
stacks) are removed; in the rest, addresses, process and user ids, temporary names, clocks and the places of toolchains
are replaced. Output that a program itself derives from a clock or from true randomness stays: nobody can tell that
from a result.
"""

from __future__ import annotations

import json
import re
import signal
from functools import cache
from typing import Any

CUT = 300  # bytes after which the drivers cut the text of an error
_WORD = 60  # characters of a word that is left out where a text was cut; more are no address
_VALUE = 120  # characters of a value that are shown
_DIGITS = 12  # of a float: the last ones depend on the machine's library of mathematics
_SIGNALS = {int(number): signal.strsignal(number) for number in signal.valid_signals()}
_RULE = "=" * 65
# From the first line to before what the second finds, or to the end.
_REPORTS = (
    (r"<--- Last few GCs --->\n", r"^FATAL ERROR"),  # V8, out of memory
    (r"----- Native stack trace -----\n", r"(?!)"),  # V8; the stack of the program follows
    (rf"(?<=executing native code)\. This usually indicates\n|{_RULE}\n\tNative stacktrace:\n", r"(?!)"),  # mono
    (rf"{_RULE}\n\tNative Crash Reporting\n{_RULE}\n", r"^Got a SIG"),
)
_DUMPS = [(re.compile(first), re.compile(last, re.M)) for first, last in _REPORTS]
# What is left and differs. Order counts: a name with an address in it first.
_UNSTABLE = [
    (re.compile(pattern, re.M), replacement)
    for pattern, replacement in (
        (r"\$\$Lambda\$\d+/0x[0-9a-f]+", "$$Lambda"),  # Java: numbered as they are met, at an address
        (r"0x[0-9a-fA-F]{5,}", "0x..."),
        (r"(?<=[\w\]>;])@[0-9a-f]{5,8}\b", "@..."),  # Java: an object's hash
        (r"<[0-9a-f]{32}>", "<...>"),  # mono: an assembly's identity
        (r"(?<=, started )\d{9,}(?=\))", "..."),  # Python: a thread's address
        (r"\(node:\d+\)", "(node)"),
        (r"^ +at .*\bnode:internal/.*\n?", ""),  # V8's stack: a forked node came to the program another way
        (r"\bpid[ =:]\s?\d+", "pid ..."),
        (r"(?<=: line )(\d+:) +\d+ (?=[A-Z])", r"\1 "),  # Bash: a child that a signal ended
        (r"(?i)\b((?:[ug]id|groups)=|(?:user|group) id |[ug]id not found: )\d{5}\b", r"\1..."),
        (r"/tmp/[\w./-]+", "/tmp/..."),  # empty at first: whatever is there has a name that somebody drew
        (r"^\[\d+[.,]\d+s\]", "[...s]"),  # Java's log
        (r"^(real|user|sys)\t\d+m[\d.]+s$", r"\1\t..."),  # Bash's `time`
        (r"\bafter \d+ ms\b", "after ... ms"),  # curl
        (r"(cannot import name '[^'\n]*' from '[^'\n]*') \([^()\n]*\)", r"\1"),  # Python: where the module lies
        (r"(?<![\w.+/-])/(?:[\w.+-]+/){0,12}lib/python3[\d.]*(?=/)", "<python>"),
    )
]
# A line that names an error: as most write it, a panic of Go and of Rust, an exception of Ruby, the end of a runtime.
_INFORMATIVE = re.compile(
    r"(?:PHP )?[\w.\\ ]*(?:Error|Exception|error|Fatal|terminate)\b|panic: |thread '.*' panicked|\S+:\d+:in .*\(\w+\)$"
    r"|FATAL ERROR|Got a SIG|CLR: "
)


def stable(text: str, nonce: str = "") -> str:
    """Return the text without what differs between runs or machines."""
    if nonce:
        text = text.replace(nonce, "<nonce>")
    for first, last in _DUMPS:
        if begin := first.search(text):
            end = last.search(text, begin.end())
            text = text[: begin.start()] + (text[end.start() :] if end else "")
    for pattern, replacement in _UNSTABLE:
        text = pattern.sub(replacement, text)
    for place in _places():
        text = text.replace(place, "<toolchain>")
    return text


@cache
def _places() -> tuple[str, ...]:
    """Return the folders of toolchains outside the system, inner folders first."""
    from xinstruct.execution.mounts import default_view

    return tuple(sorted((inside for _, inside in default_view().folders), reverse=True))


def error(text: str) -> str:
    """Normalise a driver's text of an error. A cut text loses its last word, which may be half an address or path."""
    text = text.strip()
    if len(text.encode("utf-8", "replace")) > CUT - 4:
        text = re.sub(rf" \S{{0,{_WORD}}}$", "", text)
    return stable(text).strip() or "error"


def shown(value: Any, said: bool = False) -> str:
    """Return a short text of a value. said: a program returned it."""
    text = json.dumps(_plain(value, said), ensure_ascii=False)
    return text if len(text) <= _VALUE else text[: _VALUE - 3] + "..."


def _plain(value: Any, said: bool) -> Any:
    if isinstance(value, list):
        return [_plain(item, said) for item in value]
    if isinstance(value, str) and said:
        return stable(value)
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def last_words(text: str, ended_by: int = 0) -> str:
    """Return the most informative line of an error output: the last that names an error, else the last.

    ended_by: the signal that ended the program, which a shell above it names in a last line of its own.
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if ended_by and lines and lines[-1].removesuffix(" (core dumped)") == _SIGNALS.get(ended_by):
        lines.pop()
    informative = [line for line in lines if re.match(_INFORMATIVE, line)]
    return (informative or lines or [""])[-1][:CUT]


def first_error(text: str) -> str:
    """Return a compiler's first line that names an error."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "it does not compile")[:CUT]
