"""A chat answer put into the form that a benchmark's tests need: ``assembled(problem, code)``.

Tests stand where the prompt left off: behind the function, or within the class that the prompt opened. A chat model
does not go on from there; it writes the method alone, or a class of any name with or without others beside it, in a
namespace, with a main of its own. By the grammar, the function's class is given the name that the tests call, put
last and left open for them; a function in an object is called through one with the prompt's own header. What the
answer computes is never changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tree_sitter import Node

from xinstruct.benchmarks.problems import ProgramProblem, depth
from xinstruct.code.lexical import blanked
from xinstruct.code.programs import (
    Change,
    Found,
    Part,
    Program,
    behind_what_comes_first,
    body_of,
    changed,
    name_of,
    parameters_of,
    read,
    without_entry,
)
from xinstruct.code.traits import traits_of

_DECLARED = ("function", "type", "value")
_HIDDEN = re.compile(r"\b(?:static|private|protected)\b")  # of a type: it must stand within another one


@dataclass(frozen=True)
class Asked:
    """What a prompt asks for: its function, with all that stands around and before it."""

    imports: list[str]
    function: Part
    header: str  # the function's head with its opening brace (or colon)
    kind: Part | None = None  # the type around it
    head: str = ""  # that type's head with its opening brace
    helpers: list[Part] = field(default_factory=list)  # other functions, types and values, at the top
    members: list[Part] = field(default_factory=list)  # the same within the type
    open: bool = False  # the tests stand within the type

    @property
    def arguments(self) -> str:
        """The function's own parameters, to pass them on."""
        listed = parameters_of(self.function.node)
        if listed is None:
            return ""
        named = listed.named_children if listed.named_child_count else [listed] if listed.type == "identifier" else []
        return ", ".join(_passed(child) for child in named if "comment" not in child.type)


def assembled(problem: ProgramProblem, code: str) -> str | None:
    """Return the program part of an answer for its tests; None where the grammar finds no such function in it."""
    language, traits = problem.language, traits_of(problem.language)
    code = without_entry(language, code) if problem.function != traits.entry else code
    program = read(language, code)
    if program is None or program.broken:
        return None
    nameless = next((Found(part) for part in program.parts if _nameless(part) is not None), None)
    found, asked = program.find(problem.function) or nameless, _asked(problem)
    if asked is not None and found is None and (place := _property(program, problem.function)):
        call = f"{place}({asked.arguments})"
        return f"{code.rstrip()}\n\n{asked.header.rstrip()}\n    return {call};\n}}\n"
    if found is None or asked is None:
        return None
    if traits.enclosed:
        return _enclosed(program, found, asked, problem)
    return _loose(program, found, asked, problem, code)


# ---- the prompt


def _asked(problem: ProgramProblem) -> Asked | None:
    """Return what the prompt asks for; None where no way to complete it gives a program with the function."""
    for end in _ends(problem):
        program = read(problem.language, problem.prompt + end)
        found = program.find(problem.function) if program is not None and not program.broken else None
        if program is not None and found is not None and len(found.types) < 2:
            return _read(problem, program, found, end)
    return None


def _ends(problem: ProgramProblem) -> list[str]:
    if traits_of(problem.language).indented:
        return ["    pass\n"]
    opened = depth(problem.language, problem.prompt)
    return ["}" * opened, "{" + "}" * (opened + 1), "}" * opened + ";"]


def _read(problem: ProgramProblem, program: Program, found: Found, end: str) -> Asked:
    kind = found.types[0] if found.types else None
    body = body_of(kind.node) if kind else None
    start = program.source.rfind(b"\n", 0, found.part.outer.start_byte) + 1
    header = program.source[start:].decode().removesuffix(end)
    members = program.members(kind) if kind else []
    return Asked(
        imports=[part.text for part in program.of("import")],
        function=found.part,
        header=header + ("{" if end.startswith("{") else ""),
        kind=kind,
        head=changed(program.source, kind.outer.start_byte, body.start_byte + 1, []) if kind and body else "",
        helpers=_helpers(program.parts, problem.function, kind),
        members=_helpers(members, problem.function, None),
        open=kind is not None and _open(problem),
    )


def _helpers(parts: Sequence[Part], function: str, kind: Part | None) -> list[Part]:
    return [
        one for one in parts if one.kind in _DECLARED and one.name not in (function, kind.name if kind else function)
    ]


def _open(problem: ProgramProblem) -> bool:
    """Whether the tests close the type around the function."""
    text = blanked(problem.language, problem.tests)
    return bool(re.match(r"\s*\}", text)) or text.count("}") > text.count("{")


