"""Quality-diversity pictures: whole curves of models, real text as a star.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seqgen.metrics.curves import GLOBAL, LOCAL, Axes, Curve, Point
from seqgen.report import style
from seqgen.report.labels import Box, place
from seqgen.report.words import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Plane
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

WIDTH, HEIGHT = 420, 380
MARKERS = {"temperature": "o", "top-k": "s", "top-p": "^", "beam": "D", "reject-likelihood": "P"}
DASHES: dict[str, Any] = {
    "temperature": "-",
    "top-k": (0, (5, 2)),
    "top-p": (0, (1, 1)),
    "beam": (0, (3, 2, 1, 2)),
    "reject-likelihood": (0, (2, 1)),
}
NAME_LENGTH = 34
"""Longer names are shortened in legends, in their middle: ends tell runs apart."""
LABEL_SIZE = 9


@dataclass(frozen=True)
class Spot:
    """A point as drawn: both lower is better, with the half widths of its spread over seeds."""

    point: Point
    quality: float
    diversity: float
    quality_spread: float
    diversity_spread: float


def quality_diversity(curves: Sequence[Curve], axes: Axes) -> Figure:
    """The curves over two axes, of which lower left is better; see `drawable`."""
    return together(curves, [axes])


def together(curves: Sequence[Curve], several: Sequence[Axes]) -> Figure:
    """The same curves over several pairs of axes, side by side, with one legend."""
    with style.styled():
        rows = len(curves) + len(_families(curves)) + 1
        columns = 1 if len(several) == 1 else 2
        height = HEIGHT + 16 * math.ceil(rows / columns)
        figure = style.new_figure(WIDTH * len(several), height)
        planes = figure.subplots(1, len(several), squeeze=False)[0]
        for plane, axes in zip(planes, several, strict=True):
            _draw(plane, curves, axes)
        lines, names = _legend(curves, several)
        figure.legend(lines, names, loc="outside lower left", ncols=columns, columnspacing=1.5)
        figure.draw_without_rendering()  # the layout decides where the points are
        for plane, axes in zip(planes, several, strict=True):
            _label(plane, curves, axes)
        figure.set_layout_engine("none")  # and it stays so
    return figure


def drawable(curves: Sequence[Curve]) -> list[tuple[str, Axes]]:
    """The pairs of axes that some point of the curves has both figures of, with a name each."""
    pairs = (("local", LOCAL), ("global", GLOBAL))
    return [(name, axes) for name, axes in pairs if any(_spots(curve, axes) for curve in curves)]


def axis_names(axes: Axes) -> tuple[str, str]:
    """How quality and diversity are called as drawn."""
    quality = _spoken(axes.quality)
    return (f"−{quality}" if axes.negate_quality else quality), _spoken(axes.diversity)


def describe(curves: Sequence[Curve], axes: Axes) -> str:
    """The picture in words: where every curve begins and ends, and where real text lies."""
    across, up = axis_names(axes)
    parts = []
    for curve in curves:
        for family in _families([curve]):
            spots = [spot for spot in _spots(curve, axes) if spot.point.family == family]
            ends = [spots[0], spots[-1]] if len(spots) > 1 else spots
            said = " to ".join(
                f"{number(s.quality)}, {number(s.diversity)} ({s.point.label})" for s in ends
            )
            parts.append(f"{curve.name}: {said}" if spots else "")
    real = _real(curves, axes)
    if real is not None:
        parts.append(f"real data: {number(real.quality)}, {number(real.diversity)}")
    return f"{across} and {up}. " + "; ".join(part for part in parts if part) + "."


def _draw(plane: Plane, curves: Sequence[Curve], axes: Axes) -> None:
    for order, curve in enumerate(curves):
        for family in _families([curve]):
            spots = [spot for spot in _spots(curve, axes) if spot.point.family == family]
            _line(plane, spots, style.colour(order), family)
    real = _real(curves, axes)
    if real is not None:
        plane.plot([real.quality], [real.diversity], **_star())
    quality, diversity = axis_names(axes)
    plane.set_xlabel(f"← better   {quality}")
    plane.set_ylabel(f"← better   {diversity}")
    plane.set_title(_title(axes))
    plane.margins(0.09)
    style.plain_numbers(plane, "x")
    style.plain_numbers(plane, "y")


def _line(plane: Plane, spots: Sequence[Spot], colour: str, family: str) -> None:
    across, up = [s.quality for s in spots], [s.diversity for s in spots]
    if any(s.quality_spread or s.diversity_spread for s in spots):
        plane.errorbar(
            across, up, xerr=[s.quality_spread for s in spots],
            yerr=[s.diversity_spread for s in spots],
            fmt="none", ecolor=colour, elinewidth=1, alpha=0.6,
        )  # fmt: skip
    plane.plot(
        across, up, color=colour, linestyle=DASHES.get(family, "-"), linewidth=1.5,
        marker=MARKERS.get(family, "o"), markersize=6, markeredgecolor=style.PAPER,
        markeredgewidth=0.8,
    )  # fmt: skip


def _label(plane: Plane, curves: Sequence[Curve], axes: Axes) -> None:
    """Write the settings beside the points, the first curve's first, as far as there is room."""
    spots = [(s, n) for n, curve in enumerate(curves) for s in _ends_first(_spots(curve, axes))]
    real = _real(curves, axes)
    labels = [f"{spot.point.value:g}" for spot, _ in spots]
    places = [(spot.quality, spot.diversity) for spot, _ in spots]
    if real is not None:
        labels.insert(0, "real data")
        places.insert(0, (real.quality, real.diversity))
        spots.insert(0, (real, -1))
    area = plane.get_window_extent()
    scale = plane.figure.dpi / style.PIXELS
    room = Box(area.x0, area.y0, area.x1 + 4 * scale, area.y1)
    pixels = [tuple(map(float, plane.transData.transform(place))) for place in places]
    sizes = [(len(label) * 5.9 * scale, 10.5 * scale) for label in labels]
    boxes = place([(x, y) for x, y in pixels], sizes, room, gap=5.5 * scale)
    for (_, order), label, box in zip(spots, labels, boxes, strict=True):
        if box is not None:
            _write(plane, label, box, style.INK if order < 0 else style.colour(order))


