"""One small source per language: what is found, what stands alone, which signature it gets."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from xinstruct.mining.extract import Finding, extract, file_reason
from xinstruct.mining.tokens import counter
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
          //      note 1: text comes out twice in a row
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


COUNT = '    """Count the even numbers of a list."""\n'
EVEN = "{\n  let n = 0;\n  for (const x of xs) if (x % 2 === 0) n++;\n  return n;\n}\n"
JSDOC = "/** Counts the even numbers of a list. */\n"
KEPT = [
    *(
        (
            "python",
            f"def f(xs):\n{COUNT}    match xs:\n        case {pattern}:\n            return a + f(b)\n    return 0\n",
        )
        for pattern in (
            "[a, *b]",
            "(a, b)",
            "{'x': a, **b}",
            "complex(real=a, imag=b)",
            "[int() as a, [b]]",
            "[a, b] | {'a': a, 'b': b} if a",
            "[float(a) | int(a), _, *b]",
        )
    ),
    *(
        ("typescript", f"{JSDOC}{lead}function f(xs: number[]): number;\n{more}{lead}function f(xs: any[]): any {EVEN}")
        for lead in ("", "export ")
        for more in ("", f"{lead}function f(xs: string[]): number;\n")
    ),
    ("javascript", JSDOC + "export function* f(xs) { for (const x of xs) if (x % 2 === 0) yield x + 1; }\n"),
    ("typescript", JSDOC + "function* f(xs: number[]) { for (const x of xs) if (x % 2 === 0) yield x + 1; }\n"),
]


@pytest.mark.parametrize(("language", "text"), KEPT)
def test_patterns_overloads_and_generators_are_read(language: str, text: str) -> None:
    found = [one for one in extract(language, text.encode(), 1024) if one.name == "f"]
    assert [one.reason for one in found] == [None]
    assert found[0].doc == "Counts the even numbers of a list." or language == "python"


def test_the_doc_of_another_function_is_not_an_overloads() -> None:
    text = JSDOC + "declare function g(xs: number[]): number;\nfunction f(xs: any[]): any " + EVEN
    assert [one.reason for one in extract("typescript", text.encode(), 1024) if one.name == "f"] == [
        Reason.UNDOCUMENTED
    ]


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


def test_a_comment_inside_a_body_documents_only_when_it_speaks_of_the_function() -> None:
    detail = "function half(x) {\n  // round towards zero first\n  return (x | 0) / 2\n}\n"
    assert mine("javascript", detail)["half"].reason == Reason.UNDOCUMENTED
    above = "/** Half of a whole number. */\n" + detail
    assert mine("javascript", above)["half"].doc == "Half of a whole number."
    credit = "  //  original by: Ann Other\n  //      note 1: halves what it is given\n"
    credit += "  //   example 1: half(4)\n  //   returns 1: 2\n"
    examples = f"function half(x) {{\n{credit}  return x / 2\n}}\n"
    found = mine("javascript", examples)["half"]
    assert found.reason is None and "Ann" not in found.doc and "example 1" in found.doc


def test_a_shell_comment_that_says_only_how_to_call_is_no_doc() -> None:
    body = 'cut_it() {\n  local text=$1\n  echo "${text%%.*}" | tr a-z A-Z\n}\n'
    for head in ("# cut_it <text> [width]\n", "# Requires:\n#   KUBE_ROOT\n# Sets:\n#   KUBE_TEXT\n"):
        assert mine("bash", head + body)["cut_it"].reason == Reason.POOR_DOC
    assert mine("bash", "# Cuts the text at a dot.\n# $1 - text\n" + body)["cut_it"].reason is None


def test_template_parameters_and_global_functions_resolve() -> None:
    cpp = (
        "// The larger one of two.\ntemplate <typename T>\nT larger(const T& a, const T& b) { return a < b ? b : a; }\n"
    )
    assert str(mine("cpp", cpp)["larger"].signature) == "(a: int, b: int) -> int"
    php = "<?php\n/** Length without blanks. */\nfunction size(string $s): int { return \\strlen(\\trim($s)) + 0; }\n"
    assert mine("php", php)["size"].self_contained


def test_sizes_are_counted_by_the_given_tokenizer() -> None:
    text = b'def f(a):\n    """Add one to a number."""\n    return a + 1\n'
    found = next(iter(extract("python", text, 1024, count=lambda code: len(code.split()))))
    assert found.reason is None and found.tokens == 6
    assert next(iter(extract("python", text, 5, count=lambda code: len(code.split())))).reason == Reason.TOO_LONG


def test_a_mark_needs_more_than_names() -> None:
    java = (
        'class Box {\n  static final String[] NAMES = new String[3];\n  static { NAMES[0] = "a"; }\n'
        "  /** The name at a place of the table. */\n"
        "  static String name(int at) { return NAMES[at] + at; }\n"
        "  /** Says a word again and again, so many times. */\n"
        "  static String repeat(String word, int repeat) { return word + repeat(word, repeat - 1); }\n}\n"
    )
    found = mine("java", java)
    assert not found["name"].self_contained and found["repeat"].self_contained
    php = "<?php\nclass Box {\n /** A new box of this kind, never another. */\n"
    php += " static function make($x) { return new %s($x); }\n}\n"
    assert not mine("php", php % "static")["make"].self_contained
    assert mine("php", php % "ArrayObject")["make"].self_contained
    cpp = "int cut(int a, int b) { return a - b; }\n"
    cpp += "// What is left of a number of things.\nint left(int a) { return cut(a%s) + 1; }\n"
    assert mine("cpp", cpp % ", 1")["left"].self_contained and not mine("cpp", cpp % "")["left"].self_contained
    python = 'class A:\n    @staticmethod\n    def f(x):\n        """Add one to a number."""\n        return x + 1\n\n'
    python += '    def g(self):\n        """The size of what is in it."""\n        return self.size + 1\n'
    found = mine("python", python)
    assert found["f"].self_contained and not found["g"].self_contained


@pytest.mark.parametrize(
    ("code", "alone"),
    [
        ("take() { echo $((COUNT + 1)); }", False),
        ("take() { local COUNT=2; echo $((COUNT + 1)); }", True),
        ('take() {\n  names="${names} $1"\n  echo "$names"\n}', False),
        ('take() { LIST+=("$1"); echo "${LIST[@]}"; }', False),
        ("take() { cat < docs/list.txt | sort; }", False),
        ('take() { mkdir -p "$1" && cd "$1" && pwd; }', True),
    ],
)
def test_what_a_shell_function_needs(code: str, alone: bool) -> None:
    head = "#!/bin/bash\nset -e\n\nx=1\n# Take a thing and say what it is.\n"
    assert mine("bash", f"{head}{code}\n")["take"].self_contained is alone


@pytest.mark.parametrize(
    "doc",
    [
        "From Mono.Security.Cryptography",
        "Copied from https://example.org/a.cs",
        "Various integer checks",
        "Helper functions for the unsafe version.",
        "Exposed for testing only.",
        "Note: I distrust the library due to locales.",
        "This overload is used when k is 0.",
        "Can't use std::isinf because it is not there.",
        "const Methods = 'a'.split(',');",
        "biome-ignore lint/suspicious/noShadow: a name of PHP",
        "This script copies lists of files.",
    ],
)
def test_docs_that_say_nothing_of_their_function(doc: str) -> None:
    assert mine("cpp", f"// {doc}\nint half(int a) {{ return a / 2; }}\n")["half"].reason == Reason.POOR_DOC


def test_a_doc_comment_is_taken_and_not_the_note_below_it() -> None:
    text = "/** Half of a number. */\n// package private for tests, keep it so\nfunction half(x) { return x / 2 }\n"
    assert mine("javascript", text)["half"].doc == "Half of a number."


def test_words_are_counted_as_the_whole_text_is(tmp_path: Path) -> None:
    tokenizer = Tokenizer(BPE({"a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġa": 4}, [("a", "b"), ("Ġ", "a")]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    count = counter(str(tmp_path / "tokenizer.json"))
    for text in ("ab a  ab\n", "a", "", "ab a\x1cb  a ", "   ", "aab ab ab ab"):
        assert count(text) == len(tokenizer.encode(text).ids)
