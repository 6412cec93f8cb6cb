"""A tiny model with a ChatML tokenizer, made once, and samples to train it on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.params import own
from xinstruct.code.types import Case, Signature, cases_to_json
from xinstruct.params import SftParams
from xinstruct.records import Sample, content_id

TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def make_samples(count: int) -> list[Sample]:
    """Small Python functions; every fifth is held out."""
    samples = []
    for i in range(count):
        name = f"add_{i}"
        cases = [Case((n,), n + i) for n in (0, 5, -3)]
        samples.append(
            Sample(
                id=content_id(name),
                kind="Ds1",
                language="python",
                instruction=f"Write a Python function `{name}` that adds {i} to a whole number."
                + " Be brief." * (i % 3),
                response=f"def {name}(number):\n    return number + {i}",
                function=name,
                signature=Signature.of("int", number="int").to_json(),
                cases=cases_to_json(cases),
                parents=[],
                snippets=[name],
                licenses=["MIT"],
                verdict="passed",
                split="heldout" if i % 5 == 4 else "train",
            )
        )
    return samples


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    return make_samples(20)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of two layers with random weights (seeded) and a byte-level tokenizer."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny")
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = [f"{s.instruction}\n```python\n{s.response}\n```" for s in make_samples(20)]
    raw.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|im_end|>", unk_token="<|endoftext|>"
    )
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(7)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
        initializer_range=0.2,
    )
    LlamaForCausalLM(config).to(torch.float32).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


PARAMS = {
    "epochs": 2,
    "learning_rate": 1.0e-2,
    "warmup_steps": 1,
    "batch_tokens": 256,
    "batch_size": 1,
    "processes": 1,
    "lora_rank": 4,
    "dtype": "float32",
    "trl": {},
    "lora": {},
}


@pytest.fixture
def params() -> SftParams:
    found: SftParams = own("sft", **PARAMS)
    return found
