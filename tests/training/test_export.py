"""A trained adapter is handed over whole: checkpoint, GGUF, Modelfile and a card whose figures are the project's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.params import values
from tests.training.test_sft import encoded
from xinstruct.export_model import export, modelfile
from xinstruct.files import BadInput, read_yaml, write_json, write_records, write_text
from xinstruct.models.chat import load_tokenizer
from xinstruct.params import SftParams
from xinstruct.records import Sample
from xinstruct.training.sft import fine_tune

pytestmark = pytest.mark.slow
SCORES = """model,benchmark,language,n,passed,pass_at_1,low,high,heldout_loss,tokens
sft,humaneval,python,8,2,0.25,0.071,0.591,,
start,humaneval,python,8,1,0.125,0.022,0.471,,
dpo,humaneval,python,8,7,0.875,0.5,0.99,,
sft,heldout,mean,3,0,,,,,
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, tiny: Path, samples: list[Sample]) -> Path:
    """A project's folder after sft, with the files that the card is made of."""
    from tests.params import own
    from tests.training.conftest import PARAMS

    root = tmp_path_factory.mktemp("project")
    params: SftParams = replace(own("sft", **PARAMS), epochs=1)
    (root / "models").mkdir()
    (root / "models" / "start").symlink_to(tiny)
    fine_tune(root / "models/start", encoded(tiny, samples[:4]), params, 1, root / "scratch", root / "models/sft")
    write_json(root / "params.yaml", values({"student.model": "smollm2-135m", "sft.learning_rate": 0.0123}))
    write_records(root / "data/filter/samples.parquet", "samples", samples)
    held = {"samples": 4, "loss_before": 3.25, "loss_after": 1.5}
    write_json(root / "reports/sft/metrics.json", {"steps": 7, "heldout": held})
    write_text(root / "reports/evaluate/scores.csv", SCORES)
    return root


def test_everything_to_run_the_model_is_in_one_folder(project: Path, tmp_path: Path) -> None:
    import torch
    from gguf import GGUFReader
    from transformers import AutoModelForCausalLM

    from xinstruct.llm.serve import model_file
    from xinstruct.models.device import load_model

    out = tmp_path / "out"
    share = export(project / "models/sft", out, "float16", most=0.5, name="little")
    assert 0 < share < 0.5
    plain = AutoModelForCausalLM.from_pretrained(out, dtype=torch.float32).state_dict()
    trained = load_model(project / "models/sft", torch.float32, "sdpa").state_dict()
    assert all(torch.equal(plain[name], weight.half().float()) for name, weight in trained.items())
    assert model_file(str(out)) == out / "little.gguf"
    tensors = {tensor.name: tensor for tensor in GGUFReader(out / "little.gguf").tensors}
    assert torch.equal(
        torch.tensor(tensors["blk.0.ffn_up.weight"].data), plain["model.layers.0.mlp.up_proj.weight"].half()
    )
    assert {oct(path.stat().st_mode & 0o777) for path in out.iterdir()} == {"0o644"}
    assert (out / "Modelfile").read_text().startswith("FROM ./little.gguf\n")


def test_the_cards_figures_are_those_of_the_project(project: Path, tmp_path: Path) -> None:
    export(project / "models/sft", tmp_path / "out", "float32", gguf=False)
    card = (tmp_path / "out" / "README.md").read_text()
    _, header, text = card.split("---\n", 2)
    write_text(tmp_path / "header.yaml", header)
    said: dict[str, Any] = read_yaml(tmp_path / "header.yaml")
    assert (said["base_model"], said["license"]) == ("smollm2-135m", "apache-2.0")
    for words in (
        "16 training samples, 16 of them passed",
        "| python | 16 |",
        "| MIT | 16 |",
        "learning_rate 0.0123",
        "7 steps, held-out loss per answer token 3.250 to 1.500 on 4 samples",
        "| humaneval | python | sft | 2 of 8 | 0.250 | 0.071 to 0.591 |",
        "| humaneval | python | start | 1 of 8 | 0.125 | 0.022 to 0.471 |",
        "| heldout | mean | sft | 0 of 3 | – | – |",
        "merging lost 0.00%",
    ):
        assert words in text, words
    assert "dpo" not in text and ".gguf" not in text
    assert not list((tmp_path / "out").glob("*.gguf"))


def test_what_loses_too_much_leaves_nothing_behind(project: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="rounding takes"):
        export(project / "models/sft", tmp_path / "out", "bfloat16", most=0.0001)
    with pytest.raises(BadInput, match="nothing was trained in it"):
        export(project / "models/start", tmp_path / "out", "float32")
    assert list(tmp_path.iterdir()) == []


def test_the_modelfile_says_the_template_in_ollamas_words(tiny: Path) -> None:
    tokenizer = load_tokenizer(tiny)
    turns = "<|im_start|>{{ $m.Role }}\n{{ $m.Content }}<|im_end|>\n"
    said = modelfile(tokenizer, "a")
    assert f'"""{{{{ range $i, $m := .Messages }}}}{turns}{{{{ end }}}}<|im_start|>assistant\n"""' in said
    plain = str(tokenizer.chat_template)
    own = "<|im_start|>system\nBe nice.<|im_end|>\n"
    tokenizer.chat_template = "{% if messages[0]['role'] != 'system' %}" + own + "{% endif %}" + plain
    said = modelfile(tokenizer, "a")
    assert '{{ if and (eq $i 0) (ne $m.Role "system") }}' + own + "{{ end }}" + turns in said
    tokenizer.chat_template = plain.replace("<|im_start|>", "[TURN]")
    assert modelfile(tokenizer, "a") == "FROM ./a\nPARAMETER temperature 0\n"
