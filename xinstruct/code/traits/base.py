"""What a language looks like to code that reads it: one record of facts and small functions for each language.

Code that analyses programs asks these fields and never a language's name. Leaves out how a language is run
(``xinstruct.languages``) and what it is called (``code/names.py``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tree_sitter import Node

from xinstruct.code.grammars import Grammar, standard_names
from xinstruct.code.types import Signature

if TYPE_CHECKING:
    from xinstruct.code.facts import Definition, Facts

LISTS = frozenset(
    ("list", "List", "Sequence", "Iterable", "Collection", "Array", "ReadonlyArray", "vector", "IList", "Iterator",
     "IEnumerable", "ICollection", "array")
)  # fmt: skip
DICTS = frozenset(
    ("dict", "Dict", "Mapping", "Map", "map", "unordered_map", "Dictionary", "IDictionary", "HashMap")
)  # fmt: skip
OPAQUE = re.compile(r"//[^\n]*|/\*.*?(?:\*/|\Z)|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
INSTANCE = "(instance method)"
BRACE_STOPS = ("```", "\n}")

Imported = dict[str, tuple[str, bool]]  # bound name -> the statement, and whether it is of the standard library
Parameter = tuple[str, str, bool]  # name, written type ("" for none), whether a default stands there


@dataclass(frozen=True)
class Nodes:
    """The grammar's names of what a program is put together from (programs.py)."""

    functions: tuple[str, ...]
    types: tuple[str, ...]
    imports: tuple[str, ...] = ()
    values: tuple[str, ...] = ()  # declarations of fields, constants and variables
    scopes: tuple[str, ...] = ()  # namespaces: what they hold stands at the top, too
    wrappers: tuple[str, ...] = ()  # around one of the others
    words: tuple[str, ...] = ("identifier", "type_identifier")  # names


def unbound(facts: Facts, definition: Definition, used: set[str], bound: set[str]) -> set[str]:
    """Names that a definition uses and does not bind; a function of no class answers its own name."""
    return used - bound - (set() if facts.traits.scoped else {definition.name})


def listed_types(declared: Node) -> Node | None:
    """The node that lists a declaration's type parameters, None when there is none."""
    return declared.child_by_field_name("type_parameters") or next(
        (child for child in declared.named_children if child.type == "type_parameter_list"), None
    )


def opens_by_brace(rest: str, line: str) -> int:
    """Characters of `rest` that still belong to a declaration because its body follows; 0: no body."""
    return int(rest[0] == "{")


