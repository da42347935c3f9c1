"""Curves made up by hand and drawn by chance: which differences are said, and which are not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from seqgen.metrics.quality_diversity.chance import two_sided
from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, Curve, Point
from seqgen.metrics.quality_diversity.dominance import TESTS, better, differences, on_the_whole
from seqgen.metrics.quality_diversity.lines import Line, Place, lines, variance_of_draws
from seqgen.metrics.quality_diversity.means import mean_curve
from seqgen.metrics.quality_diversity.verdicts import compare, verdicts

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
PARTS = 4


def drawn(
    random: np.random.Generator,
    name: str = "m",
    worse: float = 0.0,
    tilt: float = 0.0,
    between_runs: float = 0.0,
    noise: float = 0.02,
) -> Curve:
    """A steep curve whose points chance moves, half of it alike at all temperatures; its parts have
    another diversity, as fewer sentences do."""
    shared = random.normal(0, 1, (PARTS, 2))
    moved = random.normal(0, between_runs, 2) if between_runs else np.zeros(2)
    whole: list[Point] = []
    parts: list[list[Point]] = [[] for _ in range(PARTS)]
    for t in TEMPERATURES:
        chance = np.sqrt([0.5]) * (shared + random.normal(0, 1, (PARTS, 2)))
        chance = noise * PARTS**0.5 * chance
        diversity, quality = 2.2 + 1.8 * (1.6 - t) ** 2, 2 + 1.2 * t**2 + worse + tilt * (t - 1)
        mean = chance.mean(0) + moved
        whole.append(at(t, diversity + mean[0], quality + mean[1]))
        for part, (x, y) in zip(parts, chance, strict=True):
            part.append(at(t, diversity + 0.4 + x + moved[0], quality + y + moved[1]))
    return Curve(name, whole, {}, parts=[Curve(name, part, {}) for part in parts])


def at(temperature: float, diversity: float, quality: float) -> Point:
    return Point("temperature", temperature, {"reverse-lm-score": diversity, "lm-score": quality})


def said(one: Curve, other: Curve) -> tuple[int, str]:
    return compare(lines(one, GLOBAL)[0], lines(other, GLOBAL)[0], GLOBAL)


def group(random: np.random.Generator, name: str, runs: int, **more: float) -> Curve:
    return mean_curve(name, [drawn(random, **more) for _ in range(runs)])


@pytest.mark.parametrize(("ours", "theirs"), [(1, 1), (3, 3), (3, 2), (3, 1)])
def test_equal_models_are_seldom_told_apart(ours: int, theirs: int) -> None:
    random = np.random.default_rng(3)
    spread = 0.05 if ours > 1 else 0.0
    wrong = sum(
        said(
            group(random, "a", ours, between_runs=spread),
            group(random, "b", theirs, between_runs=spread),
        )[0]
        < 2
        for _ in range(60)
    )
    assert wrong <= 5  # of 60, and 3 are allowed for; one of them is often 0


@pytest.mark.parametrize(("ours", "theirs", "worse"), [(1, 1, 0.3), (3, 3, 0.6)])
def test_a_clear_difference_is_found(ours: int, theirs: int, worse: float) -> None:
    random = np.random.default_rng(4)
    for _ in range(5):
        one = group(random, "good", ours, between_runs=0.03 * (ours > 1))
        other = group(random, "bad", theirs, worse=worse, between_runs=0.03 * (ours > 1))
        for pair in ((one, other), (other, one)):
            rank, sentence = said(*pair)
            assert rank == 0 and sentence.startswith(("bad is dominated by good", "good is better"))


def test_few_runs_tell_a_difference_in_the_mean_that_no_place_tells_alone() -> None:
    def of(name: str, qualities: Sequence[Sequence[float]]) -> Curve:
        runs = [
            Curve(name, [at(t, 5 - t, q) for t, q in zip(TEMPERATURES, run, strict=True)], {})
            for run in qualities
        ]
        return mean_curve(name, runs)

    random = np.random.default_rng(8)
    wild = random.normal(0, 0.1, (3, len(TEMPERATURES)))
    good, bad = of("good", (1 + wild).tolist()), of("bad", [[1.4] * len(TEMPERATURES)])
    one, other = lines(good, GLOBAL)[0], lines(bad, GLOBAL)[0]
    found = differences(one, other)
    assert better(found).count(0) >= 3
    assert on_the_whole(one, other, found) < 0.025
    rank, sentence = said(good, bad)
    assert rank == 0 and "lm-score 0.39" in sentence and sentence.startswith("bad is dominated by")


def test_a_difference_that_chance_may_explain_is_told_with_its_probability() -> None:
    def of(name: str, qualities: Sequence[float]) -> Curve:
        runs = [Curve(name, [at(t, 5 - t, q) for t in TEMPERATURES], {}) for q in qualities]
        return mean_curve(name, runs)

    rank, sentence = said(of("a", [1.0, 1.2]), of("b", [1.3, 1.5]))
    # The difference is 0.3, of variance 0.02 (1/2 + 1/2), with two degrees of freedom.
    probable = two_sided(0.3 / math.sqrt(0.02), 2)
    assert rank == 2 and sentence.startswith("a lies in front of b at every diversity compared")
    assert sentence.endswith(f"(p {probable:.2f}).") and 0.1 < probable < 0.2


def test_lines_that_cross_both_beat_each_other() -> None:
    random = np.random.default_rng(5)
    rank, sentence = said(
        drawn(random, "flat", noise=0.005), drawn(random, "tilted", tilt=1.2, noise=0.005)
    )
    assert rank == 1 and sentence.startswith("neither of flat and tilted dominates: ")
    assert "flat is better at reverse-lm-score" in sentence and "(its own temperature" in sentence


def test_chance_that_moves_along_a_steep_line_counts_across_it() -> None:
    random = np.random.default_rng(6)
    curves = [drawn(random) for _ in range(200)]
    at_four = [lines(curve, GLOBAL)[0].quality(4.0) for curve in curves]
    told = [variance_of_draws(lines(curve, GLOBAL)[0], 4.0)[0] for curve in curves]
    assert float(np.mean(told)) == pytest.approx(float(np.var(at_four)), rel=0.35)


def test_several_runs_are_as_spread_as_they_are_at_the_same_diversity() -> None:
    def of(name: str, qualities: Sequence[float]) -> Curve:
        runs = [Curve(name, [at(t, 5 - t, q) for t in TEMPERATURES], {}) for q in qualities]
        return mean_curve(name, runs)

    found = differences(
        lines(of("a", [1.0, 1.1, 1.2]), GLOBAL)[0], lines(of("b", [1.3, 1.5]), GLOBAL)[0]
    )
    # Pooled: (0.02 + 0.02) / 3 and (1/3 + 1/2): t of 3 degrees of freedom.
    t = 0.3 / math.sqrt(0.04 / 3 * (1 / 3 + 1 / 2))
    assert len(found) == TESTS and found[0].one == pytest.approx(1.1)
    assert [one.probable for one in found] == pytest.approx([two_sided(t, 3)] * TESTS)
    assert better(found) == [0] * TESTS  # 0.067, and a hundredth is asked of each of five


def test_students_t() -> None:
    # The two-sided quantiles that tables have.
    for t, freedom, probable in (
        (12.706, 1, 0.05), (4.303, 2, 0.05), (5.841, 3, 0.01), (2.571, 5, 0.05), (2.042, 30, 0.05),
        (1.96, math.inf, 0.05),
    ):  # fmt: skip
        assert two_sided(t, freedom) == pytest.approx(probable, abs=2e-4)
    assert two_sided(0.0, 4) == 1.0 and two_sided(-3, 4) == two_sided(3, 4.9)
    with pytest.raises(ValueError, match="at least 1"):
        two_sided(1, 0.5)


def line(*places: tuple[float, float, float]) -> Line:
    return Line("made", "temperature", [Place(*place) for place in places])


def test_the_quality_at_a_diversity() -> None:
    made = line((0.5, 5.0, 1.0), (1.0, 3.0, 2.0), (1.5, 1.0, 5.0))
    assert [made.quality(d) for d in (5.0, 4.0, 3.0, 2.0, 1.0)] == [1.0, 1.5, 2.0, 3.5, 5.0]
    assert math.isnan(made.quality(5.1)) and math.isnan(made.quality(0.9))
    assert made.settings(4.6) == (0.5, 0.5) and made.settings(3.0) == (1.0, 1.0)
    assert made.reach() == (1.0, 5.0)
    hook = line((0.5, 2.0, 1.0), (1.0, 4.0, 1.2), (1.5, 1.0, 5.0))
    assert hook.quality(3.0) == pytest.approx(1.1)  # the better of its two sides
    assert line((1.0, 3.0, 2.0)).quality(3.0) == 2.0


def curve(name: str, *points: tuple[Any, float, float, float]) -> Curve:
    """Of (family, value, bleu-5, self-bleu-5), with parts that hardly differ."""

    def made(shift: float) -> list[Point]:
        return [
            Point(family, value, {"bleu-5": quality + shift, "self-bleu-5": diversity})
            for family, value, quality, diversity in points
        ]

    parts = [Curve(name, made(shift), {}) for shift in (-1e-4, 1e-4, 2e-4, -2e-4)]
    return Curve(name, made(0.0), {}, parts=parts)


def ladder(name: str, better_by: float = 0.0, steps: int = 6) -> Curve:
    """A temperature line from self-bleu 0.7 at bleu 0.5 to self-bleu 0.2 at bleu 0.25."""
    shares = [step / (steps - 1) for step in range(steps)]
    return curve(
        name, *(("temperature", 0.5 + s, 0.5 - s / 4 + better_by, 0.7 - s / 2) for s in shares)
    )


def test_every_family_starts_at_plain_sampling_and_goes_by_its_values() -> None:
    model = curve(
        "mle", ("reject-likelihood", 0.5, 0.45, 0.55), ("temperature", 1.0, 0.25, 0.35),
        ("temperature", 0.7, 0.4, 0.6), ("top-k", 5.0, 0.38, 0.7), ("top-k", 50.0, 0.27, 0.4),
        ("temperature", 0.5, math.nan, 0.3),
    )  # fmt: skip
    found = {one.family: [place.value for place in one.places] for one in lines(model, LOCAL)}
    expected = {"temperature": [0.7, 1.0], "top-k": [5.0, 50.0, 0.0], "reject-likelihood": [0.5, 1]}
    assert found == expected
    first = lines(model, LOCAL)[0].places[0]
    assert (first.diversity, first.quality) == (0.6, -0.4)
    assert lines(model, GLOBAL) == []


def test_two_coarse_lines_are_not_compared_and_one_at_its_settings_only() -> None:
    fine, few, other = ladder("fine", 0.1), ladder("few", steps=3), ladder("other", 0.1, steps=2)
    [first, second, third, *_] = verdicts([fine, few, other], LOCAL)
    assert "few is dominated by fine" in first
    assert len(differences(lines(few, LOCAL)[0], lines(fine, LOCAL)[0])) == 3
    assert second == "fine and other cannot be told apart."
    assert third.startswith("few and other cannot be compared: 3 and 2 settings are too few")


def test_without_runs_or_parts_nothing_is_said() -> None:
    bare = [Curve(name, ladder(name, b).points, {}) for name, b in (("a", 0.0), ("b", 0.1))]
    assert (
        "a and b cannot be compared: nothing tells how far chance goes" in verdicts(bare, LOCAL)[0]
    )


def test_lines_apart_and_of_other_signatures() -> None:
    far = curve("far", *(("temperature", t, 0.6 + t / 50, 0.9 + t / 50) for t in TEMPERATURES))
    near = ladder("near")
    assert (
        "far cannot be compared: they have no diversity in common"
        in verdicts([near, far], LOCAL)[0]
    )
    other = Curve("other", near.points, {"bleu-5": "references:10"}, parts=near.parts)
    assert verdicts([near, other], LOCAL)[0] == "near and other: not measured alike, no verdict."


def star(bleu: float, self_bleu: float) -> Curve:
    return curve("real data", ("real", 0.0, bleu, self_bleu))


def of_real(bleu: float, self_bleu: float) -> str:
    return verdicts([ladder("mle"), star(bleu, self_bleu)], LOCAL)[0]


def test_real_data_is_below_above_or_outside_a_line() -> None:
    below = of_real(0.45, 0.4)
    assert below == (
        "Real data is better than mle (at self-bleu-5 0.400, bleu-5 0.450 against 0.350 of mle)."
    )
    above = of_real(0.3, 0.4)
    assert above.startswith("mle is better than real data (at self-bleu-5 0.400, bleu-5 0.300")
    assert "cannot tell it from real text" in above
    assert of_real(0.35, 0.4).startswith("Real data and mle cannot be told apart (at self-bleu-5")
    assert of_real(0.3, 0.1).startswith("Real data is better than mle: more diverse than any")
    beyond = "Real data is more diverse than any setting of mle: outside the curve."
    assert of_real(0.22, 0.1) == beyond
    assert "less diverse than any setting of mle" in of_real(0.9, 0.8)
    few = verdicts([ladder("few", steps=2), star(0.45, 0.4)], LOCAL)[0]
    assert "no verdict, for 2 settings are too few" in few


def test_the_chance_of_real_data_counts_too() -> None:
    wide = star(0.38, 0.4)
    parts = [Curve("real data", star(0.38 + s, 0.4).points, {}) for s in (-0.06, 0.06, 0.1, -0.1)]
    assert "better than mle" in verdicts([ladder("mle"), wide], LOCAL)[0]
    noisy = Curve("real data", wide.points, {}, parts=parts)
    assert "cannot be told apart" in verdicts([ladder("mle"), noisy], LOCAL)[0]


def test_what_tells_most_comes_first_and_the_last_sentence_is_of_chance() -> None:
    same, better_one = ladder("same"), ladder("good", 0.1)
    found = verdicts([ladder("mle"), same, better_one, star(0.9, 0.4)], LOCAL)
    assert found[0].startswith("mle is dominated by good") and "dominated" in found[1]
    assert found[2] == "mle and same cannot be told apart."
    assert (
        found[-1].startswith("Taken into account: one run each") and "seed may differ" in found[-1]
    )
    several = mean_curve("several", [ladder("x"), ladder("x", 0.001)])
    last = verdicts([several, same], LOCAL)[-1]
    assert "chance over the runs of several" in last and "One run each of same" in last
    assert verdicts([star(0.3, 0.3)], LOCAL) == [] == verdicts([], LOCAL)


def test_families_of_a_model_are_called_by_what_they_do() -> None:
    points = [(p.family, p.value, p.figures["bleu-5"], p.figures["self-bleu-5"])
              for p in ladder("mle").points]  # fmt: skip
    points += [("reject-likelihood", share, 0.4 + 0.1 * share, 0.25 + 0.4 * share)
               for share in (0.1, 0.25, 0.5, 0.75)]  # fmt: skip
    told = verdicts([curve("mle", *points)], LOCAL)[0]
    loses, wins = "changing the temperature", "rejecting by likelihood"
    assert told.startswith((f"mle: {loses} is dominated by {wins}", f"mle: {wins} is better than"))
