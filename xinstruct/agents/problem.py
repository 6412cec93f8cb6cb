"""A problem in words that hold in every language, and how a teacher's text is read as one.

The paper's created prompts and the I-Generator's instructions have one form: what is given, what is to be computed,
every rule, and the edge cases. Its name and signature stand beside it. How it is worded for a model is in wording.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from xinstruct.agents.sentences import further, telling
from xinstruct.code.types import Parameter, Signature, Type, TypeSyntaxError, conforms
from xinstruct.llm.json_answers import json_answer
from xinstruct.records import Sample

MIN_WORDS = 12  # a shorter text states no problem
MIN_RULE, MAX_RULE = 4, 60  # words of one more rule; longer ones state a problem again
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")
_ALIASES = {
    "str": "string", "text": "string", "char": "string", "character": "string", "integer": "int", "long": "int",
    "i64": "int", "double": "float", "number": "float", "real": "float", "decimal": "float", "boolean": "bool",
    "array": "list", "vector": "list", "sequence": "list", "iterable": "list", "map": "dict", "hashmap": "dict",
    "dictionary": "dict", "mapping": "dict", "record": "dict", "object": "dict", "option": "optional",
    "maybe": "optional", "nullable": "optional", "pair": "tuple", "void": "none", "null": "none",
}  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """What is asked, without a language: prose, and the rules that decide the result, edge cases among them."""

    text: str
    rules: tuple[str, ...] = ()
    category: str = ""
    difficulty: str = ""

    @property
    def statement(self) -> str:
        """The whole problem: prose, then the rules one by one."""
        return "\n\n".join(filter(None, (self.text, "\n".join(f"- {rule}" for rule in self.rules))))

    def with_rule(self, rule: str) -> Problem:
        """Return the problem with one more rule."""
        return replace(self, rules=(*self.rules, rule))

    def to_json(self) -> str:
        """Return the canonical text; from_json reads it."""
        fields: dict[str, Any] = {"text": self.text, "rules": self.rules}
        return json.dumps(fields | {"category": self.category, "difficulty": self.difficulty}, ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Problem:
        """Inverse of to_json. Raises ValueError on anything else."""
        try:
            row = json.loads(text)
            return Problem(**(row | {"rules": tuple(row["rules"])}))
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a problem: {text[:200]!r}") from error

    @staticmethod
    def of(sample: Sample) -> Problem:
        """Return a sample's problem; of one without, the first paragraph of its instruction."""
        return Problem.from_json(sample.problem) if sample.problem else Problem(sample.instruction.split("\n\n", 1)[0])


@dataclass(frozen=True)
class Written:
    """A problem as a teacher wrote it, with what it proposes: calls (argument lists), a name, a signature."""

    problem: Problem
    calls: tuple[tuple[Any, ...], ...] = ()
    name: str = ""
    signature: Signature | None = None


class NoProblem(ValueError):
    """A teacher's text states no problem; the message says why."""


def parse_type(text: str) -> Type:
    """Read a type as people write it: str, number, list[int], int[], Map<string, number>. Raises TypeSyntaxError."""
    folded = text.strip().strip("`'\" ").replace("[]", "\0").replace("[", "<").replace("]", ">").replace("\0", "[]")
    while match := re.search(r"(\w+(?:<[^<>]*>)?)\[\]", folded):
        folded = folded.replace(match.group(), f"list<{match[1]}>")
    folded = re.sub(r"(\w[\w<>, ]*?)\s*(?:\?|\|\s*(?:null|None|undefined))$", r"optional<\1>", folded)
    spelled = re.sub(r"[A-Za-z_]\w*", lambda m: _ALIASES.get(m.group().lower(), m.group().lower()), folded)
    return Type.parse(spelled)


def parse_signature(raw: Any) -> Signature:
    """Read {"parameters": [{"name", "type"}], "returns"} with types as people write them. Raises NoProblem."""
    try:
        fields = tuple(Parameter(str(row["name"]), parse_type(str(row["type"]))) for row in raw["parameters"])
        found = Signature(fields, parse_type(str(raw["returns"])))
    except (KeyError, TypeError, TypeSyntaxError) as error:
        raise NoProblem(f"no signature: {error}") from error
    named = [field.name for field in fields]
    if not fields or len(set(named)) < len(named) or not all(map(_IDENTIFIER.fullmatch, named)):
        raise NoProblem(f"no signature: parameters {named}")
    return found


def read_written(text: str, signature: Signature | None, function: str = "") -> Written:
    """Read a teacher's JSON; `signature` is the given one, None when the teacher states its own. Raises NoProblem.

    `function` is the name of a function that has one already.
    """
    row = _object(text)
    text = telling(_prose(row.get("problem")))
    problem = Problem(text, further(text, _rules(row.get("rules"))))
    if (words := len(problem.statement.split())) < MIN_WORDS or not problem.text:
        raise NoProblem(f"{words} words state no problem")
    stated = signature or parse_signature(row)
    name = str(row.get("name", function))
    calls = [row for row in proposals(row.get("calls"), stated) if not _calls_itself(name, row)]
    return Written(problem, tuple(calls), name if _IDENTIFIER.fullmatch(name) else "", stated)


