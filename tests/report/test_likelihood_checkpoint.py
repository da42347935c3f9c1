"""What adversarial training is held against, and where it is drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from report_runs import evaluation, journal, make_run, training, write_journal

from seqgen.report import write_report
from seqgen.report.history import History, Line, Phase
from seqgen.report.likelihood_checkpoint import likelihood_checkpoint
from seqgen.report.methods import source_method
from seqgen.report.panel_pictures import START, describe, draw
from seqgen.report.panels import panels
from seqgen.report.story import read_story

METHODS = {"warm": "teacher-forcing", "soft": "scheduled-sampling", "gan": "seqgan"}
ABOUT = ("event", "step", "round", "phase", "seconds")


def history(*entries: Mapping[str, Any]) -> History:
    lines = [
        Line(e["step"], e["phase"], {n: v for n, v in e.items() if n not in ABOUT}) for e in entries
    ]
    return History((), lines)


def test_it_is_the_last_evaluation_of_the_likelihood_phases_a_run_begins_with() -> None:
    found = likelihood_checkpoint(
        history(
            evaluation(5, "warm", nll=3.0),
            evaluation(10, "soft", nll=2.0),
            evaluation(15, "gan", nll=2.5),
            evaluation(20, "warm", nll=1.0),  # interleaved later: the GAN's doing too
            evaluation(25, "gan", nll=2.6),
        ),
        METHODS,
    )
    assert found is not None and found.step == 10


def test_of_a_run_that_took_the_weights_of_likelihood_it_is_step_0() -> None:
    run = history(evaluation(0, "gan", nll=2.0), evaluation(5, "gan", nll=2.5))
    found = likelihood_checkpoint(run, METHODS, "teacher-forcing")
    assert found is not None and found.step == 0
    for other in ("seqgan", None):  # another GAN's weights, or unknown ones
        assert likelihood_checkpoint(run, METHODS, other) is None


@pytest.mark.parametrize(
    "lines",
    [
        [evaluation(5, "gan", nll=1.0), evaluation(9, "gan", nll=1.0)],  # from scratch
        [evaluation(5, "warm", nll=1.0), evaluation(9, "soft", nll=1.0)],  # nothing adversarial
        [evaluation(0, "gan", nll=1.0)],  # nothing came after it
        [],
    ],
)
def test_there_is_none_where_nothing_adversarial_follows_likelihood(lines: list[Any]) -> None:
    run = history(*lines)
    assert likelihood_checkpoint(run, METHODS) is None


def test_every_panel_of_evaluations_has_its_value_as_a_dashed_line_in_the_legend() -> None:
    figures = {"nll": 2.0, "bleu_4": 0.3, "oracle_nll": 9.0}
    run = history(evaluation(10, "warm", **figures), evaluation(30, "gan", **figures))
    found = {panel.name: panel for panel in panels(run, {}, run.evaluations[0].figures)}
    values = {"nll": 2.0, "bleu": 0.3, "oracle-nll": 9.0}
    for name, value in values.items():
        figure = draw(found[name], [Phase("warm", 10), Phase("gan", 30)])
        (axes,) = figure.get_axes()
        dashed = [line for line in axes.get_lines() if list(line.get_ydata()) == [value] * 2]
        assert any(line.get_linestyle() == "--" and len(line.get_xdata()) == 2 for line in dashed)
        (legend,) = figure.legends
        assert "likelihood" in [text.get_text() for text in legend.get_texts()]
        assert "by likelihood" in describe(found[name])
    (axes,) = draw(panels(run, {})[0], []).get_axes()
    assert not any(line.get_linestyle() == "--" for line in axes.get_lines())
    assert START[1] == (2, 2)


def test_the_page_has_panels_of_the_players_and_says_whether_it_helped(tmp_path: Path) -> None:
    lines = journal()
    lines += [
        training(810 + 10 * n, "seqgan", generator__entropy=2.0 - n / 10,
                 generator__reward_sparsity=0.1, discriminator__score_real=0.9,
                 discriminator__score_fake=0.2)
        for n in range(3)
    ]  # fmt: skip
    folder = make_run(tmp_path / "gan")
    write_journal(folder, lines)
    page = write_report(folder).read_text("utf-8")
    for title in ("Entropy of the generator", "Reward of the generator", "Accuracy",
                  "Reward-sparsity of the generator", "Scores by the discriminator",
                  "BLEU, by the length", "Self-BLEU-4"):  # fmt: skip
        assert title in page, title
    assert "Beside the likelihood checkpoint (step 400)" in page
    assert "Lines of short dashes are the likelihood checkpoint" in page
    start = read_story(folder).start
    assert start is not None and start.step == 400
    drawn = {panel.name: panel for panel in panels(read_story(folder).history, {})}
    assert [series.label for series in drawn["discriminator-scores"].series] == ["real", "fake"]
    assert [series.label for series in drawn["loss-discriminator"].series] == ["loss"]


SOURCE = "phases:\n- {method: {kind: teacher-forcing}, name: warm}\n- method: {kind: seqgan}\n"


@pytest.mark.parametrize(
    ("step", "method"),
    [(100, "teacher-forcing"), (200, "teacher-forcing"), (300, "seqgan"), (None, "seqgan")],
)
def test_the_method_of_the_weights_is_that_of_the_other_run_s_phase(
    tmp_path: Path, step: int | None, method: str
) -> None:
    other = make_run(tmp_path / "other", SOURCE)
    write_journal(other, [training(200, "warm"), training(400, "seqgan")])
    own = make_run(tmp_path / "own")
    write_journal(own, [evaluation(0, bleu_4=0.3), evaluation(9, bleu_4=0.3)])
    assert source_method(own) is None
    (own / "corpus.json").write_text(json.dumps({"init": {"run": str(other), "step": step}}))
    story = read_story(own)
    assert story.source == method
    assert (story.start is not None) is (method == "teacher-forcing")
    assert story.beginning is not None and story.beginning.step == 0
    (other / "recipe.yaml").unlink()
    assert source_method(own) is None


def test_phases_of_repeated_groups_are_known_by_their_methods(tmp_path: Path) -> None:
    recipe = (
        "phases:\n- repeat: 2\n  phases:\n  - method: {kind: teacher-forcing}\n    name: warm\n"
        "    steps: 1\n  - method: {kind: seqgan}\n    steps: 1\n"
    )
    story = read_story(make_run(tmp_path / "run", recipe))
    assert story.methods == {"warm": "teacher-forcing", "seqgan": "seqgan"}
