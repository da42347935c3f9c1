"""Intervals and paired tests against exact cases and against simulation."""

import numpy as np
import pytest

from seqgen.metrics.bleu_family.sentence_bleu import sentence_self_bleu
from seqgen.metrics.statistics import (
    approximate_randomisation,
    bootstrap,
    paired_bootstrap,
    resampled_means,
    subsampling,
)

TESTS = [paired_bootstrap, approximate_randomisation]


def sentences(draws, count):
    """Sentences of 3 to 9 words out of 200, the first ones far more often."""
    shares = 1 / np.arange(1, 201)
    shares /= shares.sum()
    return [
        [str(word) for word in draws.choice(200, size, p=shares)]
        for size in draws.integers(3, 10, count)
    ]


def subset_means(values, **settings):
    def measure(chosen):
        return [values[chosen].mean()]

    return subsampling(measure, len(values), [values.mean()], **settings)[0]


def test_bootstrap_has_the_width_of_theory():
    values = np.random.default_rng(1).normal(size=(3, 500)) * [[1], [5], [0]] + 7
    found = bootstrap(values, resamples=4000)
    for row, interval in zip(values, found, strict=True):
        side = 1.96 * row.std() / np.sqrt(500)
        assert interval.high - interval.low == pytest.approx(2 * side, rel=0.06)
        assert interval.low == pytest.approx(row.mean() - side, abs=0.12 * side + 1e-12)
        assert (interval.method, interval.confidence) == ("bootstrap 4000", 0.95)


def test_figures_are_resampled_together_and_as_if_alone():
    values = np.random.default_rng(2).random((2, 70))
    means = resampled_means([*values, values.sum(axis=0)], seed=3, resamples=50)
    assert means.shape == (3, 50)
    assert means[2] == pytest.approx(means[0] + means[1])
    assert resampled_means(values[1], seed=3, resamples=50)[0] == pytest.approx(means[1])


def test_a_bootstrap_sample_is_drawn_with_replacement():
    rows = 40
    weights = resampled_means(np.eye(rows), seed=0, resamples=300) * rows
    assert weights.sum(axis=0) == pytest.approx(np.full(300, rows))
    assert weights == pytest.approx(np.round(weights))
    # Each row is missing from (1 - 1/n)^n of the samples.
    assert (weights < 0.5).mean() == pytest.approx((1 - 1 / rows) ** rows, abs=0.02)


def test_many_blocks_equal_the_definition_in_distribution():
    # 30,000 rows are more than a block holds twice over.
    values = np.random.default_rng(4).exponential(size=30_000)
    (interval,) = bootstrap(values, resamples=200)
    side = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.high - interval.low == pytest.approx(2 * side, rel=0.25)


@pytest.mark.parametrize(
    "find", [lambda v, s: bootstrap(v, s, 300)[0], lambda v, s: subset_means(v, seed=s)]
)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(find):
    draws, held = np.random.default_rng(5), 0
    for trial in range(400):
        interval = find(draws.exponential(size=101), trial)
        held += interval.low <= 1 <= interval.high
    assert 0.91 <= held / 400 <= 0.98


@pytest.mark.parametrize("rows", [40, 7])
@pytest.mark.parametrize("left_out", [0.25, 0.5])
def test_subsets_spread_like_the_whole(rows, left_out):
    values = np.random.default_rng(6).normal(size=rows)
    interval = subset_means(values, repeats=5000, left_out=left_out)
    side = 1.9605 * values.std(ddof=1) / np.sqrt(rows)
    assert (interval.high - interval.low) / 2 == pytest.approx(side, rel=0.05)
    assert (interval.high + interval.low) / 2 == pytest.approx(values.mean())
    assert interval.method == "subsampling 5000"


@pytest.mark.parametrize(("left_out", "size"), [(0.25, 8), (0.5, 5), (0.001, 10), (0.999, 1)])
def test_subsets_hold_no_row_twice(left_out, size):
    seen = []

    def measure(chosen):
        seen.append(chosen.tolist())
        return [0.0, 1.0]

    found = subsampling(measure, 11, [0.0, 1.0], repeats=50, left_out=left_out)
    assert [(i.low, i.high) for i in found] == [(0.0, 0.0), (1.0, 1.0)]
    assert len(seen) == 50 and len({tuple(rows) for rows in seen}) > 8
    assert all(len(rows) == size and rows == sorted(set(rows)) for rows in seen)
    assert size == 1 or {row for rows in seen for row in rows} == set(range(11))