def _passed(parameter: Node) -> str:
    """Return a parameter's name as an argument."""
    node = parameter
    for name in ("name", "pattern", "declarator"):
        while (inner := node.child_by_field_name(name)) is not None:
            node = inner
    words = [node] if node.child_count == 0 else [leaf for leaf in _leaves(node) if leaf.type.endswith("identifier")]
    if node.type == "variable_name":
        words = [node]
    text = (words[0].text or b"").decode() if words else ""
    return f"...{text}" if parameter.type in ("variadic_parameter", "rest_pattern") else text


def _leaves(node: Node) -> list[Node]:
    return [node] if node.child_count == 0 else [leaf for child in node.children for leaf in _leaves(child)]


# ---- languages whose functions may stand alone


def _loose(program: Program, found: Found, asked: Asked, problem: ProgramProblem, code: str) -> str:
    own = {part.name for part in program.parts}
    bound = own.union(*(re.findall(r"[\w$]+", part.text) for part in program.of("import")))
    names = {name: program.fresh(name) for name in sorted(bound & _tested(problem) - {"", problem.function})}
    start, end = len(program.source) - len(code.encode()), len(program.source)
    text = program.renamed(start, end, names, _unexported(program, problem.function))
    text = re.sub(r"\?>\s*\Z", "\n", text) if program.traits.opening else text
    if "export_statement" in program.nodes.wrappers and problem.tests.lstrip().startswith(("(", "[", "`")):
        text = f"{text.rstrip()}\n;\n"  # else the tests would go on with the answer's last expression
    if found.types:
        text = f"{text.rstrip()}\n\n{_bridge(asked, found, problem, names)}"
    lead = program.traits.preamble(problem.prompt, problem.function)
    if not program.traits.indented:  # Python's preamble has the helpers already
        lead = "\n".join(filter(None, [lead, *(part.text for part in asked.helpers if part.name not in own)]))
    if not lead.strip():
        return text
    if program.traits.opening:  # what precedes an opening tag is no code
        return f"{text.rstrip()}\n\n{lead}\n"
    return behind_what_comes_first(problem.language, f"{lead}\n\n", text)


def _tested(problem: ProgramProblem) -> set[str]:
    """Return the names that the tests declare, which no part of an answer may bear."""
    if traits_of(problem.language).indented:
        return set()  # there the last definition counts
    tests = read(problem.language, problem.tests)
    return {part.name for part in tests.parts if part.kind in _DECLARED} if tests else set()


def _bridge(asked: Asked, found: Found, problem: ProgramProblem, names: Mapping[str, str]) -> str:
    """Return the prompt's function, which passes its arguments on to the answer's one."""
    call = _call(asked, found, problem, names)
    if traits_of(problem.language).indented:
        return f"{asked.header.rstrip()}\n    return {call}\n"
    return f"{asked.header.rstrip()}\n    return {call};\n}}\n"


def _call(asked: Asked, found: Found, problem: ProgramProblem, names: Mapping[str, str]) -> str:
    plain, of_object = traits_of(problem.language).calls
    where = ("::" if "::" in plain else ".").join(names.get(part.name, part.name) for part in found.types)
    form = plain if found.part.static or "namespace" in found.types[-1].node.type else of_object
    return form.format(type=where, name=problem.function, args=asked.arguments)


def _unexported(program: Program, function: str) -> list[Change]:
    """Return the changes that make a module a script: nothing is exported."""
    found = []
    for part in program.parts:
        outer = part.outer
        if outer.type != "export_statement":
            continue
        if part.kind != "other" and part.node is not outer:
            found.append((outer.start_byte, part.node.start_byte, ""))
        elif (value := _nameless(part)) is not None:
            found.append((outer.start_byte, value.start_byte, f"const {function} = "))
        else:
            found.append((outer.start_byte, outer.end_byte, ""))
    return found


def _property(program: Program, function: str) -> str:
    """Return how the function is reached that is a property at the top: ``exports.f = ...``, ``const o = {f() {}}``."""
    for part in program.parts:
        for node in part.node.named_children:
            left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
            place, value = (program.text(left), right) if left else (part.name, node.child_by_field_name("value"))
            if left and place.endswith(f".{function}"):
                return place
            if value is not None and value.type == "object" and _has_property(program, value, function):
                return f"{place}.{function}"
    return ""


def _has_property(program: Program, node: Node, name: str) -> bool:
    keys = (child.child_by_field_name("name") or child.child_by_field_name("key") for child in node.named_children)
    return any(key is not None and program.text(key) == name for key in keys)


def _nameless(part: Part) -> Node | None:
    """Return the function without a name that a module exports by default."""
    value = part.outer.child_by_field_name("value") if part.outer.type == "export_statement" else None
    return value if value is not None and value.type in ("function_expression", "arrow_function") else None


# ---- languages whose functions stand in types


