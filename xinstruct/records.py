"""The schema of everything that flows between stages, and the closed list of rejection reasons.

One dataclass per kind of record; ``schema(kind)`` is its Arrow schema. Nested values (signatures, cases, scores,
messages) are stored as JSON text so that any Parquet reader opens the files. ``id`` is a content hash
(``content_id``); ``parents`` are the ids a record was made from, so any training sample can be traced back to its
snippet. This module imports no other module of the package.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import typing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa

PASSED = "passed"  # the verdict of what held up; every other one is a Reason


class Reason(StrEnum):
    """Why a record was rejected. The list is closed: a new reason is added here and nowhere else."""

    # mining
    CORRUPT_ARCHIVE = "corrupt_archive"
    UNSAFE_PATH = "unsafe_path"
    NOT_UTF8 = "not_utf8"
    TOO_LARGE = "too_large"
    GENERATED = "generated"
    TEST_CODE = "test_code"
    LICENCE = "licence"
    PARSE_ERROR = "parse_error"
    UNDOCUMENTED = "undocumented"
    TRIVIAL = "trivial"
    TOO_LONG = "too_long"
    MINIFIED = "minified"
    VENDORED = "vendored"
    LICENCE_HEADER = "licence_header"
    POOR_DOC = "poor_doc"
    LONG_LINES = "long_lines"
    LOW_ALPHANUMERIC = "low_alphanumeric"
    COMMENT_SHARE = "comment_share"
    UNRESOLVED = "unresolved"
    LANGUAGE_CONFLICT = "language_conflict"
    SECRET = "secret"
    PERSONAL_DATA = "personal_data"
    EMPTY_PACKAGE = "empty_package"
    SAMPLED_OUT = "sampled_out"
    # what a seed or a new task needs
    NO_SIGNATURE = "no_signature"
    NOT_SELF_CONTAINED = "not_self_contained"
    NO_CASES = "no_cases"
    NONDETERMINISTIC = "nondeterministic"
    WEAK_CASES = "weak_cases"
    # language model
    EMPTY_ANSWER = "empty_answer"
    BAD_FORMAT = "bad_format"
    TRUNCATED = "truncated"
    COPIED_PROMPT = "copied_prompt"
    WRONG_LANGUAGE = "wrong_language"
    LOW_SCORE = "low_score"
    LLM_ERROR = "llm_error"
    BUDGET = "budget"
    # agents
    INSUFFICIENT_INSTRUCTION = "insufficient_instruction"
    TOO_SIMILAR = "too_similar"
    NO_AGREEMENT = "no_agreement"
    # deduplication, decontamination
    EXACT_DUPLICATE = "exact_duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    CONTAMINATED = "contaminated"
    TASK_LIMIT = "task_limit"
    # verdicts of the judge
    WRONG_ANSWER = "wrong_answer"
    COMPILE_ERROR = "compile_error"
    RUNTIME_ERROR = "runtime_error"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    FORGED = "forged"
    UNSUPPORTED = "unsupported"
    INFRASTRUCTURE = "infrastructure"
    # preferences
    NO_CONTRAST = "no_contrast"
    # selection among verified samples (trivial, too_long and exact_duplicate as above)
    TOO_SHORT = "too_short"
    PACKAGE_QUOTA = "package_quota"


def content_id(*parts: str) -> str:
    """Return a 16-digit content hash of the parts, which depends on their order and boundaries."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(kw_only=True)
class Snippet:
    """A documented function of a real package, with its provenance (paper section 2, snippets)."""

    id: str
    language: str
    name: str
    code: str  # the definition itself, dedented, without doc comment when that stands before it
    helpers: str = ""  # imports and same-file definitions it needs, to stand before `code`
    doc: str
    scope: str = ""  # enclosing class or namespace
    signature: str = ""  # Signature.to_json(), or "" when the neutral types cannot express it
    self_contained: bool = False
    tokens: int
    source: str  # pypi, npm, debian, folder, git, hub
    package: str
    version: str
    archive_sha256: str
    path: str
    start_line: int
    end_line: int
    license: str  # SPDX expression
    holder: str = ""  # who the package's licence file names as holding the copyright
    url: str = ""  # package URL (pkg:pypi/...), or the location of a folder, checkout or data set row
    imports: str = ""  # imports of its file that the definition uses, whether or not they can be had


