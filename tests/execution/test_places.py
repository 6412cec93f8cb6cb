"""Where a checkout, its tools and the interpreter lie is nothing that a program sees or a verdict depends on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.execution.conftest import PARAMS
from xinstruct.execution import mounts, relocation
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.languages import typescript

REPO = Path(__file__).parents[2]
LIMITS = Limits(cpu_seconds=4, wall_factor=8, memory_mb=512, output_kb=1024)
LOOK = """
import json, os, sys
seen = [os.path.join(folder, name) for folder, folders, files in os.walk('/tmp') for name in folders + files]
seen += [*os.listdir('/'), *os.listdir('/opt/xi'), sys.prefix, sys.executable, json.__file__, *sys.path, str(sys.argv)]
seen += [str(dict(os.environ)), open('/proc/self/maps').read(), open('/proc/self/cmdline').read()]
print(open('/opt/xi/npm/mark').read(), os.access('/opt/xi/npm', os.W_OK), *seen)
"""
INSIDE = """
import sys
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.languages.python import RUN
for tier in ("zygote", "bubblewrap"):
    with Sandbox(1, tier=tier) as sandbox:
        for fresh in (False, True):
            result = sandbox.run((*RUN, "d.py"), Limits(), files={"d.py": sys.argv[1]}, fresh=fresh)
            print(result.stdout.decode(), result.stderr.decode())
"""


def checkout(place: Path) -> Path:
    """The code at another place, with a tool of its own."""
    shutil.copytree(REPO / "xinstruct", place / "xinstruct", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "tools" / "npm").mkdir(parents=True)
    (place / "tools" / "npm" / "mark").write_text("seen", encoding="ascii")
    return place


def test_programs_do_not_see_where_a_checkout_below_tmp_lies(tmp_path: Path) -> None:
    """In a process of its own, because what programs see is settled once per process."""
    place = checkout(tmp_path / "some where" / "it's")
    env = {name: text for name, text in os.environ.items() if name != "XINSTRUCT_TOOLS"} | {"PYTHONPATH": str(place)}
    command = [sys.executable, "-c", INSIDE, LOOK]
    told = subprocess.run(command, cwd=place, env=env, capture_output=True, text=True, encoding="utf-8", check=True)
    assert told.stdout.count("seen False") == 4, told.stdout
    hidden = [tmp_path.name, "some where", str(Path.home())]
    if not mounts.python_prefix().is_relative_to("/usr"):
        hidden.append(str(mounts.python_prefix()))
    assert [name for name in hidden if name in told.stdout] == []


def test_every_way_of_starting_a_python_has_the_same_library(sandbox: Sandbox) -> None:
    """Also one that is started without any variables, as a program may start it."""
    line = "[sys.executable, '-Ic', 'import sys, ssl, _ctypes; print(sys.prefix)']"
    code = f"import subprocess as s, sys\nfor e in (None, {{}}): print(s.run({line}, env=e, capture_output=True))"
    told = sandbox.run(("python3", "-I", "d.py"), LIMITS, files={"d.py": code}).stdout.decode()
    prefix = str(Path(mounts.interpreter()).parents[1])
    assert told.count(f"returncode=0, stdout=b'{prefix}\\n', stderr=b''") == 2, told


def test_a_verdict_does_not_depend_on_where_the_compiler_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is compiled, and so the verdict's key, names no folder of this machine."""
    job = Job("x", "typescript", program="const a: number = 'x';")
    keys = []
    for folder in (str(typescript.tools().parent), str(tmp_path)):
        if not (tmp_path / "npm").exists():
            (tmp_path / "npm").symlink_to(typescript.tools())
        monkeypatch.setenv("XINSTRUCT_TOOLS", folder)
        keys.append(typescript.LANGUAGE.asserting(job.program, "nonce").compile)
    assert keys[0] == keys[1]
    assert str(Path.cwd()) not in str(keys)


def test_a_typescript_compiler_is_shown_and_its_errors_name_no_place(judge: Judge) -> None:
    wrong = judge.judge([Job("x", "typescript", program="import fs from 'fs'; const a: number = fs.readFileSync;")])[0]
    if wrong.verdict == "infrastructure":
        pytest.skip(wrong.detail)
    assert (wrong.verdict, "error TS" in wrong.detail) == ("compile_error", True)
    assert str(typescript.tools()) not in wrong.stderr


def test_the_unsafe_tier_uses_the_compiler_where_it_stands() -> None:
    with Judge(PARAMS, unsafe=True) as judge:
        verdict = judge.judge([Job("x", "typescript", program="const a: number = 1; console.log(a);")])[0]
    if "make setup" in verdict.detail:
        pytest.skip(verdict.detail)
    assert (verdict.verdict, verdict.stdout) == ("passed", "1")


@pytest.mark.parametrize("length", [4, 60])
def test_an_interpreter_linked_for_its_place_runs_from_another(tmp_path: Path, length: int) -> None:
    """Where the other path is the longer one there is no room for it: the library's folder is shown where it stands."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("no C compiler")
    prefix, other = tmp_path / "a-long-name-for-a-prefix", tmp_path / "x".ljust(length, "x")
    (prefix / "bin").mkdir(parents=True)
    (prefix / "lib").mkdir()
    (tmp_path / "l.c").write_text("int answer(void) { return 42; }", encoding="ascii")
    (tmp_path / "m.c").write_text("int answer(void); int main(void) { return answer(); }", encoding="ascii")
    lib, program = prefix / "lib" / "liba.so", prefix / "bin" / "python3"
    subprocess.run([compiler, "-shared", "-fPIC", "-Wl,-soname,liba.so", "-o", lib, "l.c"], cwd=tmp_path, check=True)
    line = [compiler, "-o", program, "m.c", "-L", lib.parent, "-la", f"-Wl,-rpath,{lib.parent}"]
    subprocess.run(line, cwd=tmp_path, check=True)
    assert subprocess.run([program], check=False).returncode == 42
    shown = relocation.binds(prefix, str(other), tmp_path / "cache")
    if len(str(other)) > len(str(prefix)):
        assert shown == [(lib.parent, str(lib.parent))]
        return
    ((made, place),) = shown
    assert place == f"{other}/bin/python3"
    shutil.copytree(prefix, other)
    shutil.copy(made, place)
    shutil.rmtree(prefix)
    assert subprocess.run([place], check=False).returncode == 42
