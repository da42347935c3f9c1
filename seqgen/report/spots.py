"""The points of quality-diversity curves as they lie in a picture, and the picture in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqgen.metrics.quality_diversity.curves import (
    DEVIATION,
    FAMILIES,
    GLOBAL,
    LOCAL,
    Axes,
    Curve,
    Point,
)
from seqgen.report.words import number, spoken


@dataclass(frozen=True)
class Spot:
    """A point as drawn: both lower is better, with the half widths of its spread over seeds."""

    point: Point
    quality: float
    diversity: float
    quality_spread: float
    diversity_spread: float


def drawable(curves: Sequence[Curve]) -> list[tuple[str, Axes]]:
    """The pairs of axes that some point of the curves has both figures of, with a name each."""
    pairs = (("local", LOCAL), ("global", GLOBAL))
    return [(name, axes) for name, axes in pairs if any(spots_of(curve, axes) for curve in curves)]


def axis_names(axes: Axes) -> tuple[str, str]:
    """How quality and diversity are called as drawn."""
    quality = spoken(axes.quality)
    return (f"−{quality}" if axes.negate_quality else quality), spoken(axes.diversity)


def describe(curves: Sequence[Curve], axes: Axes) -> str:
    """The picture in words: where every curve begins and ends, and where real text lies."""
    across, up = axis_names(axes)
    parts = []
    for curve in curves:
        for group in by_family(spots_of(curve, axes)):
            ends = [group[0], group[-1]] if len(group) > 1 else group
            said = " to ".join(
                f"{number(s.quality)}, {number(s.diversity)} ({s.point.label})" for s in ends
            )
            parts.append(f"{curve.name}: {said}")
    real = real_spot(curves, axes)
    if real is not None:
        parts.append(f"real data: {number(real.quality)}, {number(real.diversity)}")
    return f"{across} and {up}. " + "; ".join(parts) + "."


def families_of(curves: Sequence[Curve]) -> list[str]:
    """The kinds of settings that were swept, in the order of FAMILIES."""
    found = {p.family for curve in curves for p in curve.points if p.family != "real"}
    return [family for family in FAMILIES if family in found]


def spots_of(curve: Curve, axes: Axes) -> list[Spot]:
    """The points that have both figures, real text left out, each family by its value."""
    found = (_spot(point, axes) for point in curve.points if point.family != "real")
    known = [spot for spot in found if spot is not None]
    return sorted(known, key=lambda spot: (spot.point.family, spot.point.value))


def _spot(point: Point, axes: Axes) -> Spot | None:
    where = point.at(axes)
    if where is None:
        return None
    diversity, quality = where
    return Spot(
        point,
        quality,
        diversity,
        point.figures.get(axes.quality + DEVIATION, 0.0),
        point.figures.get(axes.diversity + DEVIATION, 0.0),
    )


def real_spot(curves: Sequence[Curve], axes: Axes) -> Spot | None:
    """Where real data lies: the first point of its family that has both figures."""
    found = (_spot(p, axes) for curve in curves for p in curve.points if p.family == "real")
    return next((spot for spot in found if spot is not None), None)


def ends_first(spots: Sequence[Spot]) -> list[Spot]:
    """In the order in which they need a label: the ends of a curve, then what lies between."""
    ends = {id(spot) for group in by_family(spots) for spot in (group[0], group[-1])}
    return sorted(spots, key=lambda spot: id(spot) not in ends)


def by_family(spots: Sequence[Spot]) -> list[list[Spot]]:
    """The points of each kind of setting."""
    families = dict.fromkeys(spot.point.family for spot in spots)
    return [[spot for spot in spots if spot.point.family == name] for name in families]
