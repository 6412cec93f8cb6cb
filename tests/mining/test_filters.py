"""Text filters, secrets and personal data: each rule by an example that breaks it alone."""

from __future__ import annotations

import pytest

from xinstruct.code.traits import EIGHT
from xinstruct.mining.extract import file_reason
from xinstruct.mining.filters import code_reason, doc_reason, resolved_reason, thresholds
from xinstruct.mining.identify import language_of_content
from xinstruct.mining.licences import holder_of
from xinstruct.mining.secrets import REDACTED, redact, secret_reason
from xinstruct.records import Reason

GOOD = "def total(items):\n    result = 0\n    for item in items:\n        result += item\n    return result\n"


@pytest.mark.parametrize("language", EIGHT)
def test_every_language_has_every_threshold(language: str) -> None:
    assert set(thresholds(language)) == set(thresholds("java"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (GOOD, None),
        (GOOD + f"    x = '{'a' * 250}'\n", Reason.LONG_LINES),
        ("x = (((((((((\n" + "((((((((((([[[[[[[{{{{{{)))))\n" * 3, Reason.LOW_ALPHANUMERIC),
        ("x = 1\n" + "# words of a comment that says nothing new\n" * 4, Reason.COMMENT_SHARE),
        ("\n", Reason.TRIVIAL),
    ],
)
def test_code(code: str, reason: Reason | None) -> None:
    assert (code_reason("python", code) or (None,))[0] == reason


@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        ("Add all items up.", None),
        ("Copyright 2020 Somebody. Licensed under the Apache License", Reason.LICENCE_HEADER),
        ("TODO make this quicker than it is", Reason.POOR_DOC),
        ("inheritdoc ==== ---- ++++ **** ====", Reason.POOR_DOC),
    ],
)
def test_docs(doc: str, reason: Reason | None) -> None:
    assert (doc_reason("python", doc) or (None,))[0] == reason


def test_resolved() -> None:
    assert resolved_reason("java", 4, 1) is None
    assert resolved_reason("java", 0, 0) is None
    assert (resolved_reason("java", 4, 3) or (None,))[0] == Reason.UNRESOLVED


def test_secrets_and_personal_data() -> None:
    assert secret_reason(GOOD) is None
    key = "AKIA" + "IOSFODNN7ABCDEFG"
    found = secret_reason(f'key = "{key}"')
    assert found is not None and found[0] == Reason.SECRET and key not in found[1]
    assert (secret_reason("mail('ada.lovelace@analytical-engines.org')") or (None,))[0] == Reason.PERSONAL_DATA
    assert secret_reason("mail('someone@example.com')") is None
    assert redact("By ada.lovelace@analytical-engines.org") == f"By {REDACTED}"


def test_files_by_rule() -> None:
    assert file_reason("p/third_party/a.cc", b"int a;\n") == Reason.VENDORED
    assert file_reason("p/a.min.js", b"a\n") == Reason.MINIFIED


@pytest.mark.parametrize(
    ("expected", "source", "spoken"),
    [
        ("python", b"import os\n\ndef f(x):\n    return x\n", "python"),
        ("python", b"<?php\nfunction f($x) { return $x; }\n", "php"),
        ("bash", b"#!/usr/bin/env python3\nprint(1)\n", "python"),
        ("bash", b"#!/bin/sh\necho 1\n", "bash"),
        ("typescript", b"#!/usr/bin/env node\nexport const a = 1;\n", "typescript"),
        ("cpp", b"int f(int x) { return x; }\n", "cpp"),
        ("cpp", b"using System;\nclass A { int f() { return 1; } }\n", "csharp"),
        ("java", b"class A { }\n", "java"),
    ],
)
def test_content_against_name(expected: str, source: bytes, spoken: str) -> None:
    assert language_of_content(expected, source) == spoken


def test_holders() -> None:
    assert holder_of({"LICENSE": b"MIT License\n\nCopyright (c) 2013-2020 Ada Lovelace <a@b.org>\n"}) == "Ada Lovelace"
    assert holder_of({"COPYING": b"Copyright [yyyy] [name of copyright owner]\n"}) == ""
    assert holder_of({"package.json": b'{"author": {"name": "Ada"}}'}) == "Ada"


def test_docs_that_lean_on_a_neighbour_are_poor() -> None:
    for doc in (
        "As above, but using std::upper_bound instead.",
        "Same as above for doubles.",
        "Ditto, in reverse order.",
    ):
        assert doc_reason("cpp", doc) == (Reason.POOR_DOC, "leans on its neighbour's doc")
    assert doc_reason("cpp", "As many zeros as the number has digits.") is None


def test_file_headers_and_names_of_functions_are_no_docs() -> None:
    assert doc_reason("csharp", "TypeManager.InitializeSlots(PyType, Type, SlotsHolder?)") is not None
    assert (
        doc_reason("javascript", "package keyers/skeleton\n=======================\n\nMakes a key of a text.")
        is not None
    )
    assert doc_reason("javascript", "Makes a key of a text.") is None
