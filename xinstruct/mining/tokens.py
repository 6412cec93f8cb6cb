"""The number of tokens of a text, by the student's own tokenizer, or estimated without one.

Tokenizers that split text like GPT-2's never join the text before white space with it. Their counts are summed over
words, each with the white space before it, and code repeats its words: most are known already.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cache

from tokenizers import Tokenizer

Count = Callable[[str], int]
_BYTES_PER_TOKEN = 3.2  # of code under byte-pair tokenizers of some 50,000 entries
_WORD = re.compile(r"\s*\S+|\s+$")
_ODD = re.compile(r"[\x1c-\x1f]")  # white space to Python only
_KNOWN = 200_000  # words held, some 20 MB


def estimate(text: str) -> int:
    """Estimate tokens from the bytes of a text."""
    return int(len(text.encode()) / _BYTES_PER_TOKEN) + 1


@cache
def counter(path: str) -> Count:
    """Return a function that counts tokens by a tokenizer.json without special ones; it estimates when `path` is ""."""
    if not path:
        return estimate
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the processes are what runs in parallel
    tokenizer = Tokenizer.from_file(path)

    def whole(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return _by_words(tokenizer, whole) if _cuts_at_spaces(tokenizer) else whole


def _cuts_at_spaces(tokenizer: Tokenizer) -> bool:
    """Tell whether words can be counted one by one: GPT-2's pattern, at most digits split before, no rewriting."""
    if tokenizer.pre_tokenizer is None or tokenizer.normalizer is not None:
        return False
    cutter = json.loads(tokenizer.pre_tokenizer.__getstate__())
    *before, last = cutter.get("pretokenizers", [cutter])
    plain = last["type"] == "ByteLevel" and last.get("use_regex", True) and not last["add_prefix_space"]
    added = tokenizer.get_added_tokens_decoder().values()
    tight = not any(re.search(r"\s", token.content) or token.lstrip or token.rstrip for token in added)
    return bool(plain and tight and all(step["type"] == "Digits" for step in before))


def _by_words(tokenizer: Tokenizer, whole: Count) -> Count:
    known: dict[str, int] = {}

    def count(text: str) -> int:
        if _ODD.search(text):
            return whole(text)
        words = _WORD.findall(text)
        if fresh := list({word for word in words if word not in known}):
            if len(known) > _KNOWN:
                known.clear()
                return count(text)
            found = tokenizer.encode_batch_fast(fresh, add_special_tokens=False)
            known.update(zip(fresh, map(len, found), strict=True))
        return sum(map(known.__getitem__, words))

    return count
