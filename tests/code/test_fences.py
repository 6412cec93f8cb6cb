"""Code blocks as CommonMark has them, and as models write them: the function is found whole, and no prose with it."""

from __future__ import annotations

import time

import pytest

from xinstruct.code.extraction import extract_code
from xinstruct.code.fences import blocks_of, outside, tag_of

CODE = "def add(x, y):\n    return x + y\n"
SHORT = "def add(x, y): return x + y\n"
WRONG = "def add(x, y):\n    return x - y\n"
UNDERLINED = 'def add(x, y):\n    """Sum.\n\n    Notes\n    ~~~~~\n    None.\n    """\n    return x + y\n'
QUOTING = 'def add(x, y):\n    """Sum.\n\n    ```\n    add(1, 2)\n    ```\n    """\n    return x + y\n'
FLUSH = 'def add(x, y):\n    """Sum.\n\n```\nadd(1, 2)\n```\n"""\n    return x + y\n'

AS_COMMONMARK = {
    "three": f"Here:\n```python\n{CODE}```\nDone.",
    "blank before the tag": f"``` python\n{CODE}```",
    "closed by more marks": f"```python\n{CODE}`````",
    "blanks behind the closing fence": f"```python\n{CODE}```  \t\nDone.",
    "indented by three": f"   ```python\n   {CODE.replace(chr(10), chr(10) + '   ', 1)}   ```",
    "tildes": f"~~~python\n{CODE}~~~",
    "many tildes": f"~~~~~ python\n{CODE}~~~~~~",
    "in a quotation": "> So:\n> ```python\n> def add(x, y):\n>     return x + y\n> ```\n",
    "in a list item": "1. ```python\n   def add(x, y):\n       return x + y\n   ```\n",
    "in a bulleted item": "- ```python\n  def add(x, y):\n      return x + y\n  ```\n- That is all.\n",
    "in a starred item behind text": "* So:\n\n  ```python\n  def add(x, y):\n      return x + y\n  ```\n",
    "in a nested item": "1. a\n   - b\n     ```python\n     def add(x, y):\n         return x + y\n     ```\n",
    "tenth item": "10. ```python\n    def add(x, y):\n        return x + y\n    ```\n",
    "with attributes": f'```python title="add.py"\n{CODE}```',
    "in braces": f"```{{.python}}\n{CODE}```",
    "with a file's name": f"```python:add.py\n{CODE}```",
    "with a version": f"```python3.11\n{CODE}```",
    "in capitals": f"```PYTHON\n{CODE}```",
    "with a prefix": f"```language-python\n{CODE}```",
    "behind HTML": f"<details>\n<summary>Solution</summary>\n```python\n{CODE}```\n</details>",
}
BROKEN = {
    "closed on the code's line": f"```python\n{CODE.rstrip()}```",
    "closed on the code's line, prose behind": f"```python\n{CODE.rstrip()}```\n\nThis adds.\n",
    "closed on the code's line, another block behind": f"```python\n{CODE.rstrip()} ```\n\nSo:\n```\n3\n```\n",
    "tildes closed on the code's line": f"~~~python\n{CODE.rstrip()}~~~\nDone.",
    "closed before prose": f"```python\n{CODE}``` This adds both.\n",
    "closed before prose without a blank": f"```python\n{CODE}```Explanation: this adds.\n\nBye.",
    "closed before prose, another block behind": f"```python\n{CODE}``` Then call it:\n```python\nadd(1, 2)\n```",
    "behind text": f"**Answer:** ```python\n{CODE}```\n",
    "behind a sentence": f"Sure! Here is the function you asked for: ```py\n{CODE}```\nIt adds.",
    "behind text without a tag": f"Answer: ```\n{CODE}```",
    "behind text, closed on the code's line": f"Answer: ```python\n{CODE.rstrip()}```",
    "behind a heading": f"### Solution ```python\n{CODE}```",
    "left open before the next": f"```python\nimport math\n\n## So\n```python\n{CODE}```",
    "indented too far": "Step:\n    ```python\n    def add(x, y):\n        return x + y\n    ```\n",
    "by a tab": "Step:\n\n\t```python\n\tdef add(x, y):\n\t    return x + y\n\t```\n",
    "not indented in its item": f"1. ```python\n{CODE}   ```\n",
    "bulleted, not indented in its item": f"- ```python\n{CODE}```\n",
    "three around three": f"```markdown\n# Sum\n```python\n{CODE}```\nBye.\n```",
    "four around three": f"````markdown\n# Sum\n\n```python\n{CODE}```\n````",
    "four without a tag around three": f"````\n```python\n{CODE}```\n````\n",
    "tildes around marks": f"~~~md\n```python\n{CODE}```\n~~~\n",
    "left open": f"```python\n{CODE}",
    "left open before prose": f"```python\n{CODE}\nThis function adds both numbers.\n",
    "opened before the answer": f"{CODE}```\n\nThis returns the sum.",
    "opened before the answer, an example behind": f"{CODE}```\n\nFor instance:\n\n```python\nadd(1, 2)\n```\n",
    "opened before the answer, output behind": f"{CODE}```\n\nFor instance:\n\n```\n3\n```\n",
    "opened before the answer, closed on the code's line": f"{CODE.rstrip()}```\nThis returns the sum.",
    "code first, an example in a block": f"{CODE}\nFor instance:\n\n```python\nadd(1, 2)\n```\n",
}
ONE_LINE = {
    "marks alone": "```python def add(x, y): return x + y```",
    "in a sentence": "You can write ```python def add(x, y): return x + y``` for this.",
    "without a tag": "```def add(x, y): return x + y```",
    "a short tag": "```py def add(x, y): return x + y ```\n\nIt adds.",
    "single marks": "Use `def add(x, y): return x + y` here.",
    "double marks": "Use ``def add(x, y): return x + y`` here.",
    "in a list": "- ```python def add(x, y): return x + y```\n- done",
}
KEPT_WHOLE = {
    "tildes in marks": (f"```python\n{UNDERLINED}```", UNDERLINED),
    "tildes in marks, prose around": (f"So:\n\n```python\n{UNDERLINED}```\nNotes\n~~~~~\n", UNDERLINED),
    "marks in more marks": (f"````python\n{QUOTING}````", QUOTING),
    "marks at the line's start in more marks": (f"````python\n{FLUSH}````\nDone.", FLUSH),
    "marks in tildes": (f"~~~python\n{FLUSH}~~~", FLUSH),
    "indented marks in marks": (f"```python\n{QUOTING}```", QUOTING),
    "marks in a comment": (f"```python\n# ```\n# add(1, 2)\n# ```\n{CODE}```", f"# ```\n# add(1, 2)\n# ```\n{CODE}"),
    "marks behind words of a docstring": (
        '```python\ndef add(x, y):\n    """So: ```\n    add(1, 2)\n    ```\n    """\n    return x + y\n```',
        'def add(x, y):\n    """So: ```\n    add(1, 2)\n    ```\n    """\n    return x + y\n',
    ),
    "six around many": (f"``````python\n{FLUSH}``````", FLUSH),
}


