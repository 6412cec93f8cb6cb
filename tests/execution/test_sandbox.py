# ruff: noqa: E501 (programs are easier to read on one line)
from __future__ import annotations

import os
import pwd
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from xinstruct.execution import box, mounts
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import ESSENTIAL, Sandbox
from xinstruct.files import BadInput
from xinstruct.languages.python import RUN

LIMITS = Limits(cpu_seconds=2, wall_factor=2, memory_mb=256, output_kb=64)


def test_the_self_test_holds_all_that_matters(sandbox: Sandbox) -> None:
    assert all(sandbox.guarantees[name] for name in ESSENTIAL)


def test_output_status_and_input(sandbox: Sandbox) -> None:
    result = sandbox.run(("bash", "-c", "cat; echo no >&2; exit 3"), LIMITS, stdin=b"yes")
    assert (result.stdout, result.stderr, result.status, result.reason) == (b"yes", b"no\n", 3, "")


@pytest.mark.slow
def test_it_ends_in_silence() -> None:
    """Processes that wait for a next program, and workers that were never asked, go without a word."""
    script = """
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
for count in (1, 2, 1, 2):
    with Sandbox(count) as sandbox:
        assert sandbox.run(("true",), Limits(cpu_seconds=2)).status == 0
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_signal_is_told(sandbox: Sandbox) -> None:
    result = sandbox.run(("bash", "-c", "kill -SEGV $$"), LIMITS)
    assert (result.status, result.signal) == (128 + signal.SIGSEGV, signal.SIGSEGV)


def test_an_unknown_command_ends_with_127(sandbox: Sandbox) -> None:
    assert sandbox.run(("no-such-command",), LIMITS).status == 127


@pytest.mark.slow
def test_cpu_time_of_all_processes_counts(sandbox: Sandbox) -> None:
    code = "import os\nfor i in range(9):\n    if os.fork() == 0:\n        while True: pass\n    os.wait()"
    result = sandbox.run(("python3", "-c", code), Limits(cpu_seconds=1, wall_factor=8))
    assert result.reason == "cpu"
    assert result.cpu >= 1


def test_wall_time_guards(sandbox: Sandbox) -> None:
    result = sandbox.run(("sleep", "60"), Limits(cpu_seconds=1, wall_factor=1))
    assert result.reason == "wall"
    assert result.wall < 5


def test_a_program_may_call_itself_anything(sandbox: Sandbox) -> None:
    """A process's name is bytes, which the worker reads when it measures."""
    code = r"import ctypes, time; ctypes.CDLL(None).prctl(15, b'\xff) \xfe 1'); time.sleep(0.5); print('done')"
    assert sandbox.run(("python3", "-c", code), LIMITS).stdout == b"done\n"


@pytest.mark.slow
def test_memory_is_limited_over_all_processes(sandbox: Sandbox) -> None:
    child = "x = b'1' * (100 << 20); time.sleep(3); os._exit(0)"
    code = f"import os, time\nfor i in range(4):\n    if os.fork() == 0: {child}\ntime.sleep(3)"
    result = sandbox.run(("python3", "-c", code), LIMITS)
    assert result.reason == "memory"


def test_a_compilers_folder_is_kept_and_shown(sandbox: Sandbox) -> None:
    folder = sandbox.folder()
    (folder / "source").write_text("text")
    assert sandbox.run(("cp", "source", "made"), LIMITS, folder=folder, writable=True).status == 0
    assert (folder / "made").read_text() == "text"
    result = sandbox.run(("bash", "-c", "cat made; echo x > made || echo x > new && ls"), LIMITS, folder=folder)
    assert result.stdout == b"textmade\nnew\nsource\n"
    assert not (folder / "new").exists()


