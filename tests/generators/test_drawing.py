"""Draws follow the distribution, whatever its shape."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from seqgen.errors import RunFailure
from seqgen.generators.drawing import draw, draw_gumbel, draw_powers, gumbel_noise
from seqgen.randomness import Stream

DRAWS = 409_600
STREAM = Stream.of(11, "drawing")
ALMOST_ONE = 1 - 2.0**-24
ALL_ONES = 2**64 - 1


def chi_square(ids: Tensor, probabilities: Tensor) -> float:
    """The p-value of counts against probabilities (vocabulary,); rare ids are counted together."""
    counts = ids.bincount(minlength=len(probabilities)).double()
    expected = probabilities.double() / probabilities.double().sum() * len(ids)
    assert (counts[expected == 0] == 0).all()
    rare = expected < 5
    observed = torch.cat((counts[~rare], counts[rare].sum()[None]))
    wanted = torch.cat((expected[~rare], expected[rare].sum()[None]))
    kept = wanted > 0
    statistic = float(((observed - wanted)[kept] ** 2 / wanted[kept]).sum())
    return float(stats.chi2.sf(statistic, int(kept.sum()) - 1))


def distribution(vocabulary: int, kind: str) -> Tensor:
    noise = torch.randn(vocabulary, generator=torch.Generator().manual_seed(vocabulary))
    if kind == "flat":
        return torch.ones(vocabulary)
    if kind == "gaps":
        return torch.where(noise > 0.5, noise.exp(), 0.0)
    return (2 * noise).softmax(0)


@pytest.mark.parametrize("kind", ["flat", "gaps", "softmax"])
@pytest.mark.parametrize("vocabulary", [3, 64, 1003])
def test_draws_follow_the_distribution(vocabulary: int, kind: str) -> None:
    if kind == "gaps" and vocabulary == 3:
        probabilities = torch.tensor([0.0, 2.5, 0.5])
    else:
        probabilities = distribution(vocabulary, kind)
    uniforms = STREAM.child(kind, vocabulary).uniform(torch.arange(DRAWS // 512), 512).flatten()
    ids = [draw(probabilities.expand(len(u), -1), u) for u in uniforms.split(8192)]
    assert chi_square(torch.cat(ids), probabilities) > 1e-3


def test_the_chi_square_notices_a_wrong_distribution() -> None:
    probabilities = distribution(1003, "softmax")
    uniforms = STREAM.uniform(torch.arange(DRAWS // 512), 512).flatten()
    wrong = probabilities * torch.where(torch.arange(1003) % 2 == 0, 1.02, 0.98)
    ids = [draw(wrong.expand(len(u), -1), u) for u in uniforms.split(8192)]
    assert chi_square(torch.cat(ids), probabilities) < 1e-3


def test_gumbel_draws_follow_the_distribution() -> None:
    probabilities = distribution(67, "softmax")
    seeds = STREAM.bits(torch.arange(DRAWS // 512), 512).flatten()
    logits = probabilities.log()
    ids = [draw_gumbel(logits.expand(len(s), -1), s) for s in seeds.split(65_536)]
    assert chi_square(torch.cat(ids), probabilities) > 1e-3


@pytest.mark.parametrize("uniform", [0.0, ALMOST_ONE, 0.5, 2.0**-24])
@pytest.mark.parametrize("vocabulary", [1, 5, 63, 64, 65, 128, 1003])
def test_an_impossible_id_is_never_drawn(vocabulary: int, uniform: float) -> None:
    drawn = torch.Generator().manual_seed(vocabulary)
    probabilities = torch.rand(500, vocabulary, generator=drawn)
    probabilities *= torch.rand(500, vocabulary, generator=drawn) < 0.1
    probabilities[torch.arange(500), torch.arange(500) % vocabulary] += 1e-6
    ids = draw(probabilities, torch.full((500,), uniform))
    assert (probabilities.gather(1, ids[:, None]) > 0).all()


def test_the_ends_of_the_uniform_interval_give_the_first_and_last_possible_id() -> None:
    probabilities = torch.zeros(2, 200)
    probabilities[:, [70, 71, 150]] = torch.tensor([0.1, 0.2, 0.7])
    assert draw(probabilities, torch.tensor([0.0, ALMOST_ONE])).tolist() == [70, 150]


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_a_single_possible_id_is_always_drawn(scale: float) -> None:
    probabilities = torch.eye(130) * scale
    for uniform in (0.0, 0.3, ALMOST_ONE):
        ids = draw(probabilities, torch.full((130,), uniform))
        assert torch.equal(ids, torch.arange(130))


@pytest.mark.parametrize("vocabulary", [7, 64, 1003, 5000])
def test_two_levels_agree_with_one_cumulative_sum(vocabulary: int) -> None:
    logits = 3 * torch.randn(2000, vocabulary, generator=torch.Generator().manual_seed(0))
    probabilities, uniforms = logits.softmax(-1), STREAM.uniform(torch.arange(2000), 1)
    ids = draw(probabilities, uniforms[:, 0])[:, None]
    edges = probabilities.double().cumsum(-1)
    place = uniforms.double() * edges[:, -1:]
    assert (torch.searchsorted(edges, place, right=True) == ids).double().mean() > 0.995
    upper = edges.gather(1, ids)
    lower = upper - probabilities.double().gather(1, ids)
    # Where the two differ, only rounding of the float32 sums may have moved the border.
    assert ((place - upper).clamp_min(0) + (lower - place).clamp_min(0)).max() < 1e-6


@pytest.mark.parametrize("vocabulary", [7, 64, 1003])
def test_powers_too_large_or_too_small_for_a_sum_are_drawn_alike(vocabulary: int) -> None:
    exponents = 3 * torch.randn(999, vocabulary, generator=torch.Generator().manual_seed(0))
    shift = torch.tensor([0.0, 300.0, -300.0]).repeat(333)[:, None]
    uniforms, rows = STREAM.uniform(torch.arange(999), 1)[:, 0], torch.arange(999)
    expected = draw(torch.exp2(exponents), uniforms)
    got = draw_powers(lambda: exponents + shift, uniforms, rows)
    usual = (shift == 0).squeeze(1)
    assert torch.equal(got[usual], expected[usual])
    assert (got == expected).double().mean() > 0.995
    with pytest.raises(RunFailure):
        draw_powers(lambda: exponents.clone().fill_(torch.nan), uniforms, rows)


def test_several_draws_from_a_row() -> None:
    probabilities = torch.rand(40, 203, generator=torch.Generator().manual_seed(0))
    rows, uniforms = torch.arange(40).repeat_interleave(5), STREAM.uniform(torch.arange(200), 1)
    expected = draw(probabilities[rows], uniforms[:, 0])
    assert torch.equal(draw(probabilities, uniforms[:, 0], rows), expected)


def seed_whose_first_bits_are(bits: int) -> Tensor:
    """The seed for which `gumbel_noise` sees these 64 bits first: the mixing function undone."""

    def unshift(value: int, by: int) -> int:
        result = value
        for _ in range(64 // by):
            result = value ^ (result >> by)
        return result

    value = unshift(bits, 31) * pow(0x94D049BB133111EB, -1, 2**64) % 2**64
    value = unshift(value, 27) * pow(0xBF58476D1CE4E5B9, -1, 2**64) % 2**64
    value = unshift(value, 30) * pow(0x9E3779B97F4A7C15, -1, 2**64)
    value = (value - 0x9E3779B97F4A7C15) % 2**64
    return torch.tensor([value - 2**64 if value >= 2**63 else value])


@pytest.mark.parametrize("bits", [0, 1 << 40, ALL_ONES, ALL_ONES - (1 << 40)])
def test_gumbel_noise_is_finite_at_the_ends(bits: int) -> None:
    noise = gumbel_noise(seed_whose_first_bits_are(bits), 1)
    uniform = max(bits >> 40, 0.5) * 2.0**-24
    assert noise.item() == pytest.approx(-math.log(-math.log(uniform)), rel=1e-4)


def test_gumbel_noise_is_gumbel() -> None:
    noise = gumbel_noise(STREAM.bits(torch.arange(400), 1).flatten(), 500)
    assert stats.kstest(noise.flatten().numpy(), stats.gumbel_r.cdf).pvalue > 1e-3


def test_ids_without_mass_are_never_drawn_by_gumbel() -> None:
    logits = torch.full((1000, 50), -torch.inf)
    logits[:, 17] = 0.0
    assert (draw_gumbel(logits, STREAM.bits(torch.arange(1000), 1)[:, 0]) == 17).all()


@pytest.mark.parametrize("vocabulary", [5, 64, 130])
@pytest.mark.parametrize("bad", [float("nan"), 0.0])
def test_probabilities_that_are_none_stop_the_run(vocabulary: int, bad: float) -> None:
    probabilities = torch.rand(4, vocabulary)
    probabilities[2] = bad
    with pytest.raises(RunFailure, match="not finite or all zero"):
        draw(probabilities, torch.rand(4))
