"""Ask a model a benchmark's problems and keep the raw answers: ``xinstruct answer --model M --out FOLDER``.

M is a checkpoint's folder (run in this process), or anything that teacher.model may be: a registered name or a
folder with a GGUF file (the embedded server), or the URL of an OpenAI-protocol server. The protocol is the
benchmark's: "paper" (one chat turn) or "explain"; greedy unless --temperature is given.

FOLDER/BENCHMARK-VARIANT-LANGUAGE.jsonl.gz holds one JSON object per answer (task_id, completion, tokens, finished),
which `xinstruct score` reads without any model; FOLDER/about.json records the weights and the `backend` that ran
them: local (this process), batched or llamacpp (the embedded server's engines), endpoint. A run that was ended
resumes: a local one loses the answers to at most --chunk problems, the others none.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from xinstruct.benchmarks.command import add_data, data_folder, make_judge
from xinstruct.benchmarks.fetch import declared, rows
from xinstruct.benchmarks.problems import About, BenchmarkProblem, about, load
from xinstruct.benchmarks.protocol import EXPLAIN, NAME, explaining, instruction, regenerating, without_code
from xinstruct.code.names import known_as
from xinstruct.files import BadInput, replaced_file, write_json
from xinstruct.languages import EIGHT, get
from xinstruct.llm.calls import Answer, Request
from xinstruct.llm.chat_model import ChatModel, ask_all
from xinstruct.llm.client import Client
from xinstruct.llm.local import LocalModel
from xinstruct.models.adapters import holds_model
from xinstruct.models.fetch import fetch_teacher
from xinstruct.params import at_hand
from xinstruct.plan import work_root
from xinstruct.prompts import user

Row = dict[str, Any]
Conversation = list[dict[str, str]]
Ask = Callable[[Sequence[BenchmarkProblem]], list[list[Row]]]  # the answers to each problem
Answering = Callable[[list[Conversation], int], list[list[Row]]]  # so many answers to each conversation


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand's arguments."""
    parser.add_argument(
        "--model", required=True, help="a checkpoint's folder, a name of models.yaml, a GGUF folder, a URL"
    )
    parser.add_argument("--benchmark", default="multipl_e", metavar="NAME[:VARIANT]", help=", ".join(declared()))
    parser.add_argument("--languages", nargs="*", default=list(EIGHT), type=_language, choices=EIGHT)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="one model's answers")
    add_data(parser)
    parser.add_argument("--limit", type=int, default=0, help="only the first so many problems of each language")
    parser.add_argument("--max-new-tokens", type=int, default=512)
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--samples", type=int, default=1, help="answers to each problem")
    parser.add_argument("--chunk", type=int, default=64, help="problems between two writings (local)")


def _language(text: str) -> str:
    return known_as(text, EIGHT)


def main(args: argparse.Namespace) -> int:
    """Ask the missing questions of each language, then print where the answers are. Returns 0. Raises BadInput."""
    if min(args.samples, args.chunk, args.max_new_tokens) < 1:
        raise BadInput("--samples, --chunk and --max-new-tokens must be at least 1")
    problems = {language: _problems(about(args.benchmark, language), args) for language in args.languages}
    protocol = str(about(args.benchmark, args.languages[0]).raw.get("protocol", NAME))
    with _model(args) as model:
        _same_settings(args.out, _settings(args, model, protocol))
        ask = PROTOCOLS[protocol](partial(_answers, model, args), args.samples)
        for language, wanted in problems.items():
            path = answers_file(args.out, args.benchmark, language)
            chunk = args.chunk if isinstance(model, LocalModel) else max(1, len(wanted))  # the journal keeps each
            complete(path, wanted, ask, chunk, args.samples, language)
            print(f"{path}: {len(wanted)} problems answered", flush=True)
    return 0


def answers_file(folder: Path, benchmark: str, language: str) -> Path:
    """Return the file that keeps the answers to a benchmark in a language."""
    one = about(benchmark, language)
    return folder / f"{'-'.join(filter(None, (one.name, one.variant, language)))}.jsonl.gz"


def messages(problem: BenchmarkProblem) -> Conversation:
    """Return the conversation that asks for a problem's function."""
    return [user(instruction(get(problem.language), problem.prompt.strip("\n")))]


def directly(answering: Answering, samples: int) -> Ask:
    """Return a function that asks by the protocol "paper": one turn with the prompt."""
    return lambda problems: answering([messages(one) for one in problems], samples)


