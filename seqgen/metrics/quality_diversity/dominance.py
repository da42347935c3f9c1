"""Which quality-diversity curve lies below which, in words.

A curve dominates a point if somewhere on it both scores are at least as good and one is better
("Language GANs Falling Short", Caccia et al. 2020, arXiv 1811.02549, compares models so). Between
neighbouring settings of one family the curve is taken to be straight: who mixes the sentences of
two settings gets a mean sentence BLEU between theirs, and the paper's curves are read so too.
Beyond its last settings a curve is not continued.

Small differences are chance: a ``margin`` (in the units of the quality) is how much better the
quality must be, at a diversity as good, to count.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from seqgen.metrics.quality_diversity.curves import Axes, Curve, Point

Relation = Literal["beaten", "beats", "neither"]

FAMILIES = ("temperature", "top-k", "top-p", "beam", "reject-likelihood")
WORDS = {family: family for family in FAMILIES} | {"reject-likelihood": "likelihood rejection"}
PLAIN = {"top-k": 0.0, "top-p": 1.0, "beam": 1.0, "reject-likelihood": 1.0}
"""The value at which a family is plain sampling; its line starts at the point of temperature 1."""
TINY = 1e-12
"""Less than this is rounding."""


@dataclass(frozen=True)
class Place:
    """A setting's value and where it lies; of ``diversity`` and ``quality`` lower is better."""

    value: float
    diversity: float
    quality: float


@dataclass(frozen=True)
class Line:
    """The places of one family of a model, in the order of the family's values."""

    name: str
    family: str
    places: Sequence[Place]


def lines(curve: Curve, axes: Axes) -> list[Line]:
    """Return a line a family, the temperature first; points without finite figures are left out."""
    found = []
    plain = [p for p in curve.points if (p.family, p.value) == ("temperature", 1.0)]
    for family in FAMILIES:
        points = [point for point in curve.points if point.family == family]
        start = PLAIN.get(family)
        if points and start is not None and start not in {point.value for point in points}:
            points += [Point(points[0].family, start, point.figures) for point in plain]
        places = sorted(_places(points, axes), key=lambda place: _order(family, place.value))
        if places:
            found.append(Line(curve.name, family, places))
    return found


def relation(place: Place, line: Line, margin: float = 0.0) -> Relation:
    """Return whether a place is beaten by a line, beats it, or neither.

    It beats the line if that has nothing as good at a diversity as good, and has something that the
    place dominates. Raises ValueError for a margin below 0 and for a line without places.
    """
    if not margin >= 0 or not line.places:
        raise ValueError(f"margin {margin}, {len(line.places)} places: 0 or more, and some places")
    parts = list(_parts(line.places))
    if any(_reaches(part, place, margin, 1) for part in parts):
        return "beaten"
    if any(_equals(part, place, margin) for part in parts):
        return "neither"
    return "beats" if any(_reaches(part, place, margin, -1) for part in parts) else "neither"


def relations(line: Line, other: Line, margin: float = 0.0) -> list[Relation]:
    """Return for each place of a line how it stands to the other line."""
    return [relation(place, other, margin) for place in line.places]


def compare(one: Line, other: Line, margin: float = 0.0) -> str:
    """Return in a sentence which of two lines lies below the other, and where."""
    ours, theirs = relations(one, other, margin), relations(other, one, margin)
    ways = ((one, ours, other), (other, theirs, one))
    of = f"{one.name}: " if one.name == other.name else ""
    for name, found, by in ways:
        pairs = zip(found, name.places, strict=True)
        if {stands for stands, place in pairs if not _on(place, by)} == {"beaten"}:
            return (
                f"{of}{_call(name, by)} is dominated by {_call(by, name)} at every {name.family}."
            )
    told = {
        f"{_call(name, by)} beats {_call(by, name)} {where}": found
        for name, found, by in ways
        if (where := _where(name, found))
    }
    if len(told) == 1:
        [(said, found)] = told.items()
        return f"{of}{said}{'' if 'beaten' in found else ', and is beaten nowhere'}."
    names = f"{_call(one, other)} and {_call(other, one)}"
    beaten = [
        f"{_call(name, by)} is beaten by {_call(by, name)} {where}"
        for name, found, by in ways
        if (where := _where(name, found, "beaten"))
    ]
    # A line that bends back beats itself: where both are beaten, it is no verdict.
    why = ", ".join(told) or (beaten[0] if len(beaten) == 1 else _apart(one, other))
    return f"{of}neither of {names} dominates: {why}."


