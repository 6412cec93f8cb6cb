"""The common part of all stage scripts: command line, shards, row accounting, atomic outputs, metrics.

A stage script names itself and gives one or two functions::

    def work(ctx: Context[FilterParams]) -> None: ...      # the work of one shard
    def finish(ctx: Context[FilterParams]) -> None: ...    # all shards' records are merged: metrics, plots

    if __name__ == "__main__":
        sys.exit(run(Script("filter", work, finish, writes=("samples",)), __doc__))

``python -m stages.filter`` runs all shards and then finishes. With $SNAKEMAKE_PROFILE set it hands its plan to
Snakemake instead, which starts the same script once per shard (``--shard``) and once to finish. Either way the
records are merged in the order of their ids, so the bytes are the same.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Generic, TypeVar, cast

import pandas as pd

from xinstruct import progress
from xinstruct.files import (
    BadInput,
    iterate_records,
    read_records,
    replaced_folder,
    write_json,
    write_records,
    write_text,
)
from xinstruct.launch import follow, join
from xinstruct.params import listed
from xinstruct.plan import Plan, resolve, work_root
from xinstruct.processes import rank
from xinstruct.records import KINDS, Reason, Record, Rejection, kind_of, rejection
from xinstruct.spill import Rows, Seen, in_order
from xinstruct.surroundings import cache_folder, disk_is_full, use_utf8

T = TypeVar("T")
Own = TypeVar("Own")


_ORDER: dict[str, Callable[[Any], Any]] = {"turns": lambda turn: (turn.thread, turn.step, turn.id)}


class Context(Generic[Own]):
    """One shard of a running stage: its params, inputs, kept and rejected records.

    `params` has the parameters that dvc.yaml lists for the stage; access to any other raises BadInput. Everything
    that is opened (``open``) must be kept or rejected before the shard ends.
    """

    def __init__(self, plan: Plan, shard: int) -> None:
        self.plan = plan
        self.name = plan.stage
        self.params = listed(plan.params, plan.stage)
        self.shard = shard
        self.scratch = Path(plan.work)
        self.records: dict[str, Any] = {kind: [] for kind in KINDS} | {"rejected": Rows(Rejection, self.scratch)}
        self.opened = Seen(self.scratch)
        self.unfinished: set[str] = set()
        self.metrics: dict[str, Any] = {}
        self.tables: dict[str, pd.DataFrame] = {}

    @property
    def own(self) -> Own:
        """The stage's own section of params.yaml."""
        return cast(Own, getattr(self.params, self.name))

    # ---- input

    def read(self, kind: str, folder: str) -> list[Any]:
        """Return all records of a kind that another stage wrote, e.g. read("snippets", "data/mine")."""
        return read_records(Path(folder) / f"{kind}.parquet", kind)

    def mine(self, items: Iterable[T], key: Callable[[T], str]) -> list[T]:
        """Return the items that belong to this shard, by a stable hash of their key."""
        return [item for item in items if zlib.crc32(key(item).encode()) % self.plan.shards == self.shard]

    # ---- row accounting

    def open(self, ident: str) -> None:
        """Count one unit of work in; it must be kept or rejected later. Raises AssertionError on a repeated id."""
        if not self.opened.add(ident):
            raise AssertionError(f"{self.name}: {ident} was opened twice")
        self.unfinished.add(ident)

    def keep(self, record: Record, of: str = "") -> None:
        """Pass a record on; `of` is the opened id it closes (its own when empty)."""
        self._close(of or record.id)
        self.records[kind_of(record)].append(record)

    def reject(self, record: Record, reason: Reason | str, detail: str = "", of: str = "") -> None:
        """Write a record to the rejected ones, with a reason of the closed list."""
        self._close(of or record.id)
        self.records["rejected"].append(rejection(record, self.name, reason, detail))

    def drop(self, ident: str, language: str, reason: Reason | str, detail: str = "") -> None:
        """Reject something that never became a record (an unreadable file, an empty answer)."""
        self._close(ident)
        row = Rejection(id=ident, stage=self.name, language=language, reason=Reason(reason).value, detail=detail[:2000])
        self.records["rejected"].append(row)

    def add(self, record: Record) -> None:
        """Write a record that takes no part in the accounting (a turn of a transcript)."""
        self.records[kind_of(record)].append(record)

    def _close(self, ident: str) -> None:
        if ident not in self.unfinished:
            raise AssertionError(f"{self.name}: {ident} was closed {'twice' if ident in self.opened else 'unopened'}")
        self.unfinished.remove(ident)

    # ---- output and display

    def out(self, name: str) -> Path:
        """Return the path of an output. Raises AssertionError if dvc.yaml does not declare it for this stage."""
        if name not in self.plan.outs:
            raise AssertionError(f"{self.name}: {name} is not an output in dvc.yaml: {self.plan.outs}")
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def progress(self, items: Iterable[T], total: int | None = None, desc: str = "", unit: str = "row") -> Iterator[T]:
        """Iterate with a bar that shows rate and time left (plain lines where stderr is no terminal)."""
        return iter(progress.bar(items, total=total, desc=desc or self.name, unit=unit))

    def say(self, text: str) -> None:
        """Print one line of progress to stderr."""
        progress.say(f"{self.name}: {text}")


Work = Callable[[Context[Any]], None]


@dataclass(frozen=True)
class Script:
    """A stage script: its name, the work of a shard, the work after all shards, and the record kinds it writes."""

    name: str
    work: Work
    finish: Work | None = None
    writes: tuple[str, ...] = ()  # kinds of records under data/<name>; the rejected always are


