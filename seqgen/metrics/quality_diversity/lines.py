"""Lines of a quality-diversity curve: which quality a model has at a given diversity, and how far
chance moves it.

Between neighbouring settings of one family a line is taken to be straight: who mixes the sentences
of two settings gets a mean sentence BLEU between theirs, and "Language GANs Falling Short" (Caccia
et al. 2020, arXiv 1811.02549) reads its curves so too. Beyond its last settings it is not
continued.
"""

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from seqgen.metrics.quality_diversity.curves import FAMILIES, PLAIN, Axes, Curve, Family, Point

NEAR = 3
"""Settings around a diversity whose parts tell of chance there; more would be of other places."""


@dataclass(frozen=True)
class Place:
    """A setting's value and where it lies; of ``diversity`` and ``quality`` lower is better."""

    value: float
    diversity: float
    quality: float


@dataclass(frozen=True)
class Line:
    """The places of one family of a model, in the order of the family's values; ``runs`` and
    ``parts`` are the same of the curve's runs and parts."""

    name: str
    family: Family
    places: Sequence[Place]
    runs: Sequence["Line"] = ()
    parts: Sequence["Line"] = ()

    def quality(self, diversity: float) -> float:
        """Return the quality at a diversity, the best where the line has several; nan outside."""
        return min((found for _, found in self._there(diversity)), default=math.nan)

    def settings(self, diversity: float) -> tuple[float, float]:
        """Return between which values of its family the line has that diversity."""
        found = [value for value, _ in self._there(diversity)]
        return (min(found), max(found)) if found else (math.nan, math.nan)

    def slope(self, diversity: float) -> float:
        """Return the change of quality by diversity around the nearest place; 0 of one alone."""
        numbers = range(len(self.places))
        return _slope(self, min(numbers, key=lambda n: abs(self.places[n].diversity - diversity)))

    def reach(self) -> tuple[float, float]:
        """Return the lowest and the highest diversity; of several runs, those that all have."""
        every = [line.places for line in self.runs] or [self.places]
        ranges = [[place.diversity for place in places] for places in every]
        return max(map(min, ranges)), min(map(max, ranges))

    def _there(self, diversity: float) -> Iterator[tuple[float, float]]:
        """Yield value and quality where the line has the diversity."""
        for one, other in pairwise(self.places if len(self.places) > 1 else [*self.places] * 2):
            low, high = sorted((one.diversity, other.diversity))
            if not low <= diversity <= high:
                continue
            for place in (one, other):
                if place.diversity == diversity:
                    yield place.value, place.quality
            if low < diversity < high:
                share = (diversity - one.diversity) / (other.diversity - one.diversity)
                quality = one.quality + share * (other.quality - one.quality)
                nearer = one if share < 0.5 else other
                yield nearer.value, quality


def lines(curve: Curve, axes: Axes) -> list[Line]:
    """Return a line a family, the temperature first; points without finite figures are left out."""
    runs = [{line.family: line for line in lines(run, axes)} for run in curve.runs]
    parts = [{line.family: line for line in lines(part, axes)} for part in curve.parts]
    found = []
    for family in FAMILIES:
        if places := _places(curve, family, axes):
            own = [of[family] for of in runs if family in of]
            halves = [of[family] for of in parts if family in of]
            found.append(Line(curve.name, family, places, own, halves))
    return found


def _places(curve: Curve, family: Family, axes: Axes) -> list[Place]:
    """Return the places of a family, that of plain sampling among them."""
    points = [point for point in curve.points if point.family == family]
    if points and PLAIN[family] not in {point.value for point in points}:
        plain = [p for p in curve.points if (p.family, p.value) == ("temperature", 1.0)]
        points += [Point(family, PLAIN[family], point.figures) for point in plain]
    known = [(point.value, where) for point in points if (where := point.at(axes)) is not None]
    return sorted((Place(v, *where) for v, where in known), key=lambda p: _order(family, p.value))


def _order(family: Family, value: float) -> float:
    """Return a key that puts the plain end of a family at one end: top-k 0 is all tokens."""
    return math.inf if family == "top-k" and value == 0 else value


def variance_of_draws(line: Line, diversity: float) -> tuple[float, float]:
    """Return the variance that the draw of sentences gives the quality at a diversity, and its
    degrees of freedom; (nan, 0) where the line has no parts.

    Chance moves a point along the line too, which changes nothing, and across it, which counts.
    Of n parts, each of an n-th of the sentences, the variance is n times that of the whole; fewer
    sentences have another self-BLEU, but all parts alike.
    """
    if line.runs:
        found = [variance_of_draws(run, diversity) for run in line.runs]
        return statistics.fmean(v for v, _ in found) / len(found), sum(f for _, f in found)
    middle = middle_of(line.parts)
    if middle is None or len(line.parts) < 2 or len(middle.places) != len(line.places):
        return math.nan, 0.0
    numbers = range(len(line.places))
    near = sorted(numbers, key=lambda n: abs(line.places[n].diversity - diversity))[:NEAR]
    variances = [
        variance_across([part.places[n] for part in line.parts], _slope(middle, n)) for n in near
    ]
    # Neighbouring settings are drawn by the same random numbers: not each tells anew.
    freedom = (len(line.parts) - 1) * (1 + (len(variances) - 1) / 2)
    return statistics.fmean(variances), freedom


def variance_across(parts: Sequence[Place], slope: float) -> float:
    """Return the variance of the mean of the parts, measured across a line of this slope."""
    values = [part.quality - slope * part.diversity for part in parts]
    return statistics.variance(values) / len(values)


def middle_of(every: Sequence[Line]) -> Line | None:
    """Return the line of the mean places; None where the lines do not have the same settings."""
    settings = {tuple(place.value for place in line.places) for line in every}
    if len(settings) != 1:
        return None
    places = [
        Place(
            same[0].value,
            statistics.fmean(place.diversity for place in same),
            statistics.fmean(place.quality for place in same),
        )
        for same in zip(*(line.places for line in every), strict=True)
    ]
    return Line(every[0].name, every[0].family, places)


def _slope(line: Line, number: int) -> float:
    """Return the slope at a place, from the one before it to the one after it."""
    one = line.places[max(number - 1, 0)]
    other = line.places[min(number + 1, len(line.places) - 1)]
    width = other.diversity - one.diversity
    return (other.quality - one.quality) / width if width else 0.0
