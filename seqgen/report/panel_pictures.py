"""A panel -> its picture, and the same in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqgen.report import style
from seqgen.report.history import Phase
from seqgen.report.panels import Panel, Series
from seqgen.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 360, 240
REAL: Any = (0, (6, 3))
"""Long dashes: the value of real data."""
START: Any = (0, (2, 2))
"""Short dashes: the value of the likelihood checkpoint."""
LETTER = 5.2
"""About the width in pixels of a letter of a phase's name."""
PLOT = 300
"""About the width in pixels between the axes' ends."""
MOST_PHASES = 12
"""More phases than these are not marked: their lines would hide the curves."""
FEWEST_LETTERS = 3
"""A phase's name is cut, but not below so many letters."""


def draw(panel: Panel, phases: Sequence[Phase]) -> Figure:
    """The curves of a panel over all steps of the training, with a line where the phase changes."""
    with style.styled():
        figure = style.new_figure(WIDTH, HEIGHT)
        axes = figure.subplots()
        for place, series in enumerate(panel.series):
            _line(axes, series, style.colour(place))
        _scales(axes, panel)
        axes.set_xlim(0, max((phase.last_step for phase in phases), default=1) * 1.02)
        named = _phases(axes, phases)
        axes.set_title(panel.title, pad=20 if named else 8)
        axes.set_xlabel("step")
        _legend(figure, panel)
        style.settle(figure)
    return figure


def describe(panel: Panel) -> str:
    """What the picture shows, in words: each line's first and last value and that of real text."""
    return "; ".join(_described(series) for series in panel.series) + "."


def _described(series: Series) -> str:
    curve = [(step, value) for step, value in series.points if math.isfinite(value)]
    if not curve:
        return f"{series.label}: no finite value"
    (first_step, first), (last_step, last) = curve[0], curve[-1]
    real = "" if series.real is None else f", {number(series.real)} for real data"
    start = "" if series.start is None else f", {number(series.start)} by likelihood"
    return (
        f"{series.label}: from {number(first)} at step {first_step:,.0f} to {number(last)} at "
        f"step {last_step:,.0f}{real}{start}"
    )


def _line(axes: Axes, series: Series, colour: str) -> None:
    steps = [step for step, _ in series.points]
    values = [value for _, value in series.points]
    marker = "o" if len(steps) <= 30 else ""
    axes.plot(steps, values, color=colour, marker=marker, markersize=3.5)
    if series.deviations:
        pairs = list(zip(values, series.deviations, strict=True))
        low, high = [v - d for v, d in pairs], [v + d for v, d in pairs]
        axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
    if series.real is not None:
        axes.axhline(series.real, color=colour, linestyle=REAL, linewidth=1.2)
    if series.start is not None:
        axes.axhline(series.start, color=colour, linestyle=START, linewidth=1.4)


def _scales(axes: Axes, panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    if panel.chance is not None:
        axes.axhline(panel.chance, color=style.FAINT, linestyle=":", linewidth=1.2)
    if panel.logarithmic:
        axes.set_yscale("log")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(5))
    style.plain_numbers(axes)
    if panel.shares:
        axes.set_ylim(-0.03, 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.xaxis.set_major_formatter(lambda step, _: short_step(step, axes.get_xlim()[1]))


def short_step(step: float, end: float) -> str:
    """A step on an axis that reaches to `end`: 4000, or 4k and 15k, or 0.5M and 2M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if step and end >= (size if letter == "M" else 10 * size):
            return f"{step / size:.4g}{letter}"
    return f"{step:.4g}"


def _phases(axes: Axes, phases: Sequence[Phase]) -> bool:
    """Lines between phases, and above each phase its name; whether there are names."""
    if not 1 < len(phases) <= MOST_PHASES:
        return False
    start, end = axes.get_xlim()
    left = start
    for phase in phases:
        right = min(float(phase.last_step), end)
        if phase is not phases[-1]:
            axes.axvline(right, color=style.FAINT, linewidth=1, linestyle=(0, (1, 2)))
        else:
            right = end
        name = fitted(phase.name, PLOT * (right - left) / (end - start) / LETTER)
        axes.text(
            (left + right) / 2, 1.02, name, transform=axes.get_xaxis_transform(),
            ha="center", va="bottom", fontsize=9, color=style.FAINT,
        )  # fmt: skip
        left = right
    axes.set_xlim(start, end)
    return True


def fitted(text: str, letters: float) -> str:
    """The text, cut to so many letters; nothing where too little of it would be left."""
    if len(text) <= letters:
        return text
    kept = int(letters) - 1
    return f"{text[:kept]}…" if kept >= FEWEST_LETTERS else ""


def _legend(figure: Figure, panel: Panel) -> None:
    """Names of the lines below the axes, where there is more than one thing to tell apart."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=style.colour(place)) for place in range(len(panel.series))]
    labels = [series.label for series in panel.series]
    if any(series.real is not None for series in panel.series):
        lines.append(Line2D([], [], color=style.INK, linestyle=REAL, linewidth=1.2))
        labels.append("real data")
    if any(series.start is not None for series in panel.series):
        lines.append(Line2D([], [], color=style.INK, linestyle=START, linewidth=1.4))
        labels.append("likelihood")
    if panel.chance is not None:
        lines.append(Line2D([], [], color=style.FAINT, linestyle=":", linewidth=1.2))
        labels.append("chance")
    if len(lines) > 1:
        columns = max(1, min(len(labels), 44 // (max(map(len, labels)) + 5)))
        figure.legend(lines, labels, loc="outside lower center", ncols=columns, columnspacing=1.2)
