"""The memory's gate, capacity and eviction."""

from tests.agents.helpers import sample
from xinstruct.agents.memory import Memory
from xinstruct.agents.similarity import jaccard, shingles


def words(text: str, score: float):  # noqa: ANN201
    return sample("python", response=text, instruction=text, score=score)


def test_similar_samples_are_refused_and_the_gate_has_an_edge() -> None:
    memory = Memory(4, 0.3)
    first = words("one two three four five six", 3)
    assert [c.kind for c in memory.insert(first)] == ["insert"]
    near = words("one two three four five seven", 5)
    [change] = memory.insert(near)
    assert change.kind == "refusal" and change.value >= 0.3
    assert first.id in change.detail and memory.samples == [first]
    assert [c.kind for c in Memory(4, 1.01, [first]).insert(near)] == ["insert"]


def test_lowest_score_goes_first_and_of_equals_the_oldest() -> None:
    memory = Memory(2, 0.9)
    texts = ["alpha beta gamma", "delta epsilon zeta", "eta theta iota", "kappa lambda mu"]
    a, b, c, d = (words(t, s) for t, s in zip(texts, (2.0, 1.0, 3.0, 3.0), strict=True))
    memory.insert(a)
    memory.insert(b)
    changes = memory.insert(c)
    assert [(x.kind, x.sample) for x in changes] == [("insert", c), ("eviction", b)]
    assert [(x.kind, x.sample) for x in memory.insert(d)] == [("insert", d), ("eviction", a)]
    e = words("nu xi omicron", 3.0)
    assert memory.insert(e)[-1].sample is c
    assert [x.sample for x in memory.insert(words("pi rho sigma", 0.5))][-1].score == 0.5


def test_capacity_zero_is_no_memory() -> None:
    memory = Memory(0, 0.5)
    assert memory.insert(words("a b c", 1)) == [] and memory.samples == []


def test_jaccard_of_shingles() -> None:
    left, right = shingles("a b c d"), shingles("a b c e")
    assert len(left) == 2 and jaccard(left, right) == 1 / 3
    assert jaccard(shingles("x"), shingles("x")) == 1.0
