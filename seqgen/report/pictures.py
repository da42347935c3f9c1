"""Quality-diversity pictures: whole curves of models, real text as a star.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from seqgen.metrics.quality_diversity.curves import FAMILIES, GLOBAL, LOCAL, PLAIN, Axes, Curve
from seqgen.report import style
from seqgen.report.labels import Box, along, place
from seqgen.report.spots import (
    Spot,
    axis_names,
    by_family,
    ends_first,
    families_of,
    real_spot,
    spots_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Plane
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

WIDTH, HEIGHT = 400, 370
MARKERS: dict[str, str] = dict(zip(FAMILIES, "os^Dv", strict=True))
DASHES: dict[str, Any] = dict(
    zip(FAMILIES, ("-", (0, (5, 2)), (0, (1, 1)), (0, (3, 2, 1, 2)), (0, (2, 1))), strict=True)
)
NAME_LENGTH = 34
"""Longer names are shortened in legends, in their middle: ends tell runs apart."""
LABEL_SIZE = 10


def quality_diversity(curves: Sequence[Curve], axes: Axes) -> Figure:
    """The curves over two axes, of which lower left is better; see spots.drawable."""
    return together(curves, [axes])


def together(curves: Sequence[Curve], several: Sequence[Axes]) -> Figure:
    """The same curves over several pairs of axes, side by side, with one legend."""
    with style.styled():
        rows = len(curves) + len(families_of(curves)) + 1
        columns = 1 if len(several) == 1 else 2
        height = HEIGHT + 17 * math.ceil(rows / columns)
        figure = style.new_figure(WIDTH * len(several), height)
        planes = figure.subplots(1, len(several), squeeze=False)[0]
        for plane, axes in zip(planes, several, strict=True):
            _draw(plane, curves, axes)
        lines, names = _legend(curves, several)
        figure.legend(lines, names, loc="outside lower left", ncols=columns, columnspacing=1.5)
        style.settle(figure)  # labels are placed by where the points are
        for plane, axes in zip(planes, several, strict=True):
            _label(plane, curves, axes)
    return figure


def _draw(plane: Plane, curves: Sequence[Curve], axes: Axes) -> None:
    for order, curve in enumerate(curves):
        spots = spots_of(curve, axes)
        plain = next((s for s in spots if _is_plain(s)), None)
        for group in by_family(spots):
            _line(plane, group, plain, order)
    real = real_spot(curves, axes)
    if real is not None:
        plane.plot([real.quality], [real.diversity], **_star())
    quality, diversity = axis_names(axes)
    plane.set_xlabel(f"{quality} (← better)")
    plane.set_ylabel(f"{diversity} (← better)")
    plane.set_title(_title(axes))
    plane.margins(0.09)
    style.plain_numbers(plane, "x")
    style.plain_numbers(plane, "y")


def _line(plane: Plane, spots: Sequence[Spot], plain: Spot | None, order: int) -> None:
    """The points of one model and one kind of setting, from plain sampling on where that is drawn:
    every kind of setting begins or ends there."""
    family, colour = spots[0].point.family, style.colour(order)
    path = list(spots)
    if plain is not None and family != "temperature":
        path = [plain, *spots] if family == "beam" else [*spots, plain]
    across, up = [s.quality for s in path], [s.diversity for s in path]
    plane.plot(across, up, color=colour, linestyle=DASHES[family], linewidth=1.5)
    across, up = [s.quality for s in spots], [s.diversity for s in spots]
    if any(s.quality_spread or s.diversity_spread for s in spots):
        plane.errorbar(
            across, up, xerr=[s.quality_spread for s in spots],
            yerr=[s.diversity_spread for s in spots],
            fmt="none", ecolor=colour, elinewidth=1, alpha=0.6,
        )  # fmt: skip
    plane.plot(
        across, up, color=colour, linestyle="", marker=MARKERS[family], markersize=6,
        **_edge(order),
    )  # fmt: skip


def _is_plain(spot: Spot) -> bool:
    return spot.point.family == "temperature" and spot.point.value == PLAIN["temperature"]


def _edge(order: int) -> dict[str, Any]:
    """Filled markers; hollow ones where the colours come for the second time."""
    if order % (2 * len(style.LIGHT)) < len(style.LIGHT):
        return {"markeredgecolor": style.PAPER, "markeredgewidth": 0.8}
    return {"markerfacecolor": style.PAPER, "markeredgewidth": 1.3}


def _label(plane: Plane, curves: Sequence[Curve], axes: Axes) -> None:
    """Write the settings beside the points, the first curve's first, as far as there is room."""
    spots = [(s, n) for n, curve in enumerate(curves) for s in ends_first(spots_of(curve, axes))]
    real = real_spot(curves, axes)
    labels = [f"{spot.point.value:g}" for spot, _ in spots]
    places = [(spot.quality, spot.diversity) for spot, _ in spots]
    if real is not None:
        labels.insert(0, "real data")
        places.insert(0, (real.quality, real.diversity))
        spots.insert(0, (real, -1))
    scale = plane.figure.dpi / style.PIXELS
    boxes = place(
        _pixels(plane, places),
        [(len(label) * 6.4 * scale, 11 * scale) for label in labels],
        _room(plane, 4 * scale),
        [box for curve in curves for box in _covered(plane, spots_of(curve, axes), 3 * scale)],
        gap=5.5 * scale,
    )
    for (_, order), label, box in zip(spots, labels, boxes, strict=True):
        if box is not None:
            _write(plane, label, box, style.INK if order < 0 else style.colour(order))


