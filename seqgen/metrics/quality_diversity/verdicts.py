"""What quality-diversity curves say of their models, as sentences."""

import itertools
import math
from collections.abc import Sequence

from seqgen.metrics.quality_diversity.curves import Axes, Curve
from seqgen.metrics.quality_diversity.dominance import against_real, compare, lines, real_place

DEVIATION = "-deviation"
"""A figure of this ending is the standard deviation over runs of the figure before it."""
RUNS = "runs"
"""How many runs the figures of a point are the means of."""


def verdicts(curves: Sequence[Curve], axes: Axes) -> list[str]:
    """Return a sentence for every two models, for every two families of a model, and for real data.

    Models are compared by their temperature lines (the first line of one that has none). A
    difference in quality counts from twice its standard error over the runs on; where no model has
    several runs, any difference does. Curves whose signatures differ are not compared.
    """
    found = [(curve, lines(curve, axes)) for curve in curves]
    models = [(curve, own) for curve, own in found if own]
    said = []
    for (curve, own), (rival, other) in itertools.combinations(models, 2):
        if _alike(curve, rival, axes):
            said.append(compare(own[0], other[0], _margin((curve, rival), axes)))
        else:
            said.append(f"{curve.name} and {rival.name}: not measured alike, hence no verdict.")
    for curve, (first, *rest) in models:
        said += [compare(line, first, _margin((curve, curve), axes)) for line in rest]
    for star in curves:
        real = real_place([star], axes)
        alike = [own[0] for curve, own in models if _alike(curve, star, axes)]
        said += [] if real is None else [against_real(line, real, axes) for line in alike]
    return said


def _alike(one: Curve, other: Curve, axes: Axes) -> bool:
    """Return whether the figures of both axes have the same signatures."""
    return all(
        one.signatures.get(name) == other.signatures.get(name)
        for name in (axes.quality, axes.diversity)
    )


def _margin(pair: tuple[Curve, Curve], axes: Axes) -> float:
    """Return twice the standard error of a difference; a single run is as spread as the other."""
    spreads = [_spread(curve, axes.quality) for curve in pair]
    known = [spread for spread, _ in spreads if spread is not None]
    if not known:
        return 0.0
    mean = sum(known) / len(known)
    return 2 * math.sqrt(
        sum((mean if spread is None else spread) ** 2 / runs for spread, runs in spreads)
    )


def _spread(curve: Curve, name: str) -> tuple[float | None, float]:
    """Return the standard deviation over runs, averaged over the points, and the number of runs."""
    runs = max((point.figures.get(RUNS, 1.0) for point in curve.points), default=1.0)
    squares = [
        point.figures[name + DEVIATION] ** 2
        for point in curve.points
        if name + DEVIATION in point.figures
    ]
    return (math.sqrt(sum(squares) / len(squares)) if squares else None, runs)