def through_explanation(answering: Answering, samples: int) -> Ask:
    """Return a function that asks by the protocol "explain".

    The model explains the solution, then writes it anew from its explanation and the header alone.
    """

    def ask(problems: Sequence[BenchmarkProblem]) -> list[list[Row]]:
        told = [answers[0]["completion"] for answers in answering([explaining(one) for one in problems], 1)]
        plain = [without_code(text) for text in told]
        asked = [regenerating(one, text) for one, text in zip(problems, plain, strict=True)]
        found = answering(asked, samples)
        return [[row | {"explanation": text} for row in rows_of] for rows_of, text in zip(found, plain, strict=True)]

    return ask


def _answers(
    model: ChatModel, args: argparse.Namespace, conversations: list[Conversation], samples: int
) -> list[list[Row]]:
    limits = {"max_tokens": args.max_new_tokens, "temperature": args.temperature}
    asked = [Request(str(i), tuple(turns), **limits) for i, turns in enumerate(conversations)]
    answers = ask_all(model, [each for request in asked for each in request.samples(samples)], "answers")
    found = [_row(one) for one in answers]
    return [found[i : i + samples] for i in range(0, len(found), samples)]


def _problems(one: About, args: argparse.Namespace) -> list[BenchmarkProblem]:
    with make_judge(one) as judge:
        found = load(one, data_folder(one, args), judge)
    return found[: args.limit] if args.limit else found


def complete(path: Path, wanted: Sequence[BenchmarkProblem], ask: Ask, chunk: int, samples: int, desc: str) -> None:
    """Ask for the answers that the file lacks, `chunk` problems at a time, and rewrite the file after each chunk.

    Raises BadInput when it holds answers to other problems.
    """
    kept: list[Row] = list(rows(path)) if path.exists() else []
    counts = Counter(str(row["task_id"]) for row in kept)
    if strange := counts.keys() - {one.task_id for one in wanted}:
        raise BadInput(f"{path}: answers {min(strange)}, which is not asked here; give another --out")
    missing = [one for one in wanted if counts[one.task_id] < samples]
    kept = [row for row in kept if counts[row["task_id"]] >= samples]
    order = {one.task_id: i for i, one in enumerate(wanted)}
    for start in range(0, len(missing), chunk):
        part = missing[start : start + chunk]
        print(f"{desc}: {len(wanted) - len(missing) + start} of {len(wanted)} problems answered", file=sys.stderr)
        for one, answers in zip(part, ask(part), strict=True):
            kept += [{"task_id": one.task_id} | answer for answer in answers]
        _write(path, sorted(kept, key=lambda row: order[row["task_id"]]))


def _write(path: Path, kept: Sequence[Row]) -> None:
    """Write the whole file; equal answers give equal bytes."""
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in kept)
    with replaced_file(path) as tmp:
        tmp.write_bytes(gzip.compress(lines.encode(), mtime=0))


def _same_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Record the settings of the answers. Raises BadInput when the folder's answers have other settings."""
    path = folder / "about.json"
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))
        if other := [key for key in settings if before.get(key) != settings[key]]:
            raise BadInput(f"{folder}: its answers were made with other {', '.join(other)}; give another --out")
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, settings)


# ---- models


def _model(args: argparse.Namespace) -> Client | LocalModel:
    """Open the model that --model names. Raises BadInput when it names none."""
    folder = Path(args.model)
    if holds_model(folder):
        return LocalModel(folder)
    if not (folder / "model.json").exists():
        folder = work_root() / "models" / args.out.name
        fetch_teacher(args.model, folder, lambda text: print(text, file=sys.stderr))
    return Client(replace(at_hand().teacher, on_length="keep"), folder, stage="answer")


def _row(answer: Answer) -> Row:
    return {"completion": answer.text, "tokens": answer.completion_tokens, "finished": answer.finished}


def _settings(args: argparse.Namespace, model: Client | LocalModel, protocol: str) -> dict[str, Any]:
    """Return everything that may change an answer, including the model and the backend that runs it."""
    found = {"max_new_tokens": args.max_new_tokens, "temperature": args.temperature, "samples": args.samples}
    return found | {"backend": model.run_by, "weights": model.identity, "protocol": protocol}


PROTOCOLS: dict[str, Callable[[Answering, int], Ask]] = {NAME: directly, EXPLAIN: through_explanation}