def test_a_killed_worker_is_infrastructure_and_is_replaced() -> None:
    """Also for what waits for that worker's next turn."""
    with Sandbox(1) as sandbox, ThreadPoolExecutor(3) as pool:
        sandbox.run(("true",), LIMITS)
        worker = sandbox._places[0].worker
        assert worker
        waiting = [pool.submit(sandbox.run, ("sleep", str(seconds)), LIMITS) for seconds in (9, 9, 0)]
        time.sleep(0.5)
        os.kill(worker.process.pid, signal.SIGKILL)
        ended = [each.result() for each in waiting]
        assert [each.reason for each in ended[:2]] == ["infrastructure"] * 2
        assert (ended[2].status, ended[2].reason) in ((0, ""), (-1, "infrastructure"))
        assert sandbox.run(("true",), LIMITS).status == 0


def test_each_run_gets_its_own_answer() -> None:
    """Many threads, more than workers: requests are answered in the order in which they were sent."""
    with Sandbox(2) as sandbox, ThreadPoolExecutor(8) as pool:
        said = pool.map(lambda i: sandbox.run(("echo", str(i)), LIMITS).stdout, range(200))
        assert list(said) == [f"{i}\n".encode() for i in range(200)]


def test_scratch_is_removed() -> None:
    with Sandbox(1) as sandbox:
        place = sandbox.scratch
        assert place.is_dir()
        sandbox.folder()
    assert not place.exists()


def test_missing_bubblewrap_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mounts, "bubblewrap", lambda: "")
    monkeypatch.setattr(box, "library", lambda name: None)
    with pytest.raises(BadInput, match=r"no C compiler.*bubblewrap is not installed.*apt-get install -y .*bubblewrap"):
        Sandbox(1)


def test_without_a_compiler_bubblewrap_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "library", lambda name: None)
    with Sandbox(1) as sandbox:
        assert sandbox.tier == "bubblewrap"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit('bye')",
        "1/0",
        "import threading as t; t.Thread(target=print, args=(7,)).start()",
        "import atexit; atexit.register(print, 'last'); raise SystemExit(4)",
        "print(__name__, __file__, __builtins__.len)",
        "import sys; print(sys.argv, sys.flags.isolated, sys.path)",
        "import ctypes, socket; print(ctypes.CDLL, socket.AF_INET)",
        "import os; print(os.getpid() > 1, sorted(os.environ), os.getcwd())",
        "print(input())",
        "def f(): f()\nf()",
        "import os; os.abort()",
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "import subprocess; print(subprocess.run(['echo', '1'], capture_output=True))",
        "import signal as s; print(s.getsignal(s.SIGINT), s.getsignal(s.SIGPIPE), s.getsignal(s.SIGCHLD))",
        "import threading as t; print(t.main_thread() is t.current_thread(), t.get_native_id() == t.main_thread().native_id)",
        "import multiprocessing as m; p = m.Process(target=print, args=(1,)); p.start(); p.join(); print(p.exitcode)",
        "import os; print([os.fstat(0).st_size, len(os.listdir('/proc/self/fd')), os.getpgrp() == os.getpid()])",
        "print([l for l in open('/proc/self/status') if l.startswith(('Cap', 'NoNew', 'Seccomp', 'Groups', 'SigIgn'))])",
        "print([l for l in open('/proc/self/limits') if 'realtime' not in l])",
        "def f(x: nowhere): pass",
        "import os; os.umask(0o077); print(oct(os.umask(0)), os.path.exists('/.outside/scratch'))",
    ],
)
def test_a_forked_interpreter_does_what_a_fresh_one_does(code: str) -> None:
    with Sandbox(1, tier="zygote") as sandbox:
        forked, fresh = (_said(sandbox, code, fresh) for fresh in (False, True))
    assert forked == fresh


def _said(sandbox: Sandbox, code: str, fresh: bool = False) -> tuple[int, bytes, bytes]:
    run = sandbox.run((*RUN, "driver.py"), LIMITS, files={"driver.py": code + "\n"}, stdin=b"in\n", fresh=fresh)
    return run.status, run.stdout, re.sub(rb"Previous line.*|Fatal(?s:.*)", b"", run.stderr)


