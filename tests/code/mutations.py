# ruff: noqa: E501
"""Answers in eight languages as models might write them: code in fences, prose and thinking of every kind.

`answers()` is a hypothesis strategy of (language, whether it is right, the code, the text around it).
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

CODES = {
    "python": [
        "def add(x, y):\n    return x OP y\n",
        'from typing import List\n\n\ndef same(a):\n    return a\n\n\ndef add(x, y):\n    """Sum.\n\n    >>> add(1, 2)\n    3\n    """\n    return same(x) OP y\n',
    ],
    "javascript": [
        "function add(x, y) {\n  return x OP y;\n}\n",
        "const open = /[{`]/;\n\n/**\n * Adds.\n */\nconst add = (x, y) => {\n  return x OP y;\n};\n",
    ],
    "typescript": [
        "function add(x: number, y: number): number {\n  return x OP y;\n}\n",
        "type Two = [number, number];\n\nconst add = (x: number, y: number): number => {\n  const two: Two = [x, y];\n  return two[0] OP two[1];\n};\n",
    ],
    "java": [
        "class Solution {\n    public static long add(long x, long y) {\n        return x OP y;\n    }\n}\n",
        'import java.util.*;\n\npublic class Main {\n    static String open = "{";\n\n    static long add(long x, long y) {\n        return x OP y;\n    }\n}\n',
    ],
    "cpp": [
        "long add(long x, long y) {\n    return x OP y;\n}\n",
        "#include <vector>\nusing namespace std;\n\nlong same(long a) { return a; }\n\nlong add(long x, long y) {\n    return same(x) OP y;\n}\n",
    ],
    "csharp": [
        "public static long add(long x, long y) => x OP y;\n",
        "using System;\n\nclass Solution\n{\n    public static long add(long x, long y)\n    {\n        return x OP y;\n    }\n}\n",
    ],
    "php": [
        "<?php\nfunction add($x, $y) {\n    return $x OP $y;\n}\n",
        "<?php\n\n/**\n * Adds.\n */\nfunction add(int $x, int $y): int\n{\n    return $x OP $y;\n}\n",
    ],
    "bash": [
        "add() {\n    echo $(($1 OP $2))\n}\n",
        '#!/bin/bash\n\nadd() {\n    local x="$1" y="$2"\n    echo $((x OP y))\n}\n',
    ],
}
TAGS = {
    "python": ("python", "py", "Python", "python3", "{.python}", "python:add.py"),
    "javascript": ("javascript", "js", "JavaScript", "js title=add.js"),
    "typescript": ("typescript", "ts", "TypeScript"),
    "java": ("java", "Java", "java17"),
    "cpp": ("cpp", "c++", "C++", "c++17"),
    "csharp": ("csharp", "cs", "c#", "C#"),
    "php": ("php", "PHP"),
    "bash": ("bash", "sh", "shell"),
}
BEFORE = (
    "",
    "Here is the solution:\n\n",
    "Sure! I'd write it so:\n",
    "### Solution\n\n1. Take both.\n2. Add them.\n\n",
    "Let `x` and `y` be two numbers. It's simple:\n\n",
    "> Add two numbers.\n\n",
    "First install it:\n\n```text\nnothing to do\n```\n\nThen:\n\n",
    "| a | b |\n|---|---|\n| 1 | 2 |\n\n",
    "<details>\n<summary>Code</summary>\n\n",
    "---\n\n",
)
AFTER = (
    "",
    "\nIt adds both numbers.\n",
    "\n**Explanation:** `add` returns the sum of `x` and `y`; don't worry.\n",
    "\n- O(1) time\n- O(1) space\n",
    "\nExample output:\n\n```text\n3\n```\n",
    "\nOutput:\n\n```\n3\n```\n\nThat is all.\n",
    "\n</details>\n",
    "\n> Note: {x} stays.\n",
    "\n---\n\nLet me know!\n",
)
FENCES = (
    "three",
    "four",
    "tildes",
    "blank",
    "none",
    "item",
    "bullet",
    "quoted",
    "glued",
    "prose",
    "behind",
    "open",
    "started",
    "bare",
    "markdown",
    "nested",
    "far",
    "longer",
    "loose item",
)
THOUGHTS = (
    "",
    "",
    "",
    "<think>\n{draft}\n</think>\n\n",
    "<thinking>{draft}</thinking>",
    "{draft}\n</think>\n",
    "<reasoning>\nHm. {draft}\nNo.\n</reasoning>\n",
    "<|channel|>analysis<|message|>{draft}<|end|><|start|>assistant<|channel|>final<|message|>",
    "[THINK]{draft}[/THINK]\n",
)


class Mutated(NamedTuple):
    language: str
    right: bool
    code: str
    text: str
    fence: str


def indented(code: str, lead: str) -> str:
    return "".join(f"{lead}{line}" if line.strip() else line for line in code.splitlines(keepends=True))


def quoted(code: str) -> str:
    return "".join(f"> {line}" if line.strip() else ">\n" for line in code.splitlines(keepends=True))


def in_fence(kind: str, tag: str, code: str) -> str:
    bare = code.rstrip("\n")
    return {
        "three": f"```{tag}\n{code}```\n",
        "four": f"````{tag}\n{code}````\n",
        "tildes": f"~~~{tag}\n{code}~~~\n",
        "blank": f"``` {tag}\n\n{code}\n```  \n",
        "none": f"```\n{code}```\n",
        "item": f"1. So:\n\n   ```{tag}\n{indented(code, '   ')}   ```\n",
        "bullet": f"- ```{tag}\n{indented(code, '  ')}  ```\n",
        "quoted": f"> ```{tag}\n{quoted(code)}> ```\n\n",
        "glued": f"```{tag}\n{bare}```\n",
        "prose": f"```{tag}\n{code}``` This adds them.\n",
        "behind": f"The answer: ```{tag}\n{code}```\n",
        "open": f"```{tag}\n{code}",
        "started": f"{code}```\n",
        "bare": code,
        "markdown": f"````markdown\n# Sum\n\n```{tag}\n{code}```\n````\n",
        "nested": f"```markdown\n# Sum\n\n```{tag}\n{code}```\n```\n",
        "far": f"Step:\n    ```{tag}\n{indented(code, '    ')}    ```\n",
        "longer": f"```{tag}\n{code}``````\n",
        "loose item": f"2. ```{tag}\n{code}```\n",
    }[kind]


@st.composite
def answers(draw: st.DrawFn) -> Mutated:
    language = draw(st.sampled_from(sorted(CODES)))
    right = draw(st.booleans())
    template = draw(st.sampled_from(CODES[language]))
    code, other = (template.replace("OP", sign) for sign in ("+-" if right else "-+"))
    tag, kind = draw(st.sampled_from(TAGS[language])), draw(st.sampled_from(FENCES))
    before, after = draw(st.sampled_from(BEFORE)), draw(st.sampled_from(AFTER))
    if kind == "started":
        before = ""
    if kind in ("open", "bare"):
        after = "" if kind == "open" else after.replace("\n", "\n\n", 1)
    if kind == "bare" and "```" in before + after:
        before = after = ""
    draft = f"Maybe:\n```{tag}\n{other}```\nor not."
    thought = draw(st.sampled_from(THOUGHTS)).replace("{draft}", draft)
    text = thought + before + in_fence(kind, tag, code) + after
    return Mutated(language, right, code, text.replace("\n", draw(st.sampled_from(("\n", "\r\n")))), kind)
