"""Secrets and personal data, found by detect-secrets' patterns; addresses in docs are redacted.

Only detectors that recognise a token by its form are used (cloud keys, private keys, JWT, basic auth and the like):
those that guess by entropy or by variable names refuse too much ordinary code.
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
# Letters in a row that a detector's tokens have at least; a text without such a run need not be searched. 0: not named.
_RUN = {"AWSKeyDetector": 16, "ArtifactoryDetector": 8, "AzureStorageKeyDetector": 88, "CloudantDetector": 24,
        "DiscordBotTokenDetector": 23, "GitHubTokenDetector": 36, "GitLabTokenDetector": 20, "IbmCloudIamDetector": 44,
        "IbmCosHmacDetector": 48, "MailchimpDetector": 32, "OpenAIDetector": 20, "PypiTokenDetector": 70,
        "SendGridDetector": 22, "SoftlayerDetector": 64, "SquareOAuthDetector": 43, "StripeDetector": 24,
        "TelegramBotTokenDetector": 35, "TwilioKeyDetector": 32}  # fmt: skip
_LETTERS = re.compile(r"[\w+/=\\-]{8,}")
_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,8}\b")
_SAMPLE_ADDRESS = re.compile(
    r"@(?:[\w-]+\.)*(?:example|test|invalid|localhost|domain|foo|bar|email|mail|host|company)\b"
    r"|^(?:git|user|foo|bar|me|you|name|john|jane|test)[\w.]*@",
    re.IGNORECASE,
)
_PHONE = re.compile(r"(?<![\w.])\+\d{1,3}[ -]\(?\d{2,4}\)?[ -]\d{3,4}[ -]?\d{3,4}(?![\w.])")


@cache
def _detectors() -> list[tuple[int, Any]]:
    plugins = importlib.import_module("detect_secrets.plugins")
    base = importlib.import_module("detect_secrets.plugins.base").RegexBasedDetector
    found = []
    for module in sorted(item.name for item in pkgutil.iter_modules(plugins.__path__)):
        for name, kind in sorted(vars(importlib.import_module(f"detect_secrets.plugins.{module}")).items()):
            if isinstance(kind, type) and issubclass(kind, base) and kind is not base and name not in _GUESSING:
                found.append((_RUN.get(name, 0), kind()))
    return found


def secret_reason(text: str) -> tuple[Reason, str] | None:
    """Return the kind of secret or personal data in a definition's text, never the value itself."""
    longest = max(map(len, _LETTERS.findall(text)), default=0)
    for run, detector in _detectors():
        if run > longest or not any(pattern.search(text) for pattern in detector.denylist):
            continue
        if any(detector.analyze_string(text)):
            return Reason.SECRET, str(detector.secret_type)
    if _PHONE.search(text):
        return Reason.PERSONAL_DATA, "phone number"
    real = [found for found in _ADDRESS.findall(text) if not _SAMPLE_ADDRESS.search(found)] if "@" in text else []
    return (Reason.PERSONAL_DATA, "address") if real else None


def redact(doc: str) -> str:
    """Return a doc comment without people's mail addresses and phone numbers."""
    return _PHONE.sub(REDACTED, _ADDRESS.sub(REDACTED, doc) if "@" in doc else doc)
