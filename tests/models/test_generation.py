"""Answers equal those of transformers' generate and do not depend on order or company."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from xinstruct.models.chat import load_tokenizer, prompt_ids
from xinstruct.models.device import load_model
from xinstruct.models.generation import Generation, Generator

pytestmark = pytest.mark.slow

TALKS = [
    [{"role": "user", "content": f"Write a Python function that adds {n}." + " Be brief." * (n % 4)}] for n in range(9)
]


@pytest.fixture(scope="module")
def generator(tiny: Path) -> Iterator[Generator]:
    with Generator(tiny, "float32", batch=4) as made:
        yield made


def test_greedy_equals_transformers_generate(tiny: Path, generator: Generator) -> None:
    import torch

    tokenizer = load_tokenizer(tiny)
    plain = load_model(tiny, torch.float32, "sdpa").eval()
    answers = generator.generate(TALKS, max_new_tokens=150)
    for talk, [answer] in zip(TALKS, answers, strict=True):
        ids = torch.tensor([prompt_ids(tokenizer, talk)])
        out = plain.generate(ids, max_new_tokens=150, do_sample=False)[0, ids.shape[1] :]
        assert answer.text == tokenizer.decode(out, skip_special_tokens=True)
        assert answer.tokens == len(out)
        assert answer.finished == (int(out[-1]) == tokenizer.eos_token_id)


def test_answers_do_not_depend_on_order_or_batch_size(tiny: Path, generator: Generator) -> None:
    def ask(talks: list[list[dict[str, str]]], with_generator: Generator) -> list[list[Generation]]:
        return with_generator.generate(talks, max_new_tokens=24, temperature=0.9, samples=3, seed=5)

    answers = ask(TALKS, generator)
    assert ask(TALKS, generator) == answers
    assert ask(TALKS[::-1], generator)[::-1] == answers
    with Generator(tiny, "float32", batch=7) as other:
        assert ask(TALKS, other) == answers
    assert ask(TALKS[2:3], generator) == answers[2:3]


def test_samples_differ_and_the_seed_decides(generator: Generator) -> None:
    answers = generator.generate(TALKS[:2], max_new_tokens=24, temperature=1.0, samples=4, seed=1)
    assert [len(found) for found in answers] == [4, 4]
    assert len({answer.text for answer in answers[0]}) > 1
    assert answers != generator.generate(TALKS[:2], max_new_tokens=24, temperature=1.0, samples=4, seed=2)


def test_sampling_follows_the_models_distribution(tiny: Path, generator: Generator) -> None:
    import torch

    ids = torch.tensor([prompt_ids(generator.tokenizer, TALKS[0])])
    with torch.no_grad():
        plain = load_model(tiny, torch.float32, "sdpa").eval()
        chances = torch.softmax(plain(ids).logits[0, -1].float() / 0.5, -1)
    likeliest = generator.tokenizer.decode([int(chances.argmax())], skip_special_tokens=True)
    [drawn] = generator.generate(TALKS[:1], max_new_tokens=1, temperature=0.5, samples=1500, seed=3)
    share = sum(answer.text == likeliest for answer in drawn) / len(drawn)
    assert share == pytest.approx(float(chances.max()), abs=0.05)


def test_stop_strings_and_prefill(generator: Generator) -> None:
    [[whole]] = generator.generate(TALKS[:1], max_new_tokens=40)
    mark = whole.text[10:12]
    [[cut]] = generator.generate(TALKS[:1], max_new_tokens=40, stop=(mark,))
    assert cut.text == whole.text[: whole.text.index(mark) + 2] and cut.finished
    [[started]] = generator.generate(TALKS[:1], max_new_tokens=8, prefill=[whole.text[:10]])
    assert not started.text.startswith(whole.text[:10])
    assert generator.generate([], max_new_tokens=5) == []
