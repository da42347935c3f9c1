"""Quality-diversity pictures on a page, and their points as a table."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.metrics.quality_diversity.curves import DEVIATION, Axes, Curve
from seqgen.report import pictures, spots
from seqgen.report.markup import details, paragraph, row, table, text
from seqgen.report.picture import Picture, gallery
from seqgen.report.words import number

READ = (
    "How to read it: each point is a model at one decoding setting, joined along one kind of "
    "setting; the numbers beside the points are the setting's values. Left is better quality, "
    "down is more diversity: of two curves the one nearer the lower left corner is better. A "
    "model that only trades one for the other moves along its curve, so compare whole curves and "
    "never single points. The star is real data, measured in the same way."
)
SPREAD = " Bars are one standard deviation over seeds to each side."


def curve_pictures(curves: Sequence[Curve]) -> list[Picture]:
    """One picture for each pair of axes that the curves have figures of."""
    return [
        Picture(
            f"quality-diversity-{name}",
            "Quality against diversity: {} and {}".format(*spots.axis_names(axes)),
            spots.describe(curves, axes),
            pictures.quality_diversity(curves, axes),
        )
        for name, axes in spots.drawable(curves)
    ]


def curve_parts(curves: Sequence[Curve], drawn: list[Picture]) -> list[str]:
    """The pictures, how to read them, and all points in figures; nothing without pictures."""
    if not drawn:
        return []
    figures = [name for curve in curves for point in curve.points for name in point.figures]
    spread = any(name.endswith(DEVIATION) for name in figures)
    return [
        gallery(drawn, "large"),
        paragraph(READ + (SPREAD if spread else ""), "quiet"),
        details("The points in figures", _points(curves)),
    ]


def _points(curves: Sequence[Curve]) -> str:
    axes: list[Axes] = [axes for _, axes in spots.drawable(curves)]
    names = [name for pair in axes for name in (pair.quality, pair.diversity)]
    body = [
        row(
            f"{text(curve.name)}<small>{text(point.label)}</small>",
            [number(point.figures.get(name, float("nan"))) for name in names],
        )
        for curve in curves
        for point in curve.points
    ]
    return table("Every point of the pictures", ["model and setting", *names], body)
