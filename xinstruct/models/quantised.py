"""A GGUF file run by OpenVINO GenAI: quantised weights, continuous batching and a prefix cache on a CPU.

``QuantisedEngine`` takes requests and reports completions as the pool of batched engines does
(workers.py), so the same server stands before either. Of the log-probabilities only the chosen token's
is known, not its alternatives'. An answer to one request may change with what runs beside it: batches of
another size round differently (docs/llm.md). Left out: GPUs, checkpoints (engine.py), and the
architectures and number types that gguf_file.py names.
"""

from __future__ import annotations

import contextlib
import json
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xinstruct.files import BadInput
from xinstruct.models.gguf_file import unreadable
from xinstruct.models.sampling import Completion, GenerationRequest, refuse_too_long

Done = Callable[[Completion], None]
_CACHE_GB = 2  # of keys and values, those of earlier prompts among them
_STEP_TOKENS = 512  # read and written in one step; more makes no step faster on two cores and all wait longer


@dataclass(eq=False)
class _Asked:
    """A request on its way."""

    request: GenerationRequest
    done: Done
    handle: Any = None
    completion: Completion = field(default_factory=Completion)
    given_up: bool = False

    def cancel(self) -> None:
        """Its answer is not wanted any more; its slot becomes free before the next step."""
        self.given_up = True


class QuantisedEngine:
    """One model in this process. `add` may be called by any thread; answers are reported by the engine's own."""

    def __init__(
        self, file: Path, slots: int, context: int, threads: int, died: Callable[[], None] | None = None
    ) -> None:
        """slots: answers at a time. died: called when the engine failed. Raises BadInput for a file it cannot read."""
        if why := unreadable(file):
            raise BadInput(f"{file}: OpenVINO does not read {why}; set teacher.engine to llamacpp")
        genai = _library()
        self.context = context
        self.worked, self.tokens = 0.0, 0
        tokenizer = genai.Tokenizer(str(file))
        self.tokenizer = QuantisedTokenizer(tokenizer)
        scheduling = genai.SchedulerConfig()
        scheduling.cache_size = _CACHE_GB
        scheduling.max_num_batched_tokens = max(_STEP_TOKENS, slots)
        scheduling.max_num_seqs = slots
        scheduling.enable_prefix_caching = True
        self._pipe = genai.ContinuousBatchingPipeline(
            str(file), tokenizer, scheduling, "CPU", INFERENCE_NUM_THREADS=threads
        )
        self._genai = genai
        self._ends = set(self._pipe.get_config().stop_token_ids) | {self._pipe.get_config().eos_token_id}
        self._inbox: queue.SimpleQueue[_Asked] = queue.SimpleQueue()
        self._running: list[_Asked] = []
        self._number = 0
        self._died = died or (lambda: None)
        threading.Thread(target=self._work, daemon=True).start()

    def add(self, request: GenerationRequest, done: Done) -> Callable[[], None]:
        """Queue a request. Returns what cancels it. Raises BadInput when it does not fit."""
        refuse_too_long(request, self.context)
        if request.schema:
            _refuse_schema(request.schema)
        asked = _Asked(request, done)
        self._inbox.put(asked)
        return asked.cancel

    # ---- the engine's own thread

    def _work(self) -> None:
        try:
            while True:
                self._take()
                begun = time.monotonic()
                if self._pipe.has_non_finished_requests():
                    self._pipe.step()
                self.worked += time.monotonic() - begun
                self._running = [asked for asked in self._running if self._goes_on(asked)]
        except Exception:
            traceback.print_exc()
            self._died()

    def _take(self) -> None:
        """Begin what was asked since; with nothing to do, wait for it."""
        with contextlib.suppress(queue.Empty):
            while True:
                asked = self._inbox.get(block=not self._running)
                config = self._config(asked.request)
                self._number += 1
                asked.handle = self._pipe.add_request(self._number, _tensor(asked.request.ids), config)
                self._running.append(asked)

    def _config(self, request: GenerationRequest) -> Any:
        config = self._genai.GenerationConfig(
            max_new_tokens=request.max_tokens,
            do_sample=request.temperature > 0,
            stop_strings=set(request.stop),
            include_stop_str_in_output=True,  # cut by whoever asked
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
        if asked.given_up:
            asked.handle.cancel()
            return False
        ended = asked.handle.get_status() != self._genai.GenerationStatus.RUNNING
        while asked.handle.can_read():
            for output in asked.handle.read().values():
                asked.completion.ids += output.generated_ids
                self.tokens += len(output.generated_ids)
                if asked.request.logprobs:
                    chosen = zip(output.generated_ids, output.generated_log_probs, strict=True)
                    asked.completion.logprobs += [(value, [(token, value)]) for token, value in chosen]
        if ended:
            self._report(asked)
        return not ended

    def _report(self, asked: _Asked) -> None:
        completion = asked.completion
        if not completion.ids:
            raise RuntimeError(f"no answer to a prompt of {len(asked.request.ids)} tokens: {asked.handle.get_status()}")
        completion.finished = completion.ids[-1] in self._ends
        completion.text = self.tokenizer.decode(completion.ids[:-1] if completion.finished else completion.ids)
        asked.done(completion)


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


def _refuse_schema(schema: str) -> None:
    """Raises BadInput for what is no JSON schema: met inside a step it would end all requests."""
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        parsed = json.loads(schema)
        validator_for(parsed).check_schema(parsed)
    except (SchemaError, json.JSONDecodeError) as error:
        raise BadInput(f"the schema is none: {str(error).splitlines()[0]}") from None
