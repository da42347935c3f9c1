"""The plane of a synthetic oracle: models as lines over temperatures, the NLL of their samples
under the oracle across, held-out NLL up."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqgen.metrics.quality_diversity.curves import DEVIATION, Curve, Point
from seqgen.metrics.quality_diversity.oracle_plane import Plane, at_one
from seqgen.report import style
from seqgen.report.labels import Box, along, place
from seqgen.report.markup import details, paragraph, row, section, table, text
from seqgen.report.picture import Picture, gallery
from seqgen.report.pictures import LABEL_SIZE, shortened
from seqgen.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "oracle-plane"
TITLE = "NLL under the oracle and held-out NLL"
WIDTH, HEIGHT = 560, 400
OVER, UP = "oracle-nll", "nll"
LEAST_ROOM = 1.0
"""Nats above the highest point of temperature 1 that are shown, at least."""
MOST_LABELLED = 3
"""Lines of which every point has a label."""
READ = (
    "How to read it: a line is a model over temperatures, the numbers are what its logits are "
    "multiplied by (above 1 is colder), and the large dot is the model as it is, at temperature 1. "
    "Left, samples are more probable under the oracle; down, held-out sentences are more probable "
    "under the model. The first alone rewards a model that writes few sentences, so compare at the "
    "same place across: there the lower line is better. Where a line leaves the picture at the top "
    "it goes on."
)
SPREAD = " Bars are one standard deviation over seeds to each side."


def plane_picture(plane: Plane) -> Picture:
    """The plane as oracle-plane.png and .svg."""
    return Picture(NAME, TITLE, describe(plane), draw(plane))


def plane_section(plane: Plane, picture: Picture) -> str:
    """The picture on a page, how to read it, and all points in figures."""
    spread = any(OVER + DEVIATION in point.figures for c in plane.curves for point in c.points)
    return section(
        NAME,
        TITLE,
        gallery([picture], "large"),
        paragraph(READ + (SPREAD if spread else ""), "quiet"),
        details("The points in figures", _figures(plane.curves)),
    )


def describe(plane: Plane) -> str:
    """The picture in words: every model at temperature 1 and at the ends of its line."""
    parts = []
    for curve in plane.curves:
        points = _ordered(curve)
        chosen = [point for point in (at_one(curve), points[0], points[-1]) if point is not None]
        said = ", ".join(f"{_over(p)}, {_up(p)} ({_multiplier(p)})" for p in chosen)
        parts.append(f"{curve.name}: {said}")
    own = f"the oracle's NLL of its own sentences: {number(plane.entropy)}"
    return f"{OVER} and {UP} of held-out sentences, nats a token. " + "; ".join([*parts, own]) + "."


def draw(plane: Plane) -> Figure:
    """The lines of all models with their bars, temperature 1 marked, and the oracle's entropy."""
    with style.styled():
        figure = style.new_figure(WIDTH, HEIGHT + 17 * math.ceil((len(plane.curves) + 2) / 2))
        axes = figure.subplots()
        for order, curve in enumerate(plane.curves):
            _line(axes, curve, style.colour(order))
        if math.isfinite(plane.entropy):
            axes.axvline(plane.entropy, **_entropy())
        axes.set_ylim(*_room(plane.curves))
        axes.set_xlabel("NLL of samples under the oracle, nats a token (← better)")
        axes.set_ylabel("held-out NLL, nats a token (← better)")
        axes.set_title(TITLE)
        style.plain_numbers(axes, "x")
        style.plain_numbers(axes, "y")
        _legend(figure, plane)
        style.settle(figure)
        _label(axes, plane.curves)
    return figure


def _line(axes: Axes, curve: Curve, colour: str) -> None:
    points = _ordered(curve)
    over = [point.figures[OVER] for point in points]
    up = [point.figures[UP] for point in points]
    axes.plot(over, up, color=colour, marker="o", markersize=3.5)
    spreads = [[p.figures.get(name + DEVIATION, 0.0) for p in points] for name in (OVER, UP)]
    if any(map(any, spreads)):
        axes.errorbar(
            over, up, xerr=spreads[0], yerr=spreads[1], fmt="none", ecolor=colour, elinewidth=1,
            alpha=0.6,
        )  # fmt: skip
    plain = at_one(curve)
    if plain is not None:
        axes.plot([plain.figures[OVER]], [plain.figures[UP]], color=colour, **_dot())


