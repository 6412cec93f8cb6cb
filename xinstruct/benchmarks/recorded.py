"""Calls that a test makes with computed arguments, recorded by running the test on the problem's own solution.

Only tests that compare each call's result by ``==`` are recorded: in them the solution's result is the one right
answer, whatever the arguments. Random arguments are drawn from a fixed seed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from typing import Any

from xinstruct.code.types import Case, Signature, Type
from xinstruct.execution.jobs import Job
from xinstruct.execution.judge import Judge

LIMIT = 20  # calls taken of one test
_PROGRAM = """{program}

{test}


def xinstruct_recorded():
    import copy
    import random

    random.seed(0)
    calls = []

    def recorder(*args):
        calls.append(copy.deepcopy(args))
        return {function}(*args)

    {check}(recorder)
    unique = list(dict.fromkeys(map(repr, calls)))
    return repr([eval(text) for text in unique[:{limit}]])
"""


def recorded_calls(records: Iterable[Mapping[str, str]], judge: Judge) -> dict[str, list[tuple[Any, ...]]]:
    """Return task id -> arguments of each call, for those records that can be recorded.

    A record: id, program (prompt and solution), test, function, check.
    """
    wanted = [record for record in records if exact(record["test"], record["check"])]
    signature = Signature((), Type("string"))
    jobs = [
        Job(record["id"], "python", _source(record), "xinstruct_recorded", signature, (Case((), None),))
        for record in wanted
    ]
    found = {}
    for verdict in judge.observe(jobs, desc="recording tests"):
        if verdict.verdict == "passed" and not verdict.errors[0]:
            found[verdict.id] = list(ast.literal_eval(verdict.values[0]))
    return found


def _source(record: Mapping[str, str]) -> str:
    text = _PROGRAM.replace("{limit}", str(LIMIT))
    for name in ("program", "test", "function", "check"):
        text = text.replace("{" + name + "}", record[name])
    return text


def exact(test: str, check: str) -> bool:
    """Tell whether every call of the candidate in a test is one side of an assert's ``==``."""
    node = next(n for n in ast.parse(test).body if isinstance(n, ast.FunctionDef) and n.name == check)
    name = node.args.args[0].arg
    compared = {
        id(side)
        for statement in ast.walk(node)
        if isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare)
        if len(statement.test.ops) == 1 and isinstance(statement.test.ops[0], ast.Eq)
        for side in (statement.test.left, statement.test.comparators[0])
    }
    calls = [
        n for n in ast.walk(node) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id == name
    ]
    return bool(calls) and all(id(call) in compared for call in calls)
