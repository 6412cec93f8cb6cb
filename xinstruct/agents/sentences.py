"""The sentences of a problem that say something: which a small teacher's text keeps.

Left out are sentences that stand there already, rules that repeat the prose, and what is about code instead of
results (which library call is used, how long it takes). A problem that says too little without them fails its
sufficiency gate, where an answer is written from its words alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MIN_RULE = 3  # words
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-Z`\"'])")
_WORD = re.compile(r"\w+|[<>=!+*/%^&|-]+")
_FILLERS = frozenset({
    "a", "an", "the", "thi", "that", "it", "i", "are", "be", "of", "in", "to", "as", "for", "function", "should",
    "must", "will", "given",
})  # fmt: skip
_SUBJECT = (
    r"(?:the |this |your )?(?:function|solution|method|implementation|code|it)(?: `?\w+`?)?(?: should| must| will)?"
)
_VERBS = r"using|iterates?|loops?|scans?|calls?|utili[sz]es?|employs?|relies|creates?|initiali[sz]es?"
_ABOUT_CODE = re.compile(
    rf"^{_SUBJECT} (?:uses?(?! (?:an? |the )?[\w-]*(?:based|separator|order|format))|{_VERBS})\b"
    r"|\buse[sd]?(?: of)? (?:the |a |an )?(?:built-?in\b|`[A-Za-z_:][\w.:]*(?:\(\))?`)"
    r"|\busing (?:the |a |an )?(?:built-?in\b|(?:for|while)[ -]loop|`[A-Za-z_:][\w.:]*(?:\(\))?`)"
    r"|\b(?:built-?in|deterministic|pure function|side effects?|lambda|readab\w+)\b"
    r"|\b(?:time|space) complexity\b|\b(?:linear|constant|quadratic|logarithmic) (?:in )?(?:time|space)\b|\bO\([^)]*\)"
    r"|\b(?:should|must|may|can|do)(?:es)? not (?:use|rely on|call|employ)\b"
    r"|\bsame results? for (?:every|all|the same)\b|\bdesigned to\b|\befficien\w+\b"
    r"|\bhandles? (?:\w+ ){0,3}edge cases\b|\bhandles? (?:\w+ ){1,4}of any (?:length|size|kind)\b"
    r"|\bkeeps its arguments\b|\bexternal (?:packages?|librar\w+|dependenc\w+)\b"
    r"|\b(?:gracefully|correctly|properly)\W*$"
    # of another language than the reader's; "a Python function" is put right elsewhere
    r"|(?<!\w)(?:Python|JavaScript|TypeScript|Java|PHP|Bash|C\+\+|C#)(?!\w)(?! (?:function|program|method|script))"
    # names that a library of one language has
    r"|\b(?:Math|Arrays|Collections|Objects|Character|Integer|StringBuilder|JSON|System|Console|Enumerable|std)(?:\.|::)\w+"
    r"|\b(?:HashMap|HashSet|ArrayList|StringBuilder|unordered_(?:map|set)|defaultdict)\b"
    # what the writer was told about its own work
    r"|\b(?:see|as) (?:the|this|any) (?:\w+ )?code\b|\b(?:given|same|reference|original) (?:code|implementation)\b"
    r"|\b(?:test cases?|reference solution|programming language|programmers?)\b",
    re.I,
)
_SIGNATURE = re.compile(
    rf"^{_SUBJECT} (?:takes?|accepts?|receives?|has)\b[^,;]{{0,80}}"
    r"(?:(?: as (?:an? |its )?(?:input|argument|parameter)s?)|\b(?:arguments?|parameters?|inputs?))\.?$",
    re.I,
)


def telling(text: str) -> str:
    """Return prose without sentences about code, and without those that stand in it before."""
    return " ".join(s for s in dict.fromkeys(_SENTENCE.split(text)) if not _ABOUT_CODE.search(s))


def further(text: str, rules: Sequence[str]) -> tuple[str, ...]:
    """Return the rules that say more than a sentence of the prose, or a rule before them, says already."""
    said = [_content(sentence) for sentence in _SENTENCE.split(text)]
    kept = []
    for rule in map(telling, rules):
        if (
            len(rule.split()) >= MIN_RULE
            and not _SIGNATURE.match(rule)
            and not any(_content(rule) <= known for known in said)
        ):
            kept.append(rule)
            said.append(_content(rule))
    return tuple(kept)


def _content(sentence: str) -> set[str]:
    """Return the words that say something, without the s of plurals and verbs."""
    return {word.rstrip("s") for word in _WORD.findall(sentence.lower())} - _FILLERS
