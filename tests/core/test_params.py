"""params.yaml is read once, into types: what does not fit is refused in one line, what fits keeps its spelling."""

from __future__ import annotations

import dataclasses
import json
import re
import typing
from pathlib import Path
from typing import Any

import pytest

from tests.agents.helpers import sample
from tests.params import FILE, given, own, values
from xinstruct.agents.answers import Tries
from xinstruct.agents.scorer import check_aspects
from xinstruct.agents.shapes import check as check_operations
from xinstruct.agents.society import Society
from xinstruct.execution.limits import Limits
from xinstruct.files import BadInput, read_yaml
from xinstruct.llm.dialects import FIELDS
from xinstruct.params import everything, listed, read, sections
from xinstruct.params.__main__ import comments, meaning, page
from xinstruct.params.reading import hints
from xinstruct.params.sections import Dialect, Params
from xinstruct.params.unlisted import Section
from xinstruct.plan import graph, resolve

REPO = FILE.parent


def refusal(changes: dict[str, Any]) -> str:
    with pytest.raises(BadInput) as error:
        given(changes)
    return str(error.value)


def leaves(raw: Any, kind: Any, at: str = "") -> list[str]:
    """Dotted names of what has no section of its own below it."""
    if not dataclasses.is_dataclass(kind):
        return [at]
    found = hints(kind)
    return [leaf for key in found for leaf in leaves(raw[key], found[key], f"{at}.{key}".lstrip("."))]


