"""The parameters by section, in the order of params.yaml: types, ranges and choices.

Meanings and defaults are in params.yaml only: no field has a default here. The two together make docs/params.md
(``python -m xinstruct.params``). Names that depend on other files (operations, aspects, languages, benchmarks,
packages) are checked where those are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from xinstruct.params.rules import (
    Amount,
    Count,
    Distinct,
    Filled,
    Likeness,
    LocalOrUrl,
    Name,
    Number,
    Positive,
    Range,
    Share,
    Weighed,
    Whole,
)
from xinstruct.params.unlisted import Section

Dialect = Literal["auto", "vllm", "sglang", "ollama", "llamacpp", "transformers", "xinstruct", "openai"]
Engine = Literal["auto", "batched", "openvino", "llamacpp"]
Dtype = Literal["auto", "bfloat16", "float32"]
Checkpoint = Literal["start", "sft", "dpo"]  # folders under models/
_Place = Annotated[str, LocalOrUrl()]
Sampling = dict[Checkpoint, _Place] | _Place
Form = Literal["auto", "json", "text"]
Prefill = Literal["auto", "always", "never"]
Shape = Literal["one_to_one", "one_to_many", "many_to_many"]
TaskType = Literal["generation", "completion", "translation", "repair", "explanation"]


@dataclass(frozen=True)
class PriceParams(Section):
    """The price of a model per million tokens."""

    prompt: Amount
    completion: Amount


@dataclass(frozen=True)
class LimitParams(Section):
    """Limits of spending; 0 is no limit."""

    tokens: Amount
    money: Amount
    minutes: Amount


@dataclass(frozen=True)
class BudgetParams(Section):
    """Limits of one stage and of one run with all its stages."""

    stage: LimitParams
    run: LimitParams


@dataclass(frozen=True)
class TeacherParams(Section):
    """The model that writes instructions, discusses, answers and scores, and the settings of its calls."""

    model: Annotated[list[Name], Filled()] | Name
    served_as: str
    dialect: Dialect
    engine: Engine
    capable: bool | Literal["auto"]
    identity: str
    recorded: str
    missing: Literal["stop", "ask"]
    slots: Count
    servers: Whole
    context: Count
    attempts: Count
    backoff: Amount
    patience: Amount
    start_wait: Amount
    connect_timeout: Positive
    timeout: Positive
    stall_timeout: Positive
    slow_after: Amount
    on_length: Literal["keep", "retry", "error"]
    length_limit: Count
    repairs: Whole
    prices: dict[str, PriceParams]
    budget: BudgetParams


@dataclass(frozen=True)
class StudentParams(Section):
    """The model that is fine-tuned, and where its answers are sampled."""

    model: Name
    sampling: Sampling
    dtype: Dtype


@dataclass(frozen=True)
class ExecutionParams(Section):
    """Limits of one program."""

    workers: Count
    cpu_seconds: Number
    wall_factor: Number
    memory_mb: Count
    output_kb: Count
    float_tolerance: Amount
    forks: Literal["auto", "off"]


@dataclass(frozen=True)
class FetchParams(Section):
    """The inputs that are fetched."""

    sources: Name


@dataclass(frozen=True)
class MineParams(Section):
    """The selection of functions that are mined."""

    max_tokens: Count
    per_language: Count
    prefer: Literal["self_contained", "runnable", "none"]
    near_duplicate: Likeness
    permutations: Count


@dataclass(frozen=True)
class ScorerParams(Section):
    """The form of ratings, and the scores from which samples are kept."""

    form: Literal["yes_no", "json"]
    weights: dict[str, Amount]
    minimum: Annotated[float, Range(0, 5)]
    cutoff: Annotated[float, Range(0, 5)]


@dataclass(frozen=True)
class SeedParams(Section):
    """How seeds are made from snippets."""

    per_language: Count
    tries_per_language: Count
    difficulty_from: Share
    difficulty_to: Share
    order: Literal["mixed", "simplest"]
    per_package: Whole
    min_statements: Whole
    form: Form
    inspire_share: Share
    witness: Name
    agreement_inputs: Count
    new_signature: Literal["drawn", "teacher"]
    sufficiency: bool
    blind: bool
    wordings: Count
    also_in: Whole
    revisions: Whole
    prove: Whole
    ds1_share: Share
    response: Literal["function", "teacher"]
    cases: Count
    mutants: Whole
    kill_share: Share
    context: Annotated[list[Literal["package", "signature", "doc"]], Distinct()]
    prefill: Prefill
    instruction_tokens: Count
    instruction_temperature: Amount
    candidates: Count
    wave: Whole
    temperature: Amount
    top_p: Share
    max_tokens: Count
    examples: Whole
    scorer: ScorerParams


@dataclass(frozen=True)
class SynthesizeParams(Section):
    """How agents discuss and remember, and how their problems are answered and checked."""

    rounds: Count
    discussions: Whole
    groups: Count
    agents: Count
    centralized_share: Share
    base: Literal["proven", "simplest", "random"]
    memory_capacity: Whole
    similarity: Share
    gate: Literal["minhash", "embedding"]
    memory_shown: Whole
    reflection: bool
    reflection_notes: Whole
    operations: Annotated[dict[str, Amount], Weighed()]
    shapes: Annotated[dict[Shape, Amount], Weighed()]
    many: Count
    tasks: Annotated[dict[TaskType, Amount], Weighed()]
    critique_turns: Whole
    insufficient: Literal["base", "reject"]
    blind: bool
    form: Form
    new_signature: Literal["keep", "drawn", "teacher"]
    witness: Name
    agreement_inputs: Count
    cases: Count
    mutants: Whole
    kill_share: Share
    targets: Literal["balanced", "existing", "new", "uniform", "own"]
    target_weights: dict[str, Amount]
    block_chars: Count
    prompt_tokens: Count
    prompt_temperature: Amount
    candidates: Count
    wave: Whole
    prefill: Prefill
    feedback_turns: Whole
    temperature: Amount
    top_p: Share
    max_tokens: Count
    examples: Whole
    example_order: Annotated[list[Literal["memory", "fixed", "peers"]], Distinct()]
    scorer: ScorerParams
    rate_failures: Whole


@dataclass(frozen=True)
class AgainstParams(Section):
    """Data that samples are compared with: a file or folder, and its columns ("" when there is none)."""

    path: Name
    instruction: str
    code: str


@dataclass(frozen=True)
class ContaminationParams(Section):
    """How much overlap with a benchmark's problem removes a sample."""

    words: Count
    weight: Amount
    code: Share
    tests: Amount
    embedding: Share


