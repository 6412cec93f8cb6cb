"""Are verified answers right? Each sample's answer against fresh ones, on inputs that nobody has seen.

`xinstruct recheck` draws samples from a data set, has the teacher of params.yaml solve each problem anew in other
languages, from its words alone, and runs all answers on inputs that are none of the sample's cases. Where more than
half of the fresh answers return the same and the sample's answer returns something else, the sample disagrees. What
the words leave open shows as no majority, which is counted apart.

FOLDER/samples.parquet is the data set; the rows of --out (JSON lines) name each sample's languages, how many inputs
were decided, and the calls on which it disagrees. Answered calls stand in the journal: a run that was ended goes on.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.agents.agreement import alike, majority
from xinstruct.agents.answers import Task, Tries, ask, generation
from xinstruct.agents.discrimination import JudgeProtocol
from xinstruct.agents.inputs import draw_inputs
from xinstruct.agents.prefill import helped
from xinstruct.agents.problem import Problem
from xinstruct.agents.tasks import Thread, declarable, header, supports
from xinstruct.agents.verification import Reference
from xinstruct.agents.wording import Wording, spelled
from xinstruct.code.types import Case, Signature, cases_from_json
from xinstruct.execution.judge import Judge
from xinstruct.execution.toolchains import available
from xinstruct.execution.verdicts import Verdict
from xinstruct.files import BadInput, read_records, write_text
from xinstruct.languages import get
from xinstruct.llm.chat_model import ChatModel
from xinstruct.llm.client import Client
from xinstruct.params import at_hand
from xinstruct.plan import work_root
from xinstruct.records import Sample, content_id

FRESH = 3  # answers to a problem, each in a language of its own
INPUTS = 30
LEAST = 2  # fresh answers that must run
SHOWN = 3  # calls that are named of a sample that disagrees
MAX_TOKENS = 600  # of a fresh answer


@dataclass
class Recheck:
    """A sample beside fresh answers: inputs with a majority, those of them on which the sample differs, calls."""

    id: str
    language: str
    kind: str
    languages: list[str]  # of the fresh answers that ran
    decided: int = 0
    differs: int = 0
    calls: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """ "agrees", "disagrees", or "undecided" when too few answers ran or no input has a majority."""
        if not self.decided:
            return "undecided"
        return "disagrees" if self.differs else "agrees"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument("data", nargs="?", type=Path, default=Path("data/filter"), help="a folder with samples.parquet")
    parser.add_argument("--samples", type=int, default=100, help="drawn at random; 0: all (default: %(default)s)")
    parser.add_argument("--kind", default="", help="only samples of this kind: Ds1, Ds2, Ds3")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON lines, one sample each")


def main(args: argparse.Namespace) -> int:
    """Check, print the counts and the calls that disagree. Returns 0. Raises BadInput."""
    path, params = args.data / "samples.parquet", at_hand()
    samples = [s for s in read_records(path, "samples") if args.kind in ("", s.kind)]
    if not samples:
        raise BadInput(f"{path} has no samples{f' of kind {args.kind}' if args.kind else ''}; run dvc repro filter")
    samples.sort(key=lambda sample: content_id(str(params.random_seed), "recheck", sample.id))
    samples = samples[: args.samples or None]
    with (
        Judge(params.execution, work_root() / "verdicts.sqlite") as judge,
        Client(params.teacher, stage="recheck") as teacher,
    ):
        found = recheck(samples, teacher, judge, params.languages, params.random_seed)
    if args.out:
        rows = (json.dumps(asdict(one) | {"outcome": one.outcome}) for one in found)
        write_text(args.out, "".join(f"{row}\n" for row in rows))
    print(summary(found))
    return 0


def summary(found: Sequence[Recheck]) -> str:
    """Return the counts in words, and what each sample that disagrees returned otherwise."""
    outcomes = Counter(one.outcome for one in found)
    decided, inputs = len(found) - outcomes["undecided"], sum(one.decided for one in found)
    wrong, differing = outcomes["disagrees"], sum(one.differs for one in found)
    of_samples, of_inputs = _percent(wrong, decided), _percent(differing, inputs)
    lines = [
        f"{len(found)} samples: {outcomes['agrees']} agree, {wrong} disagree, {outcomes['undecided']} undecided",
        f"disagreement: {of_samples} of {decided} decided samples, {of_inputs} of {inputs} decided inputs",
    ]
    for one in (one for one in found if one.differs):
        lines.append(f"  {one.id} ({one.language}, {one.differs} of {one.decided} inputs): {'; '.join(one.calls)}")
    return "\n".join(lines)


def _percent(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} %" if total else "-"


def recheck(
    samples: Sequence[Sample], teacher: ChatModel, judge: JudgeProtocol, languages: Sequence[str], seed: int
) -> list[Recheck]:
    """Return each sample beside its fresh answers, in the order of the samples."""
    asked = [(sample, task) for sample in samples for task in _tasks(sample, languages)]
    tasks = [task for _, task in asked]
    greedy = Tries(
        candidates=1, wave=1, feedback_turns=0, max_tokens=MAX_TOKENS, temperature=0.0, prefill=helped(teacher)
    )
    written = {id(task): candidate for task, candidate in ask(tasks, range(1), teacher, greedy, seed)}
    inputs = {sample.id: _inputs(sample, languages) for sample in samples}
    jobs = {sample.id: Reference.of(sample).job(sample.id, inputs[sample.id]) for sample in samples}
    fresh: dict[str, Task] = {}
    for sample, task in asked:
        candidate = written.get(id(task))
        if candidate is not None and not candidate.failure:
            jobs[task.id] = task.job(candidate, [Case(tuple(args)) for args in inputs[sample.id]])
            fresh[task.id] = task
    verdicts = judge.observe(list(jobs.values()), "running answers on new inputs")
    ran = {ident: v for ident, v in zip(jobs, verdicts, strict=True) if v.verdict == "passed"}
    found = []
    for sample in samples:
        own = [(fresh[t.id].language, ran[t.id]) for s, t in asked if s is sample and t.id in ran]
        found.append(_compared(sample, ran.get(sample.id), own, inputs[sample.id]))
    return found


def _tasks(sample: Sample, languages: Sequence[str]) -> list[Task]:
    """Return the sample's problem as tasks of other languages, drawn from its id."""
    signature, problem = Signature.from_json(sample.signature), Problem.of(sample)
    order = [name for name in languages if name != sample.language and available(name)]
    random.Random(int(content_id("recheck", sample.id), 16)).shuffle(order)
    tasks: list[Task] = []
    for language in order:
        name = get(language).identifier(sample.function)
        if len(tasks) == FRESH or not (supports(language, name, signature) and declarable(language, name)):
            continue
        declared = header(language, name, signature).rstrip()
        words = Wording(problem, sample.style or "plain", language, name, declared, signature).instruction([])
        ident, question = f"{sample.id}-recheck-{language}", generation(words, language)
        tasks.append(Task(ident, language, name, signature, question, (), Thread("recheck", sample.id)))
    return tasks


