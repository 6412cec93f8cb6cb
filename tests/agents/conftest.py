"""A run of the stage synthesize against an oracle over HTTP."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

import stages.synthesize
from tests.agents.books import SEED, Make, Ran, rows_of
from tests.agents.helpers import EXECUTION, synthesis
from tests.agents.oracle import SHARES, OracleServer, Problem
from tests.llm.conftest import Loopback, checkpoint, endpoint_folder, loopback, quantised, serve
from tests.params import values
from xinstruct.files import write_records
from xinstruct.plan import Plan
from xinstruct.stage import Script, finish_stage, run_shard

__all__ = ["checkpoint", "loopback", "quantised", "serve"]


@pytest.fixture
def oracle_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    servers: list[Loopback] = []

    def make(
        stock: Sequence[Problem], languages: Sequence[str], stop_after: int = 0, shards: int = 1, **changes: Any
    ) -> Ran:
        said = {name: changes.pop(name) for name in ("continues", "objection") if name in changes}
        server = OracleServer(list(stock), changes.pop("shares", dict(SHARES)), stop_after=stop_after, **said)
        servers.append(Loopback(server).start())
        endpoint_folder(tmp_path / "models" / "teacher", servers[-1].url)
        seeds = [problem.seed(name) for problem in stock for name in languages if name in problem.bodies]
        write_records(tmp_path / "data/seed/samples.parquet", "samples", seeds)
        small = synthesis(**({"candidates": 1, "wave": 1, "discussions": 12} | changes))
        patience = {"slots": 8, "start_wait": 0.2, "backoff": 0.01, "identity": "oracle"}
        params = values(
            {"random_seed": SEED, "languages": list(languages), "synthesize": asdict(small)}
            | {"execution": asdict(EXECUTION) | {"cpu_seconds": 3}}
            | {f"teacher.{name}": value for name, value in patience.items()}
        )
        plan = Plan("synthesize", params, [], ["data/synthesize"], shards, str(tmp_path / "work" / "synthesize"))
        shutil.rmtree(plan.work, ignore_errors=True)
        for shard in range(shards):
            run_shard(plan, shard, stages.synthesize.work)
        finish_stage(plan, Script("synthesize", stages.synthesize.work, stages.synthesize.finish, ("samples", "turns")))
        part = Path("data/synthesize").resolve()
        return Ran(part, *(rows_of(part, kind) for kind in ("samples", "rejected", "turns")), server)  # type: ignore[arg-type]

    yield make
    for server in servers:
        server.stop()
