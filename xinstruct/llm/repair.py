"""Repair of answers that miss their schema or were cut at their length, by declared rules.

- A schema is validated here whatever the server promised. An answer that misses it is asked for once
  more, with the answer and its error as further turns (teacher.repairs); after that it is an Answer with
  the error "schema: ...". What stands around the JSON is removed (json_answers.py).
- finish_reason "length" is kept as it came (teacher.on_length: keep), asked for again with twice the
  tokens up to teacher.length_limit (retry), or turned into the error "length: ..." (error). Cut JSON is
  never accepted as JSON; the answer to a request for one token is whole with it. Tokens that thinking used up are asked
  for again likewise; the error is "thinking: ...".

An answer and its repair are in the journal under their own keys, so a rerun takes the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from xinstruct.llm.calls import Answer, Request, kind_of
from xinstruct.llm.json_answers import json_answer
from xinstruct.params import TeacherParams
from xinstruct.prompts import assistant, render, user

THOUGHT_ENDS = "</think>"  # what reasoning models write between their thoughts and their answer

Ask = Callable[[list[Request]], list[Answer]]


class AnswerRepair:
    """The rules of `teacher.repairs`, `teacher.on_length` and `teacher.length_limit`."""

    def __init__(self, params: TeacherParams) -> None:
        self.repairs, self.on_length, self.length_limit = params.repairs, params.on_length, params.length_limit

    def repaired(self, requests: Sequence[Request], answers: Sequence[Answer], ask: Ask) -> list[Answer]:
        """Return the answers, after `ask` was called again for unsuitable ones as far as the rules allow."""
        current, result = list(requests), list(answers)
        repairs = [0] * len(current)
        while True:
            again: dict[int, Request] = {}
            for place, (request, answer) in enumerate(zip(current, result, strict=True)):
                if longer := self._longer(request, answer):
                    again[place] = longer
                elif repairs[place] < self.repairs and (problem := misses(request, answer)):
                    repairs[place] += 1
                    again[place] = _repair(request, answer, problem)
            if not again:
                return [self._judged(request, answer) for request, answer in zip(current, result, strict=True)]
            for place, answer in zip(again, ask(list(again.values())), strict=True):
                current[place], result[place] = again[place], _merged(result[place], answer)

    def _longer(self, request: Request, answer: Answer) -> Request | None:
        """Return the request with a higher token limit, if its answer was cut and the policy is to retry."""
        used_up = kind_of(answer.error) == "thinking" and "used up" in answer.error
        cut = _cut(request, answer) or used_up
        if not cut or self.on_length != "retry" or request.max_tokens >= self.length_limit:
            return None
        return replace(request, max_tokens=min(request.max_tokens * 2, self.length_limit))

    def _judged(self, request: Request, answer: Answer) -> Answer:
        """Return the answer, or an error when the rules do not accept it."""
        if answer.error:
            return answer
        if _cut(request, answer) and (self.on_length == "error" or request.schema is not None):
            return _failed(answer, f"length: cut at {request.max_tokens} tokens")
        if request.schema is None:
            return answer
        found, problem = json_answer(request.prefill + answer.text, request.schema)
        if problem:
            return _failed(answer, f"schema: {problem}")
        return answer if request.prefill else replace(answer, text=found)


def misses(request: Request, answer: Answer) -> str:
    """Return how an answer misses its request's schema, or "". A cut or failed answer is not checked."""
    if request.schema is None or answer.error or answer.finish_reason == "length":
        return ""
    return json_answer(request.prefill + answer.text, request.schema)[1]


def _cut(request: Request, answer: Answer) -> bool:
    return answer.finish_reason == "length" and request.max_tokens > 1


def _repair(request: Request, answer: Answer, problem: str) -> Request:
    turns = (assistant(request.prefill + answer.text or "-"), user(render("schema_repair", problem=problem)))
    return replace(request, id=f"{request.id}-again", messages=(*request.messages, *turns))


def _merged(first: Answer, second: Answer) -> Answer:
    """Return the second answer in the first one's place, with the tokens of both."""
    return replace(
        second,
        id=first.id,
        prompt_tokens=first.prompt_tokens + second.prompt_tokens,
        completion_tokens=first.completion_tokens + second.completion_tokens,
        cached=first.cached and second.cached,
    )


def _failed(answer: Answer, error: str) -> Answer:
    return replace(answer, text="", finish_reason="error", error=error, logprobs=())
