"""Does a function stand alone? Its free names, the same-file helpers that answer them, the text to ship.

A name is free when the function uses it and does not bind it; it is answered by the language itself,
by a standard-library import, or by a definition of the same file (and of the same class where the
language has classes), transitively. Text is edited where a bare function needs it: annotations and
own-class qualifiers go. Left out: names reached through an object, and imports of other files.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from functools import cache

from tree_sitter import Node

from xinstruct.mining.facts import Definition, Facts
from xinstruct.mining.grammars import GRAMMARS, standard_import

_DEPTH = 3
_HELPER_BYTES = 6000
_OWN_CLASS = {"self", "static"}
_IGNORED_MODIFIERS = re.compile(
    rb"^(?:(?:public|protected|private|internal|static|final|abstract|sealed|synchronized|strictfp|inline|default|native|transient|volatile|"
    rb"unsafe|extern|virtual|override|new|partial|async|readonly|const)\s+)*"
)


@dataclass
class Resolved:
    """A function's text with everything it needs, or the names that nothing answers."""

    code: str
    helpers: str
    missing: list[str] = field(default_factory=list)
    used: int = 0  # names that the function and its helpers use without binding them
    imports: list[str] = field(default_factory=list)  # import statements behind the names used, wherever they lead


def resolve(facts: Facts, function: Definition) -> Resolved:
    """Collect imports and helpers of a function. `missing` is empty when it is self-contained."""
    walk = _Walk(facts, function)
    walk.visit(function, 0)
    helpers = [definition for definition in walk.order if definition.node != function.node]
    helpers.sort(key=lambda definition: definition.span[0])
    texts = [shipped(facts, definition, function.scopes) for definition in helpers]
    if sum(map(len, texts)) > _HELPER_BYTES:
        walk.missing.append("(helpers too large)")
    lead = list(dict.fromkeys(walk.imports))
    glue = "\n" if facts.grammar.name in {"bash", "cpp"} else "\n\n"
    body = glue.join(["\n".join(lead), *texts] if lead else texts)
    code = verbatim(facts, function) if walk.missing else shipped(facts, function, function.scopes)
    return Resolved(code, body, sorted(set(walk.missing)), len(walk.asked),
                    sorted(set(walk.used_imports)))  # fmt: skip


@cache
def _php_taken() -> frozenset[str]:
    words = "match list print echo empty isset unset array clone exit die eval include require fn function"
    return GRAMMARS["php"].known() | frozenset(words.split())


class _Walk:
    def __init__(self, facts: Facts, function: Definition) -> None:
        self.facts = facts
        self.function = function
        self.order: list[Definition] = []
        self.imports: list[str] = _always(facts)
        self.missing: list[str] = []
        self.asked: set[str] = set()
        self.used_imports: list[str] = list(self.imports)
        self.modules = import_names(facts)

    def visit(self, definition: Definition, depth: int) -> None:
        if definition in self.order:
            return
        self.order.append(definition)
        start, end = definition.span
        if self.facts.grammar.name == "php" and definition.scopes and definition.name.lower() in _php_taken():
            self.missing.append(f"({definition.name} is taken by PHP)")
        if self.facts.grammar.name in {"java", "csharp"} and b"{" not in self.facts.source[start:end]:
            self.missing += ["(no body)"] if definition.kind == "function" else []
        if banned := self.facts.within("forbid", start, end):
            self.missing.append(self.facts.text(banned[0])[:40])
        if definition.kind == "function" and not _callable_bare(self.facts, definition):
            self.missing.append("(instance method)")
        if definition.kind == "constant" and _instance_field(self.facts, definition):
            self.missing.append("(instance field)")
        if self.facts.grammar.name == "cpp" and definition.kind == "function":
            self._overloads(definition, depth)
        for name in sorted(free_names(self.facts, definition)):
            self._answer(name, depth)

    def _overloads(self, definition: Definition, depth: int) -> None:
        """A call of its own name may mean another overload, which then is a helper."""
        start, end = definition.span
        calls = sum(self.facts.text(node) == definition.name for node in self.facts.within("use", start, end))
        others = [d for d in self.facts.helpers[definition.name] if d is not definition and self._visible(d)]
        for other in others if calls > 1 else []:
            if depth >= _DEPTH or len(others) > 6:
                self.missing.append(definition.name)
                return
            self.visit(other, depth + 1)

    def _answer(self, name: str, depth: int) -> None:
        self.asked.add(name)
        bare = name.removeprefix("$")
        found = [d for d in self.facts.helpers.get(bare, []) if self._visible(d)]
        if found:
            if depth >= _DEPTH or len(found) > 6:
                self.missing.append(name)
                return
            for definition in found:
                self.visit(definition, depth + 1)
        elif name in self.modules:
            text, standard = self.modules[name]
            self.used_imports.append(text)
            (self.imports if standard else self.missing).append(text if standard else name)
        elif name not in self.facts.grammar.known():
            self.missing.append(name)

    def _visible(self, other: Definition) -> bool:
        if not self.facts.grammar.scoped:
            return other.scopes == self.function.scopes[: len(other.scopes)]
        return other.scope == self.function.scope


