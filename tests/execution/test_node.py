"""JavaScript in forks of a started node: the same as in a node of its own, and nothing of one program in the next."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.execution.conftest import NEEDS_FORKS
from xinstruct.execution import toolchains
from xinstruct.execution.forks import templates
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Result, Sandbox
from xinstruct.languages.javascript import RUN

LIMITS = Limits(cpu_seconds=10, memory_mb=512)
pytestmark = [
    pytest.mark.skipif(not toolchains.available("javascript"), reason="node is not installed"),
    NEEDS_FORKS,
]
COMMAND = "console.log(require('fs').readFileSync('/proc/self/cmdline', 'utf8').includes('template.js'));"
SAME = {
    "command line": "console.log(process.argv, process.execArgv, __filename, require.main === module, process.pid);",
    "surroundings": "console.log(process.cwd(), process.env, Object.keys(globalThis), process.umask(), module.paths);",
    "user and limits": "console.log(process.getuid(), process.getgroups(), "
    "require('fs').readFileSync('/proc/self/limits', 'utf8').replace(/Max (pending signals|nice).*/g, ''));",
    "rights": "console.log(require('fs').readFileSync('/proc/self/status', 'utf8').match(/(Cap|NoNew|Seccomp).*/g));",
    "threads' rights": "const fs = require('fs'); console.log(new Set(fs.readdirSync('/proc/self/task').map("
    "(id) => fs.readFileSync(`/proc/self/task/${id}/status`, 'utf8').match(/(Uid|Cap|NoNew|Seccomp):.*/g).join())));",
    "input": "process.stdin.on('data', (text) => console.log(String(text))).on('end', () => console.log('end'));",
    "uncaught error": "function f() { throw new RangeError('no'); }\nf();",
    "rejection": "Promise.reject(new Error('no')); setTimeout(() => console.log('late'), 50);",
    "status": "process.on('exit', () => console.log('bye')); process.exitCode = 3;",
    "exit": "setTimeout(() => process.exit(4), 1); setInterval(() => {}, 1000);",
    "signal": "process.kill(process.pid, 'SIGKILL');",
    "handled signal": "const on = setInterval(() => {}, 1000); process.on('SIGTERM', () => { console.log('got it'); "
    "clearInterval(on); }); process.kill(process.pid, 'SIGTERM');",
    "files in other threads": "const { promises } = require('fs'); promises.writeFile('a', 'b')"
    ".then(() => promises.readFile('a', 'utf8')).then(console.log);",
    "hashes in other threads": "require('crypto').pbkdf2('a', 'b', 1000, 8, 'sha1', (e, k) => console.log(k));",
    "garbage": "const held = []; for (let i = 0; i < 1500; i++) held.push(Array.from({ length: 1500 }, (_, k) => [k]))"
    "; for (let i = 0; i < 1500; i += 2) held[i] = null; console.log(held[1499][1499][0]);",
    "hot loop": "let s = 0; for (let i = 0; i < 3e7; i++) s = (s * 31 + i) % 1000003; console.log(s);",
    "imported module": "import('node:path').then((path) => console.log(path.join('a', 'b')));",
    "worker": "const { Worker } = require('worker_threads'); new Worker('require(\"worker_threads\").parentPort"
    ".postMessage(6 * 7)', { eval: true }).on('message', console.log);",
    "another process": "console.log(String(require('child_process').execFileSync('node', ['-p', '6 * 7'])));",
    "web assembly": "WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])).then((m) => console.log(m));",
}
LOOK = """
const fs = require("fs");
const memory = fs.openSync("/proc/self/mem", "r");
let found = 0;
for (const line of fs.readFileSync("/proc/self/maps", "utf8").split("\\n")) {
  const place = /^(\\w+)-(\\w+) rw/.exec(line);
  if (!place || line.includes("[v")) continue;
  const [start, end] = place.slice(1).map((text) => parseInt(text, 16));
  const part = Buffer.alloc(1 << 20);
  for (let at = start; at < end; at += part.length) {
    try {
      const size = fs.readSync(memory, part, 0, Math.min(part.length, end - at), at);
      found += (part.subarray(0, size).toString("latin1").match(/needle-in-a-haystac[k]/g) || []).length;
    } catch (_) {}
    part.fill(0);
  }
}
console.log("seen", found > 0);
"""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(1, tier="zygote") as made:
        yield made


def run(sandbox: Sandbox, text: str, fresh: bool = False, **more: str) -> Result:
    """A script in a fork, or in a node of its own."""
    return sandbox.run((*RUN, "d.js"), LIMITS, files={"d.js": text, **more}, stdin=b"in\n", fresh=fresh)


def test_programs_are_forked_unless_they_are_observed(sandbox: Sandbox) -> None:
    assert run(sandbox, COMMAND).stdout == b"true\n"
    assert run(sandbox, COMMAND, fresh=True).stdout == b"false\n"


@pytest.mark.slow
@pytest.mark.parametrize("name", SAME)
def test_a_fork_does_what_a_node_of_its_own_does(sandbox: Sandbox, name: str) -> None:
    forked, fresh = (run(sandbox, SAME[name], fresh) for fresh in (False, True))
    assert forked.reason == fresh.reason == ""
    said = [re.sub(rb"(SEED: )'\d+'", rb"\1", r.stdout) for r in (forked, fresh)]  # chance.py
    assert (forked.status, said[0]) == (fresh.status, said[1])
    own = [re.sub(r"\n    at .*node:internal.*", "", r.stderr.decode()) for r in (forked, fresh)]
    assert own[0] == own[1]


def test_forks_draw_the_random_numbers_of_a_node_of_its_own_and_other_secrets(sandbox: Sandbox) -> None:
    draw = "console.log(Math.random(), crypto.randomUUID())"
    drawn = [run(sandbox, draw, fresh).stdout.split() for fresh in (False, False, False, True)]
    numbers, secrets = zip(*drawn, strict=True)
    assert (len(set(numbers)), len(set(secrets))) == (1, 4)


@pytest.mark.slow
def test_a_fork_finds_nothing_of_the_program_before_it(sandbox: Sandbox) -> None:
    assert run(sandbox, LOOK + "// needle-in-a-haystack").stdout == b"seen true\n"  # it would be found
    for _ in range(2):
        assert run(sandbox, "console.log('needle-in-a-haystack')", **{"plan.json": "needle-in-a-haystack"}).status == 0
        assert run(sandbox, LOOK).stdout == b"seen false\n"


def test_a_fork_holds_no_open_file_of_the_template(sandbox: Sandbox) -> None:
    look = "const fs = require('fs'); console.log(fs.readdirSync('/proc/self/fd').filter((fd) => fd > 2).map((fd) => {"
    look += " try { return fs.readlinkSync('/proc/self/fd/' + fd); } catch (_) { return ''; } }).join('\\n'));"
    found = run(sandbox, look).stdout.decode().split()
    assert not [name for name in found if "socket" in name or "memfd" in name or ".outside" in name or "ns" in name]


def test_without_a_fork_that_works_node_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "PROBE", b"process.abort()")
    with Sandbox(1, tier="zygote") as other:
        assert run(other, COMMAND).stdout == b"false\n"