def _pixels(plane: Plane, places: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    found = (plane.transData.transform(place) for place in places)
    return [(float(x), float(y)) for x, y in found]


def _room(plane: Plane, margin: float) -> Box:
    area = plane.get_window_extent()
    return Box(area.x0, area.y0, area.x1 + margin, area.y1)


def _covered(plane: Plane, spots: Sequence[Spot], size: float) -> list[Box]:
    """What the lines through the points cover, pixels."""
    families = [[(s.quality, s.diversity) for s in group] for group in by_family(spots)]
    return [box for places in families for box in along(_pixels(plane, places), size)]


def _write(plane: Plane, label: str, box: Box, colour: str) -> None:
    middle = ((box.left + box.right) / 2, (box.bottom + box.top) / 2)
    x, y = plane.transData.inverted().transform(middle)
    plane.text(
        x, y, label, ha="center", va="center", fontsize=LABEL_SIZE, color=colour,
        bbox={"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
    )  # fmt: skip


def _legend(curves: Sequence[Curve], several: Sequence[Axes]) -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    lines: list[Line2D] = []
    names: list[str] = []
    families = families_of(curves)
    for order, curve in enumerate(curves):
        if families_of([curve]):
            colour = style.colour(order)
            lines.append(Line2D([], [], color=colour, marker="o", markersize=6, **_edge(order)))
            names.append(shortened(curve.name))
    for family in families if len(families) > 1 else []:
        lines.append(
            Line2D([], [], color=style.FAINT, marker=MARKERS[family], linestyle=DASHES[family])
        )
        names.append(family)
    if any(real_spot(curves, axes) is not None for axes in several):
        lines.append(Line2D([], [], **_star()))
        names.append("real data")
    return lines, names


def shortened(name: str) -> str:
    """A name in one line of at most NAME_LENGTH characters, cut in its middle."""
    flat = " ".join(name.split())
    if len(flat) <= NAME_LENGTH:
        return flat
    half = (NAME_LENGTH - 1) // 2
    return f"{flat[:half]}…{flat[-half:]}"


def _star() -> dict[str, Any]:
    return {
        "color": style.INK,
        "marker": "*",
        "markersize": 14,
        "linestyle": "",
        "markeredgecolor": style.PAPER,
        "markeredgewidth": 0.8,
    }


def _title(axes: Axes) -> str:
    return "By n-grams" if axes == LOCAL else "By language models" if axes == GLOBAL else ""
