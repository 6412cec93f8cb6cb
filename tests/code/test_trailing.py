"""Tests, prints and main programs behind an answer go; what the answer needs stays."""

from __future__ import annotations

import pytest

from xinstruct.code.trailing import without_tests

OWN = {
    "python": "LIMIT = 3\n\ndef f(n):\n    return g(n) + LIMIT\n\n\ndef g(n):\n    return n\n",
    "javascript": "const f = (n) => g(n);\nfunction g(n) {\n  return n;\n}\n",
    "typescript": "function f(n: number): number {\n  return n; // as it is\n}\n",
    "java": "class Solution {\n    static long f(long n) {\n        return n;\n    }\n}\n",
    "cpp": "#include <iostream>\n\nlong long f(long long n) {\n    return n;\n}\n",
    "csharp": "using System;\n\nclass Solution\n{\n    static long f(long n)\n    {\n        return n;\n    }\n}\n",
    "php": "<?php\nfunction f(int $n): int {\n    return $n;\n}\n",
}
BEHIND = {
    "python": "\n# Example\ndef test_f():\n    assert f(1) == 4\n\n\nif __name__ == '__main__':\n    print(f(2))\n",
    "javascript": "\n// Tests\nconst result = f(1);\nconsole.log(result);\nmodule.exports = { f };\n",
    "typescript": "\nfunction check() {\n  console.log(f(1));\n}\ncheck();\n",
    "java": "\nclass Main {\n    public static void main(String[] args) {\n        print(Solution.f(1));\n    }\n}\n",
    "cpp": "\nint main() {\n    // Test\n    std::cout << f(1);\n    return 0;\n}\n",
    "csharp": "\nclass Program\n{\n    static void Main()\n    {\n        Console.Write(Solution.f(1));\n    }\n}\n",
    "php": '\necho f(1) . "\\n";\n?>\n',
}


@pytest.mark.parametrize("language", OWN)
def test_what_follows_an_answer_goes_and_the_answer_stays(language: str) -> None:
    assert without_tests(language, OWN[language], "f") == OWN[language]
    short = without_tests(language, OWN[language] + BEHIND[language], "f")
    assert short.startswith(OWN[language].rstrip())
    for word in ("Test", "test", "check", "print", "console", "echo f", "Main", "main(", "exports", "cout <<"):
        assert word not in short


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def f(n):\n    return h(n)\n\nclass A:\n    pass\n\ndef h(n):\n    return n\n"),
        ("python", "def f(n:\n  print(1)\n"),
        ("python", "def g(n):\n    return n\n\nprint(g(1))\n"),
        ("cpp", "int g(int a);\nint f(int a) { return g(a); }\nint g(int a) { return a; }\n"),
        ("javascript", "function f(n) { return table[n]; }\nvar table = [1, 2];\n"),
        ("php", "function f($n) { return $n; }"),
        ("bash", "f() { echo 1; }\nf 1\n"),
    ],
)
def test_what_is_needed_broken_or_of_another_name_is_left(language: str, code: str) -> None:
    assert without_tests(language, code, "f") == code


def test_what_a_comment_announces_as_examples_goes_with_all_that_follows() -> None:
    code = "function first(numbers) {\n    return numbers[0];\n}\n"
    shown = "\n// Example usage:\nconst numbers = [1, 2];\nconsole.log(first(numbers));\n"
    assert without_tests("javascript", code + shown, "first") == code
    table = "function at(x) {\n    return T[x];\n}\n\n// the table\nconst T = { 1: 2 };\n"
    assert without_tests("javascript", table, "at") == table
