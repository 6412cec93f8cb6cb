"""The limit on requests in flight: halved once per round, grown by one per round, rested as told."""

from __future__ import annotations

import asyncio
import itertools
import time
from email.utils import formatdate

import pytest

from xinstruct.llm.concurrency import Limiter
from xinstruct.llm.transport import Attempts, CallFailed, Policy, RetryableError, retry_after


def test_one_storm_halves_once_and_rounds_of_success_add_one() -> None:
    limiter = Limiter(64)
    sent = time.monotonic()
    for _ in range(64):  # all in flight when the first refusal came
        limiter.slower(sent)
    assert limiter.limit == 32
    limiter.slower(time.monotonic())
    assert limiter.limit == limiter.lowest == 16
    for _ in range(16):
        limiter.succeeded(time.monotonic(), 0.1)
    assert limiter.limit == pytest.approx(17, abs=0.1)
    for _ in range(5000):
        limiter.succeeded(time.monotonic(), 0.1)
    assert limiter.limit == 64
    for _ in range(99):
        limiter.slower(time.monotonic())
    assert limiter.limit == 1


def test_slow_answers_slow_down_where_asked() -> None:
    limiter, patient = Limiter(8, slow_after=2.0), Limiter(8)
    for one in (limiter, patient):
        one.succeeded(time.monotonic(), 3.0)
    assert (limiter.limit, patient.limit) == (4, 8)


def test_never_more_in_flight_than_the_limit_and_none_while_resting() -> None:
    limiter, seen, started = Limiter(8), [], []

    async def call(number: int) -> None:
        async with limiter:
            started.append(time.monotonic())
            seen.append(limiter.flying)
            if number == 20:
                limiter.slower(time.monotonic(), rest=0.2)
            await asyncio.sleep(0.002)

    async def main() -> None:
        await asyncio.gather(*(call(number) for number in range(60)))

    asyncio.run(main())
    assert len(seen) == 60
    assert max(seen[:20]) == 8
    assert max(seen[30:]) <= 4
    assert limiter.flying == 0
    gaps = [after - before for before, after in itertools.pairwise(started)]
    assert max(gaps) >= 0.19


def test_what_was_learnt_outlives_an_event_loop() -> None:
    limiter = Limiter(8)
    limiter.slower(time.monotonic())
    assert (limiter.renewed().limit, limiter.renewed().most) == (4, 8)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert retry_after("1.5") == 1.5
    assert 8 < (retry_after(formatdate(time.time() + 10, usegmt=True)) or 0) <= 10
    assert retry_after("") is None
    assert retry_after("soon") is None


def test_attempts_by_class() -> None:
    policy = Policy(attempts=3, backoff=1, longest=3, patience=100)
    tries = Attempts(policy)
    assert [tries.failed(RetryableError("server", "x"), "u") for _ in range(2)] == [1, 2]
    with pytest.raises(CallFailed, match=r"server: u: x \(tried 3 times\)"):
        tries.failed(RetryableError("server", "x"), "u")
    tries = Attempts(policy)
    assert [tries.failed(RetryableError("busy", "x"), "u") for _ in range(9)] == [1, 2, *[3] * 7], "time limits these"
    assert tries.failed(RetryableError("busy", "x", retry_after=0.5), "u") == 0.5
    assert tries.failed(RetryableError("busy", "x", retry_after=999), "u") == 3
    with pytest.raises(CallFailed, match="busy"):
        Attempts(Policy(patience=0.5, backoff=1)).failed(RetryableError("busy", "x"), "u")
    tries = Attempts(policy)
    assert [tries.failed(RetryableError("dropped", "x"), "u") for _ in range(2)] == [0, 2], (
        "at once on a fresh connection"
    )
