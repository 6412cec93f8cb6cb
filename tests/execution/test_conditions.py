"""Plain conditions of a user: a strict umask, no home, a home that cannot be written, no UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

SIGNATURE = {"params": [{"name": "n", "type": "int"}], "returns": "int"}
CODE = {
    "python": "import colorsys\ndef f(n): return n + 1\n",
    "typescript": "function f(n: number): number { return n + 1; }\n",
    "java": "class Answer { static int f(int n) { return n + 1; } }\n",
    "csharp": "class Answer { static int f(int n) { return n + 1; } }\n",
    "c": "int f(int n) { return n + 1; }\n",
}
JOBS = [
    {"id": f"{language}{i}", "language": language, "code": code + "\n" * i, "function": "f", "signature": SIGNATURE}
    | {"cases": [{"args": [1], "expected": 2}]}
    for language, code in CODE.items()
    for i in range(2)
]
HERE = {"PYTHONPATH": str(Path(__file__).parents[2])}


def run(folder: Path, *words: str, umask: int = 0o022, **env: str | None) -> subprocess.CompletedProcess[str]:
    """An `xinstruct` command in a folder; a variable that is None is not there."""
    variables = {name: text for name, text in (os.environ | HERE | env).items() if text is not None}
    line = [sys.executable, "-m", "xinstruct.cli", *words]
    return subprocess.run(
        line, cwd=folder, env=variables, umask=umask, capture_output=True, encoding="utf-8", check=False
    )


def verdicts(folder: Path, jobs: list[dict[str, Any]] = JOBS, **conditions: Any) -> list[tuple[str, ...]]:
    """What is said of the jobs, without times."""
    text = "".join(json.dumps(job) + "\n" for job in jobs)
    (folder / "in.jsonl").write_text(text, encoding="utf-8")
    done = run(folder, "judge", "in.jsonl", "out.jsonl", **conditions)
    assert done.returncode == 0, done.stderr
    rows = map(json.loads, (folder / "out.jsonl").read_text(encoding="utf-8").splitlines())
    return [tuple(str(row[name]) for name in ("id", "verdict", "detail", "values", "stderr")) for row in rows]


def test_a_strict_umask_changes_no_verdict(tmp_path: Path) -> None:
    """With a cache that is made under it; programs run as another user, who must read what was written."""
    strict = verdicts(tmp_path, umask=0o077, XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert strict == verdicts(tmp_path)
    assert {row[1] for row in strict if row[0][:-1] in ("python", "java", "csharp")} == {"passed"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's programs run as another user")
def test_a_closed_tool_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "my tools" / "npm").mkdir(parents=True)
    (tmp_path / "my tools" / "npm").chmod(0o700)
    done = run(tmp_path, "doctor", XINSTRUCT_TOOLS=str(tmp_path / "my tools"))
    said = next(line for line in done.stdout.splitlines() if "sandbox" in line)
    assert said.endswith(f"chmod -R go+rX '{tmp_path}/my tools/npm'"), done


@pytest.mark.parametrize("home", ["/sys", "/nonexistent/home", None, ""])
def test_without_a_home_to_write_the_cache_lies_with_the_work(tmp_path: Path, home: str | None) -> None:
    """/sys stands for a home that nobody can write; whoever has an entry with a home in passwd needs no HOME."""
    told = verdicts(tmp_path, JOBS[:1], HOME=home, XDG_CACHE_HOME=None)
    assert told[0][1] == "passed"
    said = [
        line for line in run(tmp_path, "doctor", HOME=home, XDG_CACHE_HOME=None).stdout.splitlines() if "caches" in line
    ]
    assert len(said) == 1
    if home and home.startswith("/"):
        assert f"caches in {tmp_path}/work/cache/xinstruct, since " in said[0]
        assert any((tmp_path / "work" / "cache" / "xinstruct").iterdir())
    assert not Path("/nonexistent").exists()


def test_a_cache_that_belongs_to_somebody_else_is_not_used(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    (tmp_path / "xinstruct").mkdir()
    os.chown(tmp_path / "xinstruct", 65534, 65534)
    assert verdicts(tmp_path, JOBS[:1], XDG_CACHE_HOME=str(tmp_path))[0][1] == "passed"
    assert not any((tmp_path / "xinstruct").iterdir())


def test_nowhere_to_write_is_one_line(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", HOME="/sys", XDG_CACHE_HOME=None, XINSTRUCT_WORK="/sys/work")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("xinstruct doctor: error: /sys/work/cache/xinstruct cannot be written")
    assert len(done.stderr.splitlines()) == 1


# Becomes nobody where user namespaces are used up, then the command.
CONFINED = """
import ctypes, os, sys
asked, told = os.pipe(), os.pipe()
if (pid := os.fork()) == 0:
    ctypes.CDLL(None).unshare(0x10000000)
    os.write(asked[1], b".")
    os.read(told[0], 1)
    with open("/proc/sys/user/max_user_namespaces", "w") as most:
        most.write("0")
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    os.execv(sys.argv[1], sys.argv[1:])
os.read(asked[0], 1)
for name in ("uid_map", "gid_map"):
    with open(f"/proc/{pid}/{name}", "w") as ids:
        ids.write("0 0 65536")