def _write(plane: Plane, label: str, box: Box, colour: str) -> None:
    middle = ((box.left + box.right) / 2, (box.bottom + box.top) / 2)
    x, y = plane.transData.inverted().transform(middle)
    plane.text(x, y, label, ha="center", va="center", fontsize=LABEL_SIZE, color=colour)


def _ends_first(spots: Sequence[Spot]) -> list[Spot]:
    """In the order in which they need a label: the ends of a curve, then what lies between."""
    ends = {id(spot) for group in _by_family(spots) for spot in (group[0], group[-1])}
    return sorted(spots, key=lambda spot: id(spot) not in ends)


def _by_family(spots: Sequence[Spot]) -> list[list[Spot]]:
    families = dict.fromkeys(spot.point.family for spot in spots)
    return [[spot for spot in spots if spot.point.family == name] for name in families]


def _legend(curves: Sequence[Curve], several: Sequence[Axes]) -> tuple[list[Line2D], list[str]]:
    from matplotlib.lines import Line2D

    lines: list[Line2D] = []
    names: list[str] = []
    families = _families(curves)
    for order, curve in enumerate(curves):
        if _families([curve]):
            lines.append(Line2D([], [], color=style.colour(order), marker="o", markersize=6))
            names.append(shortened(curve.name))
    for family in families if len(families) > 1 else []:
        lines.append(
            Line2D([], [], color=style.FAINT, marker=MARKERS[family], linestyle=DASHES[family])
        )
        names.append(family)
    if any(_real(curves, axes) is not None for axes in several):
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


def _families(curves: Sequence[Curve]) -> list[str]:
    found = {p.family for curve in curves for p in curve.points if p.family != "real"}
    return [family for family in MARKERS if family in found]


def _spots(curve: Curve, axes: Axes) -> list[Spot]:
    """The points that have both figures, real text left out, each family by its value."""
    spots = (_spot(point, axes) for point in curve.points if point.family != "real")
    known = [spot for spot in spots if spot is not None]
    return sorted(known, key=lambda spot: (spot.point.family, spot.point.value))


def _spot(point: Point, axes: Axes) -> Spot | None:
    quality = point.figures.get(axes.quality)
    diversity = point.figures.get(axes.diversity)
    if quality is None or diversity is None:
        return None
    if not (math.isfinite(quality) and math.isfinite(diversity)):
        return None
    return Spot(
        point,
        -quality if axes.negate_quality else quality,
        diversity,
        point.figures.get(f"{axes.quality}-deviation", 0.0),
        point.figures.get(f"{axes.diversity}-deviation", 0.0),
    )


def _real(curves: Sequence[Curve], axes: Axes) -> Spot | None:
    found = (_spot(p, axes) for curve in curves for p in curve.points if p.family == "real")
    return next((spot for spot in found if spot is not None), None)


def _title(axes: Axes) -> str:
    return "n-grams" if axes == LOCAL else "language models" if axes == GLOBAL else ""


def _spoken(name: str) -> str:
    return name.replace("bleu", "BLEU").replace("lm-score", "LM score").replace("-LM", " LM")