def free_names(facts: Facts, definition: Definition) -> set[str]:
    """Names a definition uses and neither binds nor merely mentions (members, labels, own class)."""
    start, end = definition.span
    if facts.grammar.name == "bash":
        used = {f"${facts.text(node)}" for node in facts.within("variable", start, end)}
        used = {name for name in used if not name[1:].isdigit()}
        used |= {facts.text(node) for node in facts.within("use", start, end)}
        return used - {f"${facts.text(node)}" for node in facts.within("set", start, end)} - {definition.name}
    skipped = {node.start_byte for mark in ("skip", "bind") for node in facts.within(mark, start, end)}
    for node in own_qualifiers(facts, start, end, definition.scopes):
        member = _member(node)
        if member is not None:  # a member of its own class or namespace is a use of that definition
            skipped.discard(member.start_byte)
        skipped.add(node.start_byte)
    erased = facts.within("erase", start, end)
    used = set()
    for node in facts.within("use", start, end):
        if node.start_byte not in skipped and not any(e.start_byte <= node.start_byte < e.end_byte for e in erased):
            used.add(facts.text(node))
    bound = {facts.text(node) for node in facts.within("bind", start, end)}
    if facts.grammar.name == "php":
        for node in facts.within("qualifier", start, end):
            if facts.text(node) not in {*definition.scopes, *_OWN_CLASS}:
                used.add(facts.text(node))
    recursive = {definition.name} if not facts.grammar.scoped else set()
    return used - bound - recursive


def own_qualifiers(facts: Facts, start: int, end: int, scopes: tuple[str, ...]) -> list[Node]:
    """Qualifiers that name an enclosing class or namespace and fall away with it."""
    own = set(scopes) | (_OWN_CLASS if facts.grammar.name == "php" else set())
    return [node for node in facts.within("qualifier", start, end) if facts.text(node) in own]


def _member(qualifier: Node) -> Node | None:
    parent = qualifier.parent
    if parent is None:
        return None
    return parent.child_by_field_name("name") or parent.child_by_field_name("field")


def _callable_bare(facts: Facts, function: Definition) -> bool:
    node = function.node
    if facts.grammar.name in {"java", "csharp", "php"} and node.type == "method_declaration":
        return "abstract" not in _modifiers(facts, node)  # `this` is forbidden and instance fields are missing names
    if facts.grammar.name == "python" and any(s for s in function.scopes):
        return any("staticmethod" in facts.text(c) for c in (node.parent.children if node.parent else []))
    return node.parent is None or node.parent.type != "field_declaration_list"


def _instance_field(facts: Facts, constant: Definition) -> bool:
    """Whether a field belongs to an object: what a bare function can not have. Interface constants are static."""
    if facts.grammar.name not in {"java", "csharp"} or constant.node.type != "field_declaration":
        return False
    parent = constant.node.parent
    bare = parent is not None and parent.type == "interface_body"
    return not bare and not re.search(r"\b(static|const)\b", _modifiers(facts, constant.node))


def _modifiers(facts: Facts, node: Node) -> str:
    kinds = {"modifiers", "modifier", "static_modifier", "visibility_modifier"}
    return " ".join(facts.text(child) for child in node.children if child.type in kinds)


def shipped(facts: Facts, definition: Definition, scopes: tuple[str, ...]) -> str:
    """The definition's text as it goes out: annotations and own qualifiers cut, dedented."""
    start, end = definition.span
    cuts = [(node.start_byte, node.end_byte) for node in facts.within("erase", start, end)]
    for node in own_qualifiers(facts, start, end, scopes):
        stop = node.end_byte
        while facts.source[stop : stop + 1] in b".: \t" and stop < end:
            stop += 1
        cuts.append((node.start_byte, stop))
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    return _cleaned(facts, definition, _without(facts.source, start, end, cuts), start)


def verbatim(facts: Facts, definition: Definition) -> str:
    """The definition's text as its author wrote it, dedented and without the doc that stands inside."""
    start, end = definition.span
    cuts = []
    if doc := inner_doc(facts, definition):
        stop = doc[1]
        while facts.source[stop : stop + 1].isspace():
            stop += 1
        cuts.append((doc[0], stop))
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    text = (indent + _without(facts.source, start, end, cuts)).decode().replace("\t", "    ").replace("\r\n", "\n")
    return textwrap.dedent(text).strip("\n")


def _without(source: bytes, start: int, end: int, cuts: list[tuple[int, int]]) -> bytes:
    parts, at = [], start
    for left, right in sorted(cuts):
        if left >= at:
            parts.append(source[at:left])
            at = right
    return b"".join([*parts, source[at:end]])


