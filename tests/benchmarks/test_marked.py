# ruff: noqa: E501 (programs are easier to read on one line)
"""Programs of benchmarks: which characters are the answer's, and answers that would take their tests away."""

from __future__ import annotations

import pytest

from tests.benchmarks.conftest import PARAMS
from xinstruct.benchmarks.problems import ProgramProblem
from xinstruct.benchmarks.rules import apply, rules
from xinstruct.benchmarks.samples import Answer
from xinstruct.benchmarks.score import judged
from xinstruct.execution.judge import Judge
from xinstruct.languages import futures

PHP = ProgramProblem(
    "add", "php", "<?php\n// Adds.\nfunction add($x, $y) {\n", "add", "}\n\nassert(add(1, 2) === 3);\n", "{code}\n{tests}\n",
    fit_braces=True,
)  # fmt: skip
BASH = ProgramProblem(
    "add", "bash", "#!/bin/bash\n# Adds.\nadd() {\n", "add", "}\n\nset -e\n[[ $(add 1 2) = 3 ]]\n", "{code}\n{tests}\n",
    fit_braces=True,
)  # fmt: skip
PYTHON = ProgramProblem(
    "add", "python", 'from typing import List\n\n\ndef add(x, y):\n    """Adds."""\n', "add",
    "def check(candidate):\n    assert candidate(1, 2) == 3\n", "from typing import *\n{code}\n{tests}\ncheck({function})\n",
)  # fmt: skip
CPP = ProgramProblem(
    "add", "cpp", "#include <assert.h>\nint add(int x, int y) {\n", "add", "}\nint main() { assert(add(1, 2) == 3); }\n",
    "{code}\n{tests}\n", fit_braces=True,
)  # fmt: skip
JAVASCRIPT = ProgramProblem(
    "add", "javascript", "// Adds.\nfunction add(x, y) {\n", "add", "const assert = require('assert');\nassert.equal(add(1, 2), 3);\n",
    "{code}\n{tests}\n",
)  # fmt: skip
# {} is + or -
ANSWERS = {
    "php": [
        "```php\n<?php\nfunction add($x, $y) {{\n    return $x {} $y;\n}}\n?>\n```\n",
        "```php\n<?php\nfunction add($x, $y) {{\n    return $x {} $y;\n}}\nreturn;\n```\n",
        "```php\n<?php\nfunction add($x, $y) {{\n    return $x {} $y;\n}}\n__halt_compiler();\n```\n",
        "```php\nfunction add($x, $y) {{\n    return $x {} $y;\n}}\n```\n",
        "```php\n<?php\nnamespace App;\n\nfunction add($x, $y) {{\n    return $x {} $y;\n}}\n```\n",
    ],
    "bash": [
        "```bash\n#!/bin/bash\nadd() {{\n  echo $(($1 {} $2))\n}}\n\ncat <<USAGE >&2\nusage: add x y\n",
        "```bash\nadd() {{\n  echo $(($1 {} $2))\n}}\nset +e\ntrap 'exit 0' EXIT\n```\n",
        "```bash\nadd() {{\n  echo $(($1 {} $2))\n}}\nreturn 0\n```\n",
        "```bash\nset -u\nadd() {{\n  echo $(($1 {} $2))\n}}\n```\n",
        "```bash\nadd() {{\n  echo $(($1 {} $2))\n}}\n: <<'END'\n```\n",
    ],
    "python": [
        "```python\nfrom __future__ import annotations\n\n\ndef add(x, y):\n    return x {} y\n```\n",
        "```python\ndef add(x, y):\n    return x {} y\n\n\nif __name__ == '__main__':\n    raise SystemExit\n```\n",
        "```python\nimport functools\n\n@functools.lru_cache(None)\ndef add(x, y): return x {} y\n```\n",
        "```python\nfrom __future__ import (\n    annotations,\n)  # types\n\ndef add(x: Odd, y: Odd):\n    return x {} y\n```\n",
    ],
    "cpp": [
        "```cpp\n#include <assert.h>\n#include <limits.h>\nint add(int x, int y) {{ return x {} y; }}\n```\n",
        "```cpp\nint add(int x, int y) {{ return x {} y; }}\n#if 0\n#endif\n```\n",
        "```cpp\n#include <vector>\nusing namespace std;\n#define sum(a, b) ((a) {} (b))\nint add(int x, int y) {{ return sum(x, y); }}\n```\n",
    ],
    "javascript": [
        "```javascript\nfunction add(x, y) {{\n  return x {} y;\n}}\nmodule.exports = {{ add }};\n```\n",
        "```javascript\nconst assert = require('assert');\nconst add = (x, y) => x {} y;\n```\n",
        "```javascript\n/* import x from 'y'\n*/\nfunction add(x, y) {{ return x {} y; }}\nprocess.exitCode = 0;\n```\n",
    ],
}
PROBLEMS = {one.language: one for one in (PHP, BASH, PYTHON, CPP, JAVASCRIPT)}


