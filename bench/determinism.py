"""Whether an engine's answers depend on anything but their own request.

    make bench NAME=determinism                                  the embedded model on every engine
    python -m bench.determinism --model qwen2.5-coder-1.5b-instruct --engine openvino --prompts 16

The same greedy and sampled requests are asked four times of a server that was started anew: in order, in order
again, shuffled, and one at a time. Printed is the share of answers that are those of the first time.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.llm_generation import fetched
from xinstruct.llm.calls import Request
from xinstruct.llm.client import Client
from xinstruct.params import at_hand

ENGINES = ("batched", "openvino", "llamacpp")


def requests(prompts: int, tokens: int, temperature: float) -> list[Request]:
    """Questions of different lengths, each with a seed of its own."""
    lines = "".join(f"    total += x * {k}\n" for k in range(8))
    asked = []
    for i in range(prompts):
        code = f"def f{i}(xs):\n    total = {i}\n{lines[: 22 * (i % 8)]}"
        text = f"Translate to JavaScript and explain each step.\n{code}"
        turn = ({"role": "user", "content": text},)
        asked.append(Request(str(i), turn, max_tokens=tokens, temperature=temperature, seed=i))
    return asked


def texts(folder: Path, asked: Sequence[Request], slots: int) -> dict[str, str]:
    """Answers by the id of their request, of a server that is started for them."""
    with tempfile.TemporaryDirectory() as scratch:
        params = replace(at_hand().teacher, context=1024, slots=slots, servers=0 if slots > 1 else 1)
        with Client(params, folder, Path(scratch) / "j.sqlite") as teacher:
            return {answer.id: answer.text for answer in teacher.ask(list(asked))}


def row(folder: Path, asked: list[Request], slots: int) -> dict[str, float]:
    """Shares of answers equal to those of the first time."""
    shuffled = asked[:]
    random.Random(1).shuffle(shuffled)
    first = texts(folder, asked, slots)
    later = {
        "again": texts(folder, asked, slots),
        "shuffled": texts(folder, shuffled, slots),
        "alone": texts(folder, asked, 1),
    }
    return {how: sum(found[key] == first[key] for key in first) / len(first) for how, found in later.items()}


def main() -> int:
    """Measure what was asked for. Returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m", help="a name in models.yaml or a GGUF folder")
    parser.add_argument("--engine", nargs="*", default=list(ENGINES), choices=ENGINES)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--slots", type=int, default=16)
    args = parser.parse_args()
    for engine in args.engine:
        for temperature in (0.0, 0.8):
            found = row(fetched(args.model, engine), requests(args.prompts, args.tokens, temperature), args.slots)
            shown = ", ".join(f"{how} {share:.0%}" for how, share in found.items())
            print(f"{engine}, temperature {temperature}: equal to the first time: {shown}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
