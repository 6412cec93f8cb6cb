"""Progress lines: ours are shown, other libraries' are kept out of logs, tokens are those that there are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from xinstruct.progress import Answers


@pytest.mark.slow
def test_in_a_log_our_bars_are_shown_and_other_libraries_are_not() -> None:
    script = """
import warnings
from tqdm.auto import tqdm
from xinstruct.progress import bar, quiet_libraries
quiet_libraries()
quiet_libraries()
assert sum(tqdm(range(4), desc="theirs")) == 6
assert sum(bar(range(4), desc="ours", unit="row")) == 6
warnings.warn("look here")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "ours: 100%" in done.stderr and "4/4" in done.stderr
    assert "theirs" not in done.stderr
    assert "look here" in done.stderr


def test_tokens_are_shown_as_they_come_and_those_of_the_answers_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Answers(2, "live", "answer") as answers:
        answers.made(70)
        assert answers.tokens == 70, "before an answer is finished"
        answers.finished(40)
        answers.made(95)
        answers.finished(50)
    assert answers.tokens == 90, "5 were made by an engine that was started again"
    last = capsys.readouterr().err.split("\r")[-1]
    assert "2/2" in last and "90 tokens, " in last and "finished" not in last


def test_where_only_finished_answers_are_known_the_line_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with Answers(2, "asked", "call") as answers:
        answers.note = ", cost 0.1"
        for _ in range(2):
            answers.finished(20)
    last = capsys.readouterr().err.split("\r")[-1]
    assert "40 tokens in finished answers, " in last and "tokens/s, cost 0.1" in last
