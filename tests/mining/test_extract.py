"""One small source per language: what is found, what stands alone, which signature it gets."""

from __future__ import annotations

from textwrap import dedent

import pytest

from xinstruct.mining.extract import Finding, extract, file_reason
from xinstruct.records import Reason


def mine(language: str, text: str, header: str = "") -> dict[str, Finding]:
    return {f.name: f for f in extract(language, dedent(text).lstrip().encode(), 1024, header.encode())}


CASES = {
    "python": (
        '''
        import re
        import requests
        _SPLIT = re.compile(r"[_-]+")

        def camelize(text: str, upper: bool = True) -> str:
            """Turn snake_case text into CamelCase."""
            words = _SPLIT.split(text)
            return "".join(w.title() for w in words)

        def fetch(url: str) -> str:
            """Read a page of the web as text."""
            return requests.get(url).text
        ''',
        "camelize",
        "(text: string) -> string",
        "fetch",
    ),
    "javascript": (
        """
        const STEP = 2
        /**
         * Keep every other number.
         * @param {number[]} items the numbers
         * @returns {number[]} half of them
         */
        export function everyOther (items) {
          return items.filter((_, i) => i % STEP === 0)
        }
        /** Something that needs a module which is not here. */
        function far (x) { return elsewhere(x) + 1 }
        """,
        "everyOther",
        "(items: list<float>) -> list<float>",
        "far",
    ),
    "typescript": (
        """
        import { other } from './other';
        /** Cut the text after so many characters. */
        export function cut(text: string, length: number, tail: string = '...'): string {
          return text.length > length ? text.slice(0, length) + tail : text;
        }
        /** Uses what another file holds. */
        export const far = (text: string): string => other(text) + 'x';
        """,
        "cut",
        "(text: string, length: int) -> string",
        "far",
    ),
    "java": (
        """
        package a.b;
        import java.util.List;
        public final class Texts {
          private static final String PAD = " ";
          /** Pads the text on the left. @param size wanted size */
          @Beta
          public static String padLeft(@Nullable final String text, int size) {
            return Texts.repeat(PAD, size - text.length()) + text;
          }
          private static String repeat(String s, int n) {
            StringBuilder b = new StringBuilder();
            for (int i = 0; i < n; i++) { b.append(s); }
            return b.toString();
          }
          /** Uses a class of another file. */
          public static int far(String text) { return Other.count(text) + text.length(); }
        }
        """,
        "padLeft",
        "(text: string, size: int) -> string",
        "far",
    ),
    "cpp": (
        """
        #include <string>
        #include <vector>
        namespace box {
        #define LIMIT 3
        static int twice(int x) { return 2 * x + LIMIT; }
        // Adds up the doubled numbers of the list.
        int total(const std::vector<int>& items) {
          int sum = 0;
          for (int item : items) sum += box::twice(item);
          return sum;
        }
        // Needs a type of another library entirely.
        int far(const other::Thing& thing) { return thing.size() + 1; }
        }
        """,
        "total",
        "(items: list<int>) -> int",
        "far",
    ),
    "csharp": (
        """
        using System;
        using Vendor.Things;
        public static class Texts {
          /// <summary>Counts how often a letter stands in the text.</summary>
          [Pure]
          internal static int CountOf(this string text, char letter) {
            int count = 0;
            foreach (char c in text) { if (c == letter) { count++; } }
            return count;
          }
          /// <summary>Counts vowels of the text.</summary>
          public static int Vowels(string text, bool y) { return Seen(text, y) + 0; }
          private static int Seen(string text, bool y) { return text.Length + (y ? 1 : 0); }
          /// <summary>Uses a class of another file.</summary>
          public static int Far(string text) { return Thing.Count(text) + text.Length; }
        }
        """,
        "Vowels",
        "(text: string, y: bool) -> int",
        "Far",
    ),
    "php": (
        """
        <?php
        namespace A;
        class Texts {
            const MARK = '-';
            /**
             * Join the words by a mark.
             *
             * @param  string[]  $words
             * @return string
             */
            public static function joined($words) {
                return self::tidy(implode(static::MARK, $words));
            }
            private static function tidy($text) { return trim(strtolower($text)); }
            /** Needs the object. @return string */
            public function far(string $x) { return $this->y . $x . 'abc'; }
        }
        """,
        "joined",
        "(words: list<string>) -> string",
        "far",
    ),
    "bash": (
        """
        #!/usr/bin/env bash
        # Repeat a text.
        # $1 - text
        # $2 - number of times
        repeat_text() {
          local text="$1" count="$2" out=""
          while (( count-- > 0 )); do out+="$text"; done
          printf '%s\\n' "$out"
        }
        # Uses a program that may not be there.
        far() {
          curl -s "$1" | sed 's/a/b/'
        }
        """,
        "repeat_text",
        "(text: string, count: int) -> string",
        "far",
    ),
}


