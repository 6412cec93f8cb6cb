"""OpenVINO's engine behind the OpenAI protocol, in a process of its own: a GGUF file, many answers at a time.

    python -m xinstruct.llm.quantised --model models/teacher/NAME.gguf --port 8080 --slots 32

The service is that of the batched engine (batched.py), with one thing more: an answer to a request with
`json_schema` is held to it by the engine's grammar. Which files it reads: xinstruct/models/quantised.py.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from xinstruct.files import BadInput
from xinstruct.llm.batched import Service, serve
from xinstruct.llm.child import arguments
from xinstruct.models.quantised import QuantisedEngine
from xinstruct.processes import cores, live_with


async def _serve(args: argparse.Namespace) -> None:
    file = Path(args.model)
    # The owner starts a server that ended again: what its engine held is asked anew.
    engine = QuantisedEngine(file, args.slots, args.context, args.threads or cores(), died=lambda: os._exit(1))
    await serve(Service(engine, engine.tokenizer, file.stem), args.port)


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 1 when the model does not load."""
    args = arguments("xinstruct.llm.quantised", "Serve a GGUF model", "the .gguf file").parse_args(argv)
    live_with(args.parent)
    try:
        asyncio.run(_serve(args))
    except (BadInput, OSError, RuntimeError, ValueError) as error:
        print(f"{args.model}: {error}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main())