@pytest.mark.parametrize("language", ANSWERS)
def test_an_answer_is_judged_by_its_tests_whatever_it_ends_in(language: str) -> None:
    texts = [text.format(sign) for sign in "+-" for text in ANSWERS[language]]
    with Judge(PARAMS) as judge:
        rows = judged(
            [Answer(PROBLEMS[language], text, i) for i, text in enumerate(texts)], rules("chat"), judge, "marked"
        )
    half = len(ANSWERS[language])
    assert [(texts[i], row.verdict, row.detail) for i, row in enumerate(rows[:half]) if row.verdict != "passed"] == []
    assert [(texts[half + i], row.verdict) for i, row in enumerate(rows[half:]) if row.verdict == "passed"] == []


def test_what_the_benchmark_wrote_is_no_part_of_the_completion() -> None:
    body = "    return x + y\n"
    own = f"def add(x, y):\n{body}"
    for name, text, given, code in (
        ("completion", body, PYTHON.prompt, body),
        ("chat", f"```python\n{own}```\n", "from typing import List", own),
    ):
        job = PYTHON.job("x", apply(rules(name), PYTHON, text)[0])
        assert job.completion is not None
        start, end = job.completion
        assert job.program[start:end].strip() == code.strip()
        assert job.program[:start] == "from typing import *\n" + given
        assert job.program[end:].startswith("\ndef check")


@pytest.mark.parametrize(
    ("before", "code", "head", "rest"),
    [
        ("import os\n", "from __future__ import annotations\nx = 1\n", "annotations", "\nx = 1\n"),
        (
            "import os\n",
            "from __future__ import (\n    annotations,\n    division,\n)\nx = 1\n",
            "annotations, division",
            "\n\n\n\nx = 1\n",
        ),
        ("import os\n", '"""Text."""\nfrom __future__ import annotations  # why\n', "annotations", '"""Text."""\n\n'),
        ("import os\n", "from __future__ import annotations; x = 1\n", "annotations", "x = 1\n"),
        (
            "x = 1\n",
            's = """\nfrom __future__ import braces\n"""\nfrom __future__ import division\n',
            "division",
            's = """\nfrom __future__ import braces\n"""\n\n',
        ),
        ("x = 1\n", "from __future__ import division as d, annotations\n", "division as d, annotations", "\n"),
    ],
)
def test_future_imports_come_first(before: str, code: str, head: str, rest: str) -> None:
    program, (start, end) = futures.first(before + code + "y = 2\n", (len(before), len(before) + len(code)))
    assert program.startswith(f"from __future__ import {head}\n{before}")
    assert program[start:end] == rest and program[end:] == "y = 2\n"
    compile(program, "program.py", "exec", dont_inherit=True)


@pytest.mark.parametrize("code", ["# from __future__ import x\n", "'''\nfrom __future__ import x\n'''\n", "x = 1\n"])
def test_other_texts_stay(code: str) -> None:
    assert futures.first("import os\n" + code, (10, 10 + len(code))) == ("import os\n" + code, (10, 10 + len(code)))
    first = "# text\nfrom __future__ import annotations\n"
    assert futures.first(first, (0, len(first)))[0].count("__future__") == 1
