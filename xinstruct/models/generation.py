"""Local generation whose answers do not depend on the order in which they were asked.

Requests are sorted by prompt, so that what prompts share is read once, and run by copies of the batched
engine (xinstruct/models). Every answer draws from its own random numbers, seeded by its prompt's text,
and the engine computes each row alone, so asking in another order, or fewer or more, changes nothing.

Leaves out serving (llm/batched.py) and beam search. Usage::

    with Generator(Path("models/sft")) as generator:
        answers = generator.generate(conversations, max_new_tokens=200)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xinstruct.models.chat import Message, load_tokenizer, prompt_ids
from xinstruct.params import Dtype
from xinstruct.progress import Answers, say
from xinstruct.records import content_id

if TYPE_CHECKING:
    from xinstruct.models.sampling import Job, Made


@dataclass(frozen=True)
class Generation:
    """One answer: its text (without the prefill), its tokens, whether it ended by itself."""

    text: str
    tokens: int
    finished: bool


class Generator:
    """A checkpoint, loaded once in processes of its own, that answers conversations until it is closed."""

    def __init__(self, folder: Path, dtype: Dtype = "auto", batch: int = 0, context: int = 8192) -> None:
        """batch: answers at a time (0: what suits the device). Raises BadInput as Engine does."""
        from xinstruct.models.workers import Copies

        self.tokenizer = load_tokenizer(folder)
        self.copies = Copies(folder, batch, context, dtype)

    def __enter__(self) -> Generator:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        self.copies.close()

    def generate(
        self,
        conversations: list[list[Message]],
        *,
        max_new_tokens: int,
        temperature: float = 0.0,
        samples: int = 1,
        seed: int = 0,
        prefill: list[str] | None = None,
        stop: tuple[str, ...] = (),
        desc: str = "generating",
    ) -> list[list[Generation]]:
        """`samples` answers for each conversation, in input order.

        prefill: the start of the answer, one per conversation. stop: an answer ends after any of
        these strings (kept in its text). Greedy at temperature 0, where samples would be equal and
        one answer is repeated. Raises BadInput when a prompt does not fit into the context.
        """
        from xinstruct.models.sampling import Job

        starts = prefill or [""] * len(conversations)
        prompts = [prompt_ids(self.tokenizer, c, s) for c, s in zip(conversations, starts, strict=True)]
        drawn = samples if temperature > 0 else 1
        order = sorted(range(len(prompts)), key=lambda i: prompts[i])
        rows = [(i, k) for i in order for k in range(drawn)]
        shared = {"max_tokens": max_new_tokens, "temperature": temperature, "stop": stop}
        jobs = [Job(tuple(prompts[i]), seed=_seed(prompts[i], k, seed), **shared) for i, k in rows]  # type: ignore[arg-type]
        answers: list[list[Generation]] = [[] for _ in conversations]
        for (i, _), made in zip(rows, self._run(jobs, desc), strict=True):
            ends = [made.text.index(mark) + len(mark) for mark in stop if mark in made.text]
            text = made.text[: min(ends)] if ends else made.text
            answers[i].append(Generation(text, len(made.ids), made.finished))
        return [found * (samples if drawn == 1 else 1) for found in answers]

    def _run(self, jobs: list[Job], desc: str) -> list[Made]:
        with Answers(len(jobs), desc, "answer") as answers:
            found = self.copies.run(jobs, lambda _, made: answers.finished(len(made.ids)), answers.made)
        say(f"{desc}: {answers.tokens} tokens, {answers.rate:.0f} tokens/s")
        return found


def _seed(prompt: Sequence[int], sample: int, seed: int) -> int:
    """What decides the draws of one answer: its prompt and its number."""
    return int(content_id(str(seed), str(sample), ",".join(map(str, prompt))), 16) >> 1
