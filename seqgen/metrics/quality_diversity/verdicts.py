"""What quality-diversity curves say of their models, as sentences."""

import itertools
import math
from collections.abc import Sequence

from seqgen.metrics.quality_diversity.curves import Axes, Curve
from seqgen.metrics.quality_diversity.dominance import (
    FINE,
    LEVEL,
    Difference,
    better,
    chance_of,
    coarse,
    differences,
    on_the_whole,
    probability,
    together,
)
from seqgen.metrics.quality_diversity.lines import Line, Place, lines, middle_of, variance_across

WORDS = {
    "temperature": "changing the temperature",
    "top-k": "top-k sampling",
    "top-p": "top-p sampling",
    "beam": "sampled beams",
    "reject-likelihood": "rejecting by likelihood",
}


def verdicts(curves: Sequence[Curve], axes: Axes) -> list[str]:
    """Return a sentence for every two models, for real data, and for every other family of a model
    beside its first; those that tell most come first. The last says what chance was taken to be.

    Models are compared by their temperature lines (the first line of one that has none). Curves
    whose signatures differ are not compared.
    """
    models = [(curve, own) for curve in curves if (own := lines(curve, axes))]
    if not models:
        return []
    said = []
    for (curve, own), (rival, other) in itertools.combinations(models, 2):
        if _alike(curve, rival, axes):
            said.append(compare(own[0], other[0], axes))
        else:
            said.append((3, f"{curve.name} and {rival.name}: not measured alike, no verdict."))
    real = [
        against_real(own[0], star, axes)
        for star in curves
        for curve, own in models
        if _alike(curve, star, axes) and any(point.family == "real" for point in star.points)
    ]
    inside = [compare(line, first, axes) for _, (first, *rest) in models for line in rest]
    parts = [sorted(part, key=lambda one: one[0]) for part in (said, real, inside)]
    sentences = [sentence for part in parts for _, sentence in part]
    return [*sentences, _about([curve for curve, _ in models])] if sentences else []


def compare(one: Line, other: Line, axes: Axes) -> tuple[int, str]:
    """Return in a sentence which of two lines is better at the same diversity, and where; before
    it 0 for a difference, 1 for lines that cross, 2 where they cannot be told apart, 3 where they
    cannot be compared."""
    of = f"{one.name}: " if one.name == other.name else ""
    name, rival = _names(one, other)
    found = differences(one, other)
    if not found or all(math.isnan(difference.probable) for difference in found):
        return 3, f"{of}{name} and {rival} cannot be compared: {_why(one, other, axes)}."
    stands = better(found)
    sides = [(1, name, rival, one), (-1, rival, name, other)]
    won = [side for side in sides if side[0] in stands]
    if len(won) == 2:
        told = ", ".join(
            f"{who} is better {_where(found, stands, side, line, axes)}"
            for side, who, _, line in won
        )
        return 1, f"{of}neither of {name} and {rival} dominates: {told}."
    probable = on_the_whole(one, other, found)
    if probable <= LEVEL / 2 or not won:
        return 0 if probable <= LEVEL / 2 else 2, of + _whole(found, probable, name, rival, axes)
    [(side, who, loser, line)] = won
    where = _where(found, stands, side, line, axes)
    rest = "; elsewhere they cannot be told apart" if 0 in stands else ""
    return 0, f"{of}{who} is better than {loser} {where}{rest}."


def _whole(found: Sequence[Difference], probable: float, name: str, rival: str, axes: Axes) -> str:
    """Return in a sentence which of two lines is better in the mean, whether everywhere, and
    whether chance may explain it."""
    gaps = [difference.other - difference.one for difference in found]
    mean = math.fsum(gaps) / len(gaps)
    who, loser = (name, rival) if mean > 0 else (rival, name)
    everywhere = all(gap * mean > 0 for gap in gaps)
    ends = _range([difference.diversity for difference in found], ".3f")
    by = f"{axes.diversity} {ends}; {axes.quality} {abs(mean):.3f} better in the mean"
    if math.isnan(probable) or (probable > LEVEL / 2 and not everywhere):
        return f"{name} and {rival} cannot be told apart."
    if probable > LEVEL / 2:
        return (
            f"{who} lies in front of {loser} at every {axes.given} compared ({by}), but so far "
            f"apart they may be by chance (p {probable:.2f})."
        )
    if everywhere:
        return f"{loser} is dominated by {who} at every {axes.given} compared ({by})."
    return f"{who} is better than {loser} on the whole, if not everywhere ({by})."