@pytest.mark.parametrize("language", CASES)
def test_self_contained_function_with_signature(language: str) -> None:
    text, name, signature, far = CASES[language]
    found = mine(language, text)
    assert found[name].reason is None
    assert found[name].self_contained, found[name].detail
    assert str(found[name].signature) == signature
    assert found[name].doc and not found[name].doc.startswith(("/", "*", "#", '"'))
    assert not found[far].self_contained


def test_helpers_and_edits() -> None:
    java = mine("java", CASES["java"][0])["padLeft"]
    assert java.code.startswith("public static String padLeft(") and "@" not in java.code
    assert "Texts." not in java.code and "static final String PAD" in java.helpers and "repeat(String s" in java.helpers
    php = mine("php", CASES["php"][0])["joined"]
    assert php.code.startswith("function joined(") and "tidy(implode(MARK" in php.code
    assert "const MARK = '-';" in php.helpers
    python = mine("python", CASES["python"][0])["camelize"]
    assert '"""' not in python.code and python.helpers.splitlines()[0] == "import re"
    cpp = mine("cpp", CASES["cpp"][0])["total"]
    assert "#define LIMIT 3" in cpp.helpers and "box::" not in cpp.code
    csharp = mine("csharp", CASES["csharp"][0])["CountOf"]
    assert "this string" not in csharp.code and "[Pure]" not in csharp.code


def test_types_from_doc_examples() -> None:
    found = mine(
        "javascript",
        """
        module.exports = function double (text) {
          //   example 1: double('ab')
          //   returns 1: 'abab'
          return text + text
        }
        """,
    )["double"]
    assert str(found.signature) == "(text: string) -> string"
    assert "example" in found.doc and "example" not in found.code


def test_doc_joined_from_the_header() -> None:
    source = "#include <string>\nstd::string shout(const std::string& text) {\n  return text + '!' + text + '?';\n}\n"
    header = "#include <string>\n/// Says the text twice and loudly.\nstd::string shout(const std::string& text);\n"
    assert mine("cpp", source)["shout"].reason == Reason.UNDOCUMENTED
    assert mine("cpp", source, header)["shout"].doc == "Says the text twice and loudly."


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('"""Explains a lot of it."""\n    return (((x\n', Reason.PARSE_ERROR),
        ("return x + x * x", Reason.UNDOCUMENTED),
        ('"""Explains a lot of it."""\n    return x', Reason.TRIVIAL),
        ('"""Explains a lot of it."""\n' + "    x = x + 1\n" * 400, Reason.TOO_LONG),
    ],
)
def test_refused_with_reason(body: str, reason: Reason) -> None:
    found = next(extract("python", f"def f(x: int) -> int:\n    {body}\n".encode(), 1024))
    assert found.reason == reason


def test_files_that_are_not_mined() -> None:
    assert file_reason("pkg/tests/test_a.py", b"x = 1\n") == Reason.TEST_CODE
    assert file_reason("a.js", b"var a=1;" * 2000) == Reason.MINIFIED
    assert file_reason("a.py", b"# DO NOT EDIT\nx = 1\n") == Reason.GENERATED
    assert file_reason("pkg/latest.py", b"x = 1\n") is None