@dataclass(frozen=True)
class DeduplicateParams(Section):
    """Thresholds for duplicates and contamination, and what is done with one task in several languages."""

    code: Likeness
    instruction: Likeness
    permutations: Count
    inputs: Whole
    across: Literal["keep", "cap", "one_per_language"]
    per_task: Count
    max_characters: Count
    against: list[AgainstParams]
    benchmarks: list[Name]
    contamination: ContaminationParams


@dataclass(frozen=True)
class FilterParams(Section):
    """The selection of the verified samples, and their split."""

    heldout_share: Share
    min_statements: Count
    min_statements_share: Share
    per_package: Whole
    min_instruction: Whole
    max_instruction: Count
    min_code: Whole
    max_code: Count
    unneeded: Literal["remove", "keep"]


@dataclass(frozen=True)
class SftParams(Section):
    """Settings of supervised fine-tuning."""

    epochs: Positive
    learning_rate: Positive
    warmup_steps: Whole
    batch_tokens: Count
    batch_size: Count
    processes: Count
    lora_rank: Whole
    dtype: Dtype
    trl: dict[str, Any]
    lora: dict[str, Any]


@dataclass(frozen=True)
class PreferencesParams(Section):
    """Settings of preference pairs."""

    tasks: Whole
    samples: Count
    temperature: Amount
    max_new_tokens: Count
    pairs_per_task: Count
    reference_as_chosen: bool


@dataclass(frozen=True)
class DpoParams(Section):
    """Settings of direct preference optimisation."""

    beta: Positive
    epochs: Positive
    learning_rate: Positive
    warmup_steps: Whole
    max_tokens: Count
    batch_size: Count
    processes: Count
    lora_rank: Whole
    dtype: Dtype
    heldout_share: Share
    trl: dict[str, Any]
    lora: dict[str, Any]


@dataclass(frozen=True)
class EvaluateParams(Section):
    """The models and benchmarks of the evaluation."""

    models: Annotated[list[Checkpoint], Filled(), Distinct()]
    benchmarks: dict[str, Whole]
    heldout: Whole
    max_new_tokens: Count


@dataclass(frozen=True)
class ReportParams(Section):
    """The contents of the report."""

    discussions: Whole


@dataclass(frozen=True)
class Params(Section):
    """All of params.yaml; for a stage, only the parameters that its `params:` in dvc.yaml list."""

    random_seed: Annotated[int, Range(0, 2**32 - 1)]
    languages: Annotated[list[Name], Filled(), Distinct()]
    teacher: TeacherParams
    student: StudentParams
    execution: ExecutionParams
    fetch: FetchParams
    mine: MineParams
    seed: SeedParams
    synthesize: SynthesizeParams
    deduplicate: DeduplicateParams
    filter: FilterParams
    sft: SftParams
    preferences: PreferencesParams
    dpo: DpoParams
    evaluate: EvaluateParams
    report: ReportParams