def _calls_itself(name: str, args: Sequence[Any]) -> bool:
    """Tell whether an argument is a whole call of the function, which small teachers write in its place."""
    return bool(name) and bool(re.search(rf"(?<!\w){re.escape(name)}\s*\(", json.dumps(list(args))))


def read_rule(text: str) -> str:
    """Read a teacher's JSON {"rule"}. Raises NoProblem when it states none."""
    rule = telling(_prose(_object(text).get("rule")))
    if not MIN_RULE <= len(rule.split()) <= MAX_RULE:
        raise NoProblem(f"{len(rule.split())} words state no single rule")
    return rule if rule.endswith((".", "!", "?")) else f"{rule}."


def proposals(raw: Any, signature: Signature) -> tuple[tuple[Any, ...], ...]:
    """Return the proposed argument lists that conform to the types; by position, or by parameter names."""
    names, kinds = [p.name for p in signature.params], [p.type for p in signature.params]
    found: list[tuple[Any, ...]] = []
    for row in raw if isinstance(raw, list) else []:
        values = [row.get(name) for name in names] if isinstance(row, dict) else row
        if not isinstance(values, list) or len(values) != len(kinds):
            continue
        args = tuple(_as_pairs(kind, value) for kind, value in zip(kinds, values, strict=True))
        if all(map(conforms, kinds, args)) and args not in found:
            found.append(args)
    return tuple(found)


def _as_pairs(kind: Type, value: Any) -> Any:
    """Turn a JSON object into the pairs that stand for a dict here; its keys are texts even where they are numbers."""
    if kind.head != "dict" or not isinstance(value, dict):
        return value
    number = {"int": int, "float": float}.get(kind.args[0].head)
    try:
        return [[number(key) if number else key, item] for key, item in value.items()]
    except ValueError:
        return value


def _object(text: str) -> dict[str, Any]:
    found, problem = json_answer(text, {"type": "object"})
    if problem:
        raise NoProblem(problem)
    row: dict[str, Any] = json.loads(found)
    return row


def _rules(raw: Any) -> tuple[str, ...]:
    """Return the rules without numbers or marks before them, each once."""
    rows = raw if isinstance(raw, list) else [raw]
    texts = (re.sub(r"^(?:[-*•]|\d+[.)])\s*", "", _prose(row)) for row in rows)
    return tuple(dict.fromkeys(filter(None, texts)))


def _prose(raw: Any) -> str:
    """Fold blanks; a list of sentences becomes prose."""
    words = " ".join(map(str, raw)) if isinstance(raw, list) else raw if isinstance(raw, str) else ""
    return " ".join(words.split())


# ---- JSON schemas, by which an engine holds a teacher to the form
def schema_problem(
    signature: Signature | None, form: Literal["restate", "new", "own"], calls: bool = True
) -> dict[str, Any]:
    """Return the schema of a problem: of a given behaviour (restate), a new one, or one of the teacher's own signature.

    A small teacher writes the rules of a given behaviour first: what is written down one by one is there when the prose
    is written; and it names a new problem when it is written what it names.
    """
    rules = {"rules": {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 6}}
    prose, name = {"problem": {"type": "string"}}, {"name": {"type": "string"}}
    fields: dict[str, Any] = rules | prose if form == "restate" else prose | rules | name
    row = {"type": "array"} if form == "own" or signature is None else _arguments(signature.params)
    rows = {"calls": {"type": "array", "items": row, "minItems": 4, "maxItems": 6}}
    return _record((_SIGNATURE if form == "own" else {}) | fields | (rows if calls else {}))


def schema_rule(signature: Signature) -> dict[str, Any]:
    """Return the schema of one more rule for a problem, with calls that show it."""
    rows = {"type": "array", "items": _arguments(signature.params), "minItems": 2, "maxItems": 4}
    return _record({"rule": {"type": "string"}, "calls": rows})


def _record(fields: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _arguments(params: Sequence[Parameter]) -> dict[str, Any]:
    return _record({param.name: _json_type(param.type) for param in params})


def _json_type(kind: Type) -> dict[str, Any]:
    if kind.head == "list":
        return {"type": "array", "items": _json_type(kind.args[0]), "maxItems": 8}
    if kind.head == "tuple":
        return {"type": "array", "minItems": len(kind.args), "maxItems": len(kind.args)}
    if kind.head == "dict":
        return {"type": "object", "additionalProperties": _json_type(kind.args[1])}
    if kind.head == "optional":
        return {"anyOf": [_json_type(kind.args[0]), {"type": "null"}]}
    names = {"int": "integer", "float": "number", "bool": "boolean", "string": "string", "none": "null"}
    return {"type": names[kind.head]}


_SIGNATURE: dict[str, Any] = {
    "parameters": {
        "type": "array",
        "items": _record({"name": {"type": "string"}, "type": {"type": "string"}}),
        "minItems": 1,
        "maxItems": 4,
    },
    "returns": {"type": "string"},
}
