"""Parser of HumanEval-style records: the function, its description, the calls of its own tests.

Nothing is run here. Of a problem's ``check`` function every straight-line call of the candidate with literal
arguments (or arithmetic on literals) is taken, with the result that the test itself claims by ``==`` or plain
truth. Other calls (``incomplete``) are recorded in recorded.py; the few calls of a test whose values have another
type than the others are dropped.
"""

from __future__ import annotations

import ast
import copy
import dataclasses
import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from xinstruct.benchmarks.infer import NoType, annotated, common_type, to_json
from xinstruct.code.types import Parameter, Signature, Type, conforms

UNREADABLE = "its test calls the function with no literal arguments outside loops"
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    **{ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Pow: operator.pow},
    **{ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod},
}
UNCLAIMED = object()  # the test says nothing exact about a call's result


class NotUsable(ValueError):
    """A problem that the neutral types or cases cannot express; the message says why."""


@dataclass(frozen=True)
class Call:
    """One call that a test makes: arguments and claimed result as Python values."""

    args: tuple[Any, ...]
    claim: Any = UNCLAIMED


@dataclass(frozen=True)
class Task:
    """A problem before it is translated. `args` and `claims` are parallel lists in JSON form."""

    task_id: str
    function: str
    prompt: str  # the original one, in Python
    program: str  # prompt and canonical solution
    doc: str
    signature: Signature
    args: list[tuple[Any, ...]]
    claims: list[Any] = field(default_factory=list)
    preamble: str = ""  # imports and helper functions of the original prompt
    returns_known: bool = True  # False: neither annotation nor test states a result; the type is a placeholder


def layout(row: dict[str, Any], fields: dict[str, str]) -> dict[str, str]:
    """Return a record's texts under this module's names: id, prompt, function, solution, test, check."""
    return {key: str(row[name]) if key != "check" else name for key, name in fields.items()}


def parse_task(row: dict[str, Any], fields: dict[str, str], recorded: Sequence[tuple[Any, ...]] = ()) -> Task:
    """Parse one record, whose fields are named by `fields`. Raises NotUsable.

    recorded: arguments of calls, for a test that is `incomplete`.
    """
    get = layout(row, fields)
    function = get["function"]
    calls = _unique([*test_calls(get["test"], get["check"]), *map(Call, recorded)])
    if not calls:
        raise NotUsable(UNREADABLE)
    module = ast.parse(get["prompt"] + get["solution"])
    node = next(n for n in module.body if isinstance(n, ast.FunctionDef) and n.name == function)
    try:
        signature, calls = _fitting(node, calls)
    except NoType as error:
        raise NotUsable(f"the neutral types do not cover its values: {error}") from error
    return Task(
        task_id=str(get["id"]),
        function=function,
        prompt=get["prompt"],
        program=get["prompt"] + get["solution"],
        doc=inspect.cleandoc(ast.get_docstring(node) or ""),
        signature=signature,
        args=[tuple(to_json(arg) for arg in call.args) for call in calls],
        claims=[call.claim if call.claim is UNCLAIMED else to_json(call.claim) for call in calls],
        preamble=_preamble(get["prompt"], function),
        returns_known=annotated(node.returns) is not None or any(call.claim is not UNCLAIMED for call in calls),
    )


def _preamble(prompt: str, function: str) -> str:
    body = [n for n in ast.parse(prompt).body if not (isinstance(n, ast.FunctionDef) and n.name == function)]
    return "\n".join(ast.unparse(node) for node in body if not isinstance(node, ast.Expr))


def incomplete(source: str, check: str) -> bool:
    """Tell whether `check` has calls that `test_calls` cannot read: in a loop, or with computed arguments."""
    node, candidate = _checker(source, check)
    return sum(_calls(n, candidate) for n in ast.walk(node)) > len(test_calls(source, check))


def _checker(source: str, check: str) -> tuple[ast.FunctionDef, str]:
    """Return the function `check` and the name of its parameter."""
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == check)
    return node, node.args.args[0].arg


