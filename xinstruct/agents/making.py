"""The D_s3 record of what a discussion came to, before it is scored."""

from __future__ import annotations

from xinstruct.agents.answers import Candidate
from xinstruct.agents.discussion import Discussion
from xinstruct.agents.operations import Operation
from xinstruct.code.types import Case, cases_to_json
from xinstruct.records import Sample, content_id


def make_sample(discussion: Discussion, candidate: Candidate, cases: list[Case]) -> Sample:
    """The D_s3 record of a verified answer, before it is scored."""
    told = discussion.explanation
    text = discussion.full_instruction(cases)
    base = discussion.source
    others = [s for i, s in enumerate(discussion.communicated) if i != discussion.base]
    everyone = [base, *others]  # the base first: it is what the sample was made from
    return Sample(
        id=content_id("Ds3", discussion.target, text, told or candidate.code),
        kind="Ds3",
        language=discussion.target,
        task=discussion.task,
        instruction=text,
        response=told or candidate.code,
        proof=candidate.code if told else "",
        function=discussion.name,
        signature=discussion.signature.to_json(),
        cases=cases_to_json(cases),
        parents=[sample.id for sample in everyone],
        snippets=sorted({root for sample in everyone for root in sample.snippets}),
        task_roots=_task_roots(discussion.operation, everyone),
        source_language=base.language,
        operation=discussion.operation.name,
        topology=discussion.topology,
        shape=discussion.shape,
        agents=[agent.id for agent in discussion.agents],
        round=discussion.round,
        licenses=sorted({name for sample in everyone for name in sample.licenses}),
        verdict="passed",
    )


def _task_roots(operation: Operation, parents: list[Sample]) -> list[str]:
    """Roots whose behaviour the new sample repeats: the base's where it is kept, else possibly all."""
    repeated = parents[:1] if operation.keeps_behaviour else parents
    return sorted({root for sample in repeated for root in sample.roots()})
