"""The programs that are measured: (language, text), each with its own assertions, most right, some wrong.

Those of public benchmarks when their files are where bench/verdicts/places.py says, else short ones made here.
``humaneval-x``: those of HumanEval-X and McEval. ``multipl-e``: MultiPL-E's programs of HumanEval, in the four
languages for which HumanEval-X has answers (TypeScript's are JavaScript's), with a broken variant of the answer as the
wrong ones; McEval's in the others.
"""

from __future__ import annotations

from itertools import zip_longest

from bench.verdicts import canonical
from bench.verdicts.completions import canonical as completed
from bench.verdicts.completions import numbered
from xinstruct.benchmarks.problems import about, load
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge

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


_ENDED = ("passed", "wrong_answer", "runtime_error")
_ANSWERS = {"cpp": "cpp", "java": "java", "javascript": "javascript", "typescript": "javascript"}


def programs(
    language: str, limit: int, source: str = "humaneval-x", judge: Judge | None = None
) -> tuple[str, Programs]:
    """Return the source and at most `limit` of its programs; two sets take turns. multipl-e needs the judge."""
    if canonical.DATA.is_dir():
        if source == "multipl-e" and judge and language in _ANSWERS:
            return "MultiPL-E", _multipl_e(language, limit, judge)
        sets = [[t for t in each() if t.language == language] for each in _SETS.get(language, (canonical.mceval,))]
        tasks = [task for turn in zip_longest(*sets) for task in turn if task and not task.skip][:limit]
        sources = " + ".join(dict.fromkeys(task.source for task in tasks))
        return sources, [(language, _text(task, i)) for i, task in enumerate(tasks)]
    texts = [_MADE[language].format(k=k, c=5 + 3 * k + (k % WRONG_EVERY == 3)) for k in range(limit)]
    return "made here", [(language, text) for text in texts]


def _multipl_e(language: str, limit: int, judge: Judge) -> Programs:
    tests = numbered(load(about("multipl_e", language), canonical.DATA, judge))
    answers = numbered(load(about("humaneval_x", _ANSWERS[language]), canonical.DATA, judge))
    by_number: dict[int, list[Job]] = {}
    for each in completed(answers, tests, tests, variants=1):
        by_number.setdefault(each.number, []).append(each.theirs)
    chosen = [jobs[-1 if i % WRONG_EVERY == 3 else 0] for i, jobs in enumerate(by_number.values())]
    verdicts = judge.judge(chosen)  # a broken one may never end, and an adapted one may not compile
    ended = [job for job, verdict in zip(chosen, verdicts, strict=True) if verdict.verdict in _ENDED]
    return [(language, job.program) for job in ended[:limit]]


def _text(task: canonical.Task, index: int) -> str:
    return task.before + (task.stub if index % WRONG_EVERY == 3 else task.solution) + task.after
