"""Every shape of answer that models give, per language: what is taken, under which rule."""

from __future__ import annotations

import pytest

from xinstruct.code.extraction import balance_braces, defines, extract_code

PYTHON = "def add(a, b):\n    return a + b\n"
JAVA = "class Solution {\n    public static long add(long a, long b) {\n        return a + b;\n    }\n}\n"

DEFINITIONS = {
    "python": PYTHON,
    "javascript": "const add = (a, b) => a + b;\n",
    "typescript": "function add(a: number, b: number): number {\n  return a + b;\n}\n",
    "java": JAVA,
    "cpp": "#include <vector>\nstd::vector<long>\nadd(const std::vector<long>& a, long b)\n{\n    return a;\n}\n",
    "csharp": "public static long add(long a, long b) => a + b;\n",
    "php": "<?php\nfunction add(int $a, int $b): int {\n    return $a + $b;\n}\n",
    "bash": "add() {\n    echo $(( $1 + $2 ))\n}\n",
}
TAGS = {"cpp": "c++", "csharp": "cs", "bash": "sh", "typescript": "ts", "javascript": "js"}


@pytest.mark.parametrize("language", DEFINITIONS)
def test_fenced_block_of_each_language(language: str) -> None:
    code = DEFINITIONS[language]
    answer = f"Here it is:\n\n```{TAGS.get(language, language)}\n{code}```\nIt adds."
    assert extract_code(answer, language, "add") == (code, "fence")


@pytest.mark.parametrize("language", [name for name in DEFINITIONS if name != "cpp"])
def test_unfenced_answer_of_each_language(language: str) -> None:
    code = DEFINITIONS[language]
    answer = f"Sure, this is the function:\n\n{code}\nThe function returns the sum of both values."
    assert extract_code(answer, language, "add") == (code, "no_fence")


@pytest.mark.parametrize("language", DEFINITIONS)
def test_prose_alone_is_no_code(language: str) -> None:
    assert extract_code("I cannot add(a, b) today.", language, "add") == ("", "none")
    assert extract_code("", language, "add") == ("", "none")
    assert extract_code("```\n```", language, "add") == ("", "none")


def test_matching_tag_goes_before_an_earlier_block() -> None:
    answer = f"```text\nadd(1, 2)\n```\n```python\nprint(add(1, 2))\n```\n```python\n{PYTHON}```"
    assert extract_code(answer, "python", "add") == (PYTHON, "fence")


def test_untagged_or_wrongly_tagged_block_is_taken_when_it_defines_the_function() -> None:
    assert extract_code(f"```\n{PYTHON}```", "python", "add") == (PYTHON, "other_fence")
    assert extract_code(f"```java\n{PYTHON}```", "python", "add") == (PYTHON, "other_fence")


def test_block_without_the_function_is_taken_and_named() -> None:
    assert extract_code("```python\nreturn a + b\n```", "python", "add") == (
        "return a + b\n",
        "fence_without_function",
    )
    assert extract_code("```\nreturn\n```", "python", "add") == ("return\n", "other_fence_without_function")


def test_an_indented_block_is_code_of_its_own() -> None:
    indented = "".join(f"    {line}" if line.strip() else line for line in PYTHON.splitlines(keepends=True))
    assert extract_code(f"Here it is:\n\n{indented}", "python", "add") == (PYTHON, "no_fence")


def test_unclosed_fence_is_the_rest() -> None:
    assert extract_code(f"```python\n{PYTHON}", "python", "add") == (PYTHON, "unclosed_fence")


def test_fence_opened_before_the_answer() -> None:
    assert extract_code(f"{PYTHON}```\n", "python", "add") == (PYTHON, "started_fence")


def test_cut_off_java_is_closed() -> None:
    cut = JAVA.rstrip().removesuffix("}").rstrip().removesuffix("}")
    code, rule = extract_code(f"```java\n{cut}", "java", "add")
    assert rule == "unclosed_fence+closed_braces"
    assert code.count("{") == code.count("}")


def test_java_method_with_the_class_brace_left_over() -> None:
    method = "public static long add(long a, long b) {\n    return a + b;\n}\n"
    assert extract_code(f"```java\n{method}}}\n```", "java", "add") == (method, "fence+dropped_braces")


def test_braces_in_strings_and_comments_do_not_count() -> None:
    code = "String f() {\n    // }\n    return \"}\" + '{';\n}\n"
    assert balance_braces("java", code) == (code, "")


def test_imports_above_an_unfenced_function_are_kept() -> None:
    answer = f"The code:\nimport math\nfrom typing import List\n\n{PYTHON}"
    assert extract_code(answer, "python", "add")[0] == f"import math\nfrom typing import List\n\n{PYTHON}"


def test_a_call_is_no_definition() -> None:
    assert not defines("int x = add(1, 2);", "java", "add")
    assert not defines("return add(1, 2);", "cpp", "add")
    assert not defines("x = add(1, 2)", "python", "add")
    assert defines("static List<Integer> add(int[] a)\n{", "csharp", "add")


def test_windows_line_ends() -> None:
    assert extract_code(f"```python\r\n{PYTHON}```".replace("\n", "\r\n"), "python", "add")[0].startswith("def add")


@pytest.mark.parametrize(
    "code",
    [
        'def add(x, y):\n    """Sum.\n\n    ```\n    add(1, 2)\n    ```\n    """\n    return x + y\n',
        'def add(x, y):\n    """Sum: ```add(1, 2)```."""\n    return x + y\n',
        "def add(x, y):\n    # ```\n    return x + y\n",
        "ADD = 1\n\n\ndef helper(x):\n    return x\n\n\ndef add(x, y):\n    return helper(x) + y\n",
        "def add(x, y):\n    s = `1`\n    return x + y\n".replace("`1`", "'```'"),
    ],
)
def test_an_answer_that_is_code_is_taken_whole(code: str) -> None:
    assert extract_code(code, "python", "add") == (code, "whole_code")


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("javascript", "const open = /[{]/;\n"),
        ("javascript", "const s = `{${'{'}`;\n"),
        ("javascript", "const s = `${`{`}`; // {\n"),
        ("javascript", "const s = '{' + \"}}\" + /\\}\\//.source;\n"),
        ("typescript", "type T = `{${string}`;\n"),
        ("java", 'String s = """\n    {{ "\n    """; char c = \'{\';\n'),
        ("java", "/* { */ // {\nint x = 0;\n"),
        ("csharp", 'var s = @"{""{" + $"{{{1}" + \'{\';\n'),
        ("csharp", 'var s = """\n  { "\n  """;\n'),
        ("csharp", 'var s = $@"{{""{1}";\n'),
        ("cpp", "auto s = R\"x({ \" )\" {)x\"; auto n = 1'000'000; char c = '{';\n"),
        ("cpp", '#define OPEN "{"\n'),
        ("php", "<?php\n$s = '{' . \"{$x['{']}\" . <<<'X'\n{\nX;\n"),
    ],
)
def test_braces_that_open_no_block_are_not_balanced(language: str, code: str) -> None:
    assert balance_braces(language, code) == (code, "")
