"""Selection among verified samples: bounds of length, one sample per body, a quota per package, few trivial ones.

Of samples that exclude each other the best stay: higher scores first, then the smaller id, so that the order in which
they come decides nothing. Each rule returns what it takes out, with the reason. Left out: near-duplicates (minhash.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median

from xinstruct.code.quality import normal_form, statements
from xinstruct.params import FilterParams
from xinstruct.records import Reason, Sample

Problem = tuple[Reason, str]
Gone = dict[str, Problem]  # by the sample's id


def best_first(samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples in the order in which they are kept."""
    return sorted(samples, key=lambda sample: (-sample.score, sample.id))


def size(sample: Sample) -> int | None:
    """Return the statements of a sample's function; None where its language has no grammar, so nobody can count."""
    try:
        return statements(sample.language, sample.code, sample.function)
    except ValueError:
        return None


def out_of_bounds(sample: Sample, params: FilterParams) -> Problem | None:
    """Return why a sample's instruction or code is too short or too long, None when both fit."""
    for what, text, least, most in (
        ("instruction", sample.instruction, params.min_instruction, params.max_instruction),
        ("code", sample.code, params.min_code, params.max_code),
    ):
        if len(text) < least:
            return Reason.TOO_SHORT, f"{what} of {len(text)} characters, at least {least} are wanted"
        if len(text) > most:
            return Reason.TOO_LONG, f"{what} of {len(text)} characters, at most {most} are wanted"
    return None


def same_bodies(samples: Sequence[Sample]) -> Gone:
    """Take out samples whose code is another's under other names, within one language and type of task."""
    first: dict[tuple[str, str, str], Sample] = {}
    gone: Gone = {}
    for sample in best_first(samples):
        kept = first.setdefault((sample.language, sample.task, _form(sample)), sample)
        if kept is not sample:
            gone[sample.id] = Reason.EXACT_DUPLICATE, f"the same code as {kept.id} under other names"
    return gone


def _form(sample: Sample) -> str:
    try:
        return normal_form(sample.language, sample.code)
    except ValueError:  # no grammar: only the same text is the same
        return sample.code


def over_quota(samples: Sequence[Sample], packages: Mapping[str, str], most: int) -> Gone:
    """Take out samples beyond `most` of a package (0: no limit). packages: of root snippets, by their ids."""
    counts: Counter[str] = Counter()
    gone: Gone = {}
    for sample in best_first(samples) if most else []:
        own = {packages[root] for root in sample.roots() if root in packages}
        if full := sorted(package for package in own if counts[package] >= most):
            gone[sample.id] = Reason.PACKAGE_QUOTA, f"{most} better samples come from {', '.join(full)}"
        else:
            counts.update(own)
    return gone


def trivial(samples: Sequence[Sample], params: FilterParams) -> Gone:
    """Take out the worst small answers, until min_statements_share of what stays has min_statements or more."""
    share, least = params.min_statements_share, params.min_statements
    sizes = {sample.id: size(sample) for sample in samples}
    small = [s for s in best_first(samples) if (count := sizes[s.id]) is not None and count < least]
    if not share:
        return {}
    room = int((len(samples) - len(small)) * (1 - share) / share + 1e-9)
    why = f"fewer than {least} statements, like {room} better answers that are kept"
    return {sample.id: (Reason.TRIVIAL, f"{sizes[sample.id]}: {why}") for sample in small[room:]}


def selected(
    samples: Sequence[Sample], packages: Mapping[str, str], params: FilterParams
) -> tuple[list[Sample], list[tuple[Sample, Reason, str]]]:
    """Apply all rules that look at the whole set. Returns the samples that stay, and the others with their reasons."""
    kept, gone = sorted(samples, key=lambda sample: sample.id), []
    for rule in (
        same_bodies,
        lambda rest: over_quota(rest, packages, params.per_package),
        lambda rest: trivial(rest, params),
    ):
        out = rule(kept)
        gone += [(sample, *out[sample.id]) for sample in kept if sample.id in out]
        kept = [sample for sample in kept if sample.id not in out]
    return kept, gone


def measures(samples: Sequence[Sample], tokens: Callable[[str], int], evolving: Collection[str]) -> dict[str, float]:
    """Return how large and how new the samples are.

    tokens: counts those of a text. evolving: names of the operations that make a new problem.
    """
    sizes = [count for count in map(size, samples) if count is not None]
    new = sum(sample.operation in evolving for sample in samples)
    return {
        "one_statement_share": _share(sum(count <= 1 for count in sizes), len(sizes)),
        "statements_median": _median(sizes),
        "answer_tokens_median": _median([tokens(sample.response) for sample in samples]),
        "instruction_tokens_median": _median([tokens(sample.instruction) for sample in samples]),
        "new_problems_share": _share(new, len(samples)),
    }


def _share(count: int, total: int) -> float:
    return round(count / total, 4) if total else 0.0


def _median(values: Sequence[int]) -> float:
    return float(median(values)) if values else 0.0
