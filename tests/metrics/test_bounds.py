"""Intervals stay within what a figure can be, and say something where nothing varied."""

import numpy as np
import pytest

from seqgen.metrics.bounds import RULE, bounded
from seqgen.metrics.score import Interval
from seqgen.metrics.suite import evaluate


def test_an_interval_is_clipped_to_what_is_possible():
    assert bounded(Interval(-0.1, 0.3, "b"), 0.1, 9) == Interval(0, 0.3, "b")
    assert bounded(Interval(80, 120, "b"), 99, 9, 100) == Interval(80, 100, "b")
    assert bounded(Interval(2, 12, "b"), 3, 9, np.inf) == Interval(2, 12, "b")


def test_without_spread_the_rule_of_three_holds_at_the_edge_only():
    assert bounded(Interval(0, 0, "b"), 0.0, 60) == Interval(0, 0.05, RULE)
    assert bounded(Interval(1, 1, "b"), 1.0, 60) == Interval(0.95, 1, RULE)
    assert bounded(Interval(100, 100, "b"), 100.0, 60, 100) == Interval(95, 100, RULE)
    assert bounded(Interval(0, 0, "b"), 0.0, 2) == Interval(0, 1, RULE)
    assert bounded(Interval(0.4, 0.4, "b"), 0.4, 60) is None
    assert bounded(Interval(1, 1, "b"), 1.0, None) is None
    assert bounded(Interval(0, 0, "b"), 0.0, 60, np.inf) is None


def test_the_rule_of_three_holds_nineteen_times_in_twenty():
    """As often as no sentence of 60 shows what 3 of 60 would have at least."""
    draws = np.random.default_rng(0)
    unseen = (draws.random((20_000, 60)) >= 3 / 60).all(axis=1).mean()
    assert unseen == pytest.approx(0.05, abs=0.01)


def test_scores_of_an_evaluation_stay_in_their_range():
    words = [f"w{number}" for number in range(300)]
    different = [" ".join(words[3 * row : 3 * row + 6]) for row in range(40)]
    row = evaluate(different, different[:20], ["q r s"] * 5).rows[0]
    for score in row.scores:
        if score.interval is not None:
            assert 0 <= score.interval.low < score.interval.high
            unbound = score.name.startswith(("length", "entropy", "expected"))
            assert unbound or score.interval.high <= 1, score
    edges = {name: row.score(name).interval for name in ("unique", "novel", "repetition-2")}
    assert edges["unique"] == edges["novel"] == Interval(1 - 3 / 40, 1, RULE)
    assert edges["repetition-2"] == Interval(0, 3 / 40, RULE)
    assert row.score("length-mean").interval is None, "all of 6 words"
    same = evaluate(["a b c d e f"] * 30, ["a b c d e g", "a x"], ["a b"]).rows[0]
    assert same.score("unique").interval is None
    assert same.score("self-bleu-2").interval.low == pytest.approx(0.9)
