"""What is drawn where: labels without overlaps, panels, and points in the right direction."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from report_runs import curve, evaluation, real_curve, training

from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, Axes, Curve, Point
from seqgen.report import pictures, spots, style
from seqgen.report.history import History, Line, Phase
from seqgen.report.labels import Box, along, place
from seqgen.report.panel_pictures import draw, fitted, short_step
from seqgen.report.panels import MOST_POINTS, panels, thinned
from seqgen.report.words import number, spoken

ROOM = Box(0, 0, 300, 200)
PLACES = some.tuples(some.floats(0, 300), some.floats(0, 200))


@settings(max_examples=60)
@given(some.lists(PLACES, max_size=20))
def test_labels_cover_neither_each_other_nor_points_and_stay_inside(
    points: list[tuple[float, float]],
) -> None:
    boxes = place(points, [(25.0, 10.0)] * len(points), ROOM)
    there = [box for box in boxes if box is not None]
    assert len(boxes) == len(points)
    for number_, box in enumerate(there):
        assert box.lies_in(ROOM)
        assert not any(box.overlaps(other) for other in there[number_ + 1 :])
        assert not any(box.left < x < box.right and box.bottom < y < box.top for x, y in points)


def test_a_lone_point_is_labelled_on_its_right_or_where_no_line_is() -> None:
    (free,) = place([(100, 100)], [(20, 10)], ROOM)
    assert free is not None and free.left > 100
    line = along([(100.0, 100.0), (300.0, 100.0)], 3)
    (beside,) = place([(100, 100)], [(20, 10)], ROOM, line)
    assert beside is not None and not any(map(beside.overlaps, line))
    everywhere = [ROOM]
    (anyhow,) = place([(100, 100)], [(20, 10)], ROOM, everywhere)
    assert anyhow == free


def test_points_are_drawn_with_lower_left_better() -> None:
    first, *_ = spots.spots_of(curve("a"), LOCAL)
    point = first.point
    assert first.quality == -point.figures["bleu-5"]
    assert first.diversity == point.figures["self-bleu-5"]
    assert spots.spots_of(curve("a"), GLOBAL)[0].quality == point.figures["lm-score"]
    assert spots.axis_names(LOCAL) == ("−BLEU-5", "Self-BLEU-5")


def test_what_has_no_figures_is_not_drawn() -> None:
    half = Curve("half", [Point("temperature", 1.0, {"bleu-5": 0.2})], {})
    lost = Point("temperature", 1.0, {"bleu-5": 0.2, "self-bleu-5": math.nan})
    assert spots.drawable([half, Curve("lost", [lost], {})]) == []
    assert [name for name, _ in spots.drawable([curve("a")])] == ["local", "global"]


def data_of(curves: list[Curve], axes: Axes) -> list[list[tuple[float, float]]]:
    """The places of the lines, in the order of drawing: of each family its path, its markers."""
    (plane,) = pictures.quality_diversity(curves, axes).get_axes()
    lines = [line for line in plane.get_lines() if len(line.get_xdata())]
    return [list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in lines]


def test_each_family_is_a_line_by_its_values_and_real_data_a_star() -> None:
    shuffled = Curve("a", list(reversed(curve("a").points)), {})
    rejection, rejected, temperature, heated, star = data_of([shuffled, real_curve()], LOCAL)
    assert (len(rejected), len(heated), star) == (4, 9, [(-0.22, 0.17)])
    assert [y for _, y in heated] == sorted((y for _, y in heated), reverse=True)
    assert temperature == heated
    assert rejection == [*rejected, heated[5]]  # rejecting nothing is temperature 1


def test_labels_and_names_are_written_as_they_are() -> None:
    figure = pictures.quality_diversity([curve("_a $x$", spread=True), real_curve()], LOCAL)
    (plane,) = figure.get_axes()
    words = {text.get_text() for text in plane.texts}
    assert words >= {"0.5", "1.3", "0.25", "real data"}
    assert len(words) == 12  # 0.5 and 0.9 are both temperatures and shares
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "_a $x$",
        "temperature",
        "reject-likelihood",
        "real data",
    ]
    assert "_a $x$: " in spots.describe([curve("_a $x$")], LOCAL)


def lines(*entries: dict[str, object]) -> list[Line]:
    about = ("event", "step", "round", "phase", "seconds")
    return [
        Line(
            int(str(entry["step"])),
            str(entry["phase"]),
            {name: float(str(v)) for name, v in entry.items() if name not in about},
        )
        for entry in entries
    ]


def test_panels_group_what_belongs_together() -> None:
    history = History(
        lines(
            training(1, generator__loss=2.0, generator__nll=2.0, generator__rate=0.1),
            training(2, generator__loss=1.5, generator__nll=1.5, generator__rate=0.2,
                     discriminator__loss=1.3, discriminator__real=0.7, discriminator__accuracy=0.6,
                     generator__reward=0.5, generator__reward_deviation=0.1),
        ),
        lines(
            evaluation(1, nll=3.0, perplexity=20.0, bleu_2=0.5, bleu_4=0.2, unique=1.0, novel=0.9),
            evaluation(2, nll=2.0, perplexity=7.0, bleu_2=0.6, bleu_4=0.3, unique=1.0, novel=0.8),
        ),
    )  # fmt: skip
    found = {panel.name: panel for panel in panels(history, {"bleu-4": 0.28})}
    shown = {name: [series.label for series in panel.series] for name, panel in found.items()}
    assert shown == {
        "loss-generator": ["loss"],  # its only term is the loss itself
        "loss-discriminator": ["loss", "real"],
        "nll": ["held-out", "training"],
        "bleu": ["2", "4"],
        "shares": ["unique", "novel"],
        "accuracy": ["discriminator"],
        "generator-reward": ["reward"],
        "rate": ["generator"],
    }
    assert [series.real for series in found["bleu"].series] == [None, 0.28]
    assert list(found["generator-reward"].series[0].deviations) == [0.1]
    assert found["accuracy"].chance == 0.5


def test_a_rate_that_never_moves_has_no_picture() -> None:
    history = History(lines(training(1, generator__rate=0.1), training(2, generator__rate=0.1)))
    assert panels(history, {}) == []


def test_long_curves_are_means_of_neighbours() -> None:
    curve_ = [(float(n), float(n)) for n in range(7 * MOST_POINTS)]
    drawn = thinned(curve_)
    assert len(drawn) == MOST_POINTS and drawn[0] == (3.0, 3.0)
    assert thinned(curve_[:5]) == curve_[:5]


@pytest.mark.parametrize("count", [1, 2, 40])
def test_a_line_stands_where_the_phase_changes(count: int) -> None:
    history = History((), lines(*(evaluation(step, nll=1.0) for step in range(1, 81))))
    (panel,) = panels(history, {})
    phases = [Phase(f"phase {n}", (n + 1) * 80 // count) for n in range(count)]
    (axes,) = draw(panel, phases).get_axes()
    upright = [line.get_xdata()[0] for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert upright == ([40.0] if count == 2 else [])
    assert [text.get_text() for text in axes.texts] == (
        ["phase 0", "phase 1"] if count == 2 else []
    )


def test_numbers_and_names_are_short() -> None:
    values = [0.26789, 25.142, 8698.6, -0.5, 0.0, 1.2e-5, math.nan, 0.9996, 0.0004]
    assert [number(v) for v in values] == [
        "0.268", "25.14", "8,699", "−0.500", "0.000", "1.2e−05", "–", "0.99960", "0.0004",
    ]  # fmt: skip
    assert [short_step(4000, end) for end in (8000, 12000, 2e6)] == ["4000", "4k", "0.004M"]
    assert [fitted("pretraining", n) for n in (11, 6, 3)] == ["pretraining", "pretr…", ""]
    assert pictures.shortened("x" * 100) == "x" * 16 + "…" + "x" * 16
    assert spoken("reverse-lm-score") == "Reverse LM score"


@pytest.mark.parametrize("low", [2.4361, -1e-3, 1234.5])
def test_labels_of_ticks_differ_however_near_the_values(low: float) -> None:
    with style.styled():
        axes = style.new_figure(300, 200).subplots()
        axes.plot([0, 1], [low, low + 4e-4])
        style.plain_numbers(axes)
        axes.figure.draw_without_rendering()
        labels = [label.get_text() for label in axes.get_yticklabels()]
    assert len(labels) > 3 and len(set(labels)) == len(labels)