def test_the_file_and_the_sections_have_the_same_parameters() -> None:
    read(FILE)  # which refuses one too many or too few
    raw = values()
    assert list(raw) == list(hints(Params))
    names = leaves(raw, Params)
    for name in names:
        *path, last = name.split(".")
        without = values()
        node = without
        for key in path:
            node = node[key]
        del node[last]
        with pytest.raises(BadInput, match=re.escape(f"params.yaml: {name} is missing")):
            everything(without)
    assert len(names) > 100


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("synthesize.round", "synthesize.round is no parameter; did you mean rounds?"),
        ("synthesise", "synthesise is no parameter; did you mean synthesize?"),
        ("teacher.budget.day", "teacher.budget.day is no parameter; known are stage, run"),
        ("teacher.budget.run.token", "teacher.budget.run.token is no parameter; did you mean tokens?"),
        ("seed.scorer.cutof", "seed.scorer.cutof is no parameter; did you mean cutoff?"),
        ("report.zzz", "report.zzz is no parameter; known are discussions"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(name: str, told: str) -> None:
    assert refusal({name: 1}) == f"params.yaml: {told}"


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("synthesize.rounds", 0, "0; it must be at least 1"),
        ("synthesize.rounds", True, "true; it must be a whole number"),
        ("synthesize.rounds", 2.0, "2.0; it must be a whole number"),
        ("synthesize.rounds", "3", "'3'; it must be a whole number"),
        ("synthesize.reflection", 1, "1; it must be true or false"),
        ("synthesize.reflection", "yes", "'yes'; it must be true or false"),
        ("synthesize.centralized_share", 1.5, "1.5; it must be from 0 to 1"),
        ("synthesize.base", "prove", "'prove'; it must be one of proven, simplest, random (did you mean proven?)"),
        ("synthesize.prefill", True, "true; it must be one of auto, always, never"),
        ("sft.learning_rate", "fast", "'fast'; it must be a number"),
        ("sft.learning_rate", "0.5", "'0.5'; it must be a number"),
        ("sft.learning_rate", False, "false; it must be a number"),
        ("sft.learning_rate", float("nan"), "nan; it must be a number"),
        ("sft.learning_rate", 0, "0; it must be above 0"),
        ("execution.cpu_seconds", 0, "0; it must be above 0"),
        ("execution.cpu_seconds", True, "true; it must be a number"),
        ("execution.memory_mb", "many", "'many'; it must be a whole number"),
        ("teacher.model", 5, "5; it must be a text"),
        ("teacher.model", "", "''; it must be not empty"),
        ("teacher.model", [], "[]; it must be not empty"),
        ("teacher.engine", "onnx", "'onnx'; it must be one of auto, batched, openvino, llamacpp"),
        ("student.sampling", "vllm", "'vllm'; it must be local, or a URL (http://..., https://...)"),
        ("student.sampling", ["http://a"], "['http://a']; it must be a text"),
        ("teacher.on_length", "drop", "'drop'; it must be one of keep, retry, error"),
        ("teacher.identity", None, "empty; it must be a text"),
        ("teacher.budget.run", None, "empty; it must be a section of its own keys"),
        ("teacher.budget.run.tokens", -1, "-1; it must be at least 0"),
        ("teacher", [1], "[1]; it must be a section of its own keys"),
        ("languages", [], "[]; it must be not empty"),
        ("languages", ["php", "php"], "['php', 'php']; it must be without repeats"),
        ("languages", "php", "'php'; it must be a list"),
        ("synthesize.target_weights", None, "empty; it must be a table of names and values ({} for none)"),
        ("seed.scorer.form", "xml", "'xml'; it must be one of yes_no, json"),
        ("random_seed", -1, "-1; it must be from 0 to 4294967295"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: object, told: str) -> None:
    assert refusal({name: value}) == f"params.yaml: {name} is {told}"


def test_items_of_lists_and_tables_are_checked_too() -> None:
    told = "params.yaml: seed.context[1] is 'docs'; it must be one of package, signature, doc (did you mean doc?)"
    assert refusal({"seed.context": ["signature", "docs"]}) == told
    told = "params.yaml: teacher.prices.m.completion is missing; see docs/params.md"
    assert refusal({"teacher.prices": {"m": {"prompt": 0.15}}}) == told
    told = "params.yaml: student.sampling.dpo is 'here'; it must be local, or a URL (http://..., https://...)"
    assert refusal({"student.sampling": {"sft": "http://a", "dpo": "here"}}) == told
    assert refusal({"student.sampling": {"stf": "http://a"}}).endswith("stf is no parameter; did you mean sft?")
    told = "params.yaml: evaluate.benchmarks.humaneval is -1; it must be at least 0"
    assert refusal({"evaluate.benchmarks": {"humaneval": -1}}) == told


@pytest.mark.parametrize("table", ["operations", "shapes", "tasks"])
def test_weights_are_none_below_zero_and_not_all_zero(table: str) -> None:
    name = next(iter(values()["synthesize"][table]))
    assert refusal({f"synthesize.{table}.{name}": -0.5}).endswith(f"{table}.{name} is -0.5; it must be at least 0")
    told = "it must be weights of which at least one is above 0"
    assert refusal({f"synthesize.{table}": {name: 0.0}}).endswith(told)
    assert getattr(own("synthesize", **{table: {name: 1}}), table) == {name: 1.0}


def test_unknown_names_in_tables_of_choices_are_refused() -> None:
    assert refusal({"synthesize.tasks": {"repairs": 1}}).endswith("tasks.repairs is no parameter; did you mean repair?")
    assert "one_to_one" in refusal({"synthesize.shapes": {"one_to_on": 1.0}})


def test_names_that_other_files_define_are_refused_where_those_are_read() -> None:
    with pytest.raises(BadInput, match=r"operations\.combin is no operation; did you mean combine\?"):
        check_operations(own("synthesize", operations={"combin": 1.0}))
    with pytest.raises(BadInput, match=r"weights\.code clarty is no aspect; did you mean code clarity\?"):
        check_aspects(given({"seed.scorer.weights": {"code clarty": 1}}).seed.scorer)
    seeds = [sample(language) for language in ("python", "javascript")]
    with pytest.raises(BadInput, match=r"target_weights\.bsh is no language; did you mean bash\?"):
        Society(seeds, own("synthesize", target_weights={"bsh": 0.5}), ["python"], 1)


def test_what_dvc_writes_for_a_small_number_is_read(tmp_path: Path) -> None:
    """`dvc exp run -S sft.learning_rate=1e-5` writes 1e-05, which readers of YAML 1.1 see as text."""
    text = FILE.read_text(encoding="utf-8")
    assert "learning_rate: 1.0e-3 " in text
    (tmp_path / "params.yaml").write_text(text.replace("learning_rate: 1.0e-3 ", "learning_rate: 1e-05 "))
    assert read(tmp_path / "params.yaml").sft.learning_rate == 1e-5
    assert own("sft", learning_rate="1e-05").learning_rate == 1e-5
    assert own("sft", learning_rate="5.5E-7").learning_rate == 5.5e-7


def test_whole_numbers_do_for_fractions_and_become_them() -> None:
    found = own("synthesize", temperature=1, operations={"carry_over": 2})
    assert json.dumps([found.temperature, found.operations]) == '[1.0, {"carry_over": 2.0}]'


def test_what_is_part_of_a_verdicts_key_keeps_its_spelling() -> None:
    written = Limits.of(own("execution", cpu_seconds=5, wall_factor=3.0))
    assert json.dumps([written.cpu_seconds, written.wall_factor]) == "[5, 3.0]"


def test_tables_keep_the_order_they_are_written_in() -> None:
    assert list(own("synthesize", target_weights={"php": 1, "bash": 2}).target_weights) == ["php", "bash"]


def test_sections_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        given().synthesize.rounds = 7  # type: ignore[misc]


def test_no_field_has_a_default() -> None:
    kinds = [kind for kind in vars(sections).values() if isinstance(kind, type) and issubclass(kind, Section)]
    assert len(kinds) > 18
    for kind in (kind for kind in kinds if kind is not Section):
        for field in dataclasses.fields(kind):  # type: ignore[arg-type]
            assert field.default is field.default_factory is dataclasses.MISSING, (kind, field.name)


def test_the_dialects_are_those_that_calls_are_written_in() -> None:
    assert set(typing.get_args(Dialect)) == {"auto", *FIELDS}


# ---- what a stage sees


def test_a_stage_sees_what_the_graph_lists_and_asking_for_more_is_an_error() -> None:
    found = listed({"teacher": {"model": "m"}, "fetch": {"sources": "default"}}, "fetch")
    assert (found.teacher.model, found.fetch.sources) == ("m", "default")
    for ask, name in ((lambda: found.teacher.slots, "teacher.slots"), (lambda: found.languages, "languages")):
        with pytest.raises(BadInput, match=rf"dvc\.yaml: stage fetch reads {name}, which its params do not list"):
            ask()
    with pytest.raises(AttributeError):
        found.nothing  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(found, "__deepcopy__")


@pytest.mark.parametrize("stage", graph(REPO))
def test_the_params_of_every_stage_are_those_that_dvc_lists(
    stage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = dict(graph(REPO)[stage], deps=[])
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {stage: spec}}))
    (tmp_path / "params.yaml").write_text(FILE.read_text(encoding="utf-8"))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    plan = resolve(stage, tmp_path)
    tops: dict[str, Any] = {}
    for name in spec["params"]:
        top, _, key = name.partition(".")
        tops.setdefault(top, set()).add(key)
    assert {top: set(plan.params[top]) if "" not in keys else {""} for top, keys in tops.items()} == tops
    assert set(plan.params) == set(tops)
    assert plan.params == json.loads(json.dumps(plan.params)), "a plan is saved as JSON"
    assert getattr(listed(plan.params, stage), stage) == getattr(read(FILE), stage)