def test_a_figure_that_grows_with_the_number_has_nearly_its_own_spread():
    """The number of rare kinds seen, which is a sum and no mean: half of the rows show half."""
    draws, rows = np.random.default_rng(12), 400

    def kinds(given):
        return [float(len(np.unique(given)))]

    truth = np.std([kinds(draws.integers(0, 2000, rows)) for _ in range(400)])
    sides = {0.25: [], 0.5: []}
    for seed in range(20):
        given = draws.integers(0, 2000, rows)
        for left_out, found in sides.items():
            (interval,) = subsampling(
                lambda chosen, given=given: kinds(given[chosen]),
                rows,
                kinds(given),
                seed,
                left_out=left_out,
            )
            found.append((interval.high - interval.low) / 2 / 2.02)
    assert np.mean(sides[0.25]) == pytest.approx(truth, rel=0.3)
    assert abs(np.mean(sides[0.25]) - truth) < abs(np.mean(sides[0.5]) - truth)


def test_subsets_know_the_spread_of_self_bleu_and_a_bootstrap_does_not():
    """What subsampling says of one draw of sentences, against many fresh draws."""
    draws, rows = np.random.default_rng(7), 200

    def self_bleu(given):
        return sentence_self_bleu(given, (2, 4)).mean(axis=1)

    fresh = np.array([self_bleu(sentences(draws, rows)) for _ in range(60)])
    sides, held = [], 0
    for seed in range(12):
        given = sentences(draws, rows)
        point = self_bleu(given)
        found = subsampling(
            lambda chosen, given=given: self_bleu([given[row] for row in chosen]),
            rows,
            point,
            seed,
        )
        sides.append([(i.high - i.low) / 2 for i in found])
        held += sum(
            i.low <= truth <= i.high for i, truth in zip(found, fresh.mean(axis=0), strict=True)
        )
    assert np.mean(sides, axis=0) == pytest.approx(2.02 * fresh.std(axis=0), rel=0.35)
    assert held >= 20  # of 24

    again = [self_bleu([given[row] for row in draws.integers(0, rows, rows)]) for _ in range(20)]
    assert (np.mean(again, axis=0) - point > 5 * np.mean(sides, axis=0)).all()


@pytest.mark.parametrize("test", TESTS)
def test_equal_systems_do_not_differ(test):
    values = np.random.default_rng(8).random((2, 30))
    assert test(values, values, resamples=100) == [1.0, 1.0]
    assert test([0.1, 0.7], [0.7, 0.1], resamples=100) == [1.0]


@pytest.mark.parametrize("test", TESTS)
def test_a_clear_difference_is_found_whichever_is_better(test):
    draws = np.random.default_rng(9)
    first = draws.random(300)
    second = first + 0.1 + 0.05 * draws.normal(size=300)
    assert test(first, second, resamples=999) == [0.001]
    assert test(second, first, resamples=999) == [0.001]
    both = test([first, first], [second, first], resamples=999)
    assert both == [0.001, 1.0]


def test_probabilities_that_can_be_counted():
    # Four times the same sign: two of sixteen exchanges keep it.
    (found,) = approximate_randomisation([1, 1, 1, 1], [0, 0, 0, 0], resamples=40_000)
    assert found == pytest.approx(2 / 16, abs=0.006)
    # Centred -1 and 1: the mean of two draws is -1 or 1 in half of the cases.
    (found,) = paired_bootstrap([0, 2], [0, 0], resamples=40_000)
    assert found == pytest.approx(1 / 2, abs=0.01)


@pytest.mark.parametrize("test", TESTS)
def test_false_alarms_are_as_frequent_as_promised(test):
    draws, alarms = np.random.default_rng(10), 0
    for trial in range(600):
        common = draws.random(60)  # both systems find the same rows hard
        first, second = common + 0.3 * draws.normal(size=(2, 60))
        alarms += test(first, second, seed=trial, resamples=199)[0] <= 0.05
    assert 0.025 <= alarms / 600 <= 0.08


def test_the_same_seed_gives_the_same_numbers():
    values, others = np.random.default_rng(11).random((2, 50))
    for find in (bootstrap, lambda v, seed: subset_means(v, seed=seed)):
        assert find(values, seed=1) == find(values, seed=1)
        assert find(values, seed=1) != find(values, seed=2)
    for test in TESTS:
        assert test(values, others, seed=1) == test(values, others, seed=1)


@pytest.mark.parametrize("values", [[], [1.0], [[1.0], [2.0]], [[[1.0, 2.0]]]])
def test_values_it_cannot_resample(values):
    with pytest.raises(ValueError, match="rows"):
        bootstrap(values)


def test_other_wrong_arguments():
    with pytest.raises(ValueError, match="0 resamples"):
        bootstrap([1.0, 2.0], resamples=0)
    with pytest.raises(ValueError, match="3 rows"):
        subset_means(np.ones(3))
    with pytest.raises(ValueError, match="1 repeats"):
        subset_means(np.ones(8), repeats=1)
    with pytest.raises(ValueError, match=r"1\.0 left out"):
        subset_means(np.ones(8), left_out=1.0)
    for test in TESTS:
        with pytest.raises(ValueError, match=r"\(1, 3\) and \(1, 2\)"):
            test([1, 2, 3], [1, 2])