def _enclosed(program: Program, found: Found, asked: Asked, problem: ProgramProblem) -> str | None:
    if asked.kind is None:
        return None
    taken = {part.name for part in (read(problem.language, problem.tests) or program).of("type")}
    imports = [*asked.imports, *(one.text.removeprefix("global ") for one in program.of("import"))]
    direct = len(found.types) == 1 and (found.part.static if asked.function.static else _made(program, found.types[0]))
    names = _new_names(program, found, asked, taken, direct)
    beside, last = [], ""
    for part in program.of("type"):
        if direct and part is found.types[0]:
            last = _type(program, part, asked, names, open_end=asked.open)
        elif not (part.name in names and _empty(part)):
            beside.append(part)
    helpers = _helpers_missing(program, asked)
    if not last:
        inside = [part.text for part in beside if not found.types and _HIDDEN.search(_modifiers(part))]
        beside = [part for part in beside if part.text not in inside]
        last = _type_around(program, found, asked, problem, names, inside)
    texts = [*dict.fromkeys(imports), *helpers, *(_type(program, part, asked, names) for part in beside), last]
    return "\n".join(texts) + "\n"


def _new_names(program: Program, found: Found, asked: Asked, taken: set[str], direct: bool) -> dict[str, str]:
    """Return new names for types: the tests' name for the function's own, and none of theirs for any other."""
    assert asked.kind
    wanted = asked.kind.name
    names: dict[str, str] = {}
    for part in program.of("type"):
        if direct and part is found.types[0]:
            names |= {part.name: wanted} if part.name != wanted else {}
            if part.name != wanted and wanted in program.words():  # a type within it
                names[wanted] = program.fresh(wanted)
        elif part.name in {*taken, wanted}:
            names[part.name] = program.fresh(part.name)
    return names


def _made(program: Program, kind: Part) -> bool:
    """Whether an object of the type can be made without arguments."""
    made = [one for one in program.members(kind) if one.node.type == "constructor_declaration"]
    given = [parameters_of(one.node) for one in made]
    bare = not made or any(listed is None or not listed.named_child_count for listed in given)
    return bare and kind.node.type.startswith(("class", "struct")) and "abstract" not in _modifiers(kind)


def _empty(part: Part) -> bool:
    body = body_of(part.node)
    return body is not None and body.named_child_count == 0


def _modifiers(part: Part) -> str:
    name = name_of(part.node)
    text = part.node.text or b""
    return text[: name.start_byte - part.node.start_byte].decode() if name is not None else ""


def _type(program: Program, part: Part, asked: Asked, names: Mapping[str, str], open_end: bool = False) -> str:
    """Return a type under its new name, not public, since a file may hold one public type only; perhaps left open."""
    body = body_of(part.node)
    start, end = part.outer.start_byte, part.outer.end_byte
    if open_end and body is not None:
        end = body.end_byte - 1
    text = program.renamed(start, end, names)
    own = {one.name for one in program.members(part)}
    missing = [one.text for one in asked.members if one.name not in own] if open_end else []
    head = re.match(r"(?:\s*(?:@[\w.]+(?:\([^)]*\))?|\[[^\]]*\]))*\s*[\w\s]*?\bpublic\s+", text)
    if head:
        text = head.group()[: head.group().rindex("public")] + text[head.end() :]
    return "\n".join([text.rstrip(), *missing])


def _type_around(
    program: Program, found: Found, asked: Asked, problem: ProgramProblem, names: dict[str, str], inside: list[str]
) -> str:
    """Return the prompt's type around loose functions, or around the call of one that stands elsewhere."""
    lines = [asked.head, *inside]
    if found.types:
        lines.append(_bridge(asked, found, problem, names))
    else:
        used = program.words()
        loose = [part for part in program.parts if part.kind in ("function", "value")]
        lines += [_member(program, part, asked) for part in loose if part.kind == "function" or part.name in used]
        own = {part.name for part in loose}
        lines += [part.text for part in asked.members if part.name not in own]
    return "\n".join(lines if asked.open else [*lines, "}"])


def _member(program: Program, part: Part, asked: Asked) -> str:
    """Return a loose function or field as a member, static where the prompt's function is."""
    if part.name == asked.function.name:
        return re.sub(r"^(\s*)(?:private|protected)\s+", r"\1", _as_static(program, part, asked), flags=re.M)
    return _as_static(program, part, asked)


def _as_static(program: Program, part: Part, asked: Asked) -> str:
    if not asked.function.static or re.search(r"\b(?:static|const)\b", _modifiers(part)):
        return part.text
    attributes = [child for child in part.node.named_children if "attribute" in child.type]
    at = attributes[-1].end_byte if attributes else part.node.start_byte
    lead, rest = (program.source[i:j].decode() for i, j in ((part.node.start_byte, at), (at, part.node.end_byte)))
    return f"{lead} static {rest.lstrip()}".lstrip()


def _helpers_missing(program: Program, asked: Asked) -> list[str]:
    own = {part.name for part in program.of("type")}
    return [part.text for part in asked.helpers if part.kind == "type" and part.name not in own]
