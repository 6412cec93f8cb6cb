"""How many tokens a text has: by the student's own tokenizer, or estimated where there is none.

Tokenizers that cut a text as GPT-2's does never join what stands before white space with it. Their counts are added
up from words, each with the white space before it, and code repeats its words: most are known already.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from tokenizers import Tokenizer

Count = Callable[[str], int]
_BYTES_PER_TOKEN = 3.2  # of code under byte-pair tokenizers of some 50,000 entries
_WORD = re.compile(r"\s*\S+|\s+$")
_ODD = re.compile(r"[\x1c-\x1f]")  # white space to Python only
_KNOWN = 200_000  # words held, some 20 MB


def estimate(text: str) -> int:
    """Tokens by the bytes of a text."""
    return int(len(text.encode()) / _BYTES_PER_TOKEN) + 1


@cache
def counter(path: str) -> Count:
    """Counts tokens by a tokenizer.json, special ones left out; estimates when `path` is ""."""
    if not path:
        return estimate
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # the processes are what runs in parallel
    tokenizer = Tokenizer.from_file(path)

    def whole(text: str) -> int:
        return len(tokenizer.encode(text, add_special_tokens=False).ids)

    return _by_words(tokenizer, whole) if _cuts_at_spaces(json.loads(tokenizer.to_str())) else whole


def _cuts_at_spaces(settings: dict[str, Any]) -> bool:
    """Whether words can be counted one by one: GPT-2's pattern, at most digits cut out before, nothing rewritten."""
    cutter = settings["pre_tokenizer"] or {}
    steps = cutter.get("pretokenizers", [cutter])
    last = steps[-1] if steps else {}
    plain = last.get("type") == "ByteLevel" and last.get("use_regex", True) and not last["add_prefix_space"]
    others = all(step["type"] == "Digits" for step in steps[:-1])
    added = settings["added_tokens"] or []
    tight = not any(re.search(r"\s", row["content"]) or row["lstrip"] or row["rstrip"] for row in added)
    return bool(plain and others and tight and settings["normalizer"] is None)


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
