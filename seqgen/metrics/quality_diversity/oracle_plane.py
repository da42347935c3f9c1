"""Models on a synthetic oracle beside each other: NLL under the oracle, and held-out NLL.

A model's line is made of its temperatures. The NLL of samples under the oracle rewards whoever
writes few likely sentences; the held-out NLL tells the price. At an equal NLL under the oracle the
model with the lower held-out NLL is better ("Language GANs Falling Short", Caccia et al. 2020,
arXiv 1811.02549).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqgen.metrics.quality_diversity.curves import DEVIATION, ORACLE, PLAIN, Curve, Point
from seqgen.metrics.quality_diversity.lines import lines
from seqgen.metrics.score import Score


@dataclass(frozen=True)
class Plane:
    """Models on one oracle, a curve over temperatures each, whose points are means over runs; and
    ``entropy``, the oracle's NLL of its own sentences, nats a token."""

    curves: Sequence[Curve]
    entropy: float

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and numbers."""
        return {"entropy": self.entropy, "curves": [curve.to_json() for curve in self.curves]}


class Reading(NamedTuple):
    """A held-out NLL read from a model's line, and the standard deviation over its runs; nan where
    a line does not reach so far, or where there is one run."""

    mean: float
    deviation: float = math.nan


def at_one(curve: Curve) -> Point | None:
    """Return the point of temperature 1, where it has both figures."""
    plain = ("temperature", PLAIN["temperature"])
    found = (point for point in curve.points if (point.family, point.value) == plain)
    return next((point for point in found if point.at(ORACLE) is not None), None)


def reading(curve: Curve, oracle_nll: float) -> Reading:
    """Return the held-out NLL that a model has where its samples have this NLL under the oracle,
    interpolated between neighbouring temperatures: on the line of the means, and for the deviation
    on that of every run."""
    values = [_held_out(run, oracle_nll) for run in curve.runs]
    told = len(values) > 1 and not any(map(math.isnan, values))
    return Reading(_held_out(curve, oracle_nll), statistics.stdev(values) if told else math.nan)


def _held_out(curve: Curve, oracle_nll: float) -> float:
    found = [line for line in lines(curve, ORACLE) if line.family == "temperature"]
    return found[0].quality(oracle_nll) if found else math.nan


def scores(curve: Curve, plane: Plane) -> tuple[list[Score], list[Score]]:
    """Return a model's held-out NLL at the NLL under the oracle that each of the models has at
    temperature 1, and the deviations over runs.

    A score is named by that NLL: "nll@oracle-8.53".
    """
    means, deviations = [], []
    for name, at in _places(plane.curves):
        found = reading(curve, at)
        label = f"nll@oracle-{at:.3f}"
        signature = f"at:oracle-nll {at:.4f} of {name}|temperatures:interpolated"
        means.append(Score(label, found.mean, signature))
        deviations.append(Score(label, found.deviation, signature))
    return means, deviations


def sentences(plane: Plane) -> list[str]:
    """Return in words where each model lies at temperature 1, and the held-out NLL of all at the
    NLL under the oracle that one of them has there."""
    curves = plane.curves
    said = [_plain(curve, point) for curve in curves if (point := at_one(curve)) is not None]
    if len(curves) > 1:
        said += [_beside(name, at, curves) for name, at in _places(curves)]
    return [*said, f"The oracle's NLL of its own sentences is {plane.entropy:.3f} nats a token."]


def _places(curves: Sequence[Curve]) -> list[tuple[str, float]]:
    """Return each model's name and NLL under the oracle at temperature 1."""
    found = ((curve.name, at_one(curve)) for curve in curves)
    return [(name, point.figures["oracle-nll"]) for name, point in found if point is not None]


def _plain(curve: Curve, point: Point) -> str:
    oracle, held_out = (
        f"{point.figures[name]:.3f}{_spread(point.figures.get(name + DEVIATION, math.nan))}"
        for name in ("oracle-nll", "nll")
    )
    return f"At temperature 1, {curve.name}: oracle-nll {oracle}, held-out nll {held_out}."


def _beside(name: str, at: float, curves: Sequence[Curve]) -> str:
    """Return the held-out NLL of one model and of all others where the first has temperature 1."""
    [own] = [reading(curve, at) for curve in curves if curve.name == name]
    others = [
        f"{curve.name} {_compared(reading(curve, at), own)}"
        for curve in curves
        if curve.name != name
    ]
    return (
        f"Held-out nll at oracle-nll {at:.3f}, where {name} has temperature 1: {name} "
        f"{own.mean:.3f}{_spread(own.deviation)}{'; ' if others else ''}{'; '.join(others)}."
    )


def _compared(found: Reading, own: Reading) -> str:
    if math.isnan(found.mean):
        return "does not reach so far"
    gap = found.mean - own.mean
    side = "more" if gap >= 0 else "less"
    return f"{found.mean:.3f}{_spread(found.deviation)} ({abs(gap):.3f} {side})"


def _spread(deviation: float) -> str:
    return "" if math.isnan(deviation) else f" ± {deviation:.3f}"
