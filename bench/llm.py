"""The teacher's client and local generation, each beside others on the same requests.

    make bench NAME=llm                              both
    python -m bench.llm client --calls 2000          requests a second and CPU time a request, 256 in flight
    python -m bench.llm generation --prompts 16      tokens a second of the embedded model by layout
    python -m bench.llm --prepare                    only install the peers, below build/bench-venv

client: a loopback server in a process of its own answers 2 KB prompts after 200 ms; ours, journal and
accounting on, takes turns with openai's client and distilabel. generation: the same requests through
llama.cpp with one slot (one request at a time), the batched engine, OpenVINO, llama.cpp with a server per
core, 8 and 16 slots, and what the pipeline adds to the servers' own time.
Each round runs all of them, in turning order; ratios are of a round, shown as min / median / max,
because a machine in use says little by absolute times. A peer that does not install is named and left out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

from bench import llm_client, llm_generation

Row = dict[str, float]
PARTS: dict[str, tuple[Callable[[argparse.Namespace], dict[str, Callable[[int], Row]]], str, str]] = {
    "client": (llm_client.contestants, "requests_per_second", "ours"),
    "generation": (llm_generation.contestants, "tokens_per_second", llm_generation.BASE),
}


def main() -> int:
    """Measure what was asked for. Returns 0."""
    args = arguments()
    if args.prepare:
        llm_client.prepare(args.peers)
        llm_client.prepare_serve()
        return 0
    if unknown := set(args.part) - set(PARTS):
        raise SystemExit(f"no part {sorted(unknown)[0]!r}; there are: {', '.join(PARTS)}")
    results = {name: part(name, args) for name in args.part or PARTS}
    if args.json:
        Path(args.json).write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", metavar="PART", help="client, generation; default both")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=2000, help="client: calls of each in a round")
    parser.add_argument("--peers", nargs="*", default=list(llm_client.PEERS), help="client: of these (default all)")
    parser.add_argument("--in-flight", type=int, default=256)
    parser.add_argument("--latency", type=float, default=0.2, help="seconds of the loopback server")
    parser.add_argument("--prompts", type=int, default=24, help="generation: prompts in a round")
    parser.add_argument("--only", default="", help="generation: layouts whose names hold one of these (';' between)")
    parser.add_argument("--samples", type=int, default=4, help="generation: answers to each prompt")
    parser.add_argument("--tokens", type=int, default=64, help="generation: most tokens of an answer")
    parser.add_argument("--model", default="smollm2-135m", help="generation: a name in models.yaml or a GGUF folder")
    parser.add_argument("--json", help="write all rows there as well")
    parser.add_argument("--prepare", action="store_true", help="only install the peers")
    return parser.parse_args()


def part(name: str, args: argparse.Namespace) -> dict[str, list[Row]]:
    """All rounds of one part; the order turns by one each round."""
    make, measure, base = PARTS[name]
    runners = make(args)
    rows: dict[str, list[Row]] = {label: [] for label in runners}
    for number in range(args.rounds):
        labels = list(runners)
        turn = number % len(labels)
        for label in labels[turn:] + labels[:turn]:
            rows[label].append(runners[label](number))
            shown = ", ".join(f"{key} {value:,.4g}" for key, value in rows[label][-1].items())
            print(f"round {number + 1} {label}: {shown}", file=sys.stderr, flush=True)
    report(name, rows, measure, base)
    return rows


def report(name: str, rows: dict[str, list[Row]], measure: str, base: str) -> None:
    """One line per contestant: medians, and the ratio to the base of the same round."""
    print(f"\n{name}: {measure} against {base!r}, ratio min / median / max over rounds")
    for label, found in rows.items():
        ratios = [row[measure] / other[measure] for row, other in zip(found, rows[base], strict=True)]
        low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
        medians = ", ".join(f"{key} {statistics.median(row[key] for row in found):,.4g}" for key in found[0])
        print(f"  {label:28} {low:6.2f} / {middle:.2f} / {high:.2f}   {medians}")


if __name__ == "__main__":
    sys.exit(main())
