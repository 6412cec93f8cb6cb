"""The switch `execution.forks`: verdicts are the same with and without, and off means that nothing is forked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.verdicts.corpus import CASES, HONEST, SIGNATURE
from tests.execution.conftest import NEEDS_FORKS
from tests.params import FILE, execution
from xinstruct import cli
from xinstruct.execution import toolchains
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import get, names

MEASURED = {"compile_cpu", "compile_wall", "run_cpu", "run_wall", "peak_mb"}
PARAMS = execution(workers=1, cpu_seconds=10, wall_factor=8, memory_mb=768)
# One that is wrong beside the honest one: it says where it failed.
FAILING = {
    "javascript": "const assert = require('assert');\nfunction f(n) { return n; }\nassert.strictEqual(f(1), 2);\n",
    "typescript": "function f(n: number): number { return (null as any).n; }\nconsole.log(f(1));\n",
    "php": "<?php\nfunction f($n) { throw new RangeException('no'); }\nf(1);\n",
    "cpp": "#include <vector>\nint main() { return std::vector<int>{1}.gone(); }\n",
    "c": "int main(void) { return gone; }\n",
}
LOOK = "console.log(require('fs').readFileSync('/proc/self/cmdline', 'utf8').includes('template.js'));\n"


@pytest.fixture(scope="module")
def judges() -> Iterator[dict[str, Judge]]:
    with (
        Judge(dataclasses.replace(PARAMS, forks="auto")) as on,
        Judge(dataclasses.replace(PARAMS, forks="off")) as off,
    ):
        yield {"auto": on, "off": off}


def jobs(language: str) -> list[Job]:
    """Four of a kind, for some templates are started when several programs want them."""
    name = "F" if language == "csharp" else "f"
    honest = [HONEST[language] + "\n" * i for i in range(4)] if language in HONEST else []
    found = [Job(f"honest {i}", language, code, name, SIGNATURE, CASES) for i, code in enumerate(honest)]
    failing = [FAILING[language] + "\n" * i for i in range(4)] if language in FAILING else []
    return found + [Job(f"failing {i}", language, program=text) for i, text in enumerate(failing)]


def told(verdict: Verdict) -> dict[str, Any]:
    """All that a verdict says of a program and not of a machine's speed."""
    return {name: value for name, value in dataclasses.asdict(verdict).items() if name not in MEASURED}


@pytest.mark.slow
@NEEDS_FORKS
@pytest.mark.parametrize("language", [name for name in names() if jobs(name)])
def test_verdicts_are_the_same_with_and_without_forks(judges: dict[str, Judge], language: str) -> None:
    if not toolchains.available(language):
        pytest.skip(toolchains.missing(language))
    on, off = ([told(verdict) for verdict in judges[forks].judge(jobs(language))] for forks in ("auto", "off"))
    assert on == off
    assert {verdict["verdict"] for verdict in on if verdict["id"].startswith("honest")} <= {"passed"}
    assert "passed" not in {verdict["verdict"] for verdict in on if verdict["id"].startswith("failing")}


@pytest.mark.slow
def test_off_means_that_nothing_is_forked(judges: dict[str, Judge], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever language: no command of a chunk is a fork of a template."""
    sandbox, forked = judges["off"].sandbox, []
    run = sandbox.run

    def spied(*args: Any, **more: Any) -> Any:
        result = run(*args, **more)
        forked.append(result.forked)
        return result

    monkeypatch.setattr(sandbox, "run", spied)
    mixed = [job for language in names() if toolchains.available(language) for job in jobs(language)]
    assert "infrastructure" not in {verdict.verdict for verdict in judges["off"].judge(mixed)}
    assert len(forked) >= len(mixed) and not any(forked)


def test_whether_mold_links_is_settled_where_programs_are_run() -> None:
    for language in ("cpp", "rust"):
        program = get(language).asserting("int main() {}\n", "0" * 32)
        assert program.mold and "mold" not in " ".join(program.compile)
        linked = toolchains.linked(program)
        assert linked.compile == (program.compile + program.mold if toolchains.find("mold") else program.compile)
        assert toolchains.linked(linked) == linked


@NEEDS_FORKS
@pytest.mark.parametrize(("option", "seen"), [((), "true"), (("--forks", "off"), "false")])
def test_the_command_takes_the_switch(tmp_path: Path, option: tuple[str, ...], seen: str) -> None:
    if not toolchains.available("javascript"):
        pytest.skip(toolchains.missing("javascript"))
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": "x", "language": "javascript", "program": LOOK}) + "\n", encoding="utf-8")
    assert cli.main(["judge", str(source), str(out), "--workers", "1", *option]) == 0
    assert json.loads(out.read_text(encoding="utf-8"))["stdout"] == seen


@NEEDS_FORKS
def test_doctor_says_which_forks_work_and_that_they_are_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["doctor"])
    said = capsys.readouterr().out
    here = [name for name, binary in (("php", "php"), ("mold", "mold")) if toolchains.find(binary)]
    assert "forks on" in said and all(f"forked  {name}\n" in said for name in here)
    text = FILE.read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text.replace("forks: auto", "forks: off"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    cli.main(["doctor"])
    said = capsys.readouterr().out
    assert "forks off (execution.forks: off)" in said and "forked  " not in said
