"""The plane of an oracle in words and figures: what is read from lines, and where they end."""

from __future__ import annotations

import math

import pytest

from seqgen.metrics.quality_diversity.curves import ORACLE, Curve, Point
from seqgen.metrics.quality_diversity.means import mean_curve
from seqgen.metrics.quality_diversity.oracle_plane import (
    Plane,
    at_one,
    reading,
    scores,
    sentences,
)
from seqgen.metrics.quality_diversity.verdicts import verdicts

# Temperature, NLL under the oracle, held-out NLL: colder is likelier, and the middle fits best.
PLACES = [(0.5, 6.0, 9.0), (0.75, 7.0, 8.0), (1.0, 8.0, 7.5), (1.25, 9.0, 7.9), (1.5, 10.0, 9.1)]


def line(name: str, over: float = 0.0, up: float = 0.0) -> Curve:
    """The places moved."""
    points = [
        Point("temperature", t, {"oracle-nll": oracle + over, "nll": held_out + up})
        for t, oracle, held_out in PLACES
    ]
    return Curve(name, points, {"oracle-nll": "o", "nll": "n"})


def test_the_held_out_nll_is_read_between_temperatures() -> None:
    assert reading(line("a"), 7.25).mean == pytest.approx(8.0 - 0.25 * 0.5)
    assert reading(line("a"), 8.0).mean == 7.5
    assert math.isnan(reading(line("a"), 7.25).deviation)


def test_of_several_runs_each_line_is_read_at_the_same_place() -> None:
    group = mean_curve("a (2 runs)", [line("1", up=0.1), line("2", over=1.0, up=-0.3)])
    first, second = 8.0 - 0.25 * 0.5 + 0.1, 8.0 + 0.75 * 1.0 - 0.3
    found = reading(group, 7.25)
    assert found.mean == pytest.approx(8.9 - 0.75 * 1.0)  # from (6.5, 8.9) to (7.5, 7.9)
    assert found.deviation == pytest.approx(abs(first - second) / math.sqrt(2))


def test_lines_are_not_continued_beyond_their_ends() -> None:
    assert math.isnan(reading(line("a"), 5.99).mean)
    group = mean_curve("a", [line("1"), line("2", over=1.0)])
    assert math.isnan(reading(group, 6.4).mean)  # the means begin at 6.5
    assert reading(group, 6.5).mean == pytest.approx(9.0)
    assert math.isnan(reading(group, 6.5).deviation)  # the second begins at 7


def test_the_table_has_a_figure_for_each_model_at_the_temperature_1_of_each() -> None:
    curves = [line("a"), line("b", over=-0.5, up=0.2)]
    plane = Plane(curves, 5.75)
    assert [at_one(curve) for curve in curves] == [curve.points[2] for curve in curves]
    means, deviations = scores(curves[0], plane)
    assert [(s.name, s.value) for s in means] == [
        ("nll@oracle-8.000", pytest.approx(7.5)),
        ("nll@oracle-7.500", pytest.approx(7.75)),
    ]
    assert "of b" in means[1].signature and all(math.isnan(s.value) for s in deviations)


def test_words_say_where_models_lie_and_who_is_lower_at_the_same_place() -> None:
    group = mean_curve("two (2 runs)", [line("1", up=0.5), line("2", up=0.7)])
    said = sentences(Plane([line("one"), group, line("far", over=5.0)], 5.7524))
    assert said[0] == "At temperature 1, one: oracle-nll 8.000, held-out nll 7.500."
    assert "two (2 runs): oracle-nll 8.000 ± 0.000, held-out nll 8.100 ± 0.141" in said[1]
    at = "Held-out nll at oracle-nll 8.000, where"
    assert said[3] == (
        f"{at} one has temperature 1: one 7.500; two (2 runs) 8.100 ± 0.141 (0.600 more); "
        "far does not reach so far."
    )
    assert "one 7.500 (0.600 less)" in said[4]
    assert said[-1] == "The oracle's NLL of its own sentences is 5.752 nats a token."


def test_verdicts_compare_the_held_out_nll_at_equal_nll_under_the_oracle() -> None:
    better = mean_curve("better", [line("1", up=0.01), line("2"), line("3", up=-0.01)])
    worse = mean_curve("worse", [line("4", up=1.0), line("5", up=1.01), line("6", up=0.99)])
    first = verdicts([better, worse], ORACLE)[0]
    assert "worse is dominated by better" in first and "nll 1.000 better in the mean" in first