def test_calls(source: str, check: str) -> list[Call]:
    """Return the straight-line calls that the function `check` makes of its parameter, in order."""
    node, candidate = _checker(source, check)
    found = []
    for statement in node.body:
        if isinstance(statement, ast.Assert | ast.Assign | ast.Expr):
            claims = _claims(statement)
            for call in (n for n in ast.walk(statement) if _calls(n, candidate)):
                assert isinstance(call, ast.Call)
                args = _literals(call.args)
                if args is not None and not call.keywords:
                    found.append(Call(args, claims.get(id(call), UNCLAIMED)))
    return found


def _calls(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def _claims(statement: ast.stmt) -> dict[int, Any]:
    """Return the exact claims of an assert: id of the call's node -> its claimed result."""
    test = statement.test if isinstance(statement, ast.Assert) else None
    if isinstance(test, ast.Call):
        return {id(test): True}
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return {id(test.operand): False}
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        value = _literals([test.comparators[0]])
        return {} if value is None else {id(test.left): value[0]}
    return {}


def _literals(nodes: list[ast.expr]) -> tuple[Any, ...] | None:
    """Return the values of literals, which may include arithmetic on literals; None for anything else."""
    try:
        return tuple(ast.literal_eval(_Folded().visit(copy.deepcopy(node))) for node in nodes)
    except (ValueError, TypeError, SyntaxError, MemoryError, ArithmeticError):
        return None


class _Folded(ast.NodeTransformer):
    """Replaces arithmetic on constants by its result."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        left, right, act = node.left, node.right, _ARITHMETIC.get(type(node.op))
        if act is None or not (isinstance(left, ast.Constant) and isinstance(right, ast.Constant)):
            return node
        return ast.Constant(act(left.value, right.value))


def _unique(calls: list[Call]) -> list[Call]:
    seen: dict[str, Call] = {}
    for call in calls:
        seen.setdefault(repr(call.args), call)
    return list(seen.values())


def _fitting(node: ast.FunctionDef, calls: list[Call]) -> tuple[Signature, list[Call]]:
    """Return the signature of all calls, or of most of them without those that no common type covers.

    Raises NoType when less than half of the calls have a common type.
    """
    try:
        return _signature(node, calls), calls
    except NoType:
        best = max((_grown(node, calls, seed) for seed in calls), key=len)
        if len(best) < 2 or 2 * len(best) < len(calls):
            raise
        return _signature(node, best), best


def _grown(node: ast.FunctionDef, calls: list[Call], seed: Call) -> list[Call]:
    """Return the calls, in order, that have a common type with `seed` and those taken before."""
    kept: list[Call] = []
    for call in [seed, *(call for call in calls if call is not seed)]:
        try:
            _signature(node, [*kept, call])
        except NoType:
            continue
        kept.append(call)
    return [call for call in calls if any(call is one for one in kept)]


def of_integers(task: Task) -> Task | None:
    """Restrict a task on floats to its calls on integers; None when it cannot be read so."""
    kept = [i for i, args in enumerate(task.args) if not _has_float(args)]
    params = tuple(Parameter(p.name, _as_int(p.type)) for p in task.signature.params)
    if len(kept) < 2 or params == task.signature.params:
        return None
    return dataclasses.replace(
        task,
        signature=Signature(params, task.signature.returns),
        args=[task.args[i] for i in kept],
        claims=[task.claims[i] for i in kept],
    )


def _has_float(value: Any) -> bool:
    return isinstance(value, float) or (isinstance(value, list | tuple) and any(map(_has_float, value)))


def _as_int(kind: Type) -> Type:
    return Type("int") if kind.head == "float" else Type(kind.head, tuple(map(_as_int, kind.args)))


def _signature(node: ast.FunctionDef, calls: list[Call]) -> Signature:
    params = node.args.args
    calls_fit = all(len(call.args) == len(params) for call in calls)
    if not calls_fit or node.args.kwonlyargs or node.args.vararg:
        raise NoType("calls with different numbers of arguments")
    columns = [[call.args[i] for call in calls] for i in range(len(params))]
    typed = [Parameter(p.arg, _type(p.annotation, column)) for p, column in zip(params, columns, strict=True)]
    return Signature(tuple(typed), _type(node.returns, [c.claim for c in calls if c.claim is not UNCLAIMED]))


def _type(annotation: ast.expr | None, values: list[Any]) -> Type:
    """Return the annotated type when every value has it, else the values' common type."""
    stated = annotated(annotation)
    if stated is not None and all(conforms(stated, to_json(value)) for value in values):
        return stated
    return common_type(values)
