"""A GGUF file run by OpenVINO GenAI: quantised weights, continuous batching and a prefix cache on a CPU.

``QuantisedEngine`` takes requests and reports completions as the batched engine does (engine.py), so the
same pool and server stand before either. Of the log-probabilities only the chosen token's
is known, not its alternatives'. An answer to one request may change with what runs beside it: batches of
another size round differently (docs/llm.md). Left out: GPUs, checkpoints (engine.py), and the
architectures and number types that gguf_file.py names.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.models.gguf_file import unreadable
from xinstruct.models.sampling import Completion, GenerationRequest, loops, refuse_too_long

Done = Callable[[Completion], None]
_CACHE_GB = 2  # of keys and values, those of earlier prompts among them
_STEP_TOKENS = 512  # read and written in one step; more makes no step faster on two cores and all wait longer


@dataclass(eq=False)
class _Asked:
    """A request on its way."""

    request: GenerationRequest
    done: Done
    handle: Any
    completion: Completion = field(default_factory=Completion)
    given_up: bool = False
    tail: str = ""  # the latest text, in which a stop string is looked for

    def cancel(self) -> None:
        """Give up the answer; its slot becomes free before the next step."""
        self.given_up = True


class QuantisedEngine:
    """One model, used by one thread: `add` requests, then `step` until none is left (workers.py does, in a process)."""

    def __init__(self, file: Path, slots: int, context: int, threads: int) -> None:
        """slots: answers at a time. threads: cores used. Raises BadInput for a file that OpenVINO cannot read."""
        if why := unreadable(file):
            raise BadInput(f"{file}: OpenVINO does not read {why}; set teacher.engine to llamacpp")
        self._genai = _library()
        self.context, self.count = context, slots
        self.tokens = 0
        tokenizer = self._genai.Tokenizer(str(file))
        scheduling = self._genai.SchedulerConfig()
        scheduling.cache_size = _CACHE_GB
        scheduling.max_num_batched_tokens = max(_STEP_TOKENS, slots)
        scheduling.max_num_seqs = slots
        scheduling.enable_prefix_caching = True
        self._pipe = self._genai.ContinuousBatchingPipeline(
            str(file), tokenizer, scheduling, "CPU", INFERENCE_NUM_THREADS=threads
        )
        self._tokenizer = QuantisedTokenizer(tokenizer)
        self._ends = set(self._pipe.get_config().stop_token_ids) | {self._pipe.get_config().eos_token_id}
        self._running: list[_Asked] = []
        self._pieces: dict[int, str] = {}  # the text of each token met in answers that have stop strings
        self._number = 0

    def add(self, request: GenerationRequest, done: Done) -> Callable[[], None]:
        """Queue a request and return a function that cancels it. Raises BadInput when it does not fit."""
        refuse_too_long(request, self.context)
        self._number += 1
        handle = self._pipe.add_request(self._number, _tensor(request.ids), self._config(request))
        asked = _Asked(request, done, handle)
        self._running.append(asked)
        return asked.cancel

    def step(self) -> bool:
        """Generate a token for every request that runs; return False when none is left."""
        for asked in [asked for asked in self._running if asked.given_up]:
            asked.handle.cancel()
            self._running.remove(asked)
        if self._pipe.has_non_finished_requests():
            self._pipe.step()
        self._running = [asked for asked in self._running if self._goes_on(asked)]
        return bool(self._running)

    def _config(self, request: GenerationRequest) -> Any:
        config = self._genai.GenerationConfig(
            max_new_tokens=request.max_tokens,
            do_sample=request.temperature > 0,
            apply_chat_template=False,
            logprobs=min(1, request.logprobs),
        )
        if request.temperature > 0:
            config.temperature, config.top_p = request.temperature, request.top_p
            config.rng_seed = request.seed
        if request.schema:
            config.structured_output_config = self._genai.StructuredOutputConfig(json_schema=request.schema)
        return config

    def _goes_on(self, asked: _Asked) -> bool:
        ended = asked.handle.get_status() != self._genai.GenerationStatus.RUNNING
        while asked.handle.can_read():
            for output in asked.handle.read().values():
                asked.completion.ids += output.generated_ids
                self.tokens += len(output.generated_ids)
                if asked.request.stop and not ended and self._stops(asked, output.generated_ids):
                    asked.handle.stop()
                    ended = True
                if not ended and loops(asked.completion.ids):
                    asked.handle.stop()
                    ended = True
                if asked.request.logprobs:
                    chosen = zip(output.generated_ids, output.generated_log_probs, strict=True)
                    asked.completion.logprobs += [(value, [(token, value)]) for token, value in chosen]
        if ended:
            self._report(asked)
        return not ended

    def _stops(self, asked: _Asked, fresh: Sequence[int]) -> bool:
        """Tell whether the answer has a stop string now; whoever asked cuts it there.

        OpenVINO's own look for stop strings decodes in several threads, and waits for ever now and then.
        """
        stops = asked.request.stop
        text = asked.tail + "".join(map(self._piece, fresh))
        asked.tail = text[-max(map(len, stops)) :]
        if all(map(str.isascii, stops)) and not any(stop in text for stop in stops):
            return False  # only a character beyond ASCII may be spread over several tokens
        whole = self._tokenizer.decode(asked.completion.ids)
        return any(stop in whole for stop in stops)

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self._tokenizer.decode([token])
        return self._pieces[token]

    def _report(self, asked: _Asked) -> None:
        completion = asked.completion
        if not completion.ids:
            raise RuntimeError(f"no answer to a prompt of {len(asked.request.ids)} tokens: {asked.handle.get_status()}")
        completion.finished = completion.ids[-1] in self._ends
        completion.text = self._tokenizer.decode(completion.ids[:-1] if completion.finished else completion.ids)
        asked.done(completion)


def load_tokenizer(file: Path) -> QuantisedTokenizer:
    """Load the tokenizer of a GGUF file, without its weights."""
    return QuantisedTokenizer(_library().Tokenizer(str(file)))


class QuantisedTokenizer:
    """OpenVINO's tokenizer of a model behind the calls of a transformers tokenizer that serving needs."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.chat_template = str(tokenizer.get_original_chat_template())

    def __call__(self, text: str, add_special_tokens: bool = False) -> Mapping[str, Sequence[int]]:
        """{"input_ids": token ids}."""
        found = self._tokenizer.encode(text, add_special_tokens=add_special_tokens).input_ids
        return {"input_ids": [int(token) for token in found.data[0]]}

    def decode(self, ids: Sequence[int]) -> str:
        """The text of token ids, special ones left out."""
        return str(self._tokenizer.decode(list(ids))) if ids else ""

    def apply_chat_template(self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool) -> str:
        """A conversation as text, by the model's own template."""
        assert not tokenize
        return str(self._tokenizer.apply_chat_template(messages, add_generation_prompt=add_generation_prompt))


def _library() -> Any:
    # OpenVINO's converter imports a package that reports its use to Intel where it finds it; it goes on without.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino_genai

    return openvino_genai


def _tensor(ids: Sequence[int]) -> Any:
    import numpy as np
    import openvino

    return openvino.Tensor(np.array([ids], dtype=np.int64))
