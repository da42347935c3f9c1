"""Rows and curves of several runs as one."""

from __future__ import annotations

import math
import statistics

import pytest

from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.quality_diversity.means import mean_curve, mean_rows
from seqgen.metrics.score import Interval, Score
from seqgen.metrics.table import Row

VALUES = [0.2, 0.25, 0.33]


def row(value: float, *more: Score) -> Row:
    return Row("run", [Score("bleu-5", value, "order:5|version:1", Interval(0, 1, "b")), *more])


def curve(value: float, setting: float = 0.5, signature: str = "s") -> Curve:
    figures = {"bleu-5": value, "self-bleu-5": 2 * value}
    return Curve("run", [Point("temperature", setting, figures)], {"bleu-5": signature})


def test_rows_have_the_mean_and_the_deviation_of_the_sample() -> None:
    means, spread = mean_rows("mle", [row(value) for value in VALUES])
    assert (means.name, spread.name) == ("mle", "± of 3 runs")
    assert (means.kind, spread.kind) == ("system", "deviation")
    assert means.scores[0].value == pytest.approx(statistics.mean(VALUES))
    assert spread.scores[0].value == pytest.approx(statistics.stdev(VALUES))
    assert means.scores[0].signature == "order:5|version:1|runs:3"
    assert means.scores[0].interval is None  # that of one run tells nothing of the seeds


def test_a_single_row_keeps_its_figures_and_has_no_deviation() -> None:
    [same] = mean_rows("mle", [row(0.3)])
    assert same.name == "mle" and same.scores == row(0.3).scores


def test_scores_that_a_run_lacks_are_left_out() -> None:
    more = Score("nll", 3.0, "x")
    means, _ = mean_rows("mle", [row(0.1, more), row(0.2)])
    assert [score.name for score in means.scores] == ["bleu-5"]


def test_what_is_not_a_number_has_no_deviation() -> None:
    assert math.isnan(mean_rows("m", [row(math.inf), row(1.0)])[1].scores[0].value)


def test_curves_have_mean_figures_deviations_and_their_runs() -> None:
    found = mean_curve("mle", [curve(value) for value in VALUES])
    [point] = found.points
    assert found.name == "mle" and point.label == "temperature 0.5"
    assert point.figures["bleu-5"] == pytest.approx(statistics.mean(VALUES))
    assert point.figures["self-bleu-5-deviation"] == pytest.approx(2 * statistics.stdev(VALUES))
    assert [dict(run.points[0].figures) for run in found.runs] == [
        curve(value).points[0].figures for value in VALUES
    ]
    assert dict(mean_curve("mle", [curve(0.2)]).points[0].figures) == curve(0.2).points[0].figures


def test_what_was_not_measured_alike_has_no_mean() -> None:
    with pytest.raises(ValueError, match="bleu-5: a beside b"):
        mean_rows("m", [Row("r", [Score("bleu-5", 0.1, signature)]) for signature in "ab"])
    with pytest.raises(ValueError, match="same settings"):
        mean_curve("m", [curve(0.2), curve(0.2, setting=0.7)])
    with pytest.raises(ValueError, match="measured alike"):
        mean_curve("m", [curve(0.2), curve(0.2, signature="t")])
    for empty in (mean_rows, mean_curve):
        with pytest.raises(ValueError, match="0 "):
            empty("m", [])


def test_a_curve_is_kept_without_its_runs() -> None:
    found = mean_curve("mle", [curve(value) for value in VALUES])
    assert len(found.runs) == 3
    assert Curve.from_json(found.to_json()) == Curve("mle", found.points, found.signatures)
