"""Curves made up by hand: dominated, crossing, apart; and what is said of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, Curve, Point
from seqgen.metrics.quality_diversity.dominance import (
    Line,
    Place,
    against_real,
    compare,
    lines,
    real_place,
    relation,
    relations,
)
from seqgen.metrics.quality_diversity.verdicts import verdicts


def line(name: str, *places: tuple[float, float, float], family: str = "temperature") -> Line:
    """Of (value, diversity, quality)."""
    return Line(name, family, [Place(*place) for place in places])


# Lower left is better. BAD lies above GOOD at every diversity.
GOOD = line("good", (0.5, 5.0, 1.0), (1.0, 3.0, 2.0), (1.5, 1.0, 5.0))
BAD = line("bad", (0.5, 5.0, 2.0), (1.0, 3.0, 3.0), (1.5, 1.5, 5.5))
# Better than GOOD where it is diverse, worse where it is not.
CROSSING = line("crossing", (0.5, 5.0, 2.5), (1.0, 3.0, 1.5), (1.5, 1.0, 4.0))
FAR = line("far", (0.5, 9.0, 0.5), (1.0, 8.0, 0.8))


def at(diversity: float, quality: float) -> Place:
    return Place(0.0, diversity, quality)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (at(3.0, 2.5), "beaten"),  # above a point
        (at(4.0, 1.6), "beaten"),  # above the straight part between two, (4, 1.5)
        (at(4.0, 1.4), "beats"),  # below it
        (at(4.0, 1.5), "neither"),  # on it
        (at(3.0, 2.0), "neither"),  # on a point
        (at(9.0, 1.0), "beaten"),  # as good as the best, and less diverse
        (at(9.0, 0.5), "neither"),  # less diverse and better than all: beyond the curve
        (at(0.5, 9.0), "neither"),  # more diverse and worse than all: beyond the curve
        (at(0.5, 4.0), "beats"),  # more diverse than all and better than some
    ],
)
def test_a_place_against_a_line(place: Place, expected: str) -> None:
    assert relation(place, GOOD) == expected


def test_a_margin_is_how_much_better_the_quality_must_be() -> None:
    for margin, expected in ((0.0, "beaten"), (0.3, "beaten"), (0.5, "beaten"), (0.6, "neither")):
        assert relation(at(3.0, 2.5), GOOD, margin) == expected
    for margin, expected in ((0.0, "beats"), (0.4, "beats"), (0.6, "neither")):
        assert relation(at(3.0, 1.5), GOOD, margin) == expected


def test_a_line_of_one_place_is_that_place() -> None:
    one = line("one", (1.0, 3.0, 2.0))
    assert relation(at(4.0, 2.0), one) == "beaten"
    assert relation(at(2.0, 2.0), one) == "beats"
    assert relation(at(2.0, 3.0), one) == "neither"


def test_a_line_neither_beats_itself_nor_is_beaten() -> None:
    for own in (GOOD, BAD, FAR):
        assert set(relations(own, own)) == {"neither"}


def test_a_place_on_a_line_that_bends_back_does_not_beat_it() -> None:
    hook = line("hook", (0.5, 5.0, 2.0), (1.0, 3.0, 1.0))
    assert relations(hook, hook) == ["beaten", "neither"]
    twin = Line("twin", "temperature", hook.places)
    assert "too close to tell apart" in compare(hook, twin)


def test_a_line_that_bends_back_beats_with_its_lower_side() -> None:
    hook = line("hook", (0.5, 2.0, 1.0), (1.0, 4.0, 1.2), (1.5, 1.0, 5.0))
    assert relation(at(4.0, 1.2), hook) == "beaten"  # its own point, which the first one dominates


COORDINATES = st.floats(-4, 4).map(lambda value: round(value, 2))
LINES = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=5)


@given(COORDINATES, COORDINATES, LINES, st.floats(0, 1))
def test_relations_agree_with_many_points_along_the_line(
    diversity: float, quality: float, places: list[tuple[float, float]], margin: float
) -> None:
    drawn = line("drawn", *((float(n), x, y) for n, (x, y) in enumerate(places)))
    found = relation(at(diversity, quality), drawn, margin)
    ends = list(itertools.pairwise(places)) or [(places[0], places[0])]
    along = [
        (x + share * (to_x - x), y + share * (to_y - y))
        for (x, y), (to_x, to_y) in ends
        for share in (step / 40 for step in range(41))
    ]
    slack = 1e-9
    if any(x < diversity - slack and y < quality - margin - slack for x, y in along):
        assert found == "beaten"
    elif found == "beaten":  # between the points looked at: less than a step away
        assert any(x < diversity + 0.21 and y < quality - margin + 0.21 for x, y in along)
    elif found == "beats":
        assert not any(x < diversity and y < quality + margin for x, y in along)
        assert any(x > diversity - 0.21 and y > quality + margin - 0.21 for x, y in along)
    elif not any(x < diversity + 0.21 and y < quality + margin + 0.21 for x, y in along):
        assert not any(x > diversity and y > quality + margin for x, y in along)


def test_what_is_said_of_a_dominated_curve() -> None:
    expected = "bad is dominated by good at every temperature."
    assert compare(bad := BAD, GOOD) == compare(GOOD, bad) == expected


def test_what_is_said_of_crossing_curves() -> None:
    assert relations(GOOD, CROSSING) == ["beats", "beaten", "beaten"]
    assert relations(CROSSING, GOOD) == ["beaten", "beats", "beats"]
    said = (
        "good beats crossing at temperature 0.5, crossing beats good between temperature 1 and 1.5."
    )
    assert compare(GOOD, CROSSING) == f"neither of good and crossing dominates: {said}"


def test_runs_of_neighbours_are_told_apart() -> None:
    flat = line("flat", *((t / 10, 10.0 - t, 2.0) for t in range(7)))
    waves = [1.0, 1.0, 3.0, 3.0, 1.0, 3.0, 3.0]
    wavy = line("wavy", *((t / 10, 10.0 - t, waves[t]) for t in range(7)))
    said = compare(wavy, flat)
    assert "wavy beats flat between temperature 0 and 0.1 and at temperature 0.4" in said


def test_what_is_said_of_curves_that_are_apart() -> None:
    assert relations(GOOD, FAR) == ["neither"] * 3 and relations(FAR, GOOD) == ["neither"] * 2
    said = "neither of good and far dominates: they have no diversity in common."
    assert compare(GOOD, FAR) == said
    twin = Line("twin", "temperature", GOOD.places)
    assert compare(GOOD, twin).endswith("they are too close to tell apart.")
    assert compare(GOOD, BAD, margin=9.0).endswith("they are too close to tell apart.")


def test_places_between_those_of_the_other_are_told_as_beaten() -> None:
    coarse = line("coarse", (0.5, 6.0, 1.0), (1.0, 2.0, 3.0))
    inside = line("inside", (0.4, 6.5, 0.9), (0.7, 4.0, 2.4))
    assert relations(coarse, inside, 0.25) == ["neither", "neither"]
    said = "neither of coarse and inside dominates: inside is beaten by coarse at temperature 0.7."
    assert compare(coarse, inside, 0.25) == compare(inside, coarse, 0.25).replace(
        "inside and coarse", "coarse and inside"
    )
    assert compare(coarse, inside, 0.25) == said


def test_a_curve_that_reaches_further_is_not_dominated_there() -> None:
    longer = line(
        "longer", (0.2, 9.0, 0.2), *((p.value, p.diversity, p.quality) for p in BAD.places)
    )
    assert compare(longer, GOOD).startswith("good beats longer between temperature 0.5 and ")
    assert compare(longer, GOOD).endswith(", and is beaten nowhere.")


def figures(quality: float, diversity: float, **more: float) -> dict[str, float]:
    return {"bleu-5": quality, "self-bleu-5": diversity, **more}


def curve(name: str, *points: tuple[Any, float, dict[str, float]]) -> Curve:
    return Curve(name, [Point(*point) for point in points], {})


MODEL = curve(
    "mle",
    ("reject-likelihood", 0.5, figures(0.45, 0.55)),
    ("temperature", 1.0, figures(0.25, 0.35)),
    ("temperature", 0.7, figures(0.4, 0.6)),
    ("top-k", 5.0, figures(0.38, 0.7)),
    ("top-k", 50.0, figures(0.27, 0.4)),
)


def test_every_family_starts_at_plain_sampling_and_goes_by_its_values() -> None:
    found = {one.family: [place.value for place in one.places] for one in lines(MODEL, LOCAL)}
    expected = {"temperature": [0.7, 1.0], "top-k": [5.0, 50.0, 0.0], "reject-likelihood": [0.5, 1]}
    assert found == expected
    first = lines(MODEL, LOCAL)[0].places[0]
    assert (first.diversity, first.quality) == (0.6, -0.4)
    assert lines(MODEL, GLOBAL) == []


def test_lower_is_better_where_the_quality_is_not_negated() -> None:
    scores = {"lm-score": 2.0, "reverse-lm-score": 3.0}
    [[place]] = [one.places for one in lines(curve("m", ("temperature", 1.0, scores)), GLOBAL)]
    assert (place.diversity, place.quality) == (3.0, 2.0)


def test_points_without_figures_are_left_out() -> None:
    points: Sequence[tuple[Any, float, dict[str, float]]] = [
        ("temperature", 0.5, figures(math.nan, 0.3)),
        ("temperature", 0.7, {"bleu-5": 0.3}),
        ("temperature", 1.0, figures(0.2, 0.3)),
    ]
    assert [place.value for place in lines(curve("m", *points), LOCAL)[0].places] == [1.0]


def real(quality: float, diversity: float) -> Place:
    found = real_place([MODEL, curve("x", ("real", 0.0, figures(quality, diversity)))], LOCAL)
    assert found is not None
    return found


def test_real_data_is_below_above_or_beside_a_line() -> None:
    model = lines(MODEL, LOCAL)[0]
    nearest = "nearest in self-bleu-5 at temperature 1: bleu-5 0.250, self-bleu-5 0.350"
    below = against_real(model, real(0.5, 0.4), LOCAL)
    assert below.startswith("Real data is better than mle") and nearest in below
    assert "real data bleu-5 0.500, self-bleu-5 0.400" in below
    above = against_real(model, real(0.2, 0.4), LOCAL)
    assert above.startswith("mle is better than real data") and nearest in above
    assert "cannot tell it from real text" in above
    assert "neither better nor worse" in against_real(model, real(0.2, 0.3), LOCAL)
    assert real_place([MODEL], LOCAL) is None


def test_verdicts_are_of_models_of_families_and_of_real_data() -> None:
    worse = curve("worse", ("temperature", 1.0, figures(0.2, 0.36)))
    star = curve("real data", ("real", 0.0, figures(0.26, 0.3)))
    said = verdicts([MODEL, worse, star], LOCAL)
    assert said[0] == "worse is dominated by mle at every temperature."
    assert said[1] == "mle: top-k is dominated by temperature at every top-k."
    # Of the point of plain sampling, which the two share, nothing is said.
    expected = "mle: temperature is dominated by likelihood rejection at every temperature."
    assert said[2] == expected
    assert len(said) == 5 and all("eal data" in one for one in said[3:])
    assert verdicts([star], LOCAL) == [] == verdicts([], LOCAL)


def test_curves_of_other_signatures_are_not_compared() -> None:
    other = Curve("other", MODEL.points, {"bleu-5": "references:10"})
    star = curve("real data", ("real", 0.0, figures(0.26, 0.3)))
    said = verdicts([MODEL, other, star], LOCAL)
    assert said[0] == "mle and other: not measured alike, hence no verdict."
    assert sum("eal data" in one for one in said) == 1


def test_the_spread_over_runs_is_the_margin() -> None:
    def of(name: str, quality: float, **more: float) -> Curve:
        return curve(name, ("temperature", 1.0, figures(quality, 0.35, **more)))

    spread = {"bleu-5-deviation": 0.01, "runs": 4.0}
    single = of("b", 0.24)
    # 2 x sqrt(0.01^2 / 4 + 0.01^2) = 0.0224: the single run is taken to be as spread.
    assert "too close to tell" in verdicts([of("a", 0.262, **spread), single], LOCAL)[0]
    assert "b is dominated by a" in verdicts([of("a", 0.263, **spread), single], LOCAL)[0]
    assert "b is dominated by a" in verdicts([of("a", 0.241), single], LOCAL)[0]


def test_a_margin_below_zero_and_a_line_without_places_are_refused() -> None:
    with pytest.raises(ValueError, match="margin -1"):
        relation(at(1, 1), GOOD, -1.0)
    with pytest.raises(ValueError, match="0 places"):
        relation(at(1, 1), Line("none", "temperature", []))
