"""D_s4: the tuned model's answers to training tasks, labelled by execution.

Reads data/filter and models/sft; writes data/preferences: every sampled answer with its verdict (completions)
and the pairs made of them. A killed run asks only for missing answers: those of a local model are kept in
scratch task by task, those of a server (student.sampling) in the journal one by one.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from xinstruct.code.extraction import extract_code
from xinstruct.execution.jobs import of_sample
from xinstruct.execution.judge import Judge
from xinstruct.files import write_json
from xinstruct.llm.calls import Answer, Request
from xinstruct.llm.chat_model import ChatModel, ask_all
from xinstruct.llm.local import LocalModel
from xinstruct.llm.student import open_student
from xinstruct.params import PreferencesParams
from xinstruct.prompts import user
from xinstruct.records import PASSED, Completion, Pair, Reason, Sample, content_id
from xinstruct.stage import Context, Script, run, work_root
from xinstruct.training.preferences import REFERENCE, JudgedAnswer, make_pairs, pick_tasks

START = Path("models/sft")
STOP = ("\n```\n",)  # the answer is over with its code block; what follows is chat


def work(ctx: Context[PreferencesParams]) -> None:
    """Sample answers, judge them, make pairs."""
    tasks = pick_tasks(ctx.read("samples", "data/filter"), ctx.own.tasks, ctx.params.random_seed)
    if not tasks:
        ctx.say("no training task to ask: data/filter has no verified training sample")
    answers = _judged(ctx, tasks, _ask(ctx, tasks))
    pairs: list[Pair] = []
    for task in tasks:
        pairs += _pair(ctx, task, answers[task.id])
    every = [answer.record for found in answers.values() for answer in found]
    ctx.metrics = _metrics(tasks, every, pairs)
    ctx.say(f"{len(pairs)} pairs of {len(every)} answers to {len(tasks)} tasks; {ctx.metrics['answers']}")


def _ask(ctx: Context[PreferencesParams], tasks: list[Sample]) -> dict[str, list[dict[str, Any]]]:
    """Return sampled answers (text, tokens, finished) by task id; each task has a file once all its answers came."""
    # tasks of similar length beside each other leave few of the engine's slots empty at the end
    ordered = sorted(tasks, key=lambda task: (len(task.instruction), task.id))
    paths = {task.id: ctx.scratch / f"answers-{task.id}.json" for task in ordered}
    if missing := [task for task in ordered if not paths[task.id].exists()]:
        with open_student(START, ctx.params.student, ctx.name, ctx.scratch / f"calls-{START.name}.json") as model:
            _sample(ctx, model, missing, paths)
    return {task.id: json.loads(paths[task.id].read_text(encoding="utf-8")) for task in ordered}


def _sample(ctx: Context[PreferencesParams], model: ChatModel, tasks: list[Sample], paths: dict[str, Path]) -> None:
    """Ask everything at once and write each task's answers when its last one has come."""
    count = ctx.own.samples
    came: dict[str, dict[int, Any]] = {task.id: {} for task in tasks}

    def keep(index: int, answer: Answer) -> None:
        task = tasks[index // count].id
        came[task][index % count] = answer.brief()
        if len(came[task]) == count:
            write_json(paths[task], [came[task][number] for number in range(count)])

    requests = [sample for task in tasks for sample in _request(ctx, task).samples(count)]
    desc = f"answering {len(tasks)} tasks"
    if isinstance(model, LocalModel):
        model.ask(requests, desc, keep)
    else:  # the journal keeps every answer as it comes
        for index, answer in enumerate(ask_all(model, requests, desc)):
            keep(index, answer)


def _request(ctx: Context[PreferencesParams], task: Sample) -> Request:
    return Request(
        id=task.id,
        messages=(user(task.instruction),),
        max_tokens=ctx.own.max_new_tokens,
        temperature=ctx.own.temperature,
        seed=ctx.params.random_seed,
        stop=STOP,
        keep_stop=True,
    )


def _judged(
    ctx: Context[PreferencesParams], tasks: list[Sample], answers: dict[str, list[dict[str, Any]]]
) -> dict[str, list[JudgedAnswer]]:
    """Return every answer as a completion with its verdict. Equal codes of a task are run once."""
    rows = {task.id: [_completion(task, i, row) for i, row in enumerate(answers[task.id])] for task in tasks}
    jobs = {_key(row): of_sample(task, row.code, _key(row)) for task in tasks for row in rows[task.id] if row.code}
    with Judge(ctx.params.execution, cache=work_root() / "verdicts.sqlite") as judge:
        verdicts = {verdict.id: verdict for verdict in judge.judge(list(jobs.values()), "judging answers")}
    for row in (row for found in rows.values() for row in found if row.code):
        verdict = verdicts[_key(row)]
        row.verdict, row.detail, row.tier = verdict.verdict, verdict.detail[:2000], verdict.tier
    judged = {}
    for task in tasks:
        couples = zip(rows[task.id], answers[task.id], strict=True)
        judged[task.id] = [JudgedAnswer(row, answer["finished"]) for row, answer in couples]
        for row in rows[task.id]:
            ctx.add(row)
    return judged


def _key(row: Completion) -> str:
    return content_id(row.task_id, row.code)


def _completion(task: Sample, index: int, answer: dict[str, Any]) -> Completion:
    code, rule = extract_code(answer["text"], task.language, task.function)
    return Completion(
        id=content_id("preferences", task.id, str(index), answer["text"]),
        model="sft",
        benchmark="train",
        task_id=task.id,
        language=task.language,
        index=index,
        prompt=task.instruction,
        answer=answer["text"],
        code=code,
        verdict=Reason.EMPTY_ANSWER.value,
        detail=f"extraction: {rule}",
        completion_tokens=answer["tokens"],
    )


def _pair(ctx: Context[PreferencesParams], task: Sample, answers: list[JudgedAnswer]) -> list[Pair]:
    ctx.open(task.id)
    pairs = make_pairs(task, answers, ctx.own.pairs_per_task, ctx.own.reference_as_chosen)
    if not pairs:
        verdicts = Counter(answer.record.verdict for answer in answers)
        ctx.reject(task, Reason.NO_CONTRAST, json.dumps(dict(sorted(verdicts.items()))))
        return []
    ctx.keep(pairs[0], of=task.id)
    for pair in pairs[1:]:
        ctx.add(pair)
    return pairs


def _metrics(tasks: list[Sample], answers: list[Completion], pairs: list[Pair]) -> dict[str, Any]:
    """Count tasks, answers and pairs; `chosen` tells how many pairs prefer a sampled answer or the reference."""
    kinds = Counter(pair.chosen_verdict for pair in pairs)
    return {
        "tasks": dict(sorted(Counter(task.language for task in tasks).items())),
        "answers": dict(sorted(Counter(answer.verdict for answer in answers).items())),
        "tasks_with_a_pass": len({answer.task_id for answer in answers if answer.verdict == PASSED}),
        "completion_tokens": sum(answer.completion_tokens for answer in answers),
        "pairs": len(pairs),
        "chosen": {"sampled": kinds[PASSED], "reference": kinds[REFERENCE]},
    }


if __name__ == "__main__":
    sys.exit(run(Script("preferences", work, writes=("pairs", "completions")), __doc__))
