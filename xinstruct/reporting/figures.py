"""The figures of the report, each drawn from data passed to it.

The data of every figure are also on the page as a table or numbers; marks carry tooltips; our marks and the paper's
differ in shape or fill, not in hue alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from xinstruct.benchmarks.rates import PassRate
from xinstruct.reporting.svg import diamond, dot, legend, line, num, path, rect, svg, text

WIDTH = 760
PALETTE = 7  # reasons with a colour of their own; the rest share the grey one


def stage_bars(
    kept: dict[str, int], rejected: dict[str, list[tuple[str, int]]]
) -> tuple[Markup, list[tuple[str, str]]]:
    """Draw one bar per stage: share passed on and shares rejected by reason. Returns figure and legend."""
    totals: dict[str, float] = {}
    for stage, reasons in rejected.items():
        whole = kept[stage] + sum(count for _, count in reasons)
        for reason, count in reasons:
            totals[reason] = totals.get(reason, 0.0) + count / whole
    ranked = sorted(totals, key=lambda reason: (-totals[reason], reason))
    classes = {reason: f"s{i + 1}" if i < PALETTE else "s8" for i, reason in enumerate(ranked)}
    parts: list[str] = []
    for i, stage in enumerate(rejected):
        parts += _stage_bar(stage, 10 + i * 34, kept[stage], rejected[stage], classes)
    keys = [("s0", "passed on"), *((cls, reason) for reason, cls in classes.items() if cls != "s8")]
    if "s8" in classes.values():
        keys.append(("s8", "other reasons"))
    return svg(WIDTH, 10 + 34 * len(rejected), "Records passed on and rejected per stage", *parts), keys


def _stage_bar(
    stage: str, y: float, kept: int, reasons: Sequence[tuple[str, int]], classes: dict[str, str]
) -> list[str]:
    left, room = 96.0, WIDTH - 96.0 - 108.0
    whole = kept + sum(count for _, count in reasons)
    parts = [text(left - 10, y + 16, stage, "end")]
    if not whole:
        return [*parts, text(left, y + 16, "no records", cls="muted")]
    x = left
    for name, count, cls in [("passed on", kept, "s0"), *((r, n, classes[r]) for r, n in reasons)]:
        width = room * count / whole
        if count:
            parts.append(rect(x, y, max(1.0, width - 1.5), 22, cls, f"{stage}: {name} {count:,} of {whole:,}"))
        x += width
    return [*parts, text(left + room + 10, y + 16, f"{kept:,} of {whole:,}", cls="small")]


# ---- lines and points


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic mapping from data to pixels."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the pixel of a value."""
        low, high, value = (
            (math.log10(x) for x in (self.low, self.high, value)) if self.log else (self.low, self.high, value)
        )
        return self.start + (self.end - self.start) * (value - low) / ((high - low) or 1.0)


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return round values between two bounds: steps of 1, 2 or 5 times a power of ten."""
    raw = (high - low) / count or 1.0
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def step_curves(steps: Sequence[float], series: dict[str, Sequence[float]], name: str) -> Markup:
    """Draw one or two quantities against the optimiser step; `series` has a value per step for each of them."""
    bottom, right = 190.0, 370.0
    low, high = (bound(value for values in series.values() for value in values) for bound in (min, max))
    margin = (high - low) * 0.1 or abs(high) * 0.1 or 0.1
    x = Scale(min(steps), max(steps), 60, right - 12)
    y = Scale(max(0.0, low - margin) if low >= 0 else low - margin, high + margin, bottom, 16)
    parts = [
        p for t in ticks(y.low, y.high, 4) for p in (line(60, y(t), right - 12, y(t)), _tick(54, y(t) + 4, t, "end"))
    ]
    parts += [_tick(x(t), bottom + 17, t, "middle") for t in ticks(x.low, x.high, 5) if float(t).is_integer()]
    for (title, values), (mark, place) in zip(series.items(), ((dot, 0), (diamond, 1)), strict=False):
        points = [(x(s), y(v)) for s, v in zip(steps, values, strict=True)]
        parts.append(path(points, f"curve c{place}"))
        tips = [f"step {s:g}: {title} {v:.4g}" for s, v in zip(steps, values, strict=True)]
        parts += [mark(*point, f"s{place}", tip, 2.5 + place) for point, tip in zip(points, tips, strict=True)]
    if len(series) > 1:
        parts.append(legend(60, bottom + 34, [(f"s{place}", title) for place, title in enumerate(series)]))
    parts.append(text(right - 12, bottom + 34, "optimiser step", "end", "small muted"))
    return svg(right, bottom + 40, f"{name} by step", *parts)


def _tick(x: float, y: float, value: float, anchor: str) -> str:
    return text(x, y, f"{value:g}", anchor, "small muted")


def size_curve(theirs: Sequence[tuple[float, float]], ours: Sequence[tuple[str, float, float]]) -> Markup:
    """Draw the pass rate against the number of SFT samples: the paper's curve, our points (name, samples, score)."""
    bottom = 270.0
    sizes = [size for size, _ in theirs] + [max(1.0, size) for _, size, _ in ours]
    x = Scale(10 ** math.floor(math.log10(min(sizes))), 10 ** math.ceil(math.log10(max(sizes))), 52, WIDTH - 36, True)
    y = Scale(0, 100, bottom, 14)
    parts = [p for t in range(0, 101, 20) for p in (line(52, y(t), WIDTH - 36, y(t)), _tick(46, y(t) + 4, t, "end"))]
    for power in range(round(math.log10(x.low)), round(math.log10(x.high)) + 1):
        parts.append(text(x(10.0**power), bottom + 18, f"{10**power:,}", "middle", "small muted"))
    curve = [(x(size), y(score)) for size, score in theirs]
    parts.append(path(curve, "curve c6"))
    parts += [diamond(*p, "s6", f"paper: {s:,.0f} samples, {v}", 4) for p, (s, v) in zip(curve, theirs, strict=True)]
    for name, size, score in ours:
        parts.append(dot(x(max(1.0, size)), y(score), "s0", f"{name}: {size:,.0f} samples, {score:.1f}", 5.5))
        parts.append(text(x(max(1.0, size)) + 10, y(score) - 7, f"{name}: {score:.1f}", cls="small"))
    parts.append(text(curve[0][0] - 8, curve[0][1] + 4, "paper", "end", "small"))
    parts.append(text(WIDTH - 36, bottom + 36, "SFT samples (logarithmic)", "end", "small muted"))
    return svg(WIDTH, bottom + 44, "Mean score against number of SFT samples", *parts)


