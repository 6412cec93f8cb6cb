"""OpenVINO's engine behind the OpenAI protocol, in a process of its own: a GGUF file, many answers at a time.

    python -m xinstruct.llm.quantised --model models/teacher/NAME.gguf --port 8080 --slots 32

The service is that of the batched engine (batched.py), with one addition: an answer to a request with
`json_schema` is held to it by the engine's grammar. For the files it reads see xinstruct/models/quantised.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from jsonschema import SchemaError
from jsonschema.validators import validator_for

from xinstruct.files import BadInput
from xinstruct.llm.batched import Service, serve
from xinstruct.llm.child import arguments
from xinstruct.models.quantised import load_tokenizer
from xinstruct.models.workers import EngineDied, EnginePool
from xinstruct.processes import cores, live_with


class QuantisedService(Service):
    """The HTTP side of OpenVINO's engine."""

    def _generation(self, body: dict[str, Any], prompt: str, chat: bool) -> Any:
        # Met inside a step, what is no schema would end all requests.
        if schema := body.get("json_schema"):
            try:
                validator_for(schema).check_schema(schema)
            except SchemaError as error:
                raise BadInput(f"json_schema is not a schema: {error.message}") from None
        return super()._generation(body, prompt, chat)


async def _serve(args: argparse.Namespace) -> None:
    file = Path(args.model)
    # The owner starts a server that ended again: what its engine held is asked anew.
    engines = EnginePool(file, args.slots, args.context, count=1, died=lambda: os._exit(1))
    await serve(QuantisedService(engines, load_tokenizer(file), file.stem), args.port)


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 1 when the model does not load."""
    args = arguments("xinstruct.llm.quantised", "Serve a GGUF model", "the .gguf file").parse_args(argv)
    live_with(args.parent)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: args.threads or cores()])
    try:
        asyncio.run(_serve(args))
    except (BadInput, EngineDied, OSError, RuntimeError, ValueError) as error:
        print(f"{args.model}: {error}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
