# ruff: noqa: E501 (programs are easier to read on one line)
"""How programs of JavaScript end, what makes a module, and tests that are reached later or never."""

from __future__ import annotations

import pytest

from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.languages.javascript import is_module
from xinstruct.languages.javascript_tests import counted

ASSERT = "const assert = require('assert');\n"
ENDS = [
    "if (f(1) !== 2) { console.error('bad'); process.exitCode = 1; }\n",
    "if (f(1) !== 2) process.exitCode = '2';\n",
    "setTimeout(() => { if (f(1) !== 2) process.exitCode = 1; }, 20);\n",
    "process.on('exit', () => { if (f(1) !== 2) process.exitCode = 1; });\n",
    "const test = require('node:test');\n" + ASSERT + "test('f', () => { assert.strictEqual(f(1), 2); });\n",
    "const { describe, it } = require('node:test');\n"
    + ASSERT
    + "describe('f', () => { it('a', async () => assert.equal(f(1), 2)); it('b', () => {}); });\n",
    "const test = require('node:test');\n"
    + ASSERT
    + "test('f', (t, done) => { setTimeout(() => { assert.equal(f(1), 2); done(); }, 5); });\n",
    ASSERT + "setInterval(() => {}, 1000).unref();\nassert.equal(f(1), 2);\n",
    ASSERT + "process.on('exit', () => { assert.equal(f(1), 2); });\n",
]
LATER = [
    "(async () => { assert.equal(await f(1), 2); })();\n",
    "async function main() { assert.equal(await f(1), 2); }\nmain().catch(e => { console.error(e); process.exit(1); });\n",
    "f(1).then(r => { assert.equal(r, 2); });\n",
    "f(1).then(function (r) { assert.strictEqual(r, 2) }).then(() => console.log('x'), () => { assert.fail('no'); });\n",
    "const go = async () => { try { const r = await f(1); assert.deepEqual(r, 2); } catch (e) { process.exit(1); } };\ngo();\n",
    "(async () => { console.assert((await f(1)) === 2); process.exit(0) })();\n",
]
NO_MODULES = [
    "/*\n  import { f } from './f.js';\n*/\n",
    "const t = `\nexport default 1\n`;\n",
    "// x\nconst s = `\nimport fs from 'fs'\nexport { x }\n`;\n",
    "/**\n * @example\n * import x from 'y'\n   export const q = 1;\n */\n",
    "const u = `${`\nimport a from 'b'\n`}`;\n",
    "const s = \"\\\nimport x from 'y'\";\n",
    "const later = () => import('fs');\n",
]
MODULES = [
    "import assert from 'node:assert';\n",
    "/* x */ import * as assert from 'assert';\n",
    "const a = 1; import { equal } from 'assert';\n",
    "const t = `\nimport x`;\nexport default t;\n",
    "import 'fs'\n",
    "export const x = 1;\n",
]


def job(code: str, tests: str, marked: bool = True) -> Job:
    return Job(
        f"{code}{tests}{marked}", "javascript", program=code + tests, completion=(0, len(code)) if marked else None
    )


@pytest.mark.slow
def test_an_exit_code_ends_a_program_as_it_ends_node(judge: Judge) -> None:
    right, wrong = "function f(n) { return n + 1; }\n", "function f(n) { return n - 1; }\n"
    both = [job(code, tests, marked) for code in (right, wrong) for tests in ENDS for marked in (True, False)]
    both.append(job("", "import 'assert';\nawait new Promise(() => {});\n", marked=False))
    found = judge.judge(both)
    half = 2 * len(ENDS)
    assert [(v.id, v.verdict) for v in found[:half] if v.verdict != "passed"] == []
    assert [(v.id, v.verdict) for v in found[half:] if v.verdict not in ("wrong_answer", "runtime_error")] == []
    assert max(v.run_cpu for v in found) < 2


def test_assertions_that_are_never_reached_do_not_count_as_held(judge: Judge) -> None:
    right, never = (
        "async function f(n) { await null; return n + 1; }\n",
        "function f(n) { return new Promise(() => {}); }\n",
    )
    found = judge.judge([job(code, "\n" + ASSERT + tests) for code in (right, never) for tests in LATER])
    assert [(v.id, v.verdict) for v in found[: len(LATER)] if v.verdict != "passed"] == []
    assert [(v.id, v.verdict) for v in found[len(LATER) :] if v.verdict != "runtime_error"] == []
    assert "0 of 1 assertions of the tests were reached" in found[-1].detail


