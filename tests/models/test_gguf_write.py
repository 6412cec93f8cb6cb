"""A model written as GGUF holds the model's weights, its tokens and its answers."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.conftest import samples, tiny
from xinstruct.files import BadInput, hash_path
from xinstruct.models.chat import end_id, load_tokenizer, render_prompt
from xinstruct.models.gguf_file import unreadable
from xinstruct.models.gguf_write import refuse_architecture, splitting, write_gguf

pytestmark = pytest.mark.slow
GOLDEN = Path(__file__).parents[1] / "training" / "golden"
QWEN = GOLDEN / "qwen2.5-coder-instruct"
__all__ = ["samples", "tiny"]


@pytest.fixture(scope="module", params=["llama", "qwen2"])
def checkpoint(request: pytest.FixtureRequest, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of each family with tied embeddings, more ids than tokens and, for Qwen2, biases that count."""
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    folder = tmp_path_factory.mktemp(request.param)
    tokenizer = load_tokenizer(tiny)
    if request.param == "qwen2":
        tokenizer.backend_tokenizer.pre_tokenizer = Tokenizer.from_file(str(QWEN / "tokenizer.json")).pre_tokenizer
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer) + 5,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 512,
        "rope_parameters": {"rope_type": "default", "rope_theta": 50000.0},
        "eos_token_id": end_id(tokenizer),
        "tie_word_embeddings": True,
        "initializer_range": 0.2,
    }
    torch.manual_seed(3)
    llama = request.param == "llama"
    model = LlamaForCausalLM(LlamaConfig(**shape)) if llama else Qwen2ForCausalLM(Qwen2Config(**shape))
    for name, weight in model.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(weight, std=0.5)
    model.float().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def written(folder: Path, file: Path, dtype: str) -> Any:
    import torch

    from xinstruct.models.device import load_base

    model = load_base(folder, torch.float32, "sdpa")
    write_gguf(model, folder, file, dtype, "tiny", end_id(load_tokenizer(folder)))
    return model


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_what_is_read_back_is_the_models_weights(checkpoint: Path, tmp_path: Path, dtype: str) -> None:
    """By transformers' own reader of GGUF, which undoes the order of a Llama's heads by itself."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    file = tmp_path / "tiny.gguf"
    model = written(checkpoint, file, dtype)
    back = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=file.name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    )
    theirs = back.state_dict()
    kind = getattr(torch, dtype)
    for name, weight in model.state_dict().items():
        expected = weight.to(kind).float() if weight.ndim > 1 else weight
        assert torch.equal(theirs[name].float(), expected), name
    assert back.config.tie_word_embeddings and back.config.rope_parameters["rope_theta"] == 50000.0
    ours = load_tokenizer(checkpoint)
    text = "<|im_start|>user\ndef f(x): return x + 1  # 12<|im_end|>\n"
    assert AutoTokenizer.from_pretrained(tmp_path, gguf_file=file.name)(text)["input_ids"] == ours(text)["input_ids"]


def test_tied_embeddings_are_written_once_and_bytes_repeat(checkpoint: Path, tmp_path: Path) -> None:
    from gguf import GGUFReader

    written(checkpoint, tmp_path / "a.gguf", "float16")
    written(checkpoint, tmp_path / "b.gguf", "float16")
    assert hash_path(tmp_path / "a.gguf") == hash_path(tmp_path / "b.gguf")
    reader = GGUFReader(tmp_path / "a.gguf")
    names = [tensor.name for tensor in reader.tensors]
    assert "token_embd.weight" in names and "output.weight" not in names and "output_norm.weight" in names
    assert ("blk.0.attn_q.bias" in names) == (reader.fields["general.architecture"].contents() == "qwen2")
    assert unreadable(tmp_path / "a.gguf") == ""


def test_untied_embeddings_are_written_apart(checkpoint: Path, tmp_path: Path) -> None:
    import torch
    from gguf import GGUFReader

    from xinstruct.models.device import load_base

    model = load_base(checkpoint, torch.float32, "sdpa")
    model.lm_head.weight = torch.nn.Parameter(model.lm_head.weight.detach() * 2)
    write_gguf(model, checkpoint, tmp_path / "a.gguf", "float32", "tiny", 2)
    output = next(tensor for tensor in GGUFReader(tmp_path / "a.gguf").tensors if tensor.name == "output.weight")
    assert np.array_equal(output.data, model.lm_head.weight.detach().numpy())


def test_llama_cpp_answers_as_the_checkpoint_does(checkpoint: Path, tmp_path: Path) -> None:
    """Prompt, tokens, rotations, weights: each token that it chooses is the checkpoint's own choice there.

    Within 0.05 nats: its cache of keys and values is in float16, and a random model's next tokens lie close together.
    """
    import torch

    model = written(checkpoint, tmp_path / "tiny.gguf", "float32").eval()
    tokenizer = load_tokenizer(checkpoint)
    for question in ("Write a Python function `add_3`.", "add 12 to a whole number"):
        messages = [{"role": "user", "content": question}]
        prompt, chosen = answered(tmp_path / "tiny.gguf", messages, 24)
        assert prompt == render_prompt(tokenizer, messages)
        asked = tokenizer(prompt, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            known = model(torch.tensor([asked + chosen])).logits[0, len(asked) - 1 : -1].log_softmax(-1)
        behind = known.max(-1).values - known.gather(1, torch.tensor(chosen)[:, None])[:, 0]
        assert len(chosen) >= 1 and float(behind.max()) < 0.05, behind


def answered(file: Path, messages: list[dict[str, str]], tokens: int) -> tuple[str, list[int]]:
    """What the embedded llama.cpp server makes of messages: the prompt by its template, its greedy tokens."""
    import aiohttp

    from xinstruct.llm.server import EmbeddedServer

    async def ask(url: str) -> tuple[str, list[int]]:
        async with aiohttp.ClientSession() as session:
            async with session.post(f"{url}/apply-template", json={"messages": messages}) as got:
                prompt = str((await got.json())["prompt"])
            body = {"prompt": prompt, "temperature": 0, "n_predict": tokens, "return_tokens": True}
            async with session.post(f"{url}/completion", json=body) as got:
                return prompt, list((await got.json())["tokens"])

    server = EmbeddedServer(file, 512)
    server.launch()
    try:
        server.wait()
        return asyncio.run(ask(server.url))
    finally:
        server.stop()


def test_the_splitting_of_known_tokenizers_has_llama_cpps_name(tmp_path: Path) -> None:
    names = {"smollm2": "smollm", "qwen2.5-coder-base": "qwen2", "qwen2.5-coder-instruct": "qwen2"}
    for folder, name in names.items():
        source = json.loads((GOLDEN / folder / "tokenizer.json").read_text())
        assert splitting(source, tmp_path) == name
    source["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] += "|x"
    with pytest.raises(BadInput, match="cuts texts in a way"):
        splitting(source, tmp_path)


def test_what_gguf_cannot_say_is_refused_by_name(tmp_path: Path) -> None:
    from transformers import GPT2Config, LlamaConfig, Qwen2Config

    scaled = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0}
    for config, words in (
        (GPT2Config(), "architecture gpt2"),
        (LlamaConfig(rope_parameters=scaled), "rotation yarn"),
        (LlamaConfig(hidden_act="gelu"), "activation gelu"),
        (Qwen2Config(use_sliding_window=True), "attention within a window"),
    ):
        with pytest.raises(BadInput, match=words):
            refuse_architecture(config, tmp_path)