@dataclass(kw_only=True)
class Sample:
    """An instruction sample of D_s1, D_s2 or D_s3."""

    id: str
    kind: str  # Ds1, Ds2, Ds3
    language: str
    task: str = "generation"  # generation, completion, translation, repair, explanation
    problem: str = ""  # Problem.to_json(): what is asked, in words that hold in every language
    style: str = ""  # how the instruction words the problem: a name in prompts/styles.yaml
    instruction: str
    response: str  # complete code of the answer, without fence; of an explanation its prose
    proof: str = ""  # of an explanation: the code written from it alone, which passed the cases
    function: str
    signature: str
    cases: str  # cases_to_json: expected values come from running code
    parents: list[str]
    snippets: list[str]  # root snippet ids it descends from
    task_roots: list[str] = field(
        default_factory=list
    )  # those whose behaviour it repeats: a translation has its base's
    source_language: str = ""  # of a cross-lingual sample
    operation: str = ""
    topology: str = ""  # centralized, parallel
    shape: str = ""  # one_to_one, one_to_many, many_to_many
    agents: list[str] = field(default_factory=list)
    round: int = 0
    score: float = 0.0  # weighted total of the scorer, 1 to 5; 0 when it gave no rating
    scores: str = "[]"  # JSON list of {expert, score, reason}
    licenses: list[str]
    verdict: str = ""
    detail: str = ""
    split: str = "train"  # train, heldout: by root snippet
    task_id: str = ""  # the same for samples of one task in any language: the smallest of their ids
    tokens_spent: int = 0  # completion tokens that all its candidates cost

    @property
    def code(self) -> str:
        """The code that runs against the sample's cases."""
        return self.proof or self.response

    @property
    def rated(self) -> str:
        """The scorer's total in words."""
        return f"score {self.score:.2f}" if self.score else "not rated"

    def roots(self) -> list[str]:
        """Return the snippets whose behaviour the task repeats; if unknown, all its ancestors, or the sample itself."""
        return sorted(self.task_roots) or sorted(self.snippets) or [self.id]


@dataclass(kw_only=True)
class Turn:
    """One event of a discussion or of the making of a seed: prompt, answer, score or memory change."""

    id: str
    stage: str
    thread: str  # discussion id or snippet id that the turn belongs to
    step: int  # order within the thread
    round: int = 0
    agent: str = ""
    language: str = ""
    kind: str  # prompt, answer, score, verdict, insert, refusal, eviction, reflection, critique, evidence
    text: str = ""  # answer, reason, detail
    messages: str = ""  # JSON messages of a prompt
    sample: str = ""  # id of the sample it concerns, when there is one
    value: float = 0.0
    completion_tokens: int = 0


@dataclass(kw_only=True)
class Pair:
    """A preference pair of D_s4, labelled by execution."""

    id: str
    language: str
    task_id: str  # id of the sample whose instruction was asked
    prompt: str
    chosen: str
    rejected: str
    chosen_verdict: str
    rejected_verdict: str
    parents: list[str]


@dataclass(kw_only=True)
class Completion:
    """One model answer to one problem, with its verdict."""

    id: str
    model: str  # start, sft, dpo
    benchmark: str
    task_id: str
    language: str
    index: int = 0
    prompt: str
    answer: str
    code: str
    verdict: str
    detail: str = ""
    tier: str = ""  # isolation that the verdict was made under
    completion_tokens: int = 0


@dataclass(kw_only=True)
class Rejection:
    """A record that a stage did not pass on, and why."""

    id: str
    stage: str
    language: str = ""
    reason: str
    detail: str = ""
    record: str = ""  # JSON of the rejected record, when there was one


Record = Snippet | Sample | Turn | Pair | Completion | Rejection

KINDS: dict[str, type[Any]] = {
    "snippets": Snippet,
    "samples": Sample,
    "turns": Turn,
    "pairs": Pair,
    "completions": Completion,
    "rejected": Rejection,
}

_ARROW: dict[Any, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    list[str]: pa.list_(pa.string()),
}


def schema(kind: str) -> pa.Schema:
    """Return the Arrow schema of a kind of record, e.g. schema("samples")."""
    hints = typing.get_type_hints(KINDS[kind])
    return pa.schema([pa.field(f.name, _ARROW[hints[f.name]], nullable=False) for f in _fields(kind)])


def _fields(kind: str) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(KINDS[kind])


def kind_of(record: Record) -> str:
    """Return the name of a record's kind, which is its file stem on disk."""
    return next(name for name, cls in KINDS.items() if type(record) is cls)


def rejection(record: Record, stage: str, reason: Reason | str, detail: str = "") -> Rejection:
    """Return the Rejection that keeps a record with the reason why it was not passed on."""
    raw = dataclasses.asdict(record)
    return Rejection(
        id=record.id,
        stage=stage,
        language=raw.get("language", ""),
        reason=Reason(reason).value,
        detail=detail[:2000],
        record=json.dumps(raw, ensure_ascii=False),
    )
