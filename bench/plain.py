"""The standard commands: compile and run each program in a folder of its own, some at a time.

What the judge is measured against. A program passes when its last command ends with status 0. ``run`` fences nothing
in and is for programs that are trusted; ``fenced`` runs the same commands inside the sandbox.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from xinstruct.execution.limits import Limits
from xinstruct.execution.mounts import BOX
from xinstruct.execution.sandbox import Sandbox

JARS = "/usr/share/java/javatuples.jar"
TIMEOUT = 60  # seconds a command
TSC = Path("build/bench/npm/node_modules/typescript/bin/tsc")  # typescript 5, the reference compiler
_MODULES = TSC.resolve().parents[2]
_NAMESPACES = ("System", "System.Collections.Generic", "System.IO", "System.Linq", "System.Threading.Tasks")
_IMPLICIT = "".join(f"using {name}; " for name in _NAMESPACES)
_TSC_FLAGS = "--target ES2022 --module commonjs --moduleDetection force --strict false --skipLibCheck --esModuleInterop"

_FENCED = Limits(cpu_seconds=10, wall_factor=6, memory_mb=2048, file_mb=128, scratch_mb=256, open_files=1024)

_ENV = {"MONO_TRACE_LISTENER": "Console.Error"}
# As a compiler without settings does it, and as quickly as one process can.
_EMIT = """const ts = require("typescript");
const compilerOptions = { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.CommonJS };
const programs = JSON.parse(require("fs").readFileSync("programs.json", "utf8"));
const made = programs.map((text) => ts.transpileModule(text, { compilerOptions }).outputText);
process.stdout.write(JSON.stringify(made));
"""

Commands = list[list[str]]


def _java(program: str) -> tuple[str, Commands]:
    public = re.search(r"\bpublic\s+(?:final\s+)?class\s+(\w+)", program)
    holder = re.search(r"\bclass\s+(\w+)(?=[^{]*\{(?:(?!\bclass\s).)*?\bstatic\s+void\s+main\b)", program, re.S)
    name = public.group(1) if public else holder.group(1) if holder else "Main"
    main = holder.group(1) if holder else name
    path = f".:{JARS}"
    return f"{name}.java", [["javac", "-cp", path, f"{name}.java"], ["java", "-ea", "-cp", path, main]]


def _cpp(program: str) -> tuple[str, Commands]:
    crypto = ["-lcrypto"] if "<openssl/" in program else []
    return "program.cpp", [["g++", "-std=c++17", "program.cpp", "-o", "program", *crypto], ["./program"]]


def _csharp(program: str) -> tuple[str, Commands]:
    references = "-r:System.dll,System.Core.dll,System.Numerics.dll,Microsoft.CSharp.dll"
    return "program.cs", [["mcs", "-d:DEBUG", references, "program.cs"], ["mono", "program.exe"]]


def _text(language: str, program: str) -> str:
    """Return the text of the source file: a .NET project imports some namespaces by itself, mcs does not."""
    return _IMPLICIT + program if language == "csharp" and "#define" not in program else program


def _typescript(program: str) -> tuple[str, Commands]:
    flags = [*_TSC_FLAGS.split(), "--types", "node", "--typeRoots", str(TSC.resolve().parents[2] / "@types")]
    return "program.ts", [["node", str(TSC.resolve()), *flags, "program.ts"], ["node", "program.js"]]


def _php(program: str) -> tuple[str, Commands]:
    switches = ["-d", "zend.assertions=1", "-d", "assert.exception=1"]
    return "program.php", [["php", *switches, "program.php"]]


def _script(name: str, *command: str) -> Callable[[str], tuple[str, Commands]]:
    return lambda program: (name, [[*command, name]])


LANGUAGES: dict[str, Callable[[str], tuple[str, Commands]]] = {
    "python": _script("program.py", "python3"),
    "java": _java,
    "cpp": _cpp,
    "php": _php,
    "typescript": _typescript,
    "csharp": _csharp,
    "bash": _script("program.sh", "bash"),
    "javascript": _script("program.js", "node"),
}


def run(programs: list[tuple[str, str]], workers: int) -> tuple[float, list[bool]]:
    """Seconds for all (language, program text) and which of them passed."""
    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        passed = list(pool.map(lambda program: _one(*program), programs))
    return time.monotonic() - began, passed


def _one(language: str, program: str) -> bool:
    name, commands = LANGUAGES[language](program)
    env = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8", **_ENV}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, name).write_text(_text(language, program), encoding="utf-8")
        try:
            return all(_call(command, folder, env | {"HOME": folder}) for command in commands)
        except subprocess.TimeoutExpired:
            return False


def _call(command: list[str], folder: str, env: dict[str, str]) -> bool:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=TIMEOUT, check=False)
    return done.returncode == 0


def fenced(programs: list[tuple[str, str]], sandbox: Sandbox, workers: int) -> list[str]:
    """For each (language, program text) how its last command ended in the sandbox: "passed", or what was said last."""
    shown = {}
    if {language for language, _ in programs} & {"javascript", "typescript"}:
        shown[_MODULES.name] = sandbox.folder() / _MODULES.name  # the sandbox shows files of its own scratch only
        shutil.copytree(_MODULES, shown[_MODULES.name])
    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(lambda program: _fenced(*program, sandbox, shown), programs))


def emitted(programs: list[str], sandbox: Sandbox) -> list[str]:
    """Return programs as typescript 5 emits them for ES5, despite errors, as JavaScript. Raises RuntimeError."""
    modules = sandbox.folder() / _MODULES.name
    shutil.copytree(_MODULES, modules)
    limits = replace(_FENCED, cpu_seconds=120, output_kb=32 * 1024, file_mb=256)
    files = {"emit.js": _EMIT, "programs.json": json.dumps(programs)}
    done = sandbox.run(("node", "emit.js"), limits, files=files, shown={modules.name: modules})
    if done.status or done.reason:
        raise RuntimeError(f"typescript: {done.reason or done.stderr.decode()[-300:]}")
    found: list[str] = json.loads(done.stdout)
    return found


def _fenced(language: str, program: str, sandbox: Sandbox, shown: dict[str, Path]) -> str:
    name, commands = LANGUAGES[language](program)
    script = " && ".join(map(shlex.join, commands))
    script = script.replace(str(_MODULES), f"{BOX}/{_MODULES.name}")
    done = sandbox.run(("sh", "-c", script), _FENCED, files={name: program}, shown=shown, env=_ENV)
    if done.status == 0 and not done.reason:
        return "passed"
    said = (done.stderr + done.stdout).decode("utf-8", "replace").strip().splitlines()
    return done.reason or next((line for line in reversed(said) if line.strip()), f"status {done.status}")[:160]
