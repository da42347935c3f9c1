"""What a report says of adversarial training: only what chance does not explain."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from report_runs import evaluation

from seqgen.metrics.score import Interval, Score
from seqgen.metrics.table import Row, Table
from seqgen.report.chance import explained
from seqgen.report.history import ABOUT, History, Line
from seqgen.report.record import Record
from seqgen.report.story import Story
from seqgen.report.verdict import apart, said

RECIPE = {"phases": [{"name": "warm", "method": {"kind": "teacher-forcing"}},
                     {"name": "gan", "method": {"kind": "seqgan"}}]}  # fmt: skip
OLD = {"bleu_4": 0.30, "self_bleu_4": 0.40, "nll": 2.0, "oracle_nll": 9.0}
REAL = {"self-bleu-4": 0.35}
Entry = Mapping[str, Any]


def told(*entries: Entry, real: Mapping[str, float] | None = None, **more: Any) -> str | None:
    lines = [
        Line(e["step"], e["phase"], {n: v for n, v in e.items() if n not in ABOUT}) for e in entries
    ]
    history = History((), lines, real or {}, more.pop("signatures", {}))
    return said(Story("run", RECIPE, "", history, more.pop("record", None), {}, {}, **more))


def verdict(sentence: str | None) -> str:
    assert sentence is not None
    return sentence.rpartition(": ")[2]


@pytest.mark.parametrize(
    ("now", "words"),
    [
        ({"bleu_4": 0.40, "self_bleu_4": 0.30}, "made both better"),
        ({"bleu_4": 0.40, "self_bleu_4": 0.50}, "bought quality with diversity"),
        ({"bleu_4": 0.20, "self_bleu_4": 0.30}, "bought diversity with quality"),
        ({"bleu_4": 0.20, "self_bleu_4": 0.50}, "did not help"),
        ({"bleu_4": 0.20, "self_bleu_4": 0.40}, "did not help"),
        ({"bleu_4": 0.40, "self_bleu_4": 0.401}, "cost no diversity"),
        ({"bleu_4": 0.315, "self_bleu_4": 0.385}, "nothing that chance does not explain"),
        # Under an oracle lower is better, and the held-out NLL tells the price.
        ({"oracle_nll": 8.0, "nll": 2.5, "self_bleu_4": 0.3}, "bought quality with diversity"),
        ({"oracle_nll": 8.0, "nll": 1.5, "self_bleu_4": 0.5}, "made both better"),
        ({"oracle_nll": 8.98, "nll": 1.98}, "nothing that chance does not explain"),
        ({"oracle_nll": 8.9, "nll": 2.0}, "made the quality better and cost no diversity"),
    ],
)
def test_a_sentence_says_whether_quality_and_diversity_got_better(
    now: dict[str, float], words: str
) -> None:
    sentence = told(evaluation(10, "warm", **OLD), evaluation(30, "gan", **now))
    assert words in verdict(sentence)
    assert sentence and "likelihood checkpoint (step 10)" in sentence and "step 30" in sentence
    assert "one run" in sentence


def test_the_sentence_holds_the_figures() -> None:
    now = {"bleu_4": 0.40, "self_bleu_4": 0.50}
    sentence = told(evaluation(10, "warm", **OLD), evaluation(30, "gan", **now)) or ""
    assert "quality better (bleu-4 from 0.300 to 0.400)" in sentence
    assert "diversity worse (self-bleu-4 from 0.400 to 0.500)" in sentence


@pytest.mark.parametrize(
    ("before", "now", "words"),
    [
        (0.45, 0.36, "diversity nearer to real text (self-bleu-4 from 0.450 to 0.360, real text"),
        (0.20, 0.10, "diversity farther from real text"),
        (0.30, 0.40, "diversity about the same"),  # as far above real text as it was below
        (0.018, 0.0176, "diversity about the same (self-bleu-4 from 0.0180 to 0.0176"),
    ],
)
def test_diversity_is_held_against_that_of_real_text(before: float, now: float, words: str) -> None:
    lines = [evaluation(s, p, bleu_4=0.3, self_bleu_4=v)
             for s, p, v in ((10, "warm", before), (30, "gan", now))]  # fmt: skip
    sentence = told(*lines, real=REAL)
    assert sentence is not None and words in sentence


def test_quality_for_more_than_real_diversity_is_not_called_a_lower_temperature() -> None:
    lines = [evaluation(10, "warm", bleu_4=0.2, self_bleu_4=0.2),
             evaluation(30, "gan", bleu_4=0.3, self_bleu_4=0.1)]  # fmt: skip
    assert "one better and the other worse" in verdict(told(*lines, real=REAL))


def test_the_weights_of_no_likelihood_run_are_not_called_so() -> None:
    lines = evaluation(0, "gan", **OLD), evaluation(30, "gan", **OLD)
    for source in ("seqgan", None):
        sentence = told(*lines, source=source) or ""
        assert sentence.startswith("Beside the weights it began with (step 0)")
        assert "likelihood checkpoint" not in sentence
    assert "Beside the likelihood checkpoint (step 0)" in (
        told(*lines, source="teacher-forcing") or ""
    )


@pytest.mark.parametrize(
    "lines",
    [
        [evaluation(10, "warm", nll=2.0), evaluation(30, "gan", nll=2.5)],  # no quality
        [evaluation(10, "gan", **OLD), evaluation(30, "gan", **OLD)],  # from scratch
        [evaluation(0, "warm", **OLD), evaluation(30, "warm", **OLD)],  # nothing adversarial
        [evaluation(0, "gan", **OLD)],
        [],
    ],
)
def test_else_nothing_is_said(lines: list[Any]) -> None:
    assert told(*lines) is None


def measured(wide: float, sentences: int) -> Score:
    return Score(
        "bleu-4", 0.3, f"hypotheses:{sentences}|order:4", Interval(0.3 - wide, 0.3 + wide, "b")
    )


def test_an_interval_is_widened_to_a_difference_of_evaluations_in_training() -> None:
    """Half width 0.01 of 8,000 sentences: 0.02 of 2,000, and sqrt(2) times that of a difference."""
    limit = explained("bleu-4", 0.3, measured(0.01, 8000), "order:4|hypotheses:2000")
    assert limit == pytest.approx(0.02 * 2**0.5)
    assert explained("bleu-4", 0.3, measured(1e-5, 8000), "hypotheses:2000") == 0.005


def test_without_an_interval_or_sizes_the_threshold_is_wide() -> None:
    score = measured(0.001, 8000)
    bare = dataclasses.replace(score, interval=None)
    for given, signature in ((None, "hypotheses:9"), (bare, "hypotheses:9"), (score, None)):
        assert explained("bleu-4", 0.3, given, signature) == 0.02
        assert explained("bleu-4", 0.9, given, signature) == pytest.approx(0.027)
        assert explained("oracle-nll", 9.0, given, signature) == 0.03


def test_the_interval_of_the_run_s_evaluation_decides(tmp_path: Path) -> None:
    lines = evaluation(10, "warm", **OLD), evaluation(30, "gan", bleu_4=0.315, self_bleu_4=0.4)
    signatures = {"bleu-4": "hypotheses:1000"}
    for wide, words in ((0.005, "made the quality better"), (0.02, "nothing that chance")):
        record = Record({}, Table([Row("run", [measured(wide, 1000)], "system")]))
        assert words in verdict(told(*lines, signatures=signatures, record=record))


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        ((0.3, 0.4), ("0.300", "0.400")),
        ((0.01812, 0.01808), ("0.01812", "0.01808")),
        ((0.5, 0.5), ("0.500", "0.500")),
        ((0.50000001, 0.5), ("0.500000", "0.500000")),
    ],
)
def test_two_figures_are_shown_with_digits_that_differ(
    pair: tuple[float, float], shown: tuple[str, str]
) -> None:
    assert apart(*pair) == shown