def test_a_slip_in_another_stages_section_stops_the_first_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dvc.yaml").write_text(json.dumps({"stages": {"filter": dict(graph(REPO)["filter"], deps=[])}}))
    (tmp_path / "params.yaml").write_text(json.dumps(values({"evaluate.heldouts": 3})))
    monkeypatch.setenv("XINSTRUCT_WORK", str(tmp_path / "work"))
    with pytest.raises(BadInput, match=r"evaluate\.heldouts is no parameter; did you mean heldout\?"):
        resolve("filter", tmp_path)


# ---- the page


def test_the_page_about_all_parameters_is_up_to_date() -> None:
    assert (REPO / "docs/params.md").read_text(encoding="utf-8") == page(FILE), "run: make docs"


def test_every_parameter_is_explained_and_on_the_page() -> None:
    said, text = comments(FILE.read_text(encoding="utf-8")), page(FILE)
    for name in leaves(read_yaml(FILE), Params):
        assert meaning(name, said), f"{name} has no comment in params.yaml"
        assert f"| `{name}` |" in text


# ---- requests


def test_a_whole_number_for_a_temperature_asks_the_same_as_a_fraction() -> None:
    from tests.agents.test_answers import task

    spelled = [own("synthesize", temperature=t, prefill="always").temperature for t in (1, 1.0)]
    one, two = (task().request(0, Tries(8, 8, 0, 9, t, True), 1) for t in spelled)
    assert json.dumps(one.content()) == json.dumps(two.content()) and '"temperature": 1.0' in json.dumps(one.content())
