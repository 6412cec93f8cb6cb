"""What a GGUF file holds, told by its header: which of the engines can run it."""

from __future__ import annotations

from pathlib import Path

_ARCHITECTURES = ("llama", "qwen2", "qwen3")
_NUMBERS = ("F32", "F16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K")


def unreadable(file: Path) -> str:
    """Name what OpenVINO's reader does not take (an architecture, a number type); "" when it takes the file."""
    from gguf import GGUFReader

    try:
        reader = GGUFReader(file)
    except (ValueError, IndexError) as error:  # as the library tells of a file that is cut or of another kind
        return f"this file ({error})"
    architecture = str(reader.fields["general.architecture"].contents())
    if architecture not in _ARCHITECTURES:
        return f"architecture {architecture}"
    kinds = {tensor.tensor_type.name for tensor in reader.tensors} - set(_NUMBERS)
    return f"numbers of type {', '.join(sorted(kinds))}" if kinds else ""