def run(script: Script, doc: str | None, argv: list[str] | None = None) -> int:
    """Entry point of a stage script. Returns the exit status: 0, 1 bad input, 130 interrupted."""
    name = script.name
    if argv is None:
        use_utf8()
    args = _parser(name, doc).parse_args(argv)
    progress.quiet_libraries()
    try:
        _run(script, args)
    except BadInput as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\n{name}: interrupted; finished work is kept, run again to go on from here", file=sys.stderr)
        return 130
    except Exception as error:
        if not disk_is_full(error):
            raise
        print(f"{name}: error: the disk is full ({error}); free space and run again, nothing is lost", file=sys.stderr)
        return 1
    return 0


def _parser(name: str, doc: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m stages.{name}",
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="Params come from params.yaml, inputs and outputs from dvc.yaml, both in the current folder.",
    )
    parser.add_argument("--plan", type=Path, help="a resolved plan.json (Snakemake passes it)")
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--shard", type=int, help="run one shard only")
    group.add_argument("--finish", action="store_true", help="merge the finished shards and write the outputs")
    return parser


def _run(script: Script, args: argparse.Namespace) -> None:
    plan = Plan.load(args.plan) if args.plan else resolve(script.name)
    Path(plan.work).mkdir(parents=True, exist_ok=True)
    join(plan)
    if rank():
        follow(plan, Context(plan, 0), script.work)
    elif args.shard is not None:
        run_shard(plan, args.shard, script.work)
    elif args.finish:
        finish_stage(plan, script)
    else:
        lock = plan.lock()
        if "SNAKEMAKE_PROFILE" in os.environ:
            _hand_over(plan, lock)
        for shard in range(plan.shards):
            run_shard(plan, shard, script.work)
        finish_stage(plan, script)


def _hand_over(plan: Plan, lock: IO[str]) -> None:
    """Execute Snakemake, which starts this script once per shard. The lock is kept over exec."""
    os.set_inheritable(lock.fileno(), True)
    os.environ["XDG_CACHE_HOME"] = str(cache_folder().parent)  # Snakemake's own cache must be writable
    command = ["-m", "snakemake", "--nolock", "--rerun-incomplete", "--quiet", "host", "rules", "reason", "progress"]
    command += ["--config", f"plan={plan.save()}"]
    os.execv(sys.executable, [sys.executable, *command])


def run_shard(plan: Plan, shard: int, work: Work) -> None:
    """Run one shard unless it is done, and write its part folder atomically."""
    part = plan.part(shard)
    if part.exists():
        return
    context: Context[Any] = Context(plan, shard)
    work(context)
    if left := context.unfinished:
        raise AssertionError(f"{plan.stage}: {len(left)} rows vanished, e.g. {sorted(left)[:3]}")
    with replaced_folder(part) as folder:
        for kind, records in context.records.items():
            if len(records):
                write_records(folder / f"{kind}.parquet", kind, records)
        for name, table in context.tables.items():
            write_text(folder / name, table.to_csv(index=False))
        write_json(folder / "account.json", {"opened": len(context.opened), "metrics": context.metrics})


def finish_stage(plan: Plan, script: Script) -> None:
    """Merge all parts, check the row accounts, write data/<stage>, metrics and tables."""
    context: Context[Any] = Context(plan, -1)
    opened = _merge(plan, context)
    if script.finish:
        script.finish(context)
    if script.writes:
        with replaced_folder(context.out(f"data/{plan.stage}")) as folder:
            for kind in (*script.writes, "rejected"):
                ordered = in_order(context.records[kind], _ORDER.get(kind, lambda record: record.id))
                write_records(folder / f"{kind}.parquet", kind, ordered)
    _write_report(plan, context, opened)


def _merge(plan: Plan, context: Context[Any]) -> int:
    opened = 0
    for shard in range(plan.shards):
        part = plan.part(shard)
        if not part.exists():
            raise BadInput(f"{plan.stage}: shard {shard} of {plan.shards} has not finished ({part})")
        account = json.loads((part / "account.json").read_text(encoding="utf-8"))
        opened += account["opened"]
        context.metrics = _sum(context.metrics, account["metrics"])
        for kind in KINDS:
            if (path := part / f"{kind}.parquet").exists():
                context.records[kind] += iterate_records(path, kind)
        for path in sorted(part.glob("*.csv")):
            tables = [context.tables[path.name]] if path.name in context.tables else []
            context.tables[path.name] = pd.concat([*tables, pd.read_csv(path)], ignore_index=True)
    return opened


def _sum(left: Any, right: Any) -> Any:
    """Add up the metrics of two shards: numbers are summed, values that only one has are kept."""
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _sum(left.get(key), right.get(key)) for key in left | right}
    if left is None or right is None:
        return right if left is None else left
    return left + right


def _write_report(plan: Plan, context: Context[Any], opened: int) -> None:
    reports = Path("reports") / plan.stage
    rejected = context.records["rejected"]
    kept = opened - len(rejected)
    metrics = {"rows": {"in": opened, "out": kept, "rejected": len(rejected)}}
    if len(rejected):
        metrics["rejected"] = dict(sorted(Counter(row.reason for row in rejected).items()))
    write_json(reports / "metrics.json", metrics | context.metrics)
    for name, table in context.tables.items():
        write_text(reports / name, table.to_csv(index=False))
    # beside the metrics and not in them: clock and journal decide what is in it
    if calls := [json.loads(path.read_text(encoding="utf-8")) for path in sorted(context.scratch.glob("calls-*.json"))]:
        write_json(reports / "calls.json", calls)


__all__ = ["BadInput", "Context", "Plan", "Reason", "Script", "finish_stage", "run", "run_shard", "work_root"]