def _inputs(sample: Sample, languages: Sequence[str]) -> list[list[Any]]:
    """Return inputs that are none of the sample's cases."""
    seen = {json.dumps(list(case.args)) for case in cases_from_json(sample.cases)}
    lines = {"code": sample.code, "language": sample.language, "languages": languages}
    seed, signature = int(content_id("new inputs", sample.id), 16), Signature.from_json(sample.signature)
    drawn = draw_inputs(signature, INPUTS + len(seen), seed, **lines).rows  # type: ignore[arg-type]
    return [row for row in drawn if json.dumps(row) not in seen][:INPUTS]


def _compared(
    sample: Sample, own: Verdict | None, fresh: Sequence[tuple[str, Verdict]], inputs: Sequence[Sequence[Any]]
) -> Recheck:
    found = Recheck(sample.id, sample.language, sample.kind, [language for language, _ in fresh])
    if own is None or len(fresh) < LEAST:
        return found
    signature = Signature.from_json(sample.signature)
    for place, args in enumerate(inputs):
        said = majority(signature.returns, [verdict for _, verdict in fresh], place)
        if said is None:
            continue
        found.decided += 1
        if not alike(signature.returns, said, own, place):
            found.differs += 1
            if len(found.calls) < SHOWN:
                found.calls.append(_call(sample, signature, args, own, said, place))
    return found


def _call(sample: Sample, signature: Signature, args: Sequence[Any], own: Verdict, said: Verdict, place: int) -> str:
    words = ", ".join(spelled(p.type, arg, sample.language) for p, arg in zip(signature.params, args, strict=True))
    results = [v.errors[place] or json.dumps(v.values[place], ensure_ascii=False) for v in (own, said)]
    return f"{sample.function}({words}): {results[0][:80]}, others {results[1][:80]}"