def _cleaned(facts: Facts, definition: Definition, body: bytes, start: int) -> str:
    language = facts.grammar.name
    line = facts.source[facts.source.rfind(b"\n", 0, start) + 1 : start]
    indent = line[: len(line) - len(line.lstrip())]
    body = body.lstrip(b" \t\r\n")
    if definition.node.type == "method_declaration" or (
        language in {"java", "csharp"} and definition.kind == "constant"
    ):
        lead = {"java": b"public static ", "csharp": b"public static ", "php": b""}[language]
        head = _IGNORED_MODIFIERS.match(body)
        words = head.group() if head else b""
        if definition.kind == "constant":
            lead = b"public const " if b"const" in words else b"static final " if language == "java" else b"static "
        body = lead + body[len(words) :]
    if language == "csharp":
        body = re.sub(rb"(\(\s*)this\s+", rb"\1", body, count=1)
    if language == "php" and definition.kind == "constant":
        body = _IGNORED_MODIFIERS.sub(b"", body)
        body = re.sub(rb"^(?:const\s+)?", b"const ", body)
    if language == "python" and definition.scopes:
        body = re.sub(rb"^@staticmethod\s*", b"", body)
    text = (indent + body).decode().replace("\t", "    ").replace("\r\n", "\n")
    text = re.sub(r"\n[ \t]*(?=\n)", "\n", textwrap.dedent(text))
    text = re.sub(r"\n{3,}", "\n\n", text).strip("\n")
    if language == "cpp" and definition.node.type not in {"function_definition", "preproc_def", "preproc_function_def"}:
        text = text if text.endswith((";", "}")) else text + ";"
    return text


def inner_doc(facts: Facts, definition: Definition) -> tuple[int, int, str] | None:
    """A doc that stands first inside the body (a Python docstring, comments of a JavaScript body)."""
    body = definition.node.child_by_field_name("body")
    if body is None or definition.kind != "function" or not body.named_children:
        return None
    first = body.named_children[0]
    if facts.grammar.name == "python":
        if first.type == "expression_statement" and first.named_child_count == 1:
            string = first.named_children[0]
            if string.type == "string" and len(body.named_children) > 1:
                return first.start_byte, first.end_byte, facts.text(string)
        return None
    if facts.grammar.name != "javascript" or first.type != "comment":
        return None
    last = first
    for child in body.named_children:
        if child.type != "comment":
            break
        last = child
    return first.start_byte, last.end_byte, facts.source[first.start_byte : last.end_byte].decode()


def _always(facts: Facts) -> list[str]:
    """Imports that bind no single name and so are always kept: headers, using directives, wildcards."""
    kept = []
    for node in facts.imports:
        text = facts.text(node).strip()
        if facts.grammar.name == "cpp":
            found = re.match(r"#\s*include\s*<([^>]+)>", text)
        elif facts.grammar.name == "csharp":
            found = re.match(r"using\s+([A-Z][\w.]*)\s*;", text)
        elif facts.grammar.name == "java":
            found = re.match(r"import\s+(java[\w.]*)\.\*\s*;", text)
        else:
            found = None
        if found and standard_import(facts.grammar.name, found.group(1)):
            kept.append(text)
    if facts.grammar.name == "csharp":
        kept = [text for text in kept if re.fullmatch(_CORE_USINGS, text)]
    return sorted(set(kept))


_CORE_USINGS = r"using\s+System(\.Collections(\.Generic)?|\.Linq|\.Text(\.RegularExpressions)?|\.Globalization)?\s*;"


def import_names(facts: Facts) -> dict[str, tuple[str, bool]]:
    """Imported name -> the import's text and whether it is of the standard library."""
    language = facts.grammar.name
    names: dict[str, tuple[str, bool]] = {}
    for node in facts.imports:
        text = facts.text(node).strip()
        if language == "python":
            names |= _python_import(text)
        elif language == "java":
            if found := re.match(r"import\s+(?:static\s+)?([\w.]+)\.(\w+)\s*;", text):
                names[found.group(2)] = (text, standard_import("java", found.group(1) + "."))
        elif language in {"javascript", "typescript"}:
            for name in re.findall(r"[\w$]+", text.partition(" from ")[0].replace("import", "", 1)):
                names[name] = (text, False)
        elif language == "php":
            for name in re.findall(r"(\w+)\s*;", text):
                names[name] = (text, False)
    return names


def _python_import(text: str) -> dict[str, tuple[str, bool]]:
    flat = re.sub(r"[()\\\n]", " ", re.sub(r"#.*", "", text))
    if found := re.match(r"from\s+([\w.]+)\s+import\s+(.*)$", flat, re.DOTALL):
        module, rest = found.group(1), found.group(2)
        lead = f"from {module} import "
    else:
        module, rest, lead = "", flat.replace("import", "", 1), "import "
    names = {}
    for part in rest.split(","):
        words = part.split()
        if words:
            bound = words[-1].split(".")[0]
            names[bound] = (lead + " ".join(words), standard_import("python", module or words[0]))
    return names
