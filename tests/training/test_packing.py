"""Models whose packed samples would see each other are refused before training."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, GPTBigCodeConfig, LlamaConfig, MistralConfig, Qwen2Config

from xinstruct.files import BadInput
from xinstruct.models.attention import NAME
from xinstruct.models.device import load_model
from xinstruct.training.packing import refuse_leaks

pytestmark = pytest.mark.slow
SMALL = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def test_usual_models_pass_and_stay_in_the_mode_they_were_in(tiny: Path) -> None:
    model = load_model(tiny, torch.float32)
    refuse_leaks(model.train(), 2048)
    assert model.training
    whole = Qwen2Config(**SMALL, sliding_window=16, use_sliding_window=False)
    refuse_leaks(AutoModelForCausalLM.from_config(whole, attn_implementation=NAME), 2048)


def test_a_window_shorter_than_samples_is_refused_on_a_cpu() -> None:
    model = AutoModelForCausalLM.from_config(MistralConfig(**SMALL, sliding_window=16), attn_implementation=NAME)
    refuse_leaks(model, 16)
    with pytest.raises(BadInput, match=r"attends to 16 tokens at a time.*lower sft.batch_tokens to 16"):
        refuse_leaks(model, 17)


def test_an_attention_that_looks_over_the_row_is_refused() -> None:
    torch.manual_seed(1)
    own = GPTBigCodeConfig(vocab_size=64, n_embd=16, n_layer=2, n_head=2, n_inner=32, initializer_range=0.5)
    with pytest.raises(BadInput, match="samples in one packed row see each other"):
        refuse_leaks(AutoModelForCausalLM.from_config(own, attn_implementation=NAME), 16)
    config = LlamaConfig(**SMALL, initializer_range=0.5)
    refuse_leaks(AutoModelForCausalLM.from_config(config, attn_implementation=NAME), 16)
