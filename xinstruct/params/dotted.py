"""Params by dotted name, as `dvc exp run -S` and the sets under experiments/ name them."""

from __future__ import annotations

from typing import Any


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested params to dotted names: {"synthesize": {"rounds": 2}} -> {"synthesize.rounds": 2}."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
