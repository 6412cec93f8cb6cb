"""Answers are their own job's alone, whatever shares the batch, and what transformers computes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch

from tests.models.helpers import run
from xinstruct.files import BadInput
from xinstruct.models.device import load_model
from xinstruct.models.engine import PIECE, Engine
from xinstruct.models.sampling import Completion, GenerationRequest, choose

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def engine(tiny: Path) -> Engine:
    return Engine(tiny, slots=16, context=512, dtype="float32")


def prompts(count: int, engine: Engine) -> list[tuple[int, ...]]:
    """Prompts that share their beginning, of several lengths, some longer than a piece."""
    draw = random.Random(3)
    size = engine.model.config.vocab_size
    start = tuple(draw.randrange(size) for _ in range(40))
    return [start[: 10 + 5 * (i % 7)] + tuple(draw.randrange(size) for _ in range(2 + 9 * i)) for i in range(count)]


def jobs_of(engine: Engine, count: int, samples: int = 2) -> list[GenerationRequest]:
    made = prompts(count, engine)
    return [
        GenerationRequest(ids, 6 + i % 5, 0.9, seed=100 * i + k) for i, ids in enumerate(made) for k in range(samples)
    ]


def same(one: list[Completion], other: list[Completion]) -> bool:
    return [(made.ids, made.text) for made in one] == [(made.ids, made.text) for made in other]


def test_the_embedded_model_answers_alike_in_any_order_and_company(checkpoint: Path) -> None:
    """In the number type that this machine would use."""
    engine = Engine(checkpoint, slots=16, context=512)
    jobs = jobs_of(engine, 20)
    answers = run(engine, jobs)
    assert len({tuple(made.ids) for made in answers}) > len(jobs) // 2, "seeds make different answers"
    wider = Engine(checkpoint, context=512)
    assert same(run(wider, jobs[::-1])[::-1], answers)
    assert same([run(wider, [job])[0] for job in jobs[:4]], answers[:4])


def test_order_slots_and_company_change_nothing(engine: Engine, tiny: Path) -> None:
    jobs = jobs_of(engine, 24)
    answers = run(engine, jobs)
    mixed = list(range(len(jobs)))
    random.Random(1).shuffle(mixed)
    again = run(Engine(tiny, slots=32, context=512, dtype="float32"), [jobs[i] for i in mixed])
    assert same([again[mixed.index(i)] for i in range(len(jobs))], answers)


def test_greedy_is_what_transformers_finds_likeliest(engine: Engine, tiny: Path) -> None:
    plain = load_model(tiny, torch.float32, "sdpa").eval()
    made = prompts(12, engine)
    assert max(map(len, made)) > 100
    for ids, answer in zip(made, run(engine, [GenerationRequest(ids, 8, logprobs=2) for ids in made]), strict=True):
        whole = torch.tensor([[*ids, *answer.ids]])
        with torch.no_grad():
            logs = torch.log_softmax(plain(whole).logits[0, len(ids) - 1 : -1], -1)
        assert logs.argmax(-1).tolist() == answer.ids
        for row, token, (own, top) in zip(logs, answer.ids, answer.logprobs, strict=True):
            assert own == pytest.approx(float(row[token]), abs=1e-4)
            assert [t for t, _ in top] == row.topk(2).indices.tolist()


def test_a_long_prompt_is_read_in_pieces_and_a_known_one_is_not_read_again(engine: Engine) -> None:
    read: list[int] = []
    plain = engine._read
    engine._read = lambda slot, ids, start: (read.append(len(ids)), plain(slot, ids, start))[1]  # type: ignore[method-assign,assignment]
    try:
        ids = tuple(random.Random(9).randrange(engine.model.config.vocab_size) for _ in range(PIECE + 60))
        first = run(engine, [GenerationRequest(ids, 4)])
        assert read == [PIECE, 59]
        assert same(run(engine, [GenerationRequest(ids, 4), GenerationRequest((*ids, 5), 4)])[:1], first)
        assert read == [PIECE, 59, 1], "the one token that is new"
    finally:
        engine._read = plain  # type: ignore[method-assign]


def test_bad_jobs_and_cancelled_ones(engine: Engine) -> None:
    with pytest.raises(BadInput, match="exceeds the context size of 512"):
        engine.add(GenerationRequest(tuple(range(400)), 200), lambda _: None)
    with pytest.raises(BadInput, match="empty prompt"):
        engine.add(GenerationRequest((), 5), lambda _: None)
    found: list[str] = []
    engine.add(GenerationRequest((1, 2, 3), 4), lambda _: found.append("kept"))
    for _ in range(40):
        engine.add(GenerationRequest((1, 2, 4), 4), lambda _: found.append("cancelled"))()
    late = engine.add(GenerationRequest((1, 2, 5), 60), lambda _: found.append("late"))
    engine.step()
    late()
    while engine.step():
        pass
    assert found == ["kept"]
    assert run(engine, [GenerationRequest((1, 2), 0)])[0].ids == []


def test_draws_follow_chances_heat_and_nucleus() -> None:
    logits = torch.tensor([[0.1, 0.5, 0.3, 0.1]]).log().repeat(4000, 1)
    numbers = [GenerationRequest((1,), 1, 1.0, seed=i).draws()[0] for i in range(4000)]

    def shares(job: GenerationRequest) -> list[float]:
        found = choose(logits, [job] * 4000, numbers)
        return [found.count(token) / 4000 for token in range(4)]

    assert shares(GenerationRequest((1,), 1, 1.0)) == pytest.approx([0.1, 0.5, 0.3, 0.1], abs=0.03)
    squares = [0.01, 0.25, 0.09, 0.01]
    assert shares(GenerationRequest((1,), 1, 0.5)) == pytest.approx([x / sum(squares) for x in squares], abs=0.03)
    assert shares(GenerationRequest((1,), 1, 1.0, top_p=0.7)) == pytest.approx([0, 5 / 8, 3 / 8, 0], abs=0.03)
    assert shares(GenerationRequest((1,), 1, 0.0)) == [0, 1, 0, 0]


def test_other_kinds_of_layers_are_refused(tiny: Path, tmp_path: Path) -> None:
    import json
    import shutil

    folder = tmp_path / "sliding"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    kinds = ["full_attention", "sliding_attention"]
    config |= {"model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "layer_types": kinds}
    config |= {"use_sliding_window": True, "sliding_window": 16, "max_window_layers": 1}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadInput, match="layers of sliding_attention"):
        Engine(folder)
