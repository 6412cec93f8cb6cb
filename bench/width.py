"""How fast a teacher writes by the number of answers at a time: what asking for everything at once is worth.

    make bench NAME=width                                        the default teacher in its engine
    python -m bench.width --model smollm2-135m --widths 1 16 96

Each width has prompts of its own, about 240 tokens that begin differently, so that no cache helps. Printed are tokens
read per second until every answer has begun, then tokens written per second while all go on, and seconds per step.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

from bench.llm_generation import fetched
from xinstruct.models.sampling import GenerationRequest
from xinstruct.params import at_hand
from xinstruct.processes import cores

WORDS = " ".join(f"Rule {number}: a value of {number * 7 % 13} counts twice." for number in range(18))


def engine_of(model: str, width: int) -> tuple[Any, Any]:
    """The default teacher's engine with room for `width` answers, and its tokenizer."""
    from xinstruct.models.quantised import QuantisedEngine, load_tokenizer

    folder = fetched(model, "openvino")
    [file] = folder.glob("*.gguf")
    return QuantisedEngine(file, width, at_hand().teacher.context, cores()), load_tokenizer(file)


def measured(engine: Any, tokenizer: Any, width: int, tokens: int) -> dict[str, float]:
    """Read and write `width` answers of `tokens` tokens each."""
    prompts = [tokenizer(f"{width}-{number}: write a function. {WORDS}")["input_ids"] for number in range(width)]
    done: list[Any] = []
    for prompt in prompts:
        engine.add(GenerationRequest(tuple(prompt), tokens, seed=1), done.append)
    begun, before, steps = time.monotonic(), engine.tokens, 0
    while not all(asked.completion.ids for asked in engine._running):
        engine.step()
    read, first = time.monotonic() - begun, engine.tokens - before
    begun = time.monotonic()
    while len(done) < width // 2 + 1 and engine.step():
        steps += 1
    spent = max(time.monotonic() - begun, 1e-9)
    written = engine.tokens - before - first
    while engine.step():
        pass
    return {
        "read/s": sum(map(len, prompts)) / read,
        "written/s": written / spent,
        "seconds per step": spent / max(1, steps),
    }


def main() -> int:
    """Measure each width in turn. Returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=at_hand().teacher.model, help="a name in models.yaml that OpenVINO reads")
    parser.add_argument("--widths", type=int, nargs="*", default=[1, 4, 16, 32, 64, 96])
    parser.add_argument("--tokens", type=int, default=80)
    args = parser.parse_args()
    engine, tokenizer = engine_of(args.model, max(args.widths))
    print(f"{args.model}, {cores()} cores\n")
    print("| answers at a time | read/s | written/s | seconds per step |\n|---|---|---|---|")
    for width in args.widths:
        row = measured(engine, tokenizer, width, args.tokens)
        print(f"| {width} | {row['read/s']:.0f} | {row['written/s']:.1f} | {row['seconds per step']:.3f} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
