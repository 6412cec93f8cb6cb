"""Mine documented functions, with provenance and licence, from the fetched source packages.

Reads data/fetch/sources (archives and their index) and writes data/mine/snippets.parquet, with the rejected
ones beside it. When a language has more than `mine.per_language` good snippets, that many are sampled, balanced
over packages; snippets that `mine.prefer` names come first. The others are rejected as sampled_out.
"""

from __future__ import annotations

import json
import os
import random
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any

from xinstruct.code.names import NAMES
from xinstruct.dedup.minhash import survivors
from xinstruct.files import BadInput
from xinstruct.mining.corpus import Mined, mine_source, parts
from xinstruct.mining.extract import Finding
from xinstruct.mining.fetch import INDEX, package_url
from xinstruct.params import MineParams, nearest
from xinstruct.records import Reason, Rejection, Snippet, content_id
from xinstruct.spill import Seen
from xinstruct.stage import Context, Script, run

SOURCES = Path("data/fetch/sources")
_WORKERS = 2
_BUFFERED = 2  # snippets of a language in memory before sampling, in multiples of per_language
TOKENIZER = Path("models/start/tokenizer.json")


def work(ctx: Context[MineParams]) -> None:
    """Mine this shard's packages. Raises BadInput for an unknown language."""
    for name in ctx.params.languages:
        if name not in NAMES and not os.environ.get("XINSTRUCT_LANGUAGES"):  # which may add any
            raise BadInput(f"params.yaml: languages names {name}; {nearest(name, list(NAMES))}")
    entries = [e for e in source_index() if e["language"] in ctx.params.languages]
    entries = ctx.mine(entries, key=lambda e: f"{e['registry']}:{e['package']}:{e['language']}")
    units = [unit for entry in entries for unit in parts(entry, SOURCES)]
    seen = Seen(ctx.scratch)
    collected: dict[str, list[Snippet]] = defaultdict(list)
    for entry, mined in ctx.progress(_mined(ctx, units), len(units), unit="package"):
        _account(ctx, entry, mined, seen, collected)
        _shrink(ctx, collected[entry["language"]], _BUFFERED * ctx.own.per_language)
    for snippet in (snippet for pile in collected.values() for snippet in pile):
        ctx.keep(snippet)


def _mined(ctx: Context[MineParams], entries: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Mined]]:
    """Yield each package with its result, in order; only a few results are in memory at a time."""
    limit = (ctx.own.max_tokens, str(tokenizer()))
    with ProcessPoolExecutor(_WORKERS) as pool:
        ahead: deque[tuple[dict[str, Any], Future[Mined]]] = deque()
        for entry in entries:
            ahead.append((entry, pool.submit(mine_source, entry, SOURCES, *limit)))
            if len(ahead) > 2 * _WORKERS:
                first, job = ahead.popleft()
                yield first, job.result()
                del job
        while ahead:
            first, job = ahead.popleft()
            yield first, job.result()
            del job


def _shrink(ctx: Context[MineParams], pile: list[Snippet], most: int) -> None:
    """Sample a language's snippets down to `most` once it has twice as many, so that memory stays bounded."""
    if len(pile) <= 2 * most:
        return
    kept = _sample(pile, most, ctx.own.prefer, random.Random(f"{ctx.params.random_seed}:{pile[0].language}"))
    ids = {snippet.id for snippet in kept}
    for snippet in pile:
        if snippet.id not in ids:
            ctx.drop(snippet.id, snippet.language, Reason.SAMPLED_OUT, _where(snippet))
    pile[:] = kept


def _where(snippet: Snippet) -> str:
    return f"{snippet.package} {snippet.path}:{snippet.start_line} {snippet.name}"


def tokenizer() -> Path:
    """Return the student's tokenizer, which counts the tokens of snippets. Raises BadInput when it is missing."""
    if not TOKENIZER.exists():
        raise BadInput(f"{TOKENIZER}: no such file; run the stage that makes it (dvc repro fetch)")
    return TOKENIZER


def source_index() -> list[dict[str, Any]]:
    """Return the index that fetch wrote. Raises BadInput when it is missing."""
    path = SOURCES / INDEX
    if not path.exists():
        raise BadInput(f"{path}: no such file; run the stage that makes it (dvc repro fetch)")
    return list(json.loads(path.read_text(encoding="utf-8")))


def _account(
    ctx: Context[MineParams], entry: dict[str, Any], mined: Mined, seen: Seen, collected: dict[str, list[Snippet]]
) -> None:
    """Open every function and every refused file of a package; collect or reject each."""
    language, package = entry["language"], entry["package"]
    for path, reason, detail in mined.refused:
        ident = _own_id(ctx, entry, mined, content_id("file", language, package, path))
        ctx.open(ident)
        ctx.drop(ident, language, reason, f"{package} {path} {detail}".strip())
    for path, finding in mined.findings:
        snippet = _snippet(entry, mined, path, finding)
        snippet.id = _own_id(ctx, entry, mined, snippet.id)
        ctx.open(snippet.id)
        where = f"{package} {path}:{finding.start_line} {finding.name}"
        text = content_id(language, snippet.helpers, snippet.code)
        if finding.reason is not None:
            ctx.drop(snippet.id, language, finding.reason, f"{where} {finding.detail}".strip())
        elif not seen.add(text):
            ctx.drop(snippet.id, language, Reason.EXACT_DUPLICATE, where)
        else:
            collected[language].append(snippet)