def _room(curves: Sequence[Curve]) -> tuple[float, float]:
    """The held-out NLL shown: cold ends of lines may be far above all else."""
    values = [point.figures[UP] for curve in curves for point in _ordered(curve)]
    plain = [point.figures[UP] for curve in curves if (point := at_one(curve)) is not None]
    low, high = min(values), max(plain, default=max(values))
    top = min(max(values), high + max(LEAST_ROOM, high - low))
    margin = 0.06 * (top - low)
    return low - margin, top + margin


def _ordered(curve: Curve) -> list[Point]:
    """The points that have both figures, the coldest first."""
    found = [
        point
        for point in curve.points
        if all(math.isfinite(point.figures.get(name, math.nan)) for name in (OVER, UP))
    ]
    return sorted(found, key=lambda point: point.value)


def _label(axes: Axes, curves: Sequence[Curve]) -> None:
    """Multipliers beside the points that are seen, those of temperature 1 first; of many lines only
    these and the ends."""
    _, top = axes.get_ylim()
    seen: list[tuple[Point, int]] = []
    for order, curve in enumerate(curves):
        points = [point for point in _ordered(curve) if point.figures[UP] <= top]
        ends = [point for point in points if point in (points[0], points[-1], at_one(curve))]
        chosen = points if len(curves) <= MOST_LABELLED else ends
        seen += [(point, order) for point in chosen]
    seen.sort(key=lambda pair: pair[0].value != 1.0)
    labels = [_multiplier(point) for point, _ in seen]
    scale = axes.figure.dpi / style.PIXELS
    area = axes.get_window_extent()
    lines = [along(_pixels(axes, _ordered(curve)), 3 * scale) for curve in curves]
    boxes = place(
        _pixels(axes, [point for point, _ in seen]),
        [(len(label) * 6.0 * scale, 11 * scale) for label in labels],
        Box(area.x0, area.y0, area.x1, area.y1),
        [box for line in lines for box in line],
        gap=7 * scale,
    )
    for (_, order), label, box in zip(seen, labels, boxes, strict=True):
        if box is not None:
            middle = ((box.left + box.right) / 2, (box.bottom + box.top) / 2)
            x, y = axes.transData.inverted().transform(middle)
            axes.text(x, y, label, ha="center", va="center", fontsize=LABEL_SIZE - 1,
                      color=style.colour(order))  # fmt: skip


def _pixels(axes: Axes, points: Sequence[Point]) -> list[tuple[float, float]]:
    found = (axes.transData.transform((p.figures[OVER], p.figures[UP])) for p in points)
    return [(float(x), float(y)) for x, y in found]


def _legend(figure: Figure, plane: Plane) -> None:
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=style.colour(order), marker="o", markersize=3.5)
        for order in range(len(plane.curves))
    ]
    names = [shortened(curve.name) for curve in plane.curves]
    lines.append(Line2D([], [], color=style.FAINT, linestyle="", **_dot()))
    names.append("temperature 1")
    if math.isfinite(plane.entropy):
        lines.append(Line2D([], [], **_entropy()))
        names.append("the oracle's own sentences")
    figure.legend(lines, names, loc="outside lower left", ncols=2, columnspacing=1.5)


def _dot() -> dict[str, Any]:
    return {"marker": "o", "markersize": 10, "markeredgecolor": style.INK, "markeredgewidth": 1.0}


def _entropy() -> dict[str, Any]:
    return {"color": style.INK, "linestyle": (0, (5, 3)), "linewidth": 1.2}


def _figures(curves: Sequence[Curve]) -> str:
    body = [
        row(f"{text(curve.name)}<small>{_multiplier(point)}</small>", [_over(point), _up(point)])
        for curve in curves
        for point in _ordered(curve)
    ]
    head = ["model, and what its logits are multiplied by", OVER, UP]
    return table("Every point of the picture", head, body)


def _over(point: Point) -> str:
    return _with_spread(point, OVER)


def _up(point: Point) -> str:
    return _with_spread(point, UP)


def _with_spread(point: Point, name: str) -> str:
    spread = point.figures.get(name + DEVIATION)
    return number(point.figures[name]) + ("" if spread is None else f" ± {number(spread)}")


def _multiplier(point: Point) -> str:
    return f"×{1 / point.value:.3g}"