def intervals(
    rows: Sequence[tuple[str, Sequence[tuple[str, PassRate | None]]]], theirs: dict[str, float], models: Sequence[str]
) -> Markup:
    """Draw the pass rate with its 95 % interval per language and model; the paper's score is a diamond."""
    step, left, right = 15, 84, WIDTH - 30
    block = step * len(models) + 16
    height = block * len(rows) + 20
    x = Scale(0, 100, left, right)
    parts = [
        p for t in range(0, 101, 20) for p in (line(x(t), 8, x(t), height - 6), _tick(x(t), height + 10, t, "middle"))
    ]
    for i, (name, each) in enumerate(rows):
        top = 18 + i * block
        parts.append(text(left - 12, top + step * (len(models) - 1) / 2 + 4, name, "end"))
        for j, (model, score) in enumerate(each):
            parts += _whisker(x, top + j * step, name, model, score, models.index(model))
        if name in theirs:
            middle = top + step * (len(models) - 1) / 2
            parts.append(diamond(x(theirs[name]), middle, "s6", f"{name}: paper, 0.5B SFT {theirs[name]}"))
    keys = [(f"s{m}", model) for m, model in enumerate(models)] + [("s6", "paper: xCoder 0.5B SFT")]
    parts.append(legend(left, height + 36, keys))
    return svg(WIDTH, height + 44, "Pass rates with 95 % intervals", *parts)


def _whisker(x: Scale, y: float, name: str, model: str, score: PassRate | None, index: int) -> list[str]:
    if score is None or not score.n:
        return [text(x(1), y + 4, f"{model}: not judged", cls="small muted")]
    low, high = (100 * bound for bound in score.interval)
    tip = f"{name}, {model}: {score.passed} of {score.n}, interval {low:.0f} to {high:.0f}"
    return [line(x(low), y, x(high), y, f"whisker c{index}"), dot(x(100 * score.rate), y, f"s{index}", tip)]


# ---- histograms


def histogram(theirs: dict[int, float], ours: dict[int, float], width: int = 100) -> Markup:
    """Draw shares by token-length bin: the paper's outlined, ours filled; bins by their lower bound."""
    bins = list(range(0, max([*theirs, *ours, 0]) + width, width))
    bottom, right = 176.0, 370.0
    x = Scale(0, bins[-1] + width, 40, right - 8)
    top = max([*theirs.values(), *ours.values(), 0.1])
    y = Scale(0, top * 1.1, bottom, 12)
    parts = [
        p
        for t in ticks(0, top, 4)
        for p in (line(40, y(t), right - 8, y(t)), text(34, y(t) + 4, f"{100 * t:.0f} %", "end", "small muted"))
    ]
    for low in bins:
        a, b = x(low), x(low + width)
        half = (b - a) / 2
        for values, cls, start, who in ((theirs, "s6", a, "paper"), (ours, "s0", a + half, "ours")):
            if share := values.get(low, 0.0):
                tip = f"{who}: {low} to {low + width} tokens {100 * share:.0f} %"
                parts.append(rect(start + 1, y(share), half - 2, bottom - y(share), cls, tip))
    every = max(1, math.ceil(len(bins) / 8))
    parts += [text(x(low), bottom + 16, num(low), "middle", "small muted") for low in bins[::every]]
    parts.append(line(40, bottom, right - 8, bottom, "axis"))
    parts.append(legend(40, bottom + 36, [("s6", "paper"), ("s0", "this run")]))
    return svg(right, bottom + 44, "Token lengths, paper and this run", *parts)
