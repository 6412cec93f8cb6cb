"""What a GGUF file holds, told by its header: which of the engines can run it."""

from __future__ import annotations

from pathlib import Path

_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_NUMBERS = ("F32", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K")


def unreadable(file: Path) -> str:
    """Why OpenVINO's reader does not take a GGUF file (its architecture, a number type), "" where it does."""
    from gguf import GGUFReader

    reader = GGUFReader(file)
    architecture = str(reader.fields["general.architecture"].contents())
    if architecture not in _ARCHITECTURES:
        return f"architecture {architecture}"
    kinds = {tensor.tensor_type.name for tensor in reader.tensors} - set(_NUMBERS)
    return f"numbers of type {', '.join(sorted(kinds))}" if kinds else ""
