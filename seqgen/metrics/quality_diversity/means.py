"""Several runs of one recipe as one: means and standard deviations of their rows and curves.

A deviation is that of the sample (n - 1 in the denominator) over training seeds; the interval of a
single evaluation tells nothing of it.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace

from seqgen.metrics.quality_diversity.curves import DEVIATION, Curve, Point
from seqgen.metrics.score import Score
from seqgen.metrics.table import Row


def mean_rows(name: str, rows: Sequence[Row]) -> list[Row]:
    """Return the row of the means and that of the deviations; a single row comes back renamed.

    Scores that not all rows have are left out. Raises ValueError for no rows, or for scores that
    were not measured alike.
    """
    if not rows:
        raise ValueError("0 rows given: give at least one")
    if len(rows) == 1:
        return [Row(name, rows[0].scores, rows[0].kind)]
    means, deviations = [], []
    for first in rows[0].scores:
        scores = [score for row in rows if (score := row.score(first.name)) is not None]
        if len(scores) < len(rows):
            continue
        signature = f"{_alike(scores)}|runs:{len(rows)}"
        values = [score.value for score in scores]
        means.append(Score(first.name, _mean(values), signature))
        deviations.append(Score(first.name, _deviation(values), signature))
    kind = rows[0].kind
    return [Row(name, means, kind), Row(f"± of {len(rows)} runs", deviations, "deviation")]


def mean_curve(name: str, curves: Sequence[Curve]) -> Curve:
    """Return the curve of the mean figures, beside each figure "NAME-deviation", with the curves as
    its ``runs``. A single curve comes back renamed.

    Raises ValueError for no curves, or for curves of other settings or signatures.
    """
    if not curves:
        raise ValueError("0 curves given: give at least one")
    first = curves[0]
    if len(curves) == 1:
        return replace(first, name=name)
    settings = [[(point.family, point.value) for point in curve.points] for curve in curves]
    if any(other != settings[0] for other in settings):
        raise ValueError(f"{name}: the curves do not have the same settings")
    if any(dict(curve.signatures) != dict(first.signatures) for curve in curves):
        raise ValueError(f"{name}: the curves were not measured alike")
    points = [
        Point(same[0].family, same[0].value, _figures([point.figures for point in same]))
        for same in zip(*(curve.points for curve in curves), strict=True)
    ]
    return Curve(name, points, first.signatures, runs=tuple(curves))


def _figures(every: Sequence[Mapping[str, float]]) -> dict[str, float]:
    found: dict[str, float] = {}
    for name in every[0]:
        values = [figures[name] for figures in every if name in figures]
        if len(values) == len(every):
            found[name] = _mean(values)
            found[name + DEVIATION] = _deviation(values)
    return found


def _alike(scores: Sequence[Score]) -> str:
    signatures = {score.signature for score in scores}
    if len(signatures) > 1:
        raise ValueError(f"{scores[0].name}: {' beside '.join(sorted(signatures))}")
    return scores[0].signature


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if all(map(math.isfinite, values)) else math.nan
