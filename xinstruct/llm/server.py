"""The embedded OpenAI-protocol servers, each in its own process; this module is llama.cpp's (xllamacpp wheel).

    python -m xinstruct.llm.server --model models/teacher/NAME.gguf --port 8080 --slots 4

`EmbeddedServer` starts this module or quantised.py for a GGUF file and batched.py for a checkpoint folder, as a child
on a free port of 127.0.0.1, waits until it is healthy and stops it with its owner; a child whose
parent died ends within a second. Two settings of llama.cpp matter for equal bytes on every run, both
measured (docs/llm.md): with one slot and without flash attention an answer depends on its own request
only, not on what runs beside it or ran before.
Left out: GPUs for GGUF files (serve those with vLLM or another server by base_url).
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.llm.child import READY, arguments
from xinstruct.models.adapters import holds_model
from xinstruct.processes import cores, live_with

_START_SECONDS = 300.0  # a 32B model on a slow disk
_RESTARTS = 3
_MODULES = {
    "batched": "xinstruct.llm.batched",
    "llamacpp": "xinstruct.llm.server",
    "openvino": "xinstruct.llm.quantised",
}


class EmbeddedServer:
    """One child process with one model. `url` is its base without /v1."""

    def __init__(
        self,
        model: Path,
        context: int,
        slots: int = 1,
        threads: int = 1,
        port: int = 0,
        engines: int = 0,
        engine: str = "llamacpp",
    ) -> None:
        """engines: how many run a checkpoint (0: one per core). engine: what runs a GGUF file, llamacpp or openvino.

        Raises BadInput when there is no model.
        """
        if not (model.is_file() or holds_model(model)):
            raise BadInput(f"{model}: no such model; run the fetch stage (dvc repro fetch)")
        self.module = _MODULES["batched" if model.is_dir() else engine]
        self.options = ["--model", str(model), "--context", str(context), "--slots", str(slots)]
        self.options += ["--threads", str(threads), "--port", str(port), "--parent", str(os.getpid())]
        self.options += ["--engines", str(engines)] if model.is_dir() else []
        self.model = model
        self.url = ""
        self.restarts = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._reviving = threading.Lock()
        self._log = tempfile.NamedTemporaryFile(prefix="xinstruct-server-", suffix=".log")  # noqa: SIM115

    def launch(self) -> None:
        """Start the child without waiting for it (so that several load at the same time)."""
        command = [sys.executable, "-m", self.module, *self.options]
        # An own session: Ctrl-C reaches the owner only, which then stops the child in order.
        self._child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, start_new_session=True
        )

    def wait(self) -> None:
        """Wait until the child answers. Raises BadInput with the end of its log when it does not."""
        assert self._child and self._child.stdout
        ready, _, _ = select.select([self._child.stdout], [], [], _START_SECONDS)
        line = self._child.stdout.readline().decode() if ready else ""
        if not line.startswith(READY):
            self.stop()
            raise BadInput(f"{self.model}: the embedded server did not start: {self.last_words()}")
        self.url = line[len(READY) :].strip()
        with urllib.request.urlopen(f"{self.url}/health", timeout=30) as answer:
            if answer.status != 200:
                raise BadInput(f"{self.model}: the embedded server is not healthy ({answer.status})")

    def alive(self) -> bool:
        """True if the child is still running."""
        return self._child is not None and self._child.poll() is None

    def revive(self) -> None:
        """Start the child again if it died. Raises BadInput when it keeps dying. Several threads may call it."""
        with self._reviving:
            self._revive()

    def _revive(self) -> None:
        if self.alive():
            return
        if self.restarts >= _RESTARTS:
            raise BadInput(f"{self.model}: the embedded server died {self.restarts + 1} times: {self.last_words()}")
        self.restarts += 1
        self.stop()
        self.launch()
        self.wait()

    def stop(self) -> None:
        """End the child."""
        if self._child is None:
            return
        self._child.terminate()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout:
            self._child.stdout.close()
        self._child = None

    def last_words(self) -> str:
        """Return the end of the child's log."""
        lines = Path(self._log.name).read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " | ".join(lines[-5:])[-800:] or "it wrote nothing"


def _parameters(args: argparse.Namespace) -> Any:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = args.model
    params.hostnames = ["127.0.0.1"]
    params.port = args.port
    params.n_parallel = args.slots
    params.n_ctx = args.context * args.slots
    for pool in (params.cpuparams, params.cpuparams_batch):
        pool.n_threads = args.threads or cores()
        pool.poll = 0  # waiting threads sleep: spinning starves whatever else runs on few cores
    params.n_gpu_layers = 0
    params.fit_params = False  # what was asked for, not what llama.cpp finds fitting
    params.warmup = False
    params.ui = False
    params.endpoint_props = True
    params.endpoint_slots = False
    params.verbosity = 1
    # Equal bytes: attention that sums in one order, no states of earlier prompts brought back.
    params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    params.cache_ram_mib = 0
    return params


def main(argv: list[str] | None = None) -> int:
    """Serve until a signal comes. Returns the exit status: 1 when the model does not load."""
    args = arguments("xinstruct.llm.server", "Serve a GGUF model", "the .gguf file").parse_args(argv)
    live_with(args.parent)
    import xllamacpp

    try:
        server = xllamacpp.Server(_parameters(args))
    except Exception as error:
        print(f"{args.model}: {error}", file=sys.stderr, flush=True)
        return 1
    print(f"{READY}{server.listening_address}", flush=True)
    while True:
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