@pytest.mark.parametrize("text", [*NO_MODULES, *MODULES])
def test_only_a_statement_makes_a_module(text: str) -> None:
    assert is_module(text + "function f(n) { return n; }\n") == (text in MODULES)


def test_assertions_under_conditions_are_not_waited_for() -> None:
    for tests in (
        "(async () => { if (x) { assert.ok(1); } })();",
        "async function unused() { assert.ok(1); }",
        "p.catch(() => { assert.ok(1); });",
        "f().then(() => {}, () => { assert.ok(1); });",
        "(async () => { try { await f(); } catch (e) { assert.ok(e); } })();",
        "emitter.on('error', async () => { assert.ok(1); });",
        "(async () => { await f(); assert.fail('x'); })();",
    ):
        assert counted("javascript", tests, "heard") == (tests, 0)


def test_a_module_is_run_before_tests_that_require(judge: Judge) -> None:
    codes = [
        "import fs from 'fs';\nimport {{ join as j, sep }} from 'path';\nimport * as os from 'os';\nfs.existsSync(j('a', sep, os.EOL));\nexport default function f(n) {{ return n {} 1; }}\n",
        "const f = (n) => n {} 1;\nexport default f;\n",
        "function f(n) {{ return n {} 1; }}\nexport {{ f }};\n",
        "export const f = n => n {} 1;\n/* export x */ const t = `export`;\n",
        "import os from 'os'; import {{join}}from'path';\nexport let k = 1, f = n => n {} k, {{ a: [g], ...h }} = {{ a: [join, os] }};\n",
        "export * from 'os';\nexport {{ sep }} from 'path';\nexport function f(n) {{ return `\nexport default 1\n`.length === 18 ? n {} 1 : 0; }}\n",
        "const one = await Promise.resolve(1);\nexport const here = import.meta.url;\nexport function f(n) {{ return n {} one; }}\n",
        "const os = require('os');\nexport function f(n) {{ return os ? n {} 1 : 0; }}\nmodule.exports = {{ f }};\n",
        "import assert, {{ equal as same }} from 'assert';\nfunction f(n) {{ same(n, 1); return n {} 1; }}\n",
        "import 'fs'\nexport class A {{}}\nexport async function g() {{}}\nfunction f(n) {{ return n {} 1; }}\n",
    ]
    found = judge.judge(
        [job(code.format(sign), f"\n{ASSERT}assert.equal(f(1), 2);\n") for sign in "+-" for code in codes]
    )
    assert [v.verdict for v in found] == ["passed"] * len(codes) + ["wrong_answer"] * len(codes)


def test_one_half_may_import_what_the_other_one_requires(judge: Judge) -> None:
    requires = "const os = require('os');\nfunction f(n) {{ return os ? n {} 1 : 0; }}\nmodule.exports = {{ f }};\n"
    imports = "import os from 'os';\nexport default function f(n) {{ return os ? n {} 1 : 0; }}\n"
    tests = [ASSERT, "import assert from 'node:assert/strict';\n"]
    jobs = [
        job(code.format(sign), f"\n{lead}assert.equal(f(1), 2);\n", marked)
        for sign in "+-"
        for code in (requires, imports)
        for lead in tests
        for marked in (True, False)
    ]
    assert [v.verdict for v in judge.judge(jobs)] == ["passed"] * 8 + ["wrong_answer"] * 8


def test_a_module_that_never_ends_passes_no_tests(judge: Judge) -> None:
    wrong = "export function f(n) { return n - 1; }\n"
    ends = [
        "await new Promise(() => {});",
        "await 0; process.exit(0);",
        "import process from 'process'; process.exit();",
    ]
    jobs = [job(wrong + end, f"\n{ASSERT}assert.equal(f(1), 2);\n") for end in [*ends, "if (0) {", "/*", "throw null"]]
    assert not {"passed", "timeout", "infrastructure"} & {v.verdict for v in judge.judge(jobs)}