@pytest.mark.parametrize("name", AS_COMMONMARK)
def test_a_block_is_found_as_commonmark_has_it(name: str) -> None:
    assert extract_code(AS_COMMONMARK[name], "python", "add") == (CODE, "fence")


@pytest.mark.parametrize("name", BROKEN)
def test_a_block_is_found_where_its_fences_are_broken(name: str) -> None:
    assert extract_code(BROKEN[name], "python", "add")[0] == CODE


@pytest.mark.parametrize("name", ONE_LINE)
def test_a_block_on_one_line_is_found(name: str) -> None:
    assert extract_code(ONE_LINE[name], "python", "add")[0] == SHORT


@pytest.mark.parametrize("name", KEPT_WHOLE)
def test_only_its_own_fence_closes_a_block(name: str) -> None:
    answer, code = KEPT_WHOLE[name]
    assert extract_code(answer, "python", "add") == (code, "fence")


@pytest.mark.parametrize(
    "text",
    [
        "x = '```'\n",
        "t = `a```b`;\n",
        "print('```python\\n' + code + '\\n```')\n",
        "def f():\n    '''Use ```x``` here.'''\n",
        "# ~~~\nx = 1\n",
        "s = 'a ``` b'\n",
    ],
)
def test_marks_within_a_line_of_code_close_nothing(text: str) -> None:
    assert [block.text for block in blocks_of(f"```\n{text}```\n")] == [text]


@pytest.mark.parametrize(
    "info", ["python", "Python ", "{.python}", "{python}", "language-python", "python:a.py", ".python"]
)
def test_the_tag_of_a_fence(info: str) -> None:
    assert tag_of(info) == "python"


# ruff: noqa: E501
COMMENTED = {
    "java": "/**\n * ```java\n * add(1, 2);\n * ```\n */\nstatic long add(long x, long y) {\n    return x + y;\n}\n",
    "typescript": "/**\n * ```\n * add(1, 2) === 3\n * ```\n */\nfunction add(x: number, y: number) {\n  return x + y;\n}\n",
    "javascript": "// So: ```\n// add(1, 2)\n// ```\nfunction add(x, y) {\n  return x + y;\n}\n",
    "cpp": "/// ```cpp\n/// add(1, 2);\n/// ```\nlong add(long x, long y) {\n    return x + y;\n}\n",
    "php": "/**\n * ```php\n * add(1, 2);\n * ```\n */\nfunction add($x, $y) {\n    return $x + $y;\n}\n",
    "bash": "# ```\n# add 1 2\n# ```\nadd() {\n    echo $(($1 + $2))\n}\n",
    "csharp": "/// ```\n/// Add(1, 2)\n/// ```\nstatic long add(long x, long y) => x + y;\n",
}


@pytest.mark.parametrize("language", COMMENTED)
def test_fences_in_comments_of_the_code_close_nothing(language: str) -> None:
    code = COMMENTED[language]
    answer = f"So:\n\n```{language}\n{code}```\n\nFor instance:\n```\nadd(1, 2)\n```\n"
    assert extract_code(answer, language, "add") == (code, "fence")


def test_what_is_outside_of_all_blocks() -> None:
    assert outside(f"a\n```python\n{CODE}```\nb\n~~~\nc\n~~~\nd") == "a\nb\nd"
    assert outside(f"a: ```python\n{CODE.rstrip()}```\nb").split() == ["a:", "b"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_wrong_function_stays_wrong(name: str) -> None:
    answer = BROKEN[name].replace("return x + y", "return x - y")
    assert extract_code(answer, "python", "add")[0] == WRONG


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["a" * 200_000, "word " * 40_000, "` " * 60_000, "```" * 5_000, "<think>" * 5_000, '"' * 30_000]
)
def test_a_long_line_takes_no_long_time(text: str) -> None:
    start = time.process_time()
    extract_code(f"So {text}\n```python\n{CODE}```\n", "python", "add")
    assert time.process_time() - start < 5
