"""Typed access to params.yaml: one frozen dataclass per section, read once and checked as a whole.

    params = read(Path("params.yaml"))
    params.teacher.slots, params.synthesize.rounds

``python -m xinstruct.params > docs/params.md`` (``make docs``) documents all parameters. Defaults are in params.yaml
only. The package is part of the spine.
"""

from __future__ import annotations

from xinstruct.params.reading import at_hand, everything, listed, nearest, number, read, section
from xinstruct.params.rules import LOCAL
from xinstruct.params.sections import (
    AgainstParams,
    BudgetParams,
    ContaminationParams,
    DeduplicateParams,
    DpoParams,
    Dtype,
    Engine,
    EvaluateParams,
    ExecutionParams,
    FetchParams,
    FilterParams,
    LimitParams,
    MineParams,
    Params,
    PreferencesParams,
    PriceParams,
    ReportParams,
    Sampling,
    ScorerParams,
    SeedParams,
    SftParams,
    StudentParams,
    SynthesizeParams,
    TeacherParams,
)

__all__ = [
    "LOCAL",
    "AgainstParams",
    "BudgetParams",
    "ContaminationParams",
    "DeduplicateParams",
    "DpoParams",
    "Dtype",
    "Engine",
    "EvaluateParams",
    "ExecutionParams",
    "FetchParams",
    "FilterParams",
    "LimitParams",
    "MineParams",
    "Params",
    "PreferencesParams",
    "PriceParams",
    "ReportParams",
    "Sampling",
    "ScorerParams",
    "SeedParams",
    "SftParams",
    "StudentParams",
    "SynthesizeParams",
    "TeacherParams",
    "at_hand",
    "everything",
    "listed",
    "nearest",
    "number",
    "read",
    "section",
]
