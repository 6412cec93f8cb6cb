# ruff: noqa: E501 (programs are easier to read on one line)
"""Programs that try to pass without solving the task, or to get out. None may; the machine must not notice."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from tests.params import execution
from xinstruct.code.types import Case, Signature
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox

SIGNATURE = Signature.of("int", n="int")
CASES = (Case((1,), 12345), Case((2,), 54321))
LIMITS = Limits(cpu_seconds=2, wall_factor=2, memory_mb=128, output_kb=64)

# A program's source -> the verdicts it may get. None of them is "passed".
FORGERIES = {
    "leaves on import": ("import sys\nsys.exit(0)", {"forged"}),
    "leaves hard on import": ("import os\nos._exit(0)", {"forged"}),
    "leaves in the function": ("import os\ndef f(n): os._exit(0)", {"forged"}),
    "raises SystemExit": ("def f(n): raise SystemExit(0)", {"runtime_error"}),
    "kills itself": ("import os, signal\ndef f(n): os.kill(os.getpid(), signal.SIGKILL)", {"runtime_error", "forged"}),
    "leaves by atexit": (
        "import atexit, os\natexit.register(lambda: os._exit(0))\ndef f(n): raise SystemExit",
        {"runtime_error"},
    ),
    "equals everything": (
        "class Any(int):\n    def __eq__(self, other): return True\n    def __hash__(self): return 0\ndef f(n): return Any(7)",
        {"wrong_answer"},
    ),
    "equals everything, is no int": (
        "class Any:\n    def __eq__(self, other): return True\n    def __ne__(self, other): return False\ndef f(n): return Any()",
        {"runtime_error", "wrong_answer"},
    ),
    "guesses the nonce": (
        "def f(n):\n    for nonce in ('nonce', '0' * 32, 'f' * 32): print(nonce + '\\t0\\t12345', flush=True)\n    return 0",
        {"wrong_answer"},
    ),
    "prints an end and leaves": ("import os\ndef f(n):\n    print('x\\tend', flush=True)\n    os._exit(0)", {"forged"}),
    "prints results of its own": ("print('0\\t12345\\n1\\t54321\\nend')\ndef f(n): return None", {"wrong_answer"}),
    "repeats the driver's line": (
        "import sys\nframe = sys._getframe()\nwhile frame.f_back: frame = frame.f_back\n"
        "def f(n):\n    import gc, os\n    texts = [t for o in gc.get_objects() if isinstance(o, dict)"
        " for k, t in list(o.items()) if k == 'nonce' and isinstance(t, str)]\n"
        "    caller = sys._getframe(1).f_locals.get('nonce')\n"
        "    for t in {*texts, caller} - {None}:\n"
        "        os.write(1, f'\\n{t}\\t0\\t0\\n{t}\\t0\\t0\\n{t}\\tend\\n'.encode())\n    return 0",
        {"forged", "wrong_answer"},
    ),
    "reads its tests": (
        "import glob\ndef f(n):\n    text = ''.join(open(p, errors='replace').read() for p in glob.glob('**', recursive=True))\n"
        "    return 12345 if '54321' in text else 0",
        {"wrong_answer"},
    ),
    "replaces json": (
        "import json\njson.dumps = lambda *a, **k: '12345'\ndef f(n): return 0",
        {"wrong_answer", "runtime_error"},
    ),
    "prints without end": ("def f(n):\n    while True: print('x' * 1000)", {"output_limit"}),
    "takes all memory": ("def f(n):\n    x = []\n    while True: x.append(bytearray(1 << 20))", {"memory"}),
    "takes all memory at once": ("def f(n): return len(b'1' * (1 << 34))", {"memory", "runtime_error"}),
    "sleeps": ("import time\ndef f(n): time.sleep(60)", {"timeout"}),
}


@pytest.fixture(scope="module")
def forged() -> dict[str, str]:
    params = execution(workers=2, cpu_seconds=2, wall_factor=1.5, memory_mb=128, output_kb=64)
    jobs = [Job(name, "python", code + "\n", "f", SIGNATURE, CASES) for name, (code, _) in FORGERIES.items()]
    with Judge(params) as judge:
        return {verdict.id: verdict.verdict for verdict in judge.judge(jobs)}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORGERIES)
def test_no_forgery_passes(forged: dict[str, str], name: str) -> None:
    assert forged[name] in FORGERIES[name][1]


@pytest.mark.parametrize(
    ("language", "function", "code"),
    [
        ("javascript", "f", "process.stdout.write('0\\t12345\\n'); process.exit(0);\nfunction f(n) { return 12345; }"),
        ("javascript", "f", "function f(n) { return { valueOf() { return 12345; }, toJSON() { return 12345; } }; }"),
        ("php", "f", "<?php\nregister_shutdown_function(function () { exit(0); });\nfunction f($n) { exit(0); }"),
        ("bash", "f", "f() { exec true; }"),
        (
            "cpp",
            "f",
            "#include <cstdlib>\nstruct Leave { Leave() { std::_Exit(0); } } leave;\nint f(int n) { return 0; }",
        ),
    ],
)
def test_no_forgery_passes_elsewhere(judge: Judge, language: str, function: str, code: str) -> None:
    verdict = judge.judge([Job("x", language, code + "\n", function, SIGNATURE, (CASES[1], CASES[0]))])[0]
    assert verdict.verdict in ("forged", "runtime_error", "wrong_answer"), verdict


def python(sandbox: Sandbox, code: str, limits: Limits = LIMITS) -> str:
    """Standard output of a Python program in the sandbox."""
    result = sandbox.run(("python3", "-I", "main.py"), limits, files={"main.py": code})
    return result.stdout.decode()


def test_the_environment_does_not_leak(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "value-that-must-not-leak")
    code = (
        "import glob\nfor p in glob.glob('/proc/*/environ'):\n    try: print(open(p).read())\n    except OSError: pass"
    )
    said = python(sandbox, code + "\nimport os; print(dict(os.environ))")
    assert "must-not-leak" not in said
    assert "PATH" in said


def test_files_outside_cannot_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("text-that-must-not-leak")
    places = [
        str(tmp_path / "secret"),
        str(Path.home()),
        "/etc/shadow",
        "/root/.bashrc",
        str(Path.cwd()),
        "/var",
        "/home",
    ]
    said = python(
        sandbox,
        f"import os\nfor p in {places!r}:\n    print(p, os.path.exists(p) and bool(os.listdir(p) if os.path.isdir(p) else 1))",
    )
    assert "True" not in said, said
    assert not Path("/etc/xinstruct").exists()


def test_other_programs_scratch_is_not_seen(sandbox: Sandbox) -> None:
    python(sandbox, "open('/tmp/left', 'w').write('x'); open('left', 'w').write('x')")
    said = python(sandbox, "import os; print(os.listdir('/tmp'), sorted(os.listdir('.')))")
    assert said.split() == ["[]", "['main.py']"]


def test_nothing_can_be_written(sandbox: Sandbox) -> None:
    places = ["/usr/x", "/etc/x", "/bin/x", "/dev/x", "/x", "/lib/x", "/proc/sys/kernel/core_pattern"]
    code = (
        f"for p in {places!r}:\n    try:\n        open(p, 'w').write('x'); print('wrote', p)\n    except OSError: pass"
    )
    assert python(sandbox, code) == ""
    assert not Path("/usr/x").exists()


def test_the_network_is_not_there(sandbox: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        code = f"import socket\nfor a in (('127.0.0.1', {port}), ('1.1.1.1', 53)):\n    try:\n        socket.create_connection(a, 1); print('connected')\n    except OSError: print('no')"
        assert python(sandbox, code).split() == ["no", "no"]


def test_new_namespaces_and_ptrace_are_refused(sandbox: Sandbox) -> None:
    code = (
        "import ctypes, errno\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "for call in (lambda: libc.unshare(0x10000000), lambda: libc.ptrace(0, 0, 0, 0), lambda: libc.mount(b'a', b'/tmp', b'tmpfs', 0, 0)):\n"
        "    print(call(), errno.errorcode[ctypes.get_errno()])"
    )
    assert python(sandbox, code).splitlines() == ["-1 EPERM"] * 3


@pytest.mark.slow
def test_a_fork_bomb_stays_small_and_ends(sandbox: Sandbox) -> None:
    began = time.monotonic()
    result = sandbox.run(
        ("python3", "-c", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"), LIMITS
    )
    assert result.status != 0
    assert time.monotonic() - began < 10
    assert python(sandbox, "print('alive')") == "alive\n"


def test_a_survivor_in_its_own_session_is_ended(sandbox: Sandbox) -> None:
    token = f"survivor-{os.getpid()}"
    code = f"import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.execvp('sleep', ['{token}', '300'])\n    os._exit(0)\ntime.sleep(0.2)"
    python(sandbox, code)
    time.sleep(0.1)
    lines = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(line.startswith(token.encode()) for line in lines)


def test_the_disk_cannot_be_filled(sandbox: Sandbox) -> None:
    code = (
        "import os\nfor folder in ('.', '/tmp', '/dev/shm'):\n    size = 0\n    try:\n        for i in range(1000):\n"
        "            with open(f'{folder}/{i}', 'wb') as f:\n                f.write(bytes(1 << 20))\n            size += 1\n"
        "    except OSError: pass\n    print(size)\n    for name in os.listdir(folder): os.unlink(f'{folder}/{name}')"
    )
    sizes = [int(line) for line in python(sandbox, code, Limits(cpu_seconds=5, memory_mb=512)).split()]
    assert len(sizes) == 3
    assert all(size <= Limits().scratch_mb for size in sizes)