def against_real(line: Line, star: Curve, axes: Axes) -> tuple[int, str]:
    """Return in a sentence on which side of a line real data lies; before it as ``compare``."""
    real = _real_places(star, axes)
    if not real:
        return 3, f"Real data has no {axes.quality} beside {axes.diversity}."
    if coarse(line):
        few = f"{len(line.places)} settings are too few to read the quality between them"
        return 3, f"Real data and {line.name}: no verdict, for {few} ({FINE} are needed)."
    place, (low, high) = real[0], line.reach()
    if place.diversity > high:
        return 2, f"Real data is less diverse than any setting of {line.name}: outside the curve."
    at = max(place.diversity, low)
    own = line.quality(at)
    steepness = (middle_of(line.parts) or line).slope(at)
    expected = own + line.slope(at) * (place.diversity - at)
    chances = together(chance_of(line, at), _chance_of_real(star, axes, steepness))
    sure = probability(place.quality - expected, *chances) <= LEVEL
    reached = _shown(place.quality, own, line, axes)
    if place.diversity < low:
        beyond = f"more diverse than any setting of {line.name}"
        if sure and place.quality < own:
            return 0, (
                f"Real data is better than {line.name}: {beyond}, and better in quality than its "
                f"most diverse one ({reached})."
            )
        return 2, f"Real data is {beyond}: outside the curve."
    at_value = f"at {axes.diversity} {place.diversity:.3f}, {reached}"
    if not sure:
        return 2, f"Real data and {line.name} cannot be told apart ({at_value})."
    if place.quality < own:
        return 0, f"Real data is better than {line.name} ({at_value})."
    return 0, (
        f"{line.name} is better than real data ({at_value}): these two scores alone cannot tell "
        "it from real text."
    )


def _real_places(star: Curve, axes: Axes) -> list[Place]:
    found = [point.at(axes) for point in star.points if point.family == "real"]
    return [Place(0.0, *where) for where in found if where is not None]


def _chance_of_real(star: Curve, axes: Axes, slope: float) -> tuple[float, float]:
    """Return the variance of real data across a line of this slope, and its degrees of freedom."""
    parts = [place for part in star.parts for place in _real_places(part, axes)]
    if len(parts) < 2:
        return 0.0, 0.0
    return variance_across(parts, slope), len(parts) - 1.0


def _alike(one: Curve, other: Curve, axes: Axes) -> bool:
    """Return whether the figures of both axes have the same signatures."""
    return all(
        one.signatures.get(name) == other.signatures.get(name)
        for name in (axes.quality, axes.diversity)
    )


def _names(one: Line, other: Line) -> tuple[str, str]:
    """Return what tells the lines apart: their models, their families, or both."""
    if one.name == other.name:
        return WORDS[one.family], WORDS[other.family]
    if one.family == other.family:
        return one.name, other.name
    return f"{one.name} by {WORDS[one.family]}", f"{other.name} by {WORDS[other.family]}"


def _where(
    found: Sequence[Difference], stands: Sequence[int], side: int, line: Line, axes: Axes
) -> str:
    """Return at which diversities a side is better, and at which of its line's own settings."""
    runs = []
    for stood, run in itertools.groupby(zip(stands, found, strict=True), lambda pair: pair[0]):
        if stood == side:
            there = [difference.diversity for _, difference in run]
            values = [value for diversity in there for value in line.settings(diversity)]
            at = f"{axes.diversity} {_range(there, '.3f')}"
            runs.append(f"at {at} (its own {line.family} {_range(values, 'g')})")
    return " and ".join(runs)


def _range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def _why(one: Line, other: Line, axes: Axes) -> str:
    """Return why two lines are not compared."""
    (low, high), (least, most) = one.reach(), other.reach()
    if max(low, least) > min(high, most):
        return f"they have no {axes.given} in common"
    if coarse(one) and coarse(other):
        return (
            f"{len(one.places)} and {len(other.places)} settings are too few to read the quality "
            f"between them ({FINE} of one are needed)"
        )
    if not differences(one, other):
        return "no setting of the one lies between those of the other"
    return "nothing tells how far chance goes, neither runs nor parts of the sentences"


def _shown(real: float, own: float, line: Line, axes: Axes) -> str:
    sign = -1 if axes.negate_quality else 1
    return f"{axes.quality} {sign * real:.3f} against {sign * own:.3f} of {line.name}"


def _about(curves: Sequence[Curve]) -> str:
    """Return what was taken for chance."""
    several = [curve.name for curve in curves if len(curve.runs) > 1]
    single = [curve.name for curve in curves if len(curve.runs) < 2]
    if not several:
        return (
            "Taken into account: one run each, so chance of the draw of sentences only; another "
            "training seed may differ."
        )
    over = f"Taken into account: chance over the runs of {', '.join(several)}"
    if not single:
        return f"{over}."
    return (
        f"{over}. One run each of {', '.join(single)}: beside several, taken to be as spread as "
        "these; beside one or real data, only chance of the draw of sentences; another training "
        "seed may differ."
    )
