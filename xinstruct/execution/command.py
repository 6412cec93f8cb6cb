"""Judge programs from a JSON Lines file: ``xinstruct judge IN.jsonl OUT.jsonl [--workers N]``.

Each line of IN is one object, either a function with its cases or a whole program with assertions:

  {"id", "language", "code", "function", "signature": {"params": [{"name", "type"}], "returns"},
   "cases": [{"args": [...], "expected": ...}]}
  {"id", "language", "program", "completion": [start, end]}

`completion` is optional. It tells which characters of the program are the code under test, from start up to end,
counted from 0 in code points; the text around it is then trusted. Python then runs the tests in a separate process
("separation": "process" in the verdict).

OUT gets one verdict per line, in the same order, when all of them exist; an interrupted run leaves its verdicts in
OUT.partial, and with --cache the next run does not judge them again. A line that cannot be read is reported on stderr
with its number and field, the others are judged, and the exit status is 1. Limits come from the `execution` section of
./params.yaml, or of the checkout's if there is none.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from xinstruct.code.names import known_as
from xinstruct.code.types import Case, Signature, TypeSyntaxError, conforms
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import CHUNK, Judge, progress
from xinstruct.execution.toolchains import known
from xinstruct.files import BadInput, temporary
from xinstruct.params import at_hand


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("input", metavar="IN", help="JSON Lines file, or - for stdin")
    parser.add_argument("output", metavar="OUT", help="JSON Lines file to write, or - for stdout")
    parser.add_argument("--workers", type=int, help="programs at a time (params.yaml: execution.workers)")
    parser.add_argument("--cpu-seconds", type=float, help="CPU time of one program")
    parser.add_argument("--memory-mb", type=int, help="memory of one program")
    parser.add_argument("--forks", choices=("auto", "off"), help="off: each command is started (docs/forks.md)")
    parser.add_argument("--cache", type=Path, help="SQLite file of verdicts that are made already")
    parser.add_argument("--unsafe", action="store_true", help="no isolation at all: only for programs you wrote")


def main(args: argparse.Namespace) -> int:
    """Judge the file. Returns 0 when every line could be read, else 1."""
    numbers = {name: getattr(args, name) for name in ("workers", "cpu_seconds", "memory_mb")}
    if wrong := [name for name, value in numbers.items() if value is not None and value <= 0]:
        option = f"--{wrong[0].replace('_', '-')}"
        raise BadInput(f"{option} is {numbers[wrong[0]]}; it must be above 0")
    given = {name: value for name, value in (numbers | {"forks": args.forks}).items() if value is not None}
    params = replace(at_hand().execution, **given)
    refused, counts = 0, Counter[str]()
    with (
        Judge(params, args.cache, args.unsafe) as judge,
        _reader(args.input) as source,
        _writer(args.output) as out,
        progress(_lines(args.input), "judging") as bar,
    ):
        lines = _jobs(source, args.input)
        while part := list(itertools.islice(lines, CHUNK)):
            for problem in (item for item in part if isinstance(item, BadInput)):
                refused += 1
                bar.update()
                print(f"xinstruct judge: refused: {problem}", file=sys.stderr)
            for verdict in judge.judge([item for item in part if isinstance(item, Job)], bar=bar):
                counts[verdict.verdict] += 1
                out.write(json.dumps(dataclasses.asdict(verdict), ensure_ascii=False) + "\n")
    summary = ", ".join(f"{name} {count}" for name, count in counts.most_common())
    print(f"xinstruct judge: {counts.total()} judged ({summary}), {refused} refused", file=sys.stderr)
    return 1 if refused else 0


def _lines(name: str) -> int | None:
    """Return the number of jobs in a file, for the estimate of the time left; None for a stream."""
    if not Path(name).is_file():
        return None
    with open(name, "rb") as handle:
        return sum(1 for line in handle if line.strip())


@contextlib.contextmanager
def _reader(name: str) -> Iterator[IO[bytes]]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        handle = open(name, "rb")  # noqa: SIM115 (closed below; the error belongs to opening alone)
    except OSError as error:
        raise BadInput(f"{name}: cannot be read ({error.strerror})") from None
    with handle:
        yield handle


@contextlib.contextmanager
def _writer(name: str) -> Iterator[IO[str]]:
    """Open the output file, which gets its final name only when it is complete."""
    if name == "-":
        yield sys.stdout
        return
    tmp = temporary(Path(name))
    try:
        handle = tmp.open("w", encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise BadInput(f"{name}: cannot be written ({error.strerror})") from None
    try:
        with handle:
            yield handle
        os.replace(tmp, name)
    except KeyboardInterrupt:
        if tmp.stat().st_size:
            os.replace(tmp, f"{name}.partial")
            print(f"xinstruct judge: the verdicts so far are in {name}.partial", file=sys.stderr)
        raise
    finally:
        tmp.unlink(missing_ok=True)


def _jobs(source: IO[bytes], name: str) -> Iterator[Job | BadInput]:
    for number, line in enumerate(source, 1):
        if line.strip():
            try:
                yield read_job(line)
            except BadInput as error:
                yield BadInput(f"{name}: line {number}: {error}")


def read_job(line: bytes) -> Job:
    """Read a job from one line of JSON. Raises BadInput naming the field."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"not JSON ({error})") from None
    if not isinstance(raw, dict):
        raise BadInput("not a JSON object")
    ident, language = _text(raw, "id"), _language(raw)
    if "program" in raw:
        program = _text(raw, "program")
        return Job(ident, language, program=program, completion=_completion(raw, len(program)))
    code, function = _text(raw, "code"), _text(raw, "function")
    signature = _signature(raw.get("signature"))
    return Job(ident, language, code, function, signature, _cases(raw.get("cases"), signature))


