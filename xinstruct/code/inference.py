"""Candidate types for functions that state none, or state types that the neutral notation lacks.

Parameters with a stated neutral type keep it. For the others, the written type (``Array``, ``mixed``, ``ReadonlyVec3``)
or the name (``text``, ``items``, ``n``) limits the candidates. Callbacks and objects are never tried. The result type,
and whether a guess is accepted, follow from calling the function (``agents.inference``).
"""

from __future__ import annotations

import re
from itertools import islice

from tree_sitter import Node

from xinstruct.code.declarations import function_node, parameter_list
from xinstruct.code.docs import read_doc
from xinstruct.code.facts import Facts, parse
from xinstruct.code.signatures import binder, neutral, read_parameter
from xinstruct.code.traits import traits_of
from xinstruct.code.types import Parameter, Type, TypeSyntaxError

MOST = 8  # guesses for one function
_WIDEST = 4  # parameters
_LISTS = ("list<int>", "list<string>", "list<float>")
_SCALARS = ("int", "string", "float")
_ANY = ("list<int>", "string", "int", "list<string>", "float", "list<float>", "list<list<int>>", "dict<string,int>")
_REST = {"list_splat_pattern", "dictionary_splat_pattern", "rest_pattern", "variadic_parameter", "keyword_separator"}
_SIZES = {"vec2": 2, "vec3": 3, "vec4": 4, "quat": 4, "quat2": 8, "mat2": 4, "mat2d": 6, "mat3": 9, "mat4": 16}
_WRITTEN = (  # a stated type -> what may be tried
    (r"(?i)^(readonly)?(array|list|iterable|sequence|collection|arraylike|mutablearraylike|t\.sequence|t\.list"
     r"|t\.iterable|traversable|set|tuple)\b(?!.*=>)", _LISTS),
    (r"(?i)^(readonly<)?(numericarray|numberarray|doublearray|typedarray|(big)?float(32|64)array)", ("list<float>",)),
    (r"^u?int\d+(clamped)?array|^(?i:buffer|bytes)", ("list<int>",)),
    (r"(?i)^(mixed|any|t\.any|unknown|object \| none|\*|t|t2|u|v|k|scalar)$", _ANY),
    (r"(?i)^(int(eger)?|float|number)\s*(or|\|)\s*(int|float|number)", ("float", "int")),
    (r"(?i)^(nonnegativeinteger|positiveinteger|integer)", ("int",)),
    (r"(?i)string\s*\|\s*(string\[\]|array)|array\s*\|\s*string", ("string", "list<string>")),
    (r"(?i)^(string|number|int|float|str)\s*\|\s*(string|number|int|float|str)", _SCALARS),
    (r"(?i)^(object|dict|mapping|map|record|array<string, ?\w+>)\b", ("dict<string,int>", "dict<string,string>")),
)  # fmt: skip
_NAMED = (  # a name of an untyped parameter -> what may be tried
    (r"(?i)(func|fn|callback|callable|predicate|iteratee|comparator|comparer|key_?func|transform|visitor|handler)s?$|"
     r"^(root|node|self|cls|ctx|context|options?|opts|config|event|element|request|tree|head)\d?$", ()),
    (r"(?i)(matrix|grid|board|mat|image|table|rows|edges|intervals|pairs|points|lists)\d?$", ("list<list<int>>",)),
    (r"(?i)^(graph|adj\w*)$", ("dict<string,list<string>>", "dict<int,list<int>>", "list<list<int>>")),
    (r"(?i)(words|strings|lines|tokens|names|keys|strs|texts|sentences|paths)$", ("list<string>",)),
    (r"(?i)(text|str|string|word|line|name|path|prefix|suffix|char|ch|pattern|sep|separator|delimiter|sentence|url|"
     r"token|needle|haystack|substring|substr|filename|email|html|label|title|s1|s2|phrase|input)\d?$|^s\d?$|^c$",
     ("string",)),
    (r"(?i)(arr|array|list|items|seq|sequence|xs|ys|vals|values|nums|numbers|iterable|iterator|collection|elements|data|"
     r"coins|prices|weights|heights|lst|ary|vector|sample)\d?$", _LISTS),
    (r"^(n|m|k|i|j|num|number|count|size|length|len|index|limit|start|end|stop|step|width|height|depth|target|amount|"
     r"year|month|day|base|digits?|position|pos|offset|places|times|low|high|lo|hi|capacity|total)\d?$",
     ("int", "float")),
    (r"(?i)^(d|obj|object|dict|dictionary|mapping|map|counter)\d?$", ("dict<string,int>", "dict<string,string>")),
    (r"(?i)^(x|y|z|a|b|p|q|r|theta|radius|angle|rate|mean|sigma|mu|alpha|beta|lambda|probability|value|val)\d?$",
     ("float", "int", "string", "list<int>", "list<float>")),
)  # fmt: skip


