"""A model in memory and its tokenizer as a GGUF file, by the gguf package's writer: what llama.cpp and Ollama run.

Llama and Qwen2 models with byte-level BPE. Names of tensors are those of gguf's own table. Everything that such a file
cannot say (scaled rotations, a splitting of words that llama.cpp does not know) is refused by name: the file would load
and answer something else. The same model gives the same bytes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput, replaced_file

ARCHITECTURES = ("llama", "qwen2")
_NUMBERS = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}  # as torch and as gguf call them
_FILE_TYPES = {"F32": "ALL_F32", "F16": "MOSTLY_F16", "BF16": "MOSTLY_BF16"}
_QWEN2_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def write_gguf(model: Any, tokenizer: Path, file: Path, dtype: str, name: str, end: int) -> None:
    """Write a causal language model (float32, on the CPU or not) atomically as one GGUF file.

    `tokenizer` is the folder of tokenizer.json, its settings and chat template, `dtype` the number type of all
    matrices (float32, float16 or bfloat16; vectors stay float32), `name` the model's name in the file, `end` the id
    of the token that ends an answer. Tied embeddings stay tied: they are written once. Raises BadInput naming an
    architecture, setting or tokenizer that cannot be written.
    """
    import gguf

    config = model.config
    refuse_architecture(config, tokenizer)
    with replaced_file(file) as tmp:
        writer = gguf.GGUFWriter(tmp, config.model_type)
        kind = _NUMBERS[dtype]
        writer.add_name(name)
        writer.add_file_type(gguf.LlamaFileType[_FILE_TYPES[kind]])
        _add_shape(writer, config)
        _add_tokenizer(writer, tokenizer, config.vocab_size, end)
        _add_tensors(writer, model, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def refuse_architecture(config: Any, folder: Path) -> None:
    """Raise BadInput naming what of a model's configuration no GGUF file of ours can say."""
    rope = config.rope_parameters.get("rope_type", "default") if config.model_type in ARCHITECTURES else "default"
    refused = {
        f"architecture {config.model_type}": config.model_type not in ARCHITECTURES,
        f"rotation {rope}": rope != "default",
        "attention within a window": bool(getattr(config, "use_sliding_window", False)),
        f"activation {getattr(config, 'hidden_act', 'silu')}": getattr(config, "hidden_act", "silu") != "silu",
    }
    if found := [what for what, is_so in refused.items() if is_so]:
        raise BadInput(
            f"{folder}: {', '.join(found)} cannot be written as GGUF here ({' and '.join(ARCHITECTURES)} can); "
            "export it without (--no-gguf), or use llama.cpp's own converter on the checkpoint"
        )


# ---- the header


def _add_shape(writer: Any, config: Any) -> None:
    heads = config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // heads
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_dimension_count(width)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)


def _add_tokenizer(writer: Any, folder: Path, size: int, end: int) -> None:
    """Write tokens, merges, special tokens and chat template; no token is added in front of or behind a text."""
    import gguf

    source = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    tokens, kinds = _tokens(source, size, gguf.TokenType)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(splitting(source, folder))
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    special = gguf.SpecialVocab(folder, load_merges=True, n_vocab=size)
    special.special_token_ids["eos"] = end
    special.add_special_token = {"bos": False, "eos": False}  # the chat template writes what belongs there
    special.add_to_gguf(writer, quiet=True)


def _tokens(source: dict[str, Any], size: int, kind: Any) -> tuple[list[str], list[int]]:
    """Return the tokens by id with their types; ids that a model has and its tokenizer has not are unused."""
    names = {number: token for token, number in source["model"]["vocab"].items()}
    added = {token["id"]: token for token in source["added_tokens"]}
    names |= {number: token["content"] for number, token in added.items()}
    types = dict.fromkeys(names, kind.NORMAL) | {
        number: kind.CONTROL if token["special"] else kind.USER_DEFINED for number, token in added.items()
    }
    tokens = [names.get(number, f"[PAD{number}]") for number in range(size)]
    return tokens, [int(types.get(number, kind.UNUSED)) for number in range(size)]


def splitting(source: dict[str, Any], folder: Path) -> str:
    """Return llama.cpp's name of the way in which a tokenizer.json cuts a text before BPE.

    Raises BadInput for a tokenizer that is not one of those known here.
    """
    parts = source["pre_tokenizer"] or {}
    steps = parts.get("pretokenizers", [parts])
    last, before = steps[-1], [_step(step) for step in steps[:-1]]
    known = {
        ("smollm", True): [("Digits", True)],
        ("qwen2", False): [("Split", _QWEN2_WORDS)],
        ("gpt-2", True): [],
    }
    plain = source["model"]["type"] == "BPE" and last.get("type") == "ByteLevel" and not last["add_prefix_space"]
    for (name, words), wanted in known.items():
        if plain and before == wanted and last["use_regex"] == words and _normal(source):
            return name
    raise BadInput(
        f"{folder}/tokenizer.json: cuts texts in a way that is not known here by llama.cpp's name, so its tokens would "
        "be others; known are those of SmolLM2, Qwen2 and GPT-2. Export it without a GGUF file (--no-gguf)"
    )


def _step(step: dict[str, Any]) -> tuple[str, Any]:
    if step["type"] == "Split":
        isolated = step["behavior"] == "Isolated" and not step["invert"]
        return "Split", step["pattern"].get("Regex") if isolated else None
    return step["type"], step.get("individual_digits")


def _normal(source: dict[str, Any]) -> bool:
    """Tell whether texts are left as they are but for Unicode's usual form, which llama.cpp takes for granted."""
    return source["normalizer"] in (None, {"type": "NFC"})


# ---- the weights


def _add_tensors(writer: Any, model: Any, kind: str) -> None:
    import gguf

    config = model.config
    names = gguf.get_tensor_name_map(_architecture(config.model_type), config.num_hidden_layers)
    weights = model.state_dict()
    if config.tie_word_embeddings and weights["lm_head.weight"].equal(weights["model.embed_tokens.weight"]):
        del weights["lm_head.weight"]
    for name, weight in weights.items():
        array = weight.float().cpu().numpy()
        if config.model_type == "llama":
            array = _permuted(name, array, config)
        number = gguf.GGMLQuantizationType[kind if array.ndim > 1 else "F32"]
        ours = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if ours is None:
            raise BadInput(f"{name}: a weight that no {config.model_type} model of llama.cpp has; it cannot be written")
        writer.add_tensor(ours, gguf.quants.quantize(array, number), raw_dtype=number)


def _architecture(name: str) -> Any:
    import gguf

    return next(arch for arch, known in gguf.MODEL_ARCH_NAMES.items() if known == name)


def _permuted(name: str, array: Any, config: Any) -> Any:
    """Return the rows of a Llama's query and key in llama.cpp's order: it rotates neighbours, transformers halves."""
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return array
    halves = array.reshape(heads, 2, array.shape[0] // heads // 2, *array.shape[1:])
    return halves.swapaxes(1, 2).reshape(array.shape)
