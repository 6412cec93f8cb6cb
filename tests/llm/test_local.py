"""Answers of a checkpoint in process equal those of transformers' generate and do not depend on order or company."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm.conftest import ask
from tests.training.conftest import tiny  # noqa: F401
from xinstruct.llm.calls import Answer, Request
from xinstruct.llm.local import LocalModel, seed_of
from xinstruct.models.chat import load_tokenizer, prompt_ids
from xinstruct.models.device import load_model

pytestmark = pytest.mark.slow

QUESTIONS = [f"Write a Python function that adds {n}." + " Be brief." * (n % 4) for n in range(9)]


def asked(questions: list[str], samples: int = 1, **fields: Any) -> list[Request]:
    return [sample for text in questions for sample in ask(text, **fields).samples(samples)]


@pytest.fixture(scope="module")
def model(tiny: Path) -> Iterator[LocalModel]:  # noqa: F811
    with LocalModel(tiny, "float32", batch=4) as made:
        yield made


def test_greedy_equals_transformers_generate(tiny: Path, model: LocalModel) -> None:  # noqa: F811
    import torch

    tokenizer = load_tokenizer(tiny)
    plain = load_model(tiny, torch.float32, "sdpa").eval()
    requests = asked(QUESTIONS, max_tokens=150)
    for request, answer in zip(requests, model.ask(requests), strict=True):
        ids = torch.tensor([prompt_ids(tokenizer, request.messages)])
        out = plain.generate(ids, max_new_tokens=150, do_sample=False)[0, ids.shape[1] :]
        assert answer.text == tokenizer.decode(out, skip_special_tokens=True)
        assert (answer.prompt_tokens, answer.completion_tokens) == (ids.shape[1], len(out))
        assert answer.finished == (int(out[-1]) == tokenizer.eos_token_id)


def test_answers_do_not_depend_on_order_or_batch_size(tiny: Path, model: LocalModel) -> None:  # noqa: F811
    requests = asked(QUESTIONS, samples=3, max_tokens=24, temperature=0.9, seed=5)

    def answers(wanted: list[Request], by: LocalModel) -> dict[str, Answer]:
        return {answer.id: answer for answer in by.ask(wanted)}

    known = answers(requests, model)
    assert answers(requests, model) == known
    assert answers(requests[::-1], model) == known
    with LocalModel(tiny, "float32", batch=7) as other:
        assert answers(requests, other) == known
    assert answers(requests[6:9], model) == {request.id: known[request.id] for request in requests[6:9]}


def test_samples_differ_and_the_seed_decides(model: LocalModel) -> None:
    def texts(seed: int) -> list[str]:
        requests = asked(QUESTIONS[:2], samples=4, max_tokens=24, temperature=1.0, seed=seed)
        return [answer.text for answer in model.ask(requests)]

    assert len(set(texts(1)[:4])) > 1
    assert texts(1) != texts(2)
    assert seed_of([1, 2, 3], 4, 20250211) == 8139661169413016347, "what earlier runs drew by"


def test_equal_requests_are_answered_once(model: LocalModel) -> None:
    before = model.engines.tokens
    first, *others = model.ask(asked(QUESTIONS[:1], samples=5, max_tokens=8))
    assert {answer.text for answer in others} == {first.text}, "greedy: all samples are one"
    assert [answer.id for answer in others] == [f"{QUESTIONS[0]}-{i}" for i in range(1, 5)]
    assert model.engines.tokens - before == first.completion_tokens


def test_sampling_follows_the_models_distribution(tiny: Path, model: LocalModel) -> None:  # noqa: F811
    import torch

    requests = asked(QUESTIONS[:1], samples=1500, max_tokens=1, temperature=0.5, seed=3)
    ids = torch.tensor([prompt_ids(model.tokenizer, requests[0].messages)])
    with torch.no_grad():
        plain = load_model(tiny, torch.float32, "sdpa").eval()
        chances = torch.softmax(plain(ids).logits[0, -1].float() / 0.5, -1)
    likeliest = model.tokenizer.decode([int(chances.argmax())], skip_special_tokens=True)
    share = sum(answer.text == likeliest for answer in model.ask(requests)) / len(requests)
    assert share == pytest.approx(float(chances.max()), abs=0.05)


def test_stop_strings_and_prefill(model: LocalModel) -> None:
    [whole] = model.ask([ask(QUESTIONS[0], max_tokens=40)])
    mark = whole.text[10:12]
    cut, kept, prefilled = model.ask(
        [
            ask(QUESTIONS[0], max_tokens=40, stop=(mark,)),
            ask(QUESTIONS[0], max_tokens=40, stop=(mark,), keep_stop=True),
            ask(QUESTIONS[0], max_tokens=8, prefill=whole.text[:10]),
        ]
    )
    end = whole.text.index(mark)
    assert (cut.text, kept.text) == (whole.text[:end], whole.text[: end + 2])
    assert cut.finished and kept.finished
    assert not prefilled.text.startswith(whole.text[:10])
    assert model.ask([]) == []


def test_what_it_cannot_hold_to_is_refused(model: LocalModel) -> None:
    for fields in ({"schema": {"type": "object"}}, {"logprobs": 2}):
        with pytest.raises(ValueError, match="neither answers by a schema nor log-probabilities"):
            model.ask([ask("?", **fields)])