def guesses(language: str, name: str, code: str, doc: str) -> list[tuple[Parameter, ...]]:
    """Return parameter lists to try for the function `name` of `code`, likeliest first; [] when there are none."""
    traits = traits_of(language)
    facts = parse(traits, f"{traits.opening}{code}".encode())
    found = next((item for item in facts.functions if item.name == name), None)
    if not traits.untyped_calls or found is None:
        return []
    params = _open_parameters(facts, function_node(found.node), read_doc(doc).params)
    if not params or len(params) > _WIDEST or not all(kinds for _, kinds in params):
        return []
    return list(islice(_combined(params), MOST))


def _open_parameters(facts: Facts, node: Node, stated: dict[str, str]) -> list[tuple[str, tuple[str, ...]]]:
    """Return name and candidate types of each parameter without a default."""
    language = facts.traits.name
    listed = parameter_list(node)
    bound = binder(facts, node)
    found: list[tuple[str, tuple[str, ...]]] = []
    for child in listed.named_children if listed is not None else []:
        if "comment" in child.type:
            continue
        name, written, default = read_parameter(facts, child)
        if default or _rest(child):
            break
        kind = bound(written or stated.get(name, ""))
        found.append((name.removeprefix("$"), worth_trying(language, kind, name.removeprefix("$"))))
        if not name:
            return []
    return found


def _rest(node: Node) -> bool:
    """Tell whether a parameter takes the remaining arguments, or marks the end of positional ones."""
    kinds = {node.type, *(child.type for child in node.named_children)}
    return bool(kinds & _REST)


def worth_trying(language: str, written: str, name: str) -> tuple[str, ...]:
    """Return neutral types for a parameter of this written type ("" for none) and name; () when none would do."""
    if (known := neutral(language, written, name)) is not None:
        return (str(known),)
    bare = re.sub(r"(?i)^readonly<?|>$", "", written).lower()
    if bare in _SIZES:
        return (f"tuple<{','.join(['float'] * _SIZES[bare])}>",)
    if written:
        return next((kinds for pattern, kinds in _WRITTEN if re.search(pattern, written)), ())
    return next((kinds for pattern, kinds in _NAMED if re.search(pattern, name)), _ANY)


def _combined(params: list[tuple[str, tuple[str, ...]]]) -> list[tuple[Parameter, ...]]:
    """Return lists that give all open parameters the same type if possible, then the first with numbers after it."""
    rows: list[tuple[str, ...]] = [tuple(kinds[0] for _, kinds in params)]
    rows += [tuple(kind if kind in kinds else kinds[0] for _, kinds in params) for kind in _ANY]
    rows += [tuple((kind if kind in kinds else kinds[0]) if at == 0 else ("int" if "int" in kinds else kinds[0])
                   for at, (_, kinds) in enumerate(params)) for kind in _ANY]  # fmt: skip
    names = [name for name, _ in params]
    return [tuple(map(_parameter, names, row)) for row in dict.fromkeys(rows)]


def _parameter(name: str, kind: str) -> Parameter:
    return Parameter(name, Type.parse(kind))


def result_type(values: list[object]) -> Type | None:
    """Return the one neutral type of observed results in JSON form; None when there is none or it may be a dict."""
    kinds = {_kind(value) for value in values}
    text = _joined(kinds)
    if text is None or _pairs(values):
        return None
    try:
        return Type.parse(text)
    except TypeSyntaxError:  # only empty lists
        return None


def _pairs(values: list[object]) -> bool:
    """Tell whether every item of every list is a pair: a dict has the same JSON form."""
    items = [item for value in values if isinstance(value, list) for item in value]
    return bool(items) and all(isinstance(item, list) and len(item) == 2 for item in items)


def _kind(value: object) -> str:
    if isinstance(value, list):
        return f"list<{_joined({_kind(item) for item in value}) or '!'}>" if value else "list<>"
    if value in ("NaN", "Infinity", "-Infinity"):
        return "float"
    return {bool: "bool", int: "int", float: "float", str: "string"}.get(type(value), "!")


def _joined(kinds: set[str]) -> str | None:
    """Return the type that includes all others: floats include whole numbers, an empty list is any list."""
    if all(kind.startswith("list<") for kind in kinds):
        inner = {kind[5:-1] for kind in kinds} - {""}
        joined = _joined(inner) if inner else None
        return f"list<{joined}>" if joined else "list<>" if not inner else None
    if kinds == {"int", "float"}:
        return "float"
    return next(iter(kinds)) if len(kinds) == 1 and "!" not in next(iter(kinds)) else None
