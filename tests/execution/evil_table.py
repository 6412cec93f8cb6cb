"""The table of attacks in docs/execution.md, measured; ``python -m tests.execution.evil_table [LANGUAGE...]`` makes it.

What a grader by exit status would say is measured by running the same program with the language's own command and no
harness in it, inside the sandbox all the same; attacks on the machine itself are not run that way. What ours says comes
from the judge.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from tests.execution.corpus import Attack, everything
from tests.params import execution
from xinstruct.execution.judge import Judge
from xinstruct.execution.limits import Limits
from xinstruct.execution.sandbox import Sandbox
from xinstruct.execution.toolchains import available
from xinstruct.languages import EIGHT
from xinstruct.languages.typescript import compiler, flags

DOCUMENT = Path(__file__).parents[2] / "docs" / "execution.md"
BEGIN, END = "<!-- attacks: generated -->", "<!-- attacks: end -->"
PARAMS = execution(workers=2, cpu_seconds=2, wall_factor=2, memory_mb=256, output_kb=64)
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
}
_NAIVE_ENV = {"csharp": {"MONO_TRACE_LISTENER": "Console.Error"}}


def by_exit_status(sandbox: Sandbox, attack: Attack) -> str:
    """ "passed" or "failed", from the exit status alone; "not run" for attacks on the machine."""
    if not attack.naive:
        return "not run"
    name, compile, run = PLAIN[attack.language]
    folder = sandbox.folder()
    (folder / name).write_text(attack.text, encoding="utf-8")
    if compile:
        done = sandbox.run(compile, Limits(30, 4, 2048, 1024, file_mb=128), folder=folder, writable=True)
        if done.status:
            return "failed"
    env = _NAIVE_ENV.get(attack.language, {})
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


def written() -> str:
    """The document's text."""
    return DOCUMENT.read_text(encoding="utf-8")


def write(begin: str, end: str, block: str) -> None:
    """Replace what stands between two lines of the document."""
    whole = f"{begin}\n{block}\n{end}"
    DOCUMENT.write_text(re.sub(f"{begin}.*?{end}", lambda _: whole, written(), flags=re.S), encoding="utf-8")


def as_table(rows: list[list[str]]) -> str:
    """Rows as Markdown; the second is the rule below the head."""
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def table_in(text: str) -> list[list[str]]:
    """The rows of the table in a text."""
    part = text[text.index(BEGIN) : text.index(END)]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in part.splitlines() if "|" in line][2:]


def main() -> int:
    """Measure and write: all languages, or those named as arguments, whose rows are replaced."""
    languages = sys.argv[1:]
    found = measured(languages)
    if languages:
        found += [row for row in table_in(written()) if row[0] not in languages]
        found.sort(key=lambda row: EIGHT.index(row[0]))  # stable
    rows = [["language", "attack", "what it does", "exit status", "here"], ["---"] * 5, *found]
    table = as_table(rows)
    fooled = sum(row[3] == "passed" for row in rows)
    tried = sum(row[3] in ("passed", "failed") for row in rows)
    summary = f"An exit status was fooled by {fooled} of the {tried} attacks that were run that way, the judge by none."
    write(BEGIN, END, f"{summary}\n\n{table}")
    return 1 if any("passed" in row[4] for row in rows[2:]) else 0


if __name__ == "__main__":
    sys.exit(main())