def against_real(line: Line, real: Place, axes: Axes, margin: float = 0.0) -> str:
    """Return in a sentence on which side of a line real data lies."""
    near = min(line.places, key=lambda place: abs(place.diversity - real.diversity))
    at = f"nearest in {axes.diversity} at {line.family} {near.value:g}"
    scores = f"{_shown(near, axes)}; real data {_shown(real, axes)}"
    found = relation(real, line, margin)
    if found == "beaten":
        return (
            f"{line.name} is better than real data ({at}: {scores}): these two scores alone cannot "
            "tell it from real text."
        )
    if found == "beats":
        return f"Real data is better than {line.name} ({at}: {scores})."
    return f"Real data is neither better nor worse than {line.name} ({at}: {scores})."


def real_place(curves: Sequence[Curve], axes: Axes) -> Place | None:
    """Return where real data lies, if one of the curves says so."""
    points = [point for curve in curves for point in curve.points if point.family == "real"]
    return next(iter(_places(points, axes)), None)


def _places(points: Sequence[Point], axes: Axes) -> Iterator[Place]:
    for point in points:
        quality = point.figures.get(axes.quality, math.nan)
        diversity = point.figures.get(axes.diversity, math.nan)
        if math.isfinite(quality) and math.isfinite(diversity):
            yield Place(point.value, diversity, -quality if axes.negate_quality else quality)


def _order(family: str, value: float) -> float:
    """Return a key that puts the plain end of a family at one end: top-k 0 is all tokens."""
    return math.inf if family == "top-k" and value == 0 else value


def _parts(places: Sequence[Place]) -> Iterator[tuple[Place, Place]]:
    """Yield the straight parts of a line; one place alone is a part without length."""
    yield from itertools.pairwise(places) if len(places) > 1 else [(places[0], places[0])]


def _reaches(part: tuple[Place, Place], place: Place, margin: float, side: int) -> bool:
    """Return whether a point of the part dominates the place (side 1) or is dominated (side -1)."""
    ends = [(side * end.diversity, side * end.quality) for end in part]
    diversity, quality = side * place.diversity, side * place.quality
    for x, y in _clipped(ends, diversity):
        better = y < quality - TINY or x < diversity - TINY
        if y <= quality - margin and (margin > 0 or better):
            return True
    return False


def _equals(part: tuple[Place, Place], place: Place, margin: float) -> bool:
    """Return whether a point of the part is, up to the margin, as good as the place in both."""
    ends = [(end.diversity, end.quality) for end in part]
    clipped = _clipped(ends, place.diversity + TINY)
    return any(y < place.quality + max(margin, TINY) for _, y in clipped)


def _clipped(ends: Sequence[tuple[float, float]], most: float) -> list[tuple[float, float]]:
    """Return the ends of what of a part has a diversity of at most ``most``; it may be empty."""
    (x, y), (far_x, far_y) = sorted(ends)
    if x > most:
        return []
    if far_x <= most:
        return [(x, y), (far_x, far_y)]
    share = (most - x) / (far_x - x)
    return [(x, y), (most, y + share * (far_y - y))]


def _on(place: Place, line: Line) -> bool:
    """Return whether the line has that very point: families of a model share plain sampling."""
    found = {(one.diversity, one.quality) for one in line.places}
    return (place.diversity, place.quality) in found


def _call(line: Line, other: Line) -> str:
    """Return what tells the line from the other: its model, its family, or both."""
    if line.name == other.name:
        return WORDS[line.family]
    return line.name if line.family == other.family else f"{line.name} by {WORDS[line.family]}"


def _where(line: Line, found: Sequence[Relation], wanted: Relation = "beats") -> str:
    """Return at which values of its family a line beats the other (or what else is wanted): runs of
    neighbours."""
    runs = []
    pairs = zip(line.places, found, strict=True)
    for beats, run in itertools.groupby(pairs, lambda pair: pair[1] == wanted):
        values = [place.value for place, _ in run]
        if beats and len(values) == 1:
            runs.append(f"at {line.family} {values[0]:g}")
        elif beats:
            runs.append(f"between {line.family} {values[0]:g} and {values[-1]:g}")
    return " and ".join(runs)


def _apart(one: Line, other: Line) -> str:
    """Return why no place beats another: the lines share no diversity, or lie on each other."""
    ranges = [[place.diversity for place in line.places] for line in (one, other)]
    if max(map(min, ranges)) > min(map(max, ranges)):
        return "they have no diversity in common"
    return "where both have points, they are too close to tell apart"


def _shown(place: Place, axes: Axes) -> str:
    quality = -place.quality if axes.negate_quality else place.quality
    return f"{axes.quality} {quality:.3f}, {axes.diversity} {place.diversity:.3f}"
