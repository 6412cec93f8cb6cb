"""The programs that are measured: (language, text), each with its own assertions, most right, some wrong.

Those of public benchmarks when the folder ``shared/benchmarks`` lies beside the repository, else short ones made here.
"""

from __future__ import annotations

from itertools import zip_longest

from tests.execution import canonical

WRONG_EVERY = 8  # one program in so many is a wrong one
Programs = list[tuple[str, str]]

# {k} makes each another program; {c} is what it is compared with
_MADE = {
    "python": "def total(n):\n    return sum(i * i + {k} for i in range(n))\n\n\nassert total(3) == {c}\n",
    "javascript": "const assert = require('assert');\nfunction total(n) {{\n  let s = 0;\n"
    "  for (let i = 0; i < n; i++) s += i * i + {k};\n  return s;\n}}\nassert.strictEqual(total(3), {c});\n",
    "typescript": "import * as assert from 'assert';\nfunction total(n: number): number {{\n  let s = 0;\n"
    "  for (let i = 0; i < n; i++) s += i * i + {k};\n  return s;\n}}\nassert.strictEqual(total(3), {c});\n",
    "java": "import java.util.*;\npublic class Main {{\n  static long total(List<Integer> n) {{\n    long s = 0;\n"
    "    for (int i : n) s += i * i + {k};\n    return s;\n  }}\n  public static void main(String[] args) {{\n"
    "    if (total(Arrays.asList(0, 1, 2)) != {c}) throw new AssertionError();\n  }}\n}}\n",
    "cpp": "#include <bits/stdc++.h>\nusing namespace std;\nlong total(const vector<int>& n) {{\n  long s = 0;\n"
    "  for (int i : n) s += i * i + {k};\n  return s;\n}}\n#undef NDEBUG\n#include <cassert>\n"
    "int main() {{ assert(total({{0, 1, 2}}) == {c}); }}\n",
    "csharp": "using System;\nusing System.Collections.Generic;\nclass Program {{\n"
    "  static long Total(List<int> n) {{ long s = 0; foreach (int i in n) s += i * i + {k}; return s; }}\n"
    "  static void Main() {{ if (Total(new List<int> {{ 0, 1, 2 }}) != {c}) throw new Exception(); }}\n}}\n",
    "php": "<?php\nfunction total($n) {{\n    $s = 0;\n    foreach ($n as $i) $s += $i * $i + {k};\n"
    "    return $s;\n}}\n"
    "assert(total([0, 1, 2]) === {c});\n",
    "bash": 'total() {{ local s=0 i; for i in "$@"; do s=$((s + i * i + {k})); done; echo $s; }}\n'
    "[[ $(total 0 1 2) = {c} ]] || exit 1\n",
}
LANGUAGES = tuple(_MADE)
_SETS = {"python": (canonical.humaneval,), "javascript": (canonical.humaneval_x,)}
_SETS |= dict.fromkeys(("java", "cpp"), (canonical.humaneval_x, canonical.mceval))


def programs(language: str, limit: int) -> tuple[str, Programs]:
    """Where they are from, and at most `limit` of them; two sets take turns."""
    if canonical.DATA.is_dir():
        sets = [[t for t in each() if t.language == language] for each in _SETS.get(language, (canonical.mceval,))]
        tasks = [task for turn in zip_longest(*sets) for task in turn if task and not task.skip][:limit]
        sources = " + ".join(dict.fromkeys(task.source for task in tasks))
        return sources, [(language, _text(task, i)) for i, task in enumerate(tasks)]
    texts = [_MADE[language].format(k=k, c=5 + 3 * k + (k % WRONG_EVERY == 3)) for k in range(limit)]
    return "made here", [(language, text) for text in texts]


def _text(task: canonical.Task, index: int) -> str:
    return task.before + (task.stub if index % WRONG_EVERY == 3 else task.solution) + task.after
