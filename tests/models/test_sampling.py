"""An answer that says the same over and over is told from one that only repeats something."""

from __future__ import annotations

import random

import pytest

from xinstruct.models.sampling import LOOP, MAX_PERIOD, loops

IDS = random.Random(3).sample(range(2**15), 400)


def found(ids: list[int]) -> int:
    """How many tokens there are when the loop is noticed; 0 when it never is."""
    return next((size for size in range(1, len(ids) + 1) if loops(ids[:size])), 0)


@pytest.mark.parametrize("period", [1, 4, 23, MAX_PERIOD])
def test_a_loop_is_noticed_after_three_rounds(period: int) -> None:
    at = found(IDS[:50] + IDS[100 : 100 + period] * 200)
    assert 50 + max(LOOP, 3 * period) <= at <= 50 + max(LOOP, 3 * period) + 8


def test_what_goes_on_is_no_loop() -> None:
    table = [7, 8] * (LOOP // 2 - 5)  # numbers of a short table
    changing = [token for number in range(40) for token in (*IDS[:10], number)]
    assert found(IDS) == found(IDS[:20] + table + IDS[20:100]) == found(changing) == 0
    assert found(IDS[:100] + IDS[:100] + IDS[100:200]) == 0, "said twice"
    assert not loops([])
