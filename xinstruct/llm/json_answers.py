"""The JSON of an answer, wherever it stands in it: behind thinking, in prose, in a block of code, in a wrapper.

``json_answer(text, schema)`` takes the last value that the schema accepts, since a model that shows examples gives its
own answer behind them. A value that breaks off with the text is none, and no part of it either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema

from xinstruct.code.thinking import final_answer

_DECODER = json.JSONDecoder()


def json_answer(text: str, schema: dict[str, Any]) -> tuple[str, str]:
    """Return the JSON text that the schema accepts and "", or "" and why there is none."""
    text = final_answer(text).strip()
    found = list(_values(text))
    for value, source in reversed(found):
        if not _problem(value, schema):
            return source, ""
        if (inner := _unwrapped(value, schema)) is not None:
            return json.dumps(inner, ensure_ascii=False), ""
    if found:
        return "", _problem(max(found, key=lambda pair: len(pair[1]))[0], schema)
    return "", _not_json(text)


def _values(text: str) -> Iterator[tuple[Any, str]]:
    """Yield the outermost JSON values with their texts, in order: all of the text, else its objects and lists."""
    try:
        yield json.loads(text), text
        return
    except (ValueError, RecursionError):
        pass
    at = 0
    while (starts := [place for sign in "{[" if (place := text.find(sign, at)) >= 0]) and (start := min(starts)) >= 0:
        try:
            value, at = _DECODER.raw_decode(text, start)
            yield value, text[start:at]
        except json.JSONDecodeError as error:
            if error.pos >= len(text) or error.msg.startswith("Unterminated"):
                return  # it breaks off with the text
            at = start + 1
        except RecursionError:
            return


def _problem(value: Any, schema: dict[str, Any]) -> str:
    try:
        jsonschema.validate(value, schema)
    except jsonschema.ValidationError as error:
        return f"{error.json_path}: {error.message[:200]}"
    return ""


def _unwrapped(value: Any, schema: dict[str, Any]) -> Any:
    """Return the only member of an object where the schema wants that and no object, else None."""
    if schema.get("type", "object") == "object" or not isinstance(value, dict) or len(value) != 1:
        return None
    (inner,) = value.values()
    return None if _problem(inner, schema) else inner


def _not_json(text: str) -> str:
    starts = [at for at in (text.find("{"), text.find("[")) if at >= 0]
    try:
        json.loads(text[min(starts) :] if starts else text)
    except (ValueError, RecursionError) as error:
        return f"not JSON ({error})"
    return "not JSON"