@dataclass(frozen=True, eq=False)
class Traits:
    """What one language looks like. The defaults are those of a brace language of which nothing else is known."""

    name: str

    # ---- files
    syntax: Grammar | None = None
    suffixes: tuple[str, ...] = ()  # of files that are mined; "": files without one
    excluded: tuple[str, ...] = ()  # longer suffixes of files that are not
    headers: tuple[str, ...] = ()  # of files that hold docs for the functions of a file of the same stem
    first_line: re.Pattern[bytes] | None = None  # what a file without suffix must begin with
    scripts: bool = False  # a file with a shebang is a function by itself
    opening: str = ""  # must stand before a function that is parsed alone
    programs: tuple[str, ...] = ()  # of a shebang: they name the language
    programs_too: tuple[str, ...] = ()  # of a shebang: they run it and do not name it
    marks: re.Pattern[bytes] | None = None  # lines that only this language (or its family) writes
    marked: bool = False  # a file that begins with such a mark is of this language, whatever else it holds
    family: str = ""  # the language whose marks and programs it shares

    # ---- names
    builtins: Callable[[], frozenset[str]] | None = None  # need no definition; None: standard/NAME.txt
    fixed_names: bool = False  # no function may bear the name of one of the language's own
    scoped: bool = False  # helpers of a function are looked up in its own class
    own_classes: frozenset[str] = frozenset()  # words for the class that a method stands in
    overloads: bool = False  # a call of its own name may mean another function
    free: Callable[[Facts, Definition, set[str], set[str]], set[str]] = unbound  # of the names used and those bound
    import_kept: Callable[[str], bool] = field(default=lambda text: False)  # a statement that binds no single name
    import_names: Callable[[str], Imported] = field(default=lambda text: {})  # of one statement

    # ---- docs
    doc_inside: bool = False  # the doc inside a body goes before the one above
    inner_doc: Callable[[Facts, Node, Node], tuple[int, int, str] | None] = field(
        default=lambda facts, body, first: None
    )  # of a body and its first node: bytes from, to, and the text
    line_ends_to_doc: int = 1  # between a doc comment and its definition, at most
    # Whether a comment that is apart from what follows is the file's, by the source and the comment's first byte.
    file_header: Callable[[bytes, int], bool] = field(default=lambda source, at: False)
    poor_doc: Callable[[str], str] = field(default=lambda doc: "")  # why a doc does not document
    example_docs: bool = False  # docs may give calls and results by number ("example 1:")
    accessors: bool = True  # a body that only returns or sets a member is trivial
    foreign_type: re.Pattern[str] | None = None  # in docs: a type of the package's own

    # ---- what goes out with a function
    glue: str = "\n\n"  # between helpers
    # A definition's source without what only its class needs: modifiers, annotations, the word for its own object.
    bare: Callable[[Definition, bytes], bytes] = field(default=lambda definition, body: body)
    closed: Callable[[Definition, str], str] = field(default=lambda definition, text: text)  # as a whole statement
    # Why a definition cannot stand alone, in brackets, whatever names it uses; [] when it can.
    faults: Callable[[Facts, Definition], list[str]] = field(default=lambda facts, definition: [])
    fault_marks: str = INSTANCE  # faults that begin so are no names that lie elsewhere

    # ---- types
    scalars: Mapping[str, str] = field(default_factory=dict)  # written type -> neutral one, "" for none
    number: str = ""  # the one type of all numbers
    lists: frozenset[str] = LISTS
    dicts: frozenset[str] = DICTS
    tuples: frozenset[str] = frozenset()
    question_mark: bool = False  # makes a type optional
    unions: bool = False  # `T | null` is an optional type
    clean: Callable[[str], str] = field(default=lambda text: text)  # a type without modifiers
    clean_inner: Callable[[str], str] = str.strip  # the same inside of <>
    integer: str = ""  # what is put for a type parameter; "": nothing is
    type_parameters: Callable[[Node], Node | None] = listed_types
    parameter: Callable[[Facts, Node], Parameter] | None = None  # reads one; None: by the grammar's fields
    parameter_refused: re.Pattern[str] | None = None  # found in a parameter that no value can be given for
    predicate: re.Pattern[str] | None = None  # a result type that means a boolean
    signature: Callable[[Facts, Definition, str], Signature | None] | None = None  # by other means than declared types
    untyped_calls: bool = False  # a call needs no declared types

    # ---- answers of models
    definition: str = ""  # pattern of a function's definition with {name}
    is_program: Callable[[str], bool] = field(default=lambda text: False)  # a whole text without any fence
    balanced: bool = False  # braces that a cut-off left open are closed
    braces: bool = False  # blocks are in braces, and a program's braces match
    indented: bool = False  # blocks are by indentation
    closing_line: bool = False  # a function's last brace stands alone at a line's start
    stops: tuple[str, ...] = BRACE_STOPS  # end one bare function
    body_opens: Callable[[str, str], int] = opens_by_brace  # of what follows a header's brackets, and its first line

    # ---- programs of benchmarks
    nodes: Nodes | None = None
    entry: str = ""  # the function that a program begins with
    main: re.Pattern[str] | None = None  # what a program begins with where that is no function
    enclosed: bool = False  # every function stands in a type
    calls: tuple[str, str] = ("", "")  # of a function of a {type}, without and with an object
    usual_imports: str = ""  # what programs written without imports are given
    preamble: Callable[[str, str], str] = field(default=lambda prompt, function: "")  # what a prompt gives a function
    none: str = "null"  # what a description calls Python's None
    variable_mark: str = ""  # what a variable's name begins with
    positional: bool = False  # parameters have no names of their own

    # ---- literals and comments, where there is no grammar
    opaque: re.Pattern[str] = OPAQUE

    @property
    def grammar(self) -> Grammar:
        """The language's grammar. Raises ValueError where it has none."""
        if self.syntax is None:
            raise ValueError(f"{self.name} has no grammar: xinstruct/code/traits/{self.name}.py names none")
        return self.syntax

    def known(self) -> frozenset[str]:
        """Names that need no definition: builtins, the language's own library, types."""
        return self.builtins() if self.builtins else standard_names(self.name)
