"""Groups of agents: apart from each other, and the same however they are spread over shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.agents.books import Make, Ran
from tests.agents.helpers import sample
from tests.agents.oracle import OWN
from xinstruct.agents.society import Group, groups, merged
from xinstruct.files import BadInput

LANGUAGES = ["python", "javascript", "php"]
FILES = ("samples", "rejected", "turns")


def written(ran: Ran) -> list[bytes]:
    metrics = Path("reports/synthesize/metrics.json").read_bytes()
    return [*((ran.folder / f"{name}.parquet").read_bytes() for name in FILES), metrics]


@pytest.mark.slow
def test_one_shard_and_many_write_the_same(oracle_run: Make) -> None:
    found = [written(oracle_run(OWN, LANGUAGES, groups=3, shards=shards, rounds=3)) for shards in (1, 2, 3)]
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_agents_meet_only_their_group(oracle_run: Make) -> None:
    ran = oracle_run(OWN, LANGUAGES, groups=3, rounds=2, shares={"right": 1})
    seeds = [problem.seed(name) for problem in OWN for name in LANGUAGES]
    parts = [{s.id for s in Group(number, 3).seeds(seeds)} for number in range(3)]
    assert sum(map(len, parts)) == len(seeds) == len(set().union(*parts))
    met = [set(s.agents) for s in ran.samples]
    assert met and all(any(agents <= part for part in parts) for agents in met)
    assert sum(any(agents <= part for agents in met) for part in parts) == 3


def test_discussions_are_shared_out() -> None:
    assert [group.share(8) for group in groups(3)] == [3, 3, 2]


def test_what_two_groups_made_alike_is_kept_once_in_any_order() -> None:
    one, two = sample("python", agents=["a"]), sample("python", agents=["b"])
    assert one.id == two.id
    kept, repeats = merged([two, one])
    assert (kept, repeats) == merged([one, two]) == ([one], [two])


def test_too_many_groups_for_the_seeds_are_refused(oracle_run: Make) -> None:
    with pytest.raises(BadInput, match="each of another language"):
        oracle_run(OWN[:1], LANGUAGES, groups=2, rounds=1)
