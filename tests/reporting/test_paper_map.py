"""docs/paper_map.md names only what exists: files, classes, functions, params."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from xinstruct.files import read_yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/paper_map.md").read_text(encoding="utf-8")
PRODUCED = ("data/", "reports/")


def test_paths_exist() -> None:
    paths = set(re.findall(r"`((?:[\w.-]+/)+[\w.-]+)`", TEXT))
    assert len(paths) > 25
    gone = [path for path in sorted(paths) if not path.startswith(PRODUCED) and not (ROOT / path).exists()]
    assert not gone


def test_names_stand_in_the_file_they_are_said_to() -> None:
    found = re.findall(r"`([\w/]+\.py)` \(((?:`\w+`(?:, )?)+)\)", TEXT)
    assert len(found) > 8
    for path, names in found:
        code = (ROOT / path).read_text(encoding="utf-8")
        for name in re.findall(r"`(\w+)`", names):
            assert re.search(rf"^(class|def) {name}\b", code, re.MULTILINE), f"{path} has no {name}"


def test_params_exist() -> None:
    params = read_yaml(ROOT / "params.yaml")
    names = set(
        re.findall(r"[` ]((?:seed|mine|synthesize|deduplicate|preferences|dpo|evaluate)\.[a-z_.]+\w)[`=:]", TEXT)
    )
    assert len(names) > 20
    for name in names:
        node: Any = params
        for key in name.split("."):
            assert isinstance(node, dict) and key in node, name
            node = node[key]


def test_commands_in_the_report_change_params_that_exist() -> None:
    from xinstruct.reporting.scores import ABLATION

    params = read_yaml(ROOT / "params.yaml")
    for _, _, command in ABLATION.values():
        for section, key in re.findall(r"-S (\w+)\.(\w+)=", command):
            assert key in params[section]