def test_programs_that_want_more_modules_are_forked_where_these_are_loaded() -> None:
    """The second interpreter is started when enough programs have named one; to all others it is not there."""
    look = "import sys; early = 'statistics' in sys.modules\n"
    wants = (
        look
        + "import statistics, threading as t\nt.Thread(target=print, args=(statistics.mean([1, 3]), early)).start()"
    )
    with Sandbox(1, tier="zygote") as sandbox:
        told = [_said(sandbox, wants) for _ in range(18)]
        assert _said(sandbox, look + "print(early)") == (0, b"False\n", b"")
        assert _said(sandbox, wants, fresh=True) == (0, b"2 False\n", b"")
    assert (told[0], told[-1]) == ((0, b"2 False\n", b""), (0, b"2 True\n", b""))


@pytest.mark.slow
def test_forks_draw_different_random_numbers(sandbox: Sandbox) -> None:
    assert len({_said(sandbox, "import random; print(random.random())") for _ in range(20)}) == 20


LOOK = """
import re
found = 0
for line in open('/proc/self/maps'):
    place = re.match(r'(\\w+)-(\\w+) rw', line)
    if place and '[v' not in line:
        start, end = (int(text, 16) for text in place.groups())
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(start)
            found += len(re.findall(rb'needle-in-a-haystac[k]', memory.read(end - start)))
print('seen', found)
"""


def test_a_fork_finds_nothing_of_the_program_before_it(sandbox: Sandbox) -> None:
    """The memory that a fork inherits holds no earlier program's source, arguments or output."""
    if sandbox.tier != "zygote":
        pytest.skip("nothing is forked in this tier")
    ample = Limits(cpu_seconds=5, memory_mb=512)
    own = {"d.py": LOOK + "# needle-in-a-haystack"}
    assert sandbox.run((*RUN, "d.py"), ample, files=own).stdout != b"seen 0\n"  # it would be found
    hidden = {"d.py": "print('needle-in-a-haystack')", "plan.json": "needle-in-a-haystack"}
    for _ in range(3):
        assert sandbox.run((*RUN, "d.py"), LIMITS, files=hidden).stdout == b"needle-in-a-haystack\n"
        assert sandbox.run((*RUN, "d.py"), ample, files={"d.py": LOOK}).stdout == b"seen 0\n"


def test_without_isolation_only_when_asked_for() -> None:
    with Sandbox(1, unsafe=True) as sandbox:
        assert sandbox.tier == "none"
        result = sandbox.run(("python3", "-c", "print(open('a').read())"), LIMITS, files={"a": "b"})
        assert result.stdout == b"b\n"
        assert sandbox.run(("sleep", "60"), Limits(cpu_seconds=1, wall_factor=1)).reason == "wall"


@pytest.mark.slow
def test_a_user_without_privileges_is_isolated_too(nobodys_python: tuple[Path, dict[str, str]]) -> None:
    """The same sandbox in a user namespace: nobody runs the self-test with the system's Python."""
    python, env = nobodys_python
    nobody = pwd.getpwnam("nobody")
    code = (
        "from xinstruct.execution.sandbox import Sandbox, ESSENTIAL\nfrom xinstruct.execution.limits import Limits\n"
        "with Sandbox(1) as s:\n    held = s.guarantees\n    assert all(held[n] for n in ESSENTIAL), held\n"
        "    for _ in range(18):\n        r = s.run(('python3', '-I', '-B', '-X', 'utf8', 'd.py'), Limits(), files={'d.py': 'import dataclasses'})\n"
        "        assert (r.status, r.stderr, r.reason) == (0, b'', ''), r\n"
        "    bomb = s.run(('python3', '-c', 'x = bytearray(900 << 20)'), Limits(memory_mb=100))\n"
        "    print(s.tier, bomb.reason or bomb.stderr)"
    )
    run = subprocess.run([python, "-B", "-c", code], capture_output=True, text=True, env=env, user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], cwd=env["HOME"], check=False)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("zygote ") or not box.library("serving")
    assert "memory" in run.stdout or "MemoryError" in run.stdout
