"""Attacks on a grader, measured: ``python -m bench.verdicts.evil_table [LANGUAGE...]`` writes docs/results/attacks.md.

What a grader by exit status would say is measured by running the same program with the language's own command and no
harness in it, inside the sandbox all the same; attacks on the machine itself are not run that way. What ours says comes
from the judge. Rows are kept in results/attacks, a file for each language; the page is written anew from all of them.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from bench.verdicts.corpus import Attack, everything
from bench.verdicts.document import page, table, write_page
from bench.verdicts.places import PAGES, RESULTS
from xinstruct.execution.judge import Judge
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.toolchains import available
from xinstruct.files import write_json
from xinstruct.languages import names
from xinstruct.languages.typescript import compiler, flags
from xinstruct.params import at_hand

HEAD = ("language", "attack", "what it does", "exit status", "here")
PARAMS = replace(at_hand().execution, workers=2, cpu_seconds=2, wall_factor=2, memory_mb=256, output_kb=64)
# File, compiler, command: how people run a program of this language to look at its exit status.
PLAIN: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "python": ("program.py", (), ("python3", "program.py")),
    "javascript": ("program.js", (), ("node", "program.js")),
    "typescript": ("program.ts", (compiler(), *flags(), "program.ts"), ("node", "program.js")),
    "php": ("program.php", (), ("php", "-d", "zend.assertions=1", "-d", "assert.exception=1", "program.php")),
    "bash": ("program.sh", (), ("bash", "program.sh")),
    "java": ("Problem.java", ("javac", "Problem.java"), ("java", "-ea", "-XX:+UseSerialGC", "Problem")),
    "csharp": ("program.cs", ("mcs", "-d:DEBUG", "-out:main.exe", "program.cs"), ("mono", "main.exe")),
    "cpp": ("program.cpp", ("g++", "-std=c++17", "-w", "-o", "main", "program.cpp"), ("./main",)),
    "c": ("program.c", ("gcc", "-w", "-o", "main", "program.c"), ("./main",)),
    "go": ("program.go", ("go", "build", "-o", "main", "program.go"), ("./main",)),
    "rust": ("program.rs", ("rustc", "-A", "warnings", "-o", "main", "program.rs"), ("./main",)),
    "ruby": ("program.rb", (), ("ruby", "program.rb")),
    "lua": ("program.lua", (), ("lua5.4", "program.lua")),
    "perl": ("program.pl", (), ("perl", "program.pl")),
}
_NAIVE_ENV = {
    "csharp": {"MONO_TRACE_LISTENER": "Console.Error"},
    "go": {"GOCACHE": "/tmp/go-build", "GOPATH": "/tmp/go", "GO111MODULE": "off", "CGO_ENABLED": "0"},
}


def by_exit_status(sandbox: Sandbox, attack: Attack) -> str:
    """ "passed" or "failed", from the exit status alone; "not run" for attacks on the machine."""
    if not attack.naive:
        return "not run"
    name, compile, run = PLAIN[attack.language]
    folder = sandbox.folder()
    (folder / name).write_text(attack.text, encoding="utf-8")
    env = _NAIVE_ENV.get(attack.language, {})
    if compile:
        done = sandbox.run(compile, Limits(30, 4, 2048, 1024, file_mb=128), folder=folder, writable=True, env=env)
        if done.status:
            return "failed"
    done = sandbox.run(run, Limits(5, 2, 1024, 1024), folder=folder, writable=True, env=env)
    return "failed" if done.status or done.reason else "passed"


def measured(languages: list[str]) -> list[list[str]]:
    """Rows: language, attack, what it does, what an exit status says, what the judge says."""
    attacks = [a for a in everything() if available(a.language) and (a.language in languages or not languages)]
    jobs = [attack.job(mode) for attack in attacks for mode in attack.modes]
    os.environ["XINSTRUCT_EVIL_SECRET"] = "XINSTRUCT_EVIL_SECRET"
    with Judge(PARAMS) as judge:
        found = {verdict.id: verdict.verdict for verdict in judge.judge(jobs)}
    rows = []
    with Sandbox(1) as sandbox:
        for attack in attacks:
            said = dict.fromkeys(found[attack.job(mode).id] for mode in attack.modes)
            rows.append([attack.language, attack.name, attack.does, by_exit_status(sandbox, attack), ", ".join(said)])
    return rows


def kept(folder: Path) -> list[list[str]]:
    """The rows of all results that are kept, languages in the usual order."""
    paths = [folder / f"{language}.json" for language in names()]
    return [row for path in paths if path.exists() for row in json.loads(path.read_text(encoding="utf-8"))]


def attacks_page(results: Path = RESULTS / "attacks") -> str:
    """Return the number of attacks that fooled an exit status, and each attack with both verdicts."""
    rows = kept(results)
    fooled = sum(row[3] == "passed" for row in rows)
    tried = sum(row[3] in ("passed", "failed") for row in rows)
    judge = sum("passed" in row[4] for row in rows)
    summary = f"Of {len(rows)} attacks {tried} were run that way, and {fooled} of these fooled an exit status"
    summary += f"; {judge or 'none'} fooled the judge."
    return page("Attacks on a grader", "python -m bench.verdicts.evil_table", f"{summary}\n\n{table(HEAD, rows)}")


def main() -> int:
    """Measure all languages, or those named as arguments, and write the page. Returns 1 when an attack passes here."""
    rows = measured(sys.argv[1:])
    for language in dict.fromkeys(row[0] for row in rows):
        write_json(RESULTS / "attacks" / f"{language}.json", [row for row in rows if row[0] == language])
    write_page(PAGES / "attacks.md", attacks_page())
    return 1 if any("passed" in row[4] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
