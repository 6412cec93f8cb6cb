"""Serve a model by hand with the embedded server, by the OpenAI protocol on 127.0.0.1.

  xinstruct serve smollm2-135m              a name of xinstruct/models/models.yaml, fetched when missing
  xinstruct serve models/sft --slots 16     a folder: a checkpoint, an adapter (on its base), or a GGUF file
  xinstruct serve NAME.gguf --port 8080     a GGUF file

The first line of its output is the base_url, for `teacher.model` or any OpenAI client. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path
from types import FrameType

from xinstruct.files import BadInput
from xinstruct.llm.server import EmbeddedServer
from xinstruct.models.adapters import holds_model
from xinstruct.models.fetch import fetch_teacher
from xinstruct.models.gguf_file import unreadable
from xinstruct.plan import work_root
from xinstruct.processes import cores


def model_file(model: str) -> Path:
    """Return the GGUF file or checkpoint folder of a name, folder or file. Raises BadInput when there is none."""
    path = Path(model)
    if path.is_file():
        return path
    if path.is_dir() and (found := sorted(path.glob("*.gguf"))):
        return found[0]
    if holds_model(path):
        return path
    folder = work_root() / "serve" / path.name
    facts = fetch_teacher(model, folder, lambda text: print(text, file=sys.stderr, flush=True))
    if facts["kind"] == "endpoint":
        raise BadInput(f"{model}: is an endpoint already; it needs no serving")
    return folder / str(facts["file"])


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `xinstruct serve`."""
    parser.add_argument("model", help="a name in models.yaml, a checkpoint folder, or a GGUF file (or its folder)")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--slots", type=int, default=4, help="requests answered at the same time (default 4)")
    parser.add_argument("--context", type=int, default=4096, help="tokens per slot (default 4096)")
    parser.add_argument(
        "--engine",
        choices=("auto", "openvino", "llamacpp"),
        default="auto",
        help="of a GGUF file (default: openvino where it reads the file)",
    )
    parser.add_argument("--threads", type=int, default=0, help="default: all cores")


def main(args: argparse.Namespace) -> int:
    """Run `xinstruct serve`. Returns 0 after Ctrl-C or SIGTERM, 1 when the server dies by itself."""
    signal.signal(signal.SIGTERM, _interrupt)
    threads = args.threads or cores()
    model = model_file(args.model)
    engine = args.engine
    if engine == "auto":
        engine = "openvino" if model.is_file() and not unreadable(model) else "llamacpp"
    server = EmbeddedServer(model, args.context, args.slots, threads, args.port, engine=engine)
    try:
        server.launch()
        server.wait()
        print(f"{server.url}/v1", flush=True)
        print(f"serving {server.model.name}, {args.slots} slots; Ctrl-C ends it", file=sys.stderr, flush=True)
        while server.alive():
            time.sleep(0.5)
        raise BadInput(f"{server.model}: the server died: {server.last_words()}")
    except KeyboardInterrupt:
        print("\nstopped", file=sys.stderr)
        return 0
    finally:
        server.stop()


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
