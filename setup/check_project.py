"""Hold the project's tracked files against README's tree, and its declared dependencies against what is used.

    python setup/check_project.py [FOLDER]

Prints a line for each tracked file whose root name (or whose folder, where the tree lists the folders of one) README's
tree does not name, each name of the tree that is not there, and each dependency of pyproject.toml that no module
imports, by a statement or by its name in a string, and for which BY_NAME has no reason. Exit status 1 if there is any.
Needs nothing but Python and git, so that it runs before everything else.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

# The name that is imported, where it is not the distribution's with "_" for "-".
IMPORTED_AS = {"ruamel.yaml": "ruamel", "markdown-it-py": "markdown_it"}
# Dependencies that no module of ours imports, and why they are declared all the same.
BY_NAME = {
    "accelerate": "transformers' and TRL's trainers refuse to start without it",
    "dvc": "the command that runs the graph (make repro)",
    "mypy": "the command of make types",
    "pandas-stubs": "types of pandas for mypy",
    "ruff": "the command of make lint",
    "sentencepiece": "transformers needs it for the tokenizers of some GGUF checkpoints",
    "snakefmt": "the command of make lint for the Snakefile",
    "snakemake": "the command that runs the shards of a stage (xinstruct/stage.py)",
    "snakemake-executor-plugin-kubernetes": "snakemake loads it for profiles/kubernetes",
    "snakemake-executor-plugin-slurm": "snakemake loads it for profiles/slurm",
    "types-PyYAML": "types of yaml for mypy",
    "types-jsonschema": "types of jsonschema for mypy",
    "types-tqdm": "types of tqdm for mypy",
}


def tracked(root: Path) -> list[str]:
    """Paths of all tracked files that are there, relative to the root."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    return [name for name in done.stdout.split("\0") if name and (root / name).exists()]


# ---- the tree


def tree(readme: str) -> set[str]:
    """Return the names in a README's tree: root names, and below a folder its indented names as FOLDER/NAME."""
    block = readme.partition("## The tree")[2].split("```")[1]
    found, folder = set(), ""
    for line in block.splitlines():
        depth = len(line) - len(line.lstrip())
        if line.strip() and depth <= 2:
            names = [name.rstrip(",/") for name in re.split(r"\s{2,}", line.strip())[0].split()]
            found |= {f"{folder}/{name}" if depth else name for name in names}
            folder = folder if depth else names[-1]
    return found


def misplaced(paths: list[str], named: set[str]) -> Iterator[str]:
    """A line for each file outside of the named places, and for each named place without a file."""
    detailed = {name.split("/")[0] for name in named if "/" in name}
    for path in paths:
        parts = path.split("/")
        if parts[0] not in named:
            yield f"{path}: README's tree has no {parts[0]}"
        elif parts[0] in detailed and len(parts) > 2 and "/".join(parts[:2]) not in named:
            yield f"{path}: README's tree has no {parts[1]} below {parts[0]}"
    there = {"/".join(path.split("/")[:depth]) for path in paths for depth in (1, 2)}
    for name in sorted(named - there):
        yield f"README.md: the tree names {name}, which is not tracked"


# ---- dependencies


def declared(pyproject: str) -> list[str]:
    """Names of all distributions that a pyproject.toml declares, optional ones among them."""
    project = tomllib.loads(pyproject)["project"]
    lines = [*project["dependencies"], *(line for group in project["optional-dependencies"].values() for line in group)]
    return [re.split(r"[^\w.-]", line)[0] for line in lines]


def used(source: str) -> set[str]:
    """Top names of what a module imports, and of all strings that have the form of a module's name."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.split(".")[0])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= {node.value.split(".")[0]} if re.fullmatch(r"\w+(\.\w+)*", node.value) else set()
    return found


def unused(names: list[str], imported: set[str]) -> Iterator[str]:
    """A line for each declared distribution that is not imported and not excused, and for each needless excuse."""
    for name in names:
        module = IMPORTED_AS.get(name, name.replace("-", "_"))
        if module not in imported and name not in BY_NAME:
            yield f"pyproject.toml: nothing imports {name}; remove it, or say why it is there in setup/check_project.py"
    for name in sorted(BY_NAME.keys() - set(names)):
        yield f"setup/check_project.py: {name} is excused and not declared"


def main() -> int:
    """Check a folder and print what is wrong. Returns 1 if anything is."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    paths = tracked(root)
    found = [*misplaced(paths, tree((root / "README.md").read_text(encoding="utf-8")))]
    own = Path("setup/check_project.py")  # its table names everything
    modules = [path for path in paths if path.endswith(".py") and Path(path) != own]
    imported = set[str]().union(*(used((root / path).read_text(encoding="utf-8")) for path in modules))
    found += unused(declared((root / "pyproject.toml").read_text(encoding="utf-8")), imported)
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
