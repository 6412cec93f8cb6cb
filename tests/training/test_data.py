"""Rendering, labels, splits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xinstruct.files import BadInput
from xinstruct.models import chat
from xinstruct.records import Sample
from xinstruct.training import data


def test_conversation_is_instruction_and_one_fenced_block(samples: list[Sample]) -> None:
    user, assistant = data.conversation(samples[0])
    assert user == {"role": "user", "content": samples[0].instruction}
    assert assistant["content"] == f"```python\n{samples[0].response}\n```"


def test_only_the_answer_and_its_end_token_are_labelled(tiny: Path, samples: list[Sample]) -> None:
    tokenizer = chat.load_tokenizer(tiny)
    messages = data.conversation(samples[1])
    row = data.encode(tokenizer, messages)
    labelled = [i for i, label in zip(row.input_ids, row.labels, strict=True) if label != data.IGNORED]
    assert tokenizer.decode(labelled) == messages[1]["content"] + "<|im_end|>"
    assert all(label in (data.IGNORED, token) for token, label in zip(row.input_ids, row.labels, strict=True))
    assert row.answer_tokens == len(labelled)


def test_training_prompt_is_the_prompt_that_generation_reads(tiny: Path, samples: list[Sample]) -> None:
    tokenizer = chat.load_tokenizer(tiny)
    messages = data.conversation(samples[2])
    row = data.encode(tokenizer, messages)
    prompt = chat.prompt_ids(tokenizer, messages[:1])
    assert row.input_ids[: len(prompt)] == prompt
    assert set(row.labels[: len(prompt)]) == {data.IGNORED}
    assert chat.render_prompt(tokenizer, messages[:1], "```python\n").endswith("assistant\n```python\n")


@pytest.mark.slow
def test_labels_equal_those_of_trl(tiny: Path, samples: list[Sample], tmp_path: Path) -> None:
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl import SFTConfig, SFTTrainer

    tokenizer = chat.load_tokenizer(tiny)
    rows: list[dict[str, Any]] = []
    for sample in samples[:4]:
        user, assistant = data.conversation(sample)
        rows.append({"prompt": [user], "completion": [assistant]})
    config = SFTConfig(output_dir=str(tmp_path), bf16=False, use_cpu=True, report_to="none", max_length=None)
    model = AutoModelForCausalLM.from_pretrained(tiny)
    trainer = SFTTrainer(model, config, train_dataset=Dataset.from_list(rows), processing_class=tokenizer)
    for sample, theirs in zip(samples[:4], trainer.train_dataset, strict=True):
        ours = data.encode(tokenizer, data.conversation(sample))
        # TRL goes on to the template's line break after the end token; ours ends with the end token
        assert theirs["input_ids"][: len(ours.input_ids)] == ours.input_ids
        assert theirs["labels"][: len(ours.labels)] == ours.labels
        assert tokenizer.decode(theirs["input_ids"][len(ours.input_ids) :]) == "\n"


def test_held_out_samples_are_never_for_training(samples: list[Sample]) -> None:
    training, heldout = data.training_samples(samples), data.heldout_samples(samples)
    assert len(training) == 16 and len(heldout) == 4
    assert {s.split for s in training} == {"train"}
    assert not {s.id for s in training} & {s.id for s in heldout}
    assert [s.id for s in training] == sorted(s.id for s in training)


def test_bad_folders_and_conversations_are_named(tmp_path: Path, tiny: Path) -> None:
    with pytest.raises(BadInput, match="no such folder"):
        chat.load_tokenizer(tmp_path / "nothing")
    with pytest.raises(BadInput, match="assistant"):
        data.encode(chat.load_tokenizer(tiny), [{"role": "user", "content": "hello"}])
