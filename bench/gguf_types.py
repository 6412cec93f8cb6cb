"""A GGUF file with its matrices in another number type, to see which one llama.cpp runs fastest here."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def requantise(source: Path, target: Path, kind: str) -> None:
    """Write `source` to `target` with all matrices in `kind` (a name of gguf's types); vectors stay as they are."""
    import gguf

    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target, architecture)
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            array = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(field.name, field.contents(), field.types[0], sub_type=array)
    for tensor in reader.tensors:
        data, raw = _converted(tensor, gguf.GGMLQuantizationType[kind])
        writer.add_tensor(tensor.name, data, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _converted(tensor: Any, kind: Any) -> tuple[Any, Any]:
    import gguf

    if len(tensor.shape) < 2:
        return tensor.data, tensor.tensor_type
    plain = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
    return gguf.quants.quantize(plain, kind), kind