def _text(raw: dict[str, Any], field: str) -> str:
    value = raw.get(field)
    if not isinstance(value, str) or not value:
        raise BadInput(f"field {field!r}: a text is needed" + (f", not {value!r:.60}" if field in raw else ""))
    return value


def _language(raw: dict[str, Any]) -> str:
    try:
        return known_as(_text(raw, "language"), known())
    except ValueError as error:
        raise BadInput(f"field 'language': {error}") from None


def _completion(raw: dict[str, Any], size: int) -> tuple[int, int] | None:
    if "completion" not in raw:
        return None
    value = raw["completion"]
    if not isinstance(value, list) or len(value) != 2 or any(type(place) is not int for place in value):
        raise BadInput(f"field 'completion': [start, end] is needed, not {json.dumps(value)[:60]}")
    if not 0 <= value[0] <= value[1] <= size:
        raise BadInput(f"field 'completion': {value} does not lie within the program's {size} characters")
    return value[0], value[1]


def _signature(raw: Any) -> Signature:
    try:
        return Signature.from_json(json.dumps(raw))
    except TypeSyntaxError as error:
        raise BadInput(f"field 'signature': {error}") from None


def _cases(raw: Any, signature: Signature) -> tuple[Case, ...]:
    if not isinstance(raw, list) or not raw:
        raise BadInput("field 'cases': a list of at least one case is needed")
    return tuple(_case(i, case, signature) for i, case in enumerate(raw))


def _case(index: int, raw: Any, signature: Signature) -> Case:
    where = f"field 'cases', case {index}"
    if not isinstance(raw, dict) or not isinstance(raw.get("args"), list) or "expected" not in raw:
        raise BadInput(f'{where}: {{"args": [...], "expected": ...}} is needed')
    if len(raw["args"]) != len(signature.params):
        raise BadInput(f"{where}: {len(raw['args'])} arguments for {len(signature.params)} parameters")
    for parameter, value in zip(signature.params, raw["args"], strict=True):
        if not conforms(parameter.type, value):
            raise BadInput(f"{where}: argument {parameter.name!r} is no {parameter.type}: {json.dumps(value)[:80]}")
    if not conforms(signature.returns, raw["expected"]):
        raise BadInput(f"{where}: expected is no {signature.returns}: {json.dumps(raw['expected'])[:80]}")
    return Case(tuple(raw["args"]), raw["expected"])
