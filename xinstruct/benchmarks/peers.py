"""Agreement with EvalPlus's own evaluator on the same answers, from the result files of both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_SUFFIX = "_eval_results.json"


def peers_table(results: Path, peers: Path) -> str:
    """A table of rates and agreement for each FILE_eval_results.json in `peers` whose answers were scored here too."""
    names = ("answers", "inputs", "EvalPlus %", "here %", "verdicts that agree", "differing (here)")
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for path in sorted(peers.glob(f"*{_SUFFIX}")):
        ours = results / f"{path.name.removesuffix(_SUFFIX)}-humaneval_plus-completion-completion.json"
        if ours.exists():
            lines.append(_line(path, json.loads(ours.read_text(encoding="utf-8"))["rows"]))
    return "\n".join(lines) + "\n"


def _line(path: Path, rows: list[dict[str, Any]]) -> str:
    theirs = json.loads(path.read_text(encoding="utf-8"))["eval"]
    there = {
        name: all(one[key] == "pass" for key in ("base_status", "plus_status")) for name, (one, *_) in theirs.items()
    }
    here = {row["task_id"]: row["verdict"] for row in rows}
    differing = [name for name, verdict in here.items() if (verdict == "passed") != there[name]]
    shown = ", ".join(f"{name} ({here[name]})" for name in differing)
    rates = [100 * sum(there.values()) / len(there), 100 * sum(v == "passed" for v in here.values()) / len(here)]
    cells = [path.name.removesuffix(_SUFFIX), "base and plus", f"{rates[0]:.2f}", f"{rates[1]:.2f}"]
    return f"| {' | '.join([*cells, f'{len(here) - len(differing)} of {len(here)}', shown])} |"
