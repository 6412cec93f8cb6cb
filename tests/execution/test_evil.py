"""The evil corpus through the judge, all of it in one batch with honest neighbours: no attack passes, nothing stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.verdicts.corpus import Attack, everything, honest
from bench.verdicts.evil_table import kept
from bench.verdicts.places import RESULTS
from tests.params import execution
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.execution.verdicts import Verdict
from xinstruct.languages import names

PARAMS = execution(workers=2, cpu_seconds=2, wall_factor=8, memory_mb=256, output_kb=64)
SURVIVOR = b"xinstruct-evil-survivor"
ATTACKS = everything()
BY_LANGUAGE = {language: [a for a in ATTACKS if a.language == language] for language in names()}
LANGUAGES = [language for language, own in BY_LANGUAGE.items() if own]
pytestmark = pytest.mark.slow


def processes() -> list[bytes]:
    """Command lines of everything that runs on this machine."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    return lines


@pytest.fixture(scope="module")
def verdicts() -> dict[str, Verdict]:
    jobs = [attack.job(mode) for attack in ATTACKS for mode in attack.modes if available(attack.language)]
    neighbours = [job for language in LANGUAGES if available(language) for job in honest(language)]
    step = max(1, len(jobs) // len(neighbours))
    mixed = [
        job for i, job in enumerate(jobs) for job in (job, *neighbours[i // step : i // step + 1][: i % step == 0])
    ]
    with pytest.MonkeyPatch.context() as patch, Judge(PARAMS) as judge:
        patch.setenv("XINSTRUCT_EVIL_SECRET", "XINSTRUCT_EVIL_SECRET")
        found = {verdict.id: verdict for verdict in judge.judge(mixed + neighbours[len(jobs) // step + 1 :])}
    assert not [line for line in processes() if line.startswith(SURVIVOR)]
    return found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: f"{a.language}: {a.name}")
def test_no_attack_passes(verdicts: dict[str, Verdict], attack: Attack) -> None:
    if not available(attack.language):
        pytest.skip(f"{attack.language} is not installed")
    assert "passed" not in attack.verdicts
    for mode in attack.modes:
        verdict = verdicts[attack.job(mode).id]
        assert verdict.verdict in attack.verdicts, verdict


@pytest.mark.parametrize("language", LANGUAGES)
def test_honest_neighbours_pass(verdicts: dict[str, Verdict], language: str) -> None:
    if not available(language):
        pytest.skip(f"{language} is not installed")
    for job in honest(language):
        assert verdicts[job.id].verdict == "passed", verdicts[job.id]


def test_the_machine_is_as_it_was(verdicts: dict[str, Verdict]) -> None:
    assert verdicts
    assert not [line for line in processes() if line.startswith(SURVIVOR)]
    places = ("/", "/usr", "/etc", "/bin", "/dev", "/tmp", "/usr/local/bin")
    assert not [place for place in places if Path(place, "xinstruct-was-here").exists()]


def test_the_page_of_attacks_names_every_attack() -> None:
    assert [row[:2] for row in kept(RESULTS / "attacks")] == [[a.language, a.name] for a in ATTACKS]
