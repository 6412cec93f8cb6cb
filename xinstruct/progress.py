"""Progress on stderr: bars with rate and time left, and all other messages printed beside them.

A bar is redrawn five times a second on a terminal and once in ten seconds in a log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from functools import partialmethod
from typing import Any

from tqdm import tqdm

from xinstruct.processes import rank

TICK = 1.0  # seconds between two looks at a count that grows by itself
_TERMINAL, _LOG = 0.2, 10.0  # seconds between two drawings of a bar


def bar(
    items: Iterable[Any] | None = None, *, total: int | None = None, desc: str, unit: str, initial: int = 0
) -> tqdm[Any]:
    """Return a bar over `items`, or one that is moved by update(); update(0) redraws it when that is due."""
    interval = _TERMINAL if sys.stderr.isatty() else _LOG
    return tqdm(
        items,
        total=total,
        desc=desc,
        unit=unit,
        initial=initial,
        mininterval=interval,
        miniters=0,
        file=sys.stderr,
        disable=rank() > 0,
    )


def say(text: str) -> None:
    """Print a line to stderr, above the bars where stderr is a terminal; only the first of several processes does."""
    if rank():
        return
    if sys.stderr.isatty():
        tqdm.write(text, file=sys.stderr)
    else:
        print(text, file=sys.stderr, flush=True)


def quiet_libraries() -> None:
    """Switch other libraries' bars off where stderr is no terminal, unless they were asked for.

    Some use tqdm without a switch of their own (transformers' dequantising). Errors and warnings stay.
    """
    if not sys.stderr.isatty():
        tqdm.__init__ = partialmethod(tqdm.__init__, disable=True)  # type: ignore[assignment,method-assign]


class Answers:
    """A bar of answers that are being generated: how many are finished, tokens so far, tokens per second.

    Tokens are those of all answers if `made` is called, else those of finished answers.
    """

    def __init__(self, total: int, desc: str, unit: str) -> None:
        self.bar = bar(total=total, desc=desc, unit=unit)
        self.tokens = 0
        self.note = ""  # shown behind the rate
        self._finished, self._live, self._begun = 0, False, time.monotonic()
        self._drawn = 0.0

    def made(self, tokens: int) -> None:
        """Set the number of tokens generated so far, including those of unfinished answers."""
        self._live = True
        self.tokens = max(self.tokens, tokens)
        self._show()

    def finished(self, tokens: int) -> None:
        """Count one more finished answer with its tokens."""
        self._finished += tokens
        self.tokens = max(self.tokens, self._finished)
        self.bar.update()
        self._show()

    @property
    def seconds(self) -> float:
        """The time since the bar was opened."""
        return time.monotonic() - self._begun

    @property
    def rate(self) -> float:
        """Tokens per second since the bar was opened."""
        return self.tokens / max(self.seconds, 1e-9)

    def _show(self, last: bool = False) -> None:
        if last or self.seconds - self._drawn >= _TERMINAL:
            self._drawn = self.seconds
            which = "" if self._live else " in finished answers"
            shown = f"{self.tokens:,} tokens{which}, {self.rate:.0f} tokens/s{self.note}"
            self.bar.set_postfix_str(shown, refresh=False)
            self.bar.update(0)

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *error: object) -> None:
        if not any(error):
            self.tokens = self._finished  # what a restarted engine made twice counts once
        self._show(last=True)
        self.bar.close()
