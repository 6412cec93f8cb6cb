"""Import statements of a file: which names they bind, and which belong to the language's own library."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xinstruct.code.facts import Facts
from xinstruct.code.grammars import standard_import


@dataclass(frozen=True)
class Imports:
    """What a file imports: statements that bind no single name, and the statement behind each name that is bound."""

    always: list[str]
    names: dict[str, tuple[str, bool]]


def imports_of(facts: Facts) -> Imports:
    """The imports of a file, read once."""
    if facts.read_imports is None:
        facts.read_imports = Imports(_always_imported(facts), _import_names(facts))
    found: Imports = facts.read_imports
    return found


def _always_imported(facts: Facts) -> list[str]:
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


def _import_names(facts: Facts) -> dict[str, tuple[str, bool]]:
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
