"""Which of two lines has the better quality at the same diversity, beyond chance.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549) compares models so, by eye. Two
lines are compared at a few diversities that both have, and chance there is that of the difference
of qualities: over the training runs where there are several, else over the draw of the sentences.
There are two tests, of the mean over these diversities and of each alone (Bonferroni); in one of
twenty comparisons of equal models, at most, one of them finds a difference by chance.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from seqgen.metrics.quality_diversity.chance import two_sided
from seqgen.metrics.quality_diversity.lines import Line, variance_of_draws

LEVEL = 0.05
"""How often, at most, a comparison of equal models may find a difference."""
TESTS = 5
"""Diversities at which two lines are compared."""
FINE = 5
"""Settings from which on a line is judged between them too: straight parts that are long lie above
the line that more settings would give."""


@dataclass(frozen=True)
class Difference:
    """What two lines have at a diversity: their qualities, and how ``probable`` so large a
    difference is by chance; nan where nothing tells."""

    diversity: float
    one: float
    other: float
    probable: float


def differences(one: Line, other: Line) -> list[Difference]:
    """Return how two lines differ at the diversities where they are compared, from low to high.

    None where they share no diversity, or where both are too coarse.
    """
    found = []
    for diversity in _tested(one, other):
        ours, theirs = one.quality(diversity), other.quality(diversity)
        variance, freedom = _chance(one, other, diversity)
        found.append(
            Difference(diversity, ours, theirs, probability(ours - theirs, variance, freedom))
        )
    return found


def on_the_whole(one: Line, other: Line, found: Sequence[Difference]) -> float:
    """Return how probable it is by chance that two lines differ so much in the mean over the
    diversities compared; nan where nothing tells.

    Every difference counts in its own standard errors: where lines are steep, little of a
    difference in quality is sure. Their mean is tested as if the places moved together, which is
    cautious. It has more power than a place by itself, of which several are tested.
    """
    chances = [_chance(one, other, difference.diversity) for difference in found]
    if any(not math.isfinite(variance) or freedom < 1 for variance, freedom in chances):
        return math.nan
    gaps = [difference.one - difference.other for difference in found]
    if any(variance == 0 for variance, _ in chances):
        return 1.0 if math.fsum(gaps) == 0 else 0.0
    errors = [math.sqrt(variance) for variance, _ in chances]
    mean = statistics.fmean(gap / error for gap, error in zip(gaps, errors, strict=True))
    return two_sided(mean, min(freedom for _, freedom in chances))


def better(found: Sequence[Difference]) -> list[int]:
    """Return for each difference 1 where the first is better, -1 where the other is, else 0."""
    level = LEVEL / 2 / max(len(found), 1)
    return [
        0 if not d.probable <= level else 1 if d.one < d.other else -1  # nan is no difference
        for d in found
    ]


def coarse(line: Line) -> bool:
    """Return whether the line has too few settings to be judged between them."""
    return len(line.places) < FINE


def probability(difference: float, variance: float, freedom: float) -> float:
    """Return how probable a difference at least so large is by chance; nan where nothing tells."""
    if not math.isfinite(variance) or freedom < 1:
        return math.nan
    if variance == 0:
        return 1.0 if difference == 0 else 0.0
    return two_sided(difference / math.sqrt(variance), freedom)


def chance_of(line: Line, diversity: float) -> tuple[float, float]:
    """Return the variance of a line's quality at a diversity, and its degrees of freedom."""
    drawn, freedom = variance_of_draws(line, diversity)
    runs = _of_runs(line, diversity)
    if len(runs) < 2:
        return drawn, freedom
    return _at_least(statistics.variance(runs) / len(runs), drawn), len(runs) - 1.0


def together(*chances: tuple[float, float]) -> tuple[float, float]:
    """Return the variance of a difference, and its degrees of freedom ("The generalization of
    'Student's' problem when several different population variances are involved", Welch 1947)."""
    total = math.fsum(variance for variance, _ in chances)
    if any(freedom < 1 for _, freedom in chances):
        return math.nan, 0.0
    if total == 0:
        return 0.0, 1.0
    return total, total**2 / math.fsum(v**2 / freedom for v, freedom in chances)


def _tested(one: Line, other: Line) -> list[float]:
    (low, high), (least, most) = one.reach(), other.reach()
    low, high = max(low, least), min(high, most)
    if low > high or (coarse(one) and coarse(other)):
        return []
    if not (coarse(one) or coarse(other)):
        return [low + (high - low) * (2 * step + 1) / (2 * TESTS) for step in range(TESTS)]
    few = one if coarse(one) else other
    found = {place.diversity for place in few.places if low <= place.diversity <= high}
    return sorted(d for d in found if math.isfinite(one.quality(d) - other.quality(d)))


def _chance(one: Line, other: Line, diversity: float) -> tuple[float, float]:
    """Return the variance of the difference of two lines, and its degrees of freedom; one run is
    taken to be as spread as those of the other line."""
    drawn = together(*(variance_of_draws(line, diversity) for line in (one, other)))
    both = [_of_runs(line, diversity) for line in (one, other)]
    freedom = sum(len(runs) - 1 for runs in both)
    if freedom < 1:
        return drawn
    squares = sum(statistics.variance(runs) * (len(runs) - 1) for runs in both if len(runs) > 1)
    variance = squares / freedom * sum(1 / len(runs) for runs in both)
    return _at_least(variance, drawn[0]), float(freedom)


def _of_runs(line: Line, diversity: float) -> list[float]:
    """Return the quality of every run at a diversity."""
    return [run.quality(diversity) for run in line.runs or (line,)]


def _at_least(variance: float, drawn: float) -> float:
    """Return the variance over runs; few that happen to agree are as uncertain as their draws."""
    return max(variance, drawn) if math.isfinite(drawn) else variance
