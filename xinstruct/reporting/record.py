"""Record the numbers of the present run for later reports: ``python -m xinstruct.reporting.record NAME``.

Writes experiments/results/NAME.json (kinds and number of training samples, passed and n per model and language), from
which the report fills the ablation and the size curve. It contains no records or texts.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from xinstruct.files import BadInput, write_json
from xinstruct.params import read
from xinstruct.reporting.load import load
from xinstruct.reporting.scores import summary

RESULTS = Path("experiments") / "results"


def record(root: Path, name: str) -> Path:
    """Write one run's numbers. Raises BadInput when the name is unsuitable or nothing was evaluated."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
        raise BadInput(f"{name!r} is not fit for a file name; use letters, digits, dot, dash, underscore")
    run = load(root, read(root / "params.yaml"))
    if not run.completions():
        raise BadInput("data/evaluate holds no completions; run dvc repro evaluate first")
    path = root / RESULTS / f"{name}.json"
    write_json(path, summary(run))
    return path


def main(argv: list[str] | None = None) -> int:
    """Run the command. Returns 0, or 1 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m xinstruct.reporting.record", description=__doc__)
    parser.add_argument("name", help="how the report calls this run")
    args = parser.parse_args(argv)
    try:
        print(record(Path(), args.name))
    except BadInput as error:
        print(f"record: error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