os.write(told[1], b".")
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_user_who_may_not_isolate_programs_gets_one_line(nobodys_python: tuple[Path, dict[str, str]]) -> None:
    python, env = nobodys_python
    confined = [sys.executable, "-c", CONFINED]
    if subprocess.run([*confined, "/usr/bin/unshare", "-U", "true"], capture_output=True, check=False).returncode != 1:
        pytest.skip("user namespaces cannot be used up here")
    job = Path(env["HOME"]) / "in.jsonl"
    job.write_text(json.dumps(JOBS[0]) + "\n", encoding="utf-8")
    line = [*confined, str(python), "-B", "-m", "xinstruct.cli", "judge", "in.jsonl", "out.jsonl"]
    done = subprocess.run(line, cwd=env["HOME"], env=env, capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, "", 1), done.stderr
    assert done.stderr.startswith("xinstruct judge: error: programs cannot be isolated here")
    assert "sysctl -w" in done.stderr


def test_two_users_of_one_home_have_caches_of_their_own(nobodys_python: tuple[Path, dict[str, str]]) -> None:
    """As with HOME=/tmp: the second does not use, and cannot break, what the first one has put there."""
    python, env = nobodys_python
    home = Path(env["HOME"])

    def said(user: int) -> str:
        line = [python, "-B", "-m", "xinstruct.cli", "doctor"]
        done = subprocess.run(
            line, cwd=home, env=env, user=user, group=user, extra_groups=[], capture_output=True, check=False
        )
        return done.stdout.decode()

    usual = f"{home}/.cache/xinstruct"
    assert f"caches in {usual}\n" in said(65534)
    assert f"caches in {home}/work/cache/xinstruct, since {usual} is not yours to write" in said(0)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": None, "LANG": None}


@pytest.mark.parametrize("locale", [ASCII, ASCII | {"LC_ALL": "de_DE.ISO-8859-1"}])
def test_a_locale_without_utf8_changes_nothing(tmp_path: Path, locale: dict[str, str | None]) -> None:
    """Neither in files nor in what is printed, nor where names of files have letters beyond ASCII."""
    folder = tmp_path / "größer"
    folder.mkdir()
    code = "def f(n):\n    print('größer')\n    return n + 1\n"
    jobs = [JOBS[0] | {"code": code}, JOBS[0] | {"id": "ä", "code": "def f(n): raise ValueError('größer')\n"}]
    assert verdicts(folder, jobs, **locale) == verdicts(folder, jobs)
    (folder / "ö.jsonl").write_text("{}\n", encoding="utf-8")
    refused = run(folder, "judge", "ö.jsonl", "-", **locale)
    assert refused.returncode == 1
    assert "ö.jsonl: line 1" in refused.stderr
    assert "größer" in run(folder, "judge", "in.jsonl", "-", **locale).stdout
