"""Secrets and personal data: found by detect-secrets' patterns; addresses in docs are redacted.

Only the detectors that know a token by its form are used (cloud keys, private keys, JWT, basic auth
and the like): the ones that guess by entropy or by variable names refuse too much ordinary code.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from functools import cache
from typing import Any

from xinstruct.records import Reason

REDACTED = "<redacted>"
_GUESSING = {"KeywordDetector", "IPPublicDetector"}
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,8}\b")
_SAMPLE_ADDRESS = re.compile(
    r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|domain|foo|bar|email|mail|host|company)\b"
    r"|^(?:git|user|foo|bar|me|you|name|john|jane|test)[\w.]*@",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.])\+\d{1,3}[ -]\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?![\w.])")


@cache
def _detectors() -> list[Any]:
    plugins = importlib.import_module("detect_secrets.plugins")
    base = importlib.import_module("detect_secrets.plugins.base").RegexBasedDetector
    found = []
    for module in sorted(item.name for item in pkgutil.iter_modules(plugins.__path__)):
        for name, kind in sorted(vars(importlib.import_module(f"detect_secrets.plugins.{module}")).items()):
            if isinstance(kind, type) and issubclass(kind, base) and kind is not base and name not in _GUESSING:
                found.append(kind())
    return found


def secret_reason(text: str) -> tuple[Reason, str] | None:
    """The kind of secret or personal data in a definition's text, never the value itself."""
    for detector in _detectors():
        if any(pattern.search(text) for pattern in detector.denylist) and any(detector.analyze_string(text)):
            return Reason.SECRET, str(detector.secret_type)
    if _PHONE.search(text):
        return Reason.PERSONAL_DATA, "phone number"
    real = [found for found in _ADDRESS.findall(text) if not _SAMPLE_ADDRESS.search(found)] if "@" in text else []
    return (Reason.PERSONAL_DATA, "address") if real else None


def redact(doc: str) -> str:
    """A doc comment without people's mail addresses and phone numbers."""
    return _PHONE.sub(REDACTED, _ADDRESS.sub(REDACTED, doc) if "@" in doc else doc)
