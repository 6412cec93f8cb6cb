"""Import statements of a file: the names they bind, and which belong to the language's own library."""

from __future__ import annotations

from dataclasses import dataclass

from xinstruct.code.facts import Facts
from xinstruct.code.traits.base import Imported


@dataclass(frozen=True)
class Imports:
    """What a file imports: statements that bind no single name, and the statement behind each name that is bound."""

    always: list[str]
    names: Imported


def imports_of(facts: Facts) -> Imports:
    """Return the imports of a file, read once."""
    if facts.read_imports is None:
        facts.read_imports = Imports(_always_imported(facts), _import_names(facts))
    found: Imports = facts.read_imports
    return found


def _always_imported(facts: Facts) -> list[str]:
    """Return imports that bind no single name and so are always kept: headers, using directives, wildcards."""
    texts = {facts.text(node).strip() for node in facts.imports}
    return sorted(text for text in texts if facts.traits.import_kept(text))


def _import_names(facts: Facts) -> Imported:
    """Return imported name -> the import's text and whether it is of the standard library."""
    names: Imported = {}
    for node in facts.imports:
        names |= facts.traits.import_names(facts.text(node).strip())
    return names
