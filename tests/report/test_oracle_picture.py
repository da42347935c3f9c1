"""The plane of an oracle as a picture: what lies where, and that it is on the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.quality_diversity.means import mean_curve
from seqgen.metrics.quality_diversity.oracle_plane import Plane
from seqgen.metrics.table import Row, Table
from seqgen.report.comparison import write_comparison
from seqgen.report.oracle_picture import describe, draw


def line(name: str, up: float = 0.0) -> Curve:
    places = [(0.4, 5.0, 40.0), (0.5, 6.0, 8.2), (1.0, 8.0, 7.5), (1 / 0.7, 10.0, 8.3)]
    points = [
        Point("temperature", t, {"oracle-nll": oracle, "nll": held_out + up})
        for t, oracle, held_out in places
    ]
    return Curve(name, points, {})


GROUP = mean_curve("gan (2 runs)", [line("1", 0.2), line("2", 0.4)])
PLANE = Plane([line("mle <b>"), GROUP], 5.75)


def test_samples_lie_across_held_out_sentences_up_and_temperature_1_is_marked() -> None:
    (axes,) = draw(PLANE).get_axes()
    drawn = [list(zip(one.get_xdata(), one.get_ydata(), strict=True)) for one in axes.get_lines()]
    assert drawn[0] == [(5.0, 40.0), (6.0, 8.2), (8.0, 7.5), (10.0, 8.3)]
    assert drawn[1] == [(8.0, 7.5)]
    assert any(one == [(8.0, pytest.approx(7.8))] for one in drawn)
    assert drawn[-1] == [(5.75, 0), (5.75, 1)]  # the oracle's own, from the bottom to the top
    low, high = axes.get_ylim()
    assert low < 7.5 and 7.8 < high < 10  # cold ends far above do not press all else together


def test_labels_are_what_logits_are_multiplied_by() -> None:
    (axes,) = draw(Plane([line("mle")], 5.75)).get_axes()
    assert {label.get_text() for label in axes.texts} == {"×1", "×2", "×0.7"}  # ×2.5 is above


def test_the_picture_in_words_has_temperature_1_the_ends_and_the_spread() -> None:
    said = describe(PLANE)
    assert "mle <b>: 8.000, 7.500 (×1), 5.000, 40 (×2.5), 10, 8.300 (×0.7)" in said
    assert "gan (2 runs): 8.000 ± 0.000, 7.800 ± 0.141 (×1)" in said
    assert said.endswith("the oracle's NLL of its own sentences: 5.750.")


def test_the_page_has_it_and_the_files_lie_beside(tmp_path: Path) -> None:
    table = Table([Row("mle <b>", []), Row("gan (2 runs)", [])])
    page = write_comparison(tmp_path, "2 models", table, [], {"at": ["It is so."]}, PLANE)
    text = page.read_text("utf-8")
    assert 'id="oracle-plane"' in text and "It is so." in text and "mle &lt;b&gt;" in text
    assert "×2.5" in text and "7.800 ± 0.141" in text and "one standard deviation" in text
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"comparison.html", "oracle-plane.png", "oracle-plane.svg"}
