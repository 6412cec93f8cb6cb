"""Chat templates of real models: tokens and masks, the token that ends a turn, one BOS; templates without a header."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.params import own
from tests.training.pairs import make_pairs
from xinstruct.files import BadInput
from xinstruct.models import chat
from xinstruct.models.engine import Engine
from xinstruct.params import SftParams
from xinstruct.records import Sample
from xinstruct.training import data
from xinstruct.training.sft import fine_tune

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parent / "golden"
NAMES = ["smollm2", "qwen2.5-coder-instruct", "qwen2.5-coder-base"]


@pytest.mark.parametrize("name", NAMES)
def test_tokens_and_mask_are_the_golden_ones(name: str) -> None:
    tokenizer = chat.load_tokenizer(GOLDEN / name)
    expected = json.loads((GOLDEN / name / "expected.json").read_text())
    assert len(expected) == 2
    for row in expected:
        found = data.encode(tokenizer, row["messages"])
        assert found.input_ids == row["input_ids"]
        assert [int(label != data.IGNORED) for label in found.labels] == row["trained"]
        assert found.prompt + found.answer == found.input_ids and len(found.answer) == found.answer_tokens
        assert tokenizer.decode(found.answer[-1]) == "<|im_end|>"


def test_a_base_model_learns_the_templates_end_token_and_not_its_own() -> None:
    tokenizer = chat.load_tokenizer(GOLDEN / "qwen2.5-coder-base")
    assert tokenizer.eos_token == "<|endoftext|>"
    assert tokenizer.decode(chat.end_id(tokenizer)) == "<|im_end|>"


@pytest.fixture
def base(tiny: Path, tmp_path: Path) -> Path:
    """The tiny model with a tokenizer whose own end token is another than the template's."""
    folder = Path(shutil.copytree(tiny, tmp_path / "start"))
    tokenizer = chat.load_tokenizer(folder)
    tokenizer.eos_token = "<|endoftext|>"
    tokenizer.save_pretrained(folder)
    for name in ("config.json", "generation_config.json"):
        told = json.loads((folder / name).read_text()) | {"eos_token_id": tokenizer.eos_token_id}
        (folder / name).write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize("rank", [4, 0])
def test_the_stored_model_ends_at_the_templates_end_token(
    base: Path, samples: list[Sample], params: SftParams, tmp_path: Path, rank: int
) -> None:
    tokenizer = chat.load_tokenizer(base)
    rows = [data.encode(tokenizer, data.conversation(sample)) for sample in samples[:2]]
    end, own_end = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert rows[0].labels[-1] == end != own_end
    fine_tune(base, rows, own("sft", **vars(params) | {"lora_rank": rank}), 1, tmp_path / "s", tmp_path / "model")
    told = json.loads((tmp_path / "model/generation_config.json").read_text())
    assert set(told["eos_token_id"]) == {end, own_end}
    assert Engine(tmp_path / "model", slots=16, context=64).ends == {end, own_end}


def test_a_sequence_begins_with_one_bos_in_sft_and_dpo(tiny: Path, samples: list[Sample]) -> None:
    from tokenizers.processors import TemplateProcessing

    tokenizer = chat.load_tokenizer(tiny)
    tokenizer.bos_token = "<|endoftext|>"
    bos = tokenizer.bos_token_id
    adding = TemplateProcessing(single="<|endoftext|> $A", special_tokens=[("<|endoftext|>", bos)])
    tokenizer.backend_tokenizer.post_processor = adding
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    assert tokenizer("a")["input_ids"][0] == bos, "it adds one by itself"
    [pair] = make_pairs(samples[:1])
    for row in (data.encode(tokenizer, data.conversation(samples[0])), *data.encode_pair(tokenizer, pair)):
        assert row.input_ids.count(bos) == 1 and row.input_ids[0] == bos
    sft = data.encode(tokenizer, data.conversation(samples[0]))
    assert data.encode_pair(tokenizer, pair)[0] == sft


def test_an_answer_at_which_sampling_stopped_ends_as_sft_teaches(tiny: Path, samples: list[Sample]) -> None:
    tokenizer = chat.load_tokenizer(tiny)
    [pair] = make_pairs(samples[:1])
    chosen, rejected = data.encode_pair(tokenizer, pair)
    stopped = type(pair)(**vars(pair) | {"chosen": pair.chosen + "\n", "rejected": pair.rejected + "\n"})
    assert data.encode_pair(tokenizer, stopped) == (chosen, rejected)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}{% endfor %}", "ignores add_generation_prompt"),
        (
            "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
            "{% if add_generation_prompt %}Answer: {% endif %}",
            "renders an answered conversation other than its prompt begins",
        ),
    ],
)
def test_a_template_that_trains_something_else_than_generation_reads_is_refused(
    tiny: Path, samples: list[Sample], template: str, told: str
) -> None:
    tokenizer = chat.load_tokenizer(tiny)
    tokenizer.chat_template = template
    with pytest.raises(BadInput, match=told):
        data.encode(tokenizer, data.conversation(samples[0]))


def test_text_between_answer_and_end_token_is_trained_and_a_missing_end_is_the_tokenizers(
    tiny: Path, samples: list[Sample]
) -> None:
    tokenizer: Any = chat.load_tokenizer(tiny)
    lines = (
        "{% for m in messages %}{{ m['role'] + ': ' + m['content'] }}%s{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    tokenizer.chat_template = lines.replace("%s", " {{ '<|endoftext|>' }}\n")
    assert chat.answer_text(tokenizer, "yes") == "yes <|endoftext|>"
    tokenizer.chat_template = lines.replace("%s", "\n")
    assert chat.answer_text(tokenizer, "yes") == "yes<|im_end|>"
