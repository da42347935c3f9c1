"""Models over their training: means and spreads over seeds, the likelihood checkpoint, words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from report_runs import evaluation, make_run, training, write_journal

from seqgen.metrics.table import Row, Table
from seqgen.report.comparison import write_comparison
from seqgen.report.study import SPARSITY, Trained, read_study, sentences, study_pictures

RECIPE = """\
phases:
- {{method: {{kind: teacher-forcing}}, steps: 100}}
- {{method: {{kind: seqgan}}, steps: 20}}
evaluate: {{samples: {samples}}}
"""


def gan(folder: Path, at: Sequence[float], samples: int = 1000) -> Path:
    """A run whose grammatical share is `at` step 100, the likelihood checkpoint, 110 and 120."""
    lines: list[dict[str, Any]] = [
        evaluation(50, "teacher-forcing", grammatical=0.1),
        evaluation(100, "teacher-forcing", grammatical=at[0], forward_kl=2.0),
        training(105, "seqgan", generator__reward_sparsity=0.2),
        evaluation(110, "seqgan", grammatical=at[1], forward_kl=2.5),
        training(115, "seqgan", generator__reward_sparsity=0.4),
        evaluation(120, "seqgan", grammatical=at[2], forward_kl=3.0),
    ]
    write_journal(make_run(folder, RECIPE.format(samples=samples)), lines)
    return folder


@pytest.fixture
def models(tmp_path: Path) -> list[Trained]:
    runs = [gan(tmp_path / "1", (0.5, 0.6, 0.7)), gan(tmp_path / "2", (0.6, 0.7, 0.9))]
    alone = gan(tmp_path / "3", (0.4, 0.4, 0.3))
    return read_study({"gan (2 runs)": runs, "other": [alone]})


def test_means_and_deviations_are_over_seeds_and_steps_count_from_the_checkpoint(
    models: list[Trained],
) -> None:
    track = models[0].track("grammatical")
    assert track is not None
    assert track.steps == [0, 10, 20]
    assert track.means == pytest.approx([0.55, 0.65, 0.8])
    assert track.deviations == pytest.approx([0.1 / math.sqrt(2)] * 2 + [0.2 / math.sqrt(2)])
    assert (list(track.starts), list(track.ends)) == ([0.5, 0.6], [0.7, 0.9])
    sparsity = models[0].track(SPARSITY)
    assert sparsity is not None and list(sparsity.steps) == [5, 15] and not sparsity.starts
    assert models[0].track("oracle-nll") is None


def test_only_steps_that_all_runs_have_are_shown(tmp_path: Path) -> None:
    runs = [gan(tmp_path / "1", (0.5, 0.6, 0.7)), gan(tmp_path / "2", (0.6, math.nan, 0.9))]
    (model,) = read_study({"gan": runs})
    track = model.track("grammatical")
    assert track is not None and list(track.steps) == [0, 20]


def test_a_run_without_a_checkpoint_counts_from_its_beginning(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "mle", "phases: [{method: {kind: teacher-forcing}, steps: 9}]\n")
    write_journal(folder, [evaluation(s, "teacher-forcing", grammatical=0.1) for s in (3, 6, 9)])
    (model,) = read_study({"mle": [folder]})
    track = model.track("grammatical")
    assert track is not None and list(track.steps) == [3, 6, 9] and not track.starts
    assert all(map(math.isnan, track.deviations))
    assert sentences([model]) == []


def test_words_hold_the_change_of_every_seed_from_its_own_checkpoint(
    models: list[Trained],
) -> None:
    first, second = sentences(models)
    assert first.startswith("gan (2 runs), from the likelihood checkpoint over 20 steps: ")
    assert "grammatical 0.550 to 0.800 (+0.250 ± 0.071)" in first  # 0.2 and 0.3
    assert "forward-kl 2.000 to 3.000 (+1.000 ± 0.000)" in first
    assert "reward-sparsity 0.200 to 0.400" in first
    assert "grammatical 0.400 to 0.300 (−0.100)" in second


def test_other_numbers_of_sentences_are_told(tmp_path: Path) -> None:
    few = gan(tmp_path / "few", (0.5, 0.6, 0.7), samples=100)
    many = gan(tmp_path / "many", (0.5, 0.6, 0.7))
    said = sentences(read_study({"few": [few], "many": [many]}))
    assert "different numbers of sentences" in said[-1] and "100, 1000" in said[-1]


def test_each_figure_is_a_picture_with_a_line_a_model_its_band_and_its_checkpoint(
    models: list[Trained],
) -> None:
    drawn = {picture.name: picture for picture in study_pictures(models)}
    assert list(drawn) == [
        "over-steps-grammatical", "over-steps-forward-kl", "over-steps-reward-sparsity",
    ]  # fmt: skip
    (axes,) = drawn["over-steps-grammatical"].figure.get_axes()
    lines = [list(map(float, line.get_ydata())) for line in axes.get_lines()]
    assert [pytest.approx(v) for v in lines] == [
        [0.55, 0.65, 0.8], [0.55, 0.55], [0.4, 0.4, 0.3], [0.4, 0.4],
    ]  # fmt: skip
    assert len(axes.collections) == 1  # the band of the model of two runs
    (legend,) = drawn["over-steps-grammatical"].figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "gan (2 runs)", "other", "likelihood",
    ]  # fmt: skip
    assert axes.get_xlim()[1] == pytest.approx(20.4)
    assert "gan (2 runs): from 0.550 at step 0 to 0.800 at step 20, 0.550 by likelihood" in (
        drawn["over-steps-grammatical"].description
    )


def test_models_of_likelihood_alone_are_drawn_where_there_are_no_others(
    models: list[Trained], tmp_path: Path
) -> None:
    folder = make_run(tmp_path / "mle", "phases: [{method: {kind: teacher-forcing}, steps: 900}]\n")
    lines = [evaluation(s, "teacher-forcing", grammatical=0.1) for s in (300, 600, 900)]
    write_journal(folder, lines)
    (mle,) = read_study({"mle": [folder]})
    (alone,) = study_pictures([mle])
    assert alone.figure.get_axes()[0].get_xlim()[1] == pytest.approx(918)
    beside = study_pictures([*models, mle])[0]
    assert beside.figure.get_axes()[0].get_xlim()[1] == pytest.approx(20.4)
    assert "mle" not in beside.description


def test_the_page_of_a_comparison_has_them(models: list[Trained], tmp_path: Path) -> None:
    table = Table([Row("gan (2 runs)", []), Row("other", [])])
    place = tmp_path / "out"
    page = write_comparison(place, "2 models", table, [], {}, None, models).read_text("utf-8")
    assert 'id="over-steps"' in page and "Share grammatical" in page and "Forward KL" in page
    assert (place / "over-steps-forward-kl.png").is_file()
    assert (place / "over-steps-forward-kl.svg").is_file()
