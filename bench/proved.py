"""How many mined functions of each language can be proved to run: cases that are deterministic and tell variants apart.

``python -m bench.proved [--languages php,bash] [--most 250]`` reads data/mine (dvc repro mine). Every self-contained
function with a signature is tried, simplest first, up to `--most`; of those without one, types are found by calling
where the language allows it. Verdicts are cached in work/verdicts.sqlite, so a second run is quick.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from xinstruct.agents import cases
from xinstruct.agents.inference import with_types
from xinstruct.agents.seeds import namesakes_last, screen, simplicity
from xinstruct.code.traits import traits_of
from xinstruct.execution.judge import Judge
from xinstruct.files import read_records
from xinstruct.params import SeedParams, read
from xinstruct.plan import work_root
from xinstruct.records import Reason, Snippet

_BATCH = 25  # verdicts are kept batch by batch: a run that is cut off goes on from there


def outcomes(snippets: Sequence[Snippet], judge: Judge, seed: SeedParams) -> Counter[str]:
    """Snippets by why they failed, or "proved"."""
    found: Counter[str] = Counter()
    for start in range(0, len(snippets), _BATCH):
        probes = [cases.probe(snippet, seed.cases) for snippet in snippets[start : start + _BATCH]]
        cases.find_cases(probes, judge, seed.mutants, seed.kill_share)
        found.update(probe.reason.value if probe.reason else "proved" for probe in probes)
    return found


def typed(snippets: Sequence[Snippet], judge: Judge) -> list[Snippet]:
    """Return the snippets whose types were found by calling them."""
    found: list[Snippet] = []
    for start in range(0, len(snippets), _BATCH):
        found += with_types(snippets[start : start + _BATCH], judge)
    return [snippet for snippet in found if screen(snippet) is None]


def row(language: str, snippets: Sequence[Snippet], judge: Judge, seed: SeedParams, most: int) -> str:
    """One line of the table."""
    own = [snippet for snippet in snippets if snippet.language == language]
    problems = {snippet.id: screen(snippet) for snippet in own}
    usable = namesakes_last(sorted((s for s in own if problems[s.id] is None), key=simplicity))[:most]
    first = outcomes(usable, judge, seed)
    found: list[Snippet] = []
    if traits_of(language).untyped_calls and first["proved"] < most:
        found = typed([s for s in own if (p := problems[s.id]) and p[0] == Reason.NO_SIGNATURE], judge)
    second = outcomes(found, judge, seed)
    why = first + second
    total = why.pop("proved", 0)
    reasons = ", ".join(f"{name} {count}" for name, count in why.most_common())
    return (
        f"| {language} | {len(usable)} | {first['proved']} | {len(found)} | {second['proved']} | {total} | {reasons} |"
    )


def main() -> None:
    """Print the table."""
    params = read()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--languages", default=",".join(params.languages))
    parser.add_argument("--most", type=int, default=10_000, help="functions with a signature to try, per language")
    args = parser.parse_args()
    snippets = read_records(Path("data/mine/snippets.parquet"), "snippets")
    print("| language | with signature | proved | typed by calling | proved | proved in all | of the others |")
    print("|---|---|---|---|---|---|---|")
    with Judge(params.execution, work_root() / "verdicts.sqlite") as judge:
        for language in args.languages.split(","):
            print(row(language, snippets, judge, params.seed, args.most), flush=True)


if __name__ == "__main__":
    main()
