"""A ChatModel for a checkpoint that runs in this process's own engines, without server and journal.

Requests are sorted by prompt, so that common prefixes are computed once, and run by an EnginePool (xinstruct/models).
Every answer draws from its own random numbers, seeded by its prompt's tokens, its seed and its number among the
prompt's samples, and the engine computes each row alone, so asking in another order, or fewer or more, changes
nothing. Equal requests are answered once.

Schemas, log-probabilities and beam search are not supported. Usage::

    with LocalModel(Path("models/sft")) as model:
        answers = model.ask([Request("1", (user("Say hello."),), max_tokens=200)])
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xinstruct.code.thinking import final_answer
from xinstruct.files import hash_path
from xinstruct.llm.calls import Answer, Request
from xinstruct.models.chat import load_tokenizer, prompt_ids
from xinstruct.params import Dtype
from xinstruct.progress import Answers, say
from xinstruct.records import content_id

if TYPE_CHECKING:
    from xinstruct.models.sampling import Completion, GenerationRequest


class LocalModel:
    """A checkpoint folder, loaded once into processes of its own, that answers until it is closed."""

    run_by = "local"

    def __init__(self, folder: Path, dtype: Dtype = "auto", batch: int = 0, context: int = 8192) -> None:
        """batch: answers at a time (0: what suits the device). Raises BadInput as Engine does."""
        from xinstruct.models.workers import EnginePool

        self.folder = folder
        self.tokenizer = load_tokenizer(folder)
        self.engines = EnginePool(folder, batch, context, dtype)

    def __enter__(self) -> LocalModel:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def identity(self) -> str:
        """The hash of the weights."""
        return hash_path(self.folder)

    def close(self) -> None:
        """Terminate the processes."""
        self.engines.close()

    def ask(
        self,
        requests: Sequence[Request],
        desc: str = "asking",
        arrived: Callable[[int, Answer], None] = lambda index, answer: None,
    ) -> list[Answer]:
        """Return the answers in the order of the requests; `arrived` gets each with its request's index as it comes.

        Raises BadInput when a prompt does not fit into the context, ValueError on a schema or log-probabilities.
        """
        if any(request.schema is not None or request.logprobs for request in requests):
            raise ValueError("a local model gives neither answers by a schema nor log-probabilities")
        wanted = self._generations(requests)
        unique = list(dict.fromkeys(sorted(wanted, key=lambda one: one.ids)))
        asked: dict[GenerationRequest, list[int]] = {}
        for index, one in enumerate(wanted):
            asked.setdefault(one, []).append(index)

        def came(number: int, completion: Completion) -> None:
            for index in asked[unique[number]]:
                arrived(index, _answer(requests[index], unique[number], completion))

        completions = dict(zip(unique, self._run(unique, desc, came), strict=True))
        return [_answer(request, one, completions[one]) for request, one in zip(requests, wanted, strict=True)]

    def _generations(self, requests: Sequence[Request]) -> list[GenerationRequest]:
        from xinstruct.models.sampling import GenerationRequest

        read: dict[str, tuple[int, ...]] = {}
        wanted = []
        for request in requests:
            key = json.dumps([request.messages, request.prefill])
            if key not in read:
                read[key] = tuple(prompt_ids(self.tokenizer, request.messages, request.prefill))
            drawn = request.temperature > 0
            seed = seed_of(read[key], request.sample, request.seed) if drawn else 0
            wanted.append(
                GenerationRequest(read[key], request.max_tokens, request.temperature, request.top_p, seed, request.stop)
            )
        return wanted

    def _run(
        self, wanted: list[GenerationRequest], desc: str, came: Callable[[int, Completion], None]
    ) -> list[Completion]:
        with Answers(len(wanted), desc, "answer") as answers:

            def finished(number: int, completion: Completion) -> None:
                answers.finished(len(completion.ids))
                came(number, completion)

            found = self.engines.run(wanted, finished, answers.made)
        say(f"{desc}: {answers.tokens} tokens, {answers.rate:.0f} tokens/s")
        return found


def seed_of(prompt: Sequence[int], sample: int, seed: int) -> int:
    """Return the random seed of one answer, from its prompt's tokens and its number."""
    return int(content_id(str(seed), str(sample), ",".join(map(str, prompt))), 16) >> 1


def _answer(request: Request, one: GenerationRequest, completion: Completion) -> Answer:
    text, _ = request.cut(final_answer(completion.text))
    reason = "stop" if completion.finished else "length"
    return Answer(request.id, text, reason, len(one.ids), len(completion.ids), cached=False)
