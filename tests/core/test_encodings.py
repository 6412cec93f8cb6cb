"""Text is UTF-8 wherever it is read or written, whatever the user's locale says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).parents[2]
MODE = re.compile(r"[rwax+t]+")  # of text
OTHERS = ("os", "tarfile", "zipfile", "gzip", "lzma", "bz2", "Image")  # whose open() is another one


def calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    """(what the name hangs on, name, call) of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id, node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr, node


def lacks_encoding(owner: str, name: str, call: ast.Call) -> bool:
    """Whether a call opens, reads or writes text in the locale's encoding."""
    given = {word.arg: word.value for word in call.keywords}
    if "encoding" in given or None in given:
        return False
    if owner and name in ("read_text", "write_text"):
        return len(call.args) < (1 if name == "read_text" else 2)
    if name in ("run", "Popen", "check_output"):
        return "text" in given or "universal_newlines" in given
    if (name in ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile") and owner not in OTHERS) or name == "fdopen":
        return _is_text(owner, name, call, given.get("mode"))
    return False


def _is_text(owner: str, name: str, call: ast.Call, mode: ast.expr | None) -> bool:
    at = 0 if name.endswith("File") or (owner and name == "open") else 1
    mode = mode or (call.args[at] if len(call.args) > at else None)
    if mode is None:  # `path.open()`; `open(name)`; temporary files are binary
        return not name.endswith("File")
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and bool(MODE.fullmatch(mode.value))


def without_encoding(source: str) -> list[int]:
    """Lines of such calls."""
    return [call.lineno for owner, name, call in calls(ast.parse(source)) if lacks_encoding(owner, name, call)]


def test_every_text_file_and_pipe_has_its_encoding_named() -> None:
    folders = ("xinstruct", "stages", "bench")
    paths = [path for folder in folders for path in sorted((REPO / folder).rglob("*.py"))]
    assert len(paths) > 150
    found = [
        f"{path.relative_to(REPO)}:{line}"
        for path in paths
        for line in without_encoding(path.read_text(encoding="utf-8"))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("open(name)", True),
        ("open(name, 'w')", True),
        ("open(name, 'rb')", False),
        ("open(name, mode=mode)", False),
        ("path.open()", True),
        ("path.open('a')", True),
        ("path.open('ab')", False),
        ("path.open('a', encoding='utf-8')", False),
        ("context.open(ident)", False),
        ("os.open(name, os.O_RDONLY)", False),
        ("os.fdopen(fd, 'w')", True),
        ("(a / b).read_text()", True),
        ("path.write_text(text)", True),
        ("write_text(path, text)", False),
        ("path.write_text(text, encoding='utf-8')", False),
        ("subprocess.run(line, text=True)", True),
        ("subprocess.run(line)", False),
        ("tempfile.NamedTemporaryFile('w')", True),
        ("tempfile.NamedTemporaryFile()", False),
    ],
)
def test_what_is_taken_for_text_without_an_encoding(source: str, lacking: bool) -> None:
    assert bool(without_encoding(source)) is lacking