def _own_id(ctx: Context[MineParams], entry: dict[str, Any], mined: Mined, ident: str) -> str:
    """Return the id, or another one when two files of a data set contain the same row, so that both are counted."""
    return content_id(ident, entry["file"]) if mined.rows and ident in ctx.opened else ident


def _snippet(entry: dict[str, Any], mined: Mined, path: str, finding: Finding) -> Snippet:
    package, version, licence = mined.rows.get(path, (entry["package"], entry["version"], mined.licence))
    place = (package, version, path, str(finding.start_line), finding.name)
    return Snippet(
        id=content_id("snippet", entry["language"], *place, finding.code),
        language=entry["language"],
        name=finding.name,
        code=finding.code,
        helpers=finding.helpers,
        imports=finding.imports,
        doc=finding.doc,
        scope=finding.scope,
        signature=finding.signature.to_json() if finding.signature else "",
        self_contained=finding.self_contained,
        tokens=finding.tokens,
        source=entry["registry"],
        package=package,
        version=version,
        archive_sha256=entry["sha256"],
        path=path,
        start_line=finding.start_line,
        end_line=finding.end_line,
        license=licence,
        holder=mined.holder,
        url=package_url(entry),
    )


def finish(ctx: Context[MineParams]) -> None:
    """Sample languages above the limit, then count."""
    by_language: dict[str, list[Snippet]] = defaultdict(list)
    for snippet in sorted(ctx.records["snippets"], key=lambda s: s.id):
        by_language[snippet.language].append(snippet)
    candidates = Counter(row.language for row in ctx.records["rejected"])
    kept: list[Snippet] = []
    for language in ctx.params.languages:
        found = _apart(ctx, by_language[language])
        rng = random.Random(f"{ctx.params.random_seed}:{language}")
        chosen = _sample(found, ctx.own.per_language, ctx.own.prefer, rng)
        kept += chosen
        ctx.metrics[language] = _counts(found, chosen, candidates[language])
        _sampled_out(ctx, found, chosen)
    ctx.records["snippets"] = kept
    ctx.metrics["kept"] = len(kept)


def _apart(ctx: Context[MineParams], found: list[Snippet]) -> list[Snippet]:
    """Reject near-duplicates of a better snippet of any package, runnable ones being better; return the others."""
    ranked = sorted(found, key=lambda snippet: (_usable(snippet), snippet.id))
    texts = [snippet.code for snippet in ranked]
    twins = survivors(texts, ctx.own.near_duplicate, ctx.own.permutations)
    for index, (other, similarity) in sorted(twins.items()):
        snippet = ranked[index]
        detail = f"{_where(snippet)}: {similarity:.2f} of "
        row = Rejection(id=snippet.id, stage="mine", language=snippet.language, reason=Reason.NEAR_DUPLICATE.value,
                        detail=f"{detail}{ranked[other].id}")  # fmt: skip
        ctx.records["rejected"].append(row)
    return [snippet for index, snippet in enumerate(ranked) if index not in twins]


def _usable(snippet: Snippet) -> int:
    """Return 0 if later stages can run the snippet, 1 if they can once its types are inferred, 2 if they cannot."""
    return (0 if snippet.signature else 1) if snippet.self_contained else 2


_LEVELS = {"self_contained": (0, 1, 2), "runnable": (0, 1, 1), "none": (0, 0, 0)}  # by what _usable says


def _sample(found: list[Snippet], cap: int, prefer: str, rng: random.Random) -> list[Snippet]:
    """Return at most `cap` snippets: preferred ones first, round-robin over packages in a random order."""
    chosen: list[Snippet] = []
    levels = _LEVELS[prefer]
    for level in sorted(set(levels)):
        piles: dict[str, list[Snippet]] = defaultdict(list)
        for snippet in found:
            if levels[_usable(snippet)] == level:
                piles[snippet.package].append(snippet)
        for pile in piles.values():
            rng.shuffle(pile)
        while piles and len(chosen) < cap:
            for package in sorted(piles):
                if len(chosen) < cap:
                    chosen.append(piles[package].pop())
                if not piles[package]:
                    del piles[package]
    return chosen


def _sampled_out(ctx: Context[MineParams], found: list[Snippet], chosen: list[Snippet]) -> None:
    ids = {snippet.id for snippet in chosen}
    for snippet in found:
        if snippet.id not in ids:
            row = Rejection(id=snippet.id, stage="mine", language=snippet.language,
                            reason=Reason.SAMPLED_OUT.value, detail=_where(snippet))  # fmt: skip
            ctx.records["rejected"].append(row)


def _counts(found: list[Snippet], chosen: list[Snippet], rejected: int) -> dict[str, Any]:
    return {
        "candidates": len(found) + rejected,
        "good": len(found),
        "kept": len(chosen),
        "self_contained": sum(s.self_contained for s in chosen),
        "with_signature": sum(bool(s.signature) for s in chosen),
        "runnable": sum(_usable(s) == 0 for s in chosen),
        "packages": dict(sorted(Counter(s.package for s in chosen).items())),
        "licenses": dict(sorted(Counter(s.license for s in chosen).items())),
    }


SCRIPT = Script("mine", work, finish, writes=("snippets",))

if __name__ == "__main__":
    sys.exit(run(SCRIPT, __doc__))
