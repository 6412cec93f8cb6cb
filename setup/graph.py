"""Write the code dependencies of every stage into dvc.yaml, file by file (``make graph``; --check only compares).

A stage depends on what its script imports, directly or not, lazily or not, on the data files that those modules name,
and on nothing else, so that a change reruns only what it can change:

- an import, or a string that is a module's whole name (a process is started by it), leads to that module;
- ``DATA_FILES = ("queries/*", ...)`` in a module names files that it reads, by patterns relative to its folder;
- ``render("name")`` and ``table("name")`` of xinstruct.prompts lead to that template or table alone.

What stages hand to each other (data/, models/, reports/) is written by hand in dvc.yaml and stays as it is.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from ruamel.yaml import YAML

REPO = Path(__file__).resolve().parents[1]
CODE = ("xinstruct/", "stages/")
PROMPTS = "xinstruct/prompts"
_INCLUDED = re.compile(r"{%-?\s*(?:include|import|extends)\s+[\"']([^\"']+)[\"']")


def main(argv: list[str] | None = None) -> int:
    """Returns the exit status: 1 when dvc.yaml is not what the code says and --check was given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit status 1 when something would change"
    )
    args = parser.parse_args(argv)
    path = REPO / "dvc.yaml"
    yaml = YAML()
    yaml.width, yaml.preserve_quotes = 200, True
    yaml.indent(mapping=2, sequence=4, offset=2)
    graph = yaml.load(path.read_text(encoding="utf-8"))
    changed = []
    for stage, spec in graph["stages"].items():
        deps = [dep for dep in spec["deps"] if not dep.startswith(CODE)] + dependencies(stage)
        if deps != list(spec["deps"]):
            changed.append(stage)
            spec["deps"] = deps
    for stage in changed:
        print(f"dvc.yaml: the dependencies of {stage} {'are not' if args.check else 'were not'} what its code uses")
    if changed and not args.check:
        with path.open("w", encoding="utf-8") as handle:
            yaml.dump(graph, handle)
    return int(bool(changed) and args.check)


def dependencies(stage: str) -> list[str]:
    """Files that a stage's script is made of, as paths from the project's folder, sorted."""
    todo, seen = {REPO / "stages" / f"{stage}.py"}, set()
    while todo:
        seen.add(current := todo.pop())
        todo |= uses(current) - seen
    return sorted(path.relative_to(REPO).as_posix() for path in seen if not says_nothing(path))


@cache
def uses(path: Path) -> frozenset[Path]:
    """Files of ours that one file leads to."""
    if path.suffix == ".j2":
        names = _INCLUDED.findall(path.read_text(encoding="utf-8"))
        return frozenset(path.with_name(name) for name in names)
    if path.suffix != ".py":
        return frozenset()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {file for name in _named(tree) for file in _located(name)}
    found |= {file for pattern in _declared(tree) for file in _matching(path.parent, pattern)}
    if any(name.startswith("xinstruct.prompts") for name in _named(tree)):
        found |= set(_prompts(tree, path))
    return frozenset(file for file in found if "__pycache__" not in file.parts)


def _named(tree: ast.Module) -> Iterator[str]:
    """Dotted names that may be modules of ours."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("xinstruct."):
            yield node.value


def _located(name: str) -> Iterator[Path]:
    """The module's file and those of the packages around it, which are run before it."""
    parts = name.split(".")
    if parts[0] not in ("xinstruct", "stages") or not all(part.isidentifier() for part in parts):
        return
    for end in range(1, len(parts) + 1):
        base = REPO.joinpath(*parts[:end])
        yield from (path for path in (base.with_suffix(".py"), base / "__init__.py") if path.exists())


def _declared(tree: ast.Module) -> tuple[str, ...]:
    """The patterns of DATA_FILES."""
    names: dict[str, ast.expr] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
    if "DATA_FILES" not in names:
        return ()
    return tuple(str(item) for item in ast.literal_eval(names["DATA_FILES"]))


def _matching(folder: Path, pattern: str) -> Iterator[Path]:
    while pattern.startswith("../"):
        folder, pattern = folder.parent, pattern.removeprefix("../")
    yield from (file for file in folder.glob(pattern) if file.is_file())


def _prompts(tree: ast.Module, path: Path) -> Iterator[Path]:
    """Templates and tables that a module asks for by name.

    Raises ValueError where the name is worked out and DATA_FILES does not say what it may be.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("render", "table"):
            if not (node.args and isinstance(node.args[0], ast.Constant)):
                if any("prompts/" in pattern for pattern in _declared(tree)):
                    continue
                raise ValueError(f"{path}:{node.lineno}: write the prompt's name out, or its files into DATA_FILES")
            suffix = "j2" if node.func.id == "render" else "yaml"
            yield REPO / PROMPTS / f"{node.args[0].value}.{suffix}"


def says_nothing(path: Path) -> bool:
    """True for an __init__.py that holds a docstring at most: it changes nothing."""
    if path.name != "__init__.py":
        return False
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


if __name__ == "__main__":
    sys.exit(main())
