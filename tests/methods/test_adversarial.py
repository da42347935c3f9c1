"""Loss pairs mean what their papers say, whatever shape the scores have."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seqgen.methods.adversarial import (
    PAIRS,
    LossPair,
    Scores,
    accuracy,
    discriminator_terms,
    generator_terms,
    mean_score,
    reward,
)
from seqgen.methods.protocol import Term

REAL = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)  # p over three points
FAKE = torch.tensor([0.2, 0.2, 0.6], dtype=torch.float64)  # q
RATIO = REAL / FAKE

# Output activation g and conjugate f* as the f-GAN paper's tables have them, uncomposed; then f.
Function = Callable[[Tensor], Tensor]
LOG2 = math.log(2)
DIVERGENCES: dict[str, tuple[Function, Function, Function]] = {
    "kl": (lambda v: v, lambda t: torch.exp(t - 1), lambda u: u * u.log()),
    "reverse-kl": (lambda v: -torch.exp(-v), lambda t: -1 - torch.log(-t), lambda u: -u.log()),
    "pearson": (lambda v: v, lambda t: t * t / 4 + t, lambda u: (u - 1) ** 2),
    "hellinger": (
        lambda v: 1 - torch.exp(-v),
        lambda t: t / (1 - t),
        lambda u: (u.sqrt() - 1) ** 2,
    ),
    "jensen-shannon": (
        lambda v: LOG2 - torch.log(1 + torch.exp(-v)),
        lambda t: -torch.log(2 - torch.exp(t)),
        lambda u: -(u + 1) * torch.log((1 + u) / 2) + u * u.log(),
    ),
    "gan": (
        lambda v: -torch.log(1 + torch.exp(-v)),
        lambda t: -torch.log(1 - torch.exp(t)),
        lambda u: u * u.log() - (u + 1) * torch.log(u + 1),
    ),
}
NAMES = [
    "minimax",
    "non-saturating",
    "least-squares",
    *DIVERGENCES,
    "wasserstein",
    "hinge",
    "relativistic",
    "relativistic-average",
]
LABELLED = ["minimax", "non-saturating", "gan", "least-squares"]
WITH_PROBABILITY = [name for name in (*NAMES[:2], *DIVERGENCES) if name != "pearson"]


def values(terms: dict[str, Term]) -> dict[str, float]:
    return {name: float(total.detach() / weight) for name, (total, weight, _) in terms.items()}


def test_the_table_has_the_pairs_of_its_contract() -> None:
    assert list(PAIRS) == NAMES
    assert all(name == pair.name for name, pair in PAIRS.items())
    assert {n for n, p in PAIRS.items() if p.log_ratio is not None} == set(WITH_PROBABILITY)
    assert {n for n, p in PAIRS.items() if p.smoothed is not None} == set(LABELLED)
    with pytest.raises(TypeError):
        PAIRS["mine"] = PAIRS["gan"]  # type: ignore[index]


@pytest.mark.parametrize("name", DIVERGENCES)
def test_f_divergences_are_the_composition_of_the_paper(name: str) -> None:
    activation, conjugate, _ = DIVERGENCES[name]
    v = torch.linspace(-6, 6, 49, dtype=torch.float64)
    pair = PAIRS[name]
    torch.testing.assert_close(pair.real(v), -activation(v), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(pair.fake(v), conjugate(activation(v)), atol=1e-10, rtol=1e-10)
    torch.testing.assert_close(pair.generator(v), -conjugate(activation(v)), atol=1e-10, rtol=1e-10)


# The exact values at v = 80 and -80, of real, fake and generator in this order.
EXTREMES: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "minimax": ((math.exp(-80), 80, -80), (80, math.exp(-80), -math.exp(-80))),
    "non-saturating": ((math.exp(-80), 80, math.exp(-80)), (80, math.exp(-80), 80)),
    "kl": ((-80, math.exp(79), -math.exp(79)), (80, math.exp(-81), -math.exp(-81))),
    "reverse-kl": ((math.exp(-80), 79, -79), (math.exp(80), -81, 81)),
    "pearson": ((-80, 1680, -1680), (80, 1520, -1520)),
    "hellinger": ((-1, math.exp(80), -math.exp(80)), (math.exp(80), -1, 1)),
    "jensen-shannon": ((-LOG2, 80 - LOG2, LOG2 - 80), (80 - LOG2, -LOG2, LOG2)),
    "gan": ((math.exp(-80), 80, -80), (80, math.exp(-80), -math.exp(-80))),
    "relativistic": ((math.exp(-80), 80, math.exp(-80)), (80, math.exp(-80), 80)),
}


@pytest.mark.parametrize("name", EXTREMES)
def test_losses_are_exact_and_differentiable_at_extreme_scores(name: str) -> None:
    pair = PAIRS[name]
    for number, expected in zip((80.0, -80.0), EXTREMES[name], strict=True):
        v = torch.tensor(number, requires_grad=True)
        for loss, wanted in zip((pair.real, pair.fake, pair.generator), expected, strict=True):
            value = loss(v)
            assert value.item() == pytest.approx(wanted, rel=1e-5)
            (gradient,) = torch.autograd.grad(value, v)
            assert gradient.isfinite()
    v = torch.tensor([80.0, -80.0])
    for kind in ("probability", "logit", "log-probability") if pair.log_ratio else ("logit",):
        assert reward(pair, v, kind).isfinite().all()


def test_simple_losses_by_value() -> None:
    v = torch.tensor([-2.0, 0.0, 0.5, 3.0])
    least, hinge, wasserstein = (PAIRS[n] for n in ("least-squares", "hinge", "wasserstein"))
    assert least.real(v).tolist() == [4.5, 0.5, 0.125, 2.0]
    assert least.fake(v).tolist() == [2.0, 0.0, 0.125, 4.5]
    assert least.generator(v).tolist() == [4.5, 0.5, 0.125, 2.0]
    assert hinge.real(v).tolist() == [3.0, 1.0, 0.5, 0.0]
    assert hinge.fake(v).tolist() == [0.0, 1.0, 1.5, 4.0]
    assert hinge.generator(v).tolist() == [2.0, 0.0, -0.5, -3.0]
    assert wasserstein.real(v).tolist() == [2.0, 0.0, -0.5, -3.0]
    assert wasserstein.fake(v).tolist() == v.tolist()
    assert wasserstein.generator(v).tolist() == [2.0, 0.0, -0.5, -3.0]


def best_scores(pair: LossPair) -> Tensor:
    """Scores (3,) that minimise the expected loss of a discriminator that knows every point."""
    v = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([v], max_iter=200, tolerance_grad=1e-12, tolerance_change=1e-15)

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = (REAL * pair.real(v)).sum() + (FAKE * pair.fake(v)).sum()
        loss.backward()
        return loss

    for _ in range(20):
        optimizer.step(step)
    return v.detach()


@pytest.mark.parametrize("name", WITH_PROBABILITY)
def test_an_optimal_score_is_the_log_ratio_of_the_densities(name: str) -> None:
    pair = PAIRS[name]
    best = best_scores(pair)
    assert pair.log_ratio is not None
    torch.testing.assert_close(pair.log_ratio(best), RATIO.log(), atol=1e-6, rtol=0)
    probability = REAL / (REAL + FAKE)
    torch.testing.assert_close(reward(pair, best, "probability"), probability, atol=1e-6, rtol=0)
    logarithm = probability.log()
    torch.testing.assert_close(reward(pair, best, "log-probability"), logarithm, atol=1e-6, rtol=0)
    torch.testing.assert_close(reward(pair, best, "logit"), RATIO.log(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", [*WITH_PROBABILITY, "pearson", "least-squares"])
def test_the_threshold_parts_what_is_likelier_real_from_what_is_not(name: str) -> None:
    pair = PAIRS[name]
    assert pair.threshold is not None
    assert torch.equal(best_scores(pair) > pair.threshold, RATIO > 1)


@pytest.mark.parametrize("name", DIVERGENCES)
def test_the_value_at_the_optimum_is_the_divergence(name: str) -> None:
    pair, f = PAIRS[name], DIVERGENCES[name][2]
    best = best_scores(pair)
    value = -(REAL * pair.real(best)).sum() - (FAKE * pair.fake(best)).sum()
    assert value.item() == pytest.approx((FAKE * f(RATIO)).sum().item(), abs=1e-9)


def test_divergences_have_their_closed_forms() -> None:
    """f is the divergence it is named for."""
    mixture = (REAL + FAKE) / 2

    def kl(one: Tensor, other: Tensor) -> float:
        return (one * (one / other).log()).sum().item()

    shannon = kl(REAL, mixture) + kl(FAKE, mixture)
    expected = {
        "kl": kl(REAL, FAKE),
        "reverse-kl": kl(FAKE, REAL),
        "pearson": ((REAL - FAKE) ** 2 / FAKE).sum().item(),
        "hellinger": ((REAL.sqrt() - FAKE.sqrt()) ** 2).sum().item(),
        "jensen-shannon": shannon,
        "gan": shannon - 2 * LOG2,
    }
    for name, wanted in expected.items():
        pair, best = PAIRS[name], best_scores(PAIRS[name])
        found = -(REAL * pair.real(best)).sum() - (FAKE * pair.fake(best)).sum()
        assert found.item() == pytest.approx(wanted, abs=1e-9), name


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None)
@given(numbers=st.lists(st.floats(-4, 0.9), min_size=4, max_size=4))
def test_players_pull_scores_the_right_way(name: str, numbers: list[float]) -> None:
    """The discriminator raises real scores and lowers fake ones, the generator raises fake ones;
    for least squares up to the label, for hinge up to the margin, for Pearson where a ratio is
    positive."""
    pair = PAIRS[name]
    low = {"pearson": -1.9, "least-squares": 0.1, "hinge": -0.9}.get(name, -4.0)
    start = torch.tensor(numbers).clamp(low, 0.9)
    real = start[:2].clone().requires_grad_()
    fake = start[2:].clone().requires_grad_()
    terms = discriminator_terms(pair, Scores(real), Scores(fake))
    total = torch.stack([t.total / t.weight for t in terms.values()]).sum()
    up, down = torch.autograd.grad(total, (real, fake))
    assert (up < 0).all() and (down > 0).all()
    half = generator_terms(pair, Scores(fake), Scores(real))
    total = torch.stack([t.total / t.weight for t in half.values()]).sum()
    (gradient,) = torch.autograd.grad(total, fake)
    assert (gradient < 0).all()


def test_terms_are_sums_over_the_scores_that_count() -> None:
    mask = torch.tensor([[True, True, False], [True, False, False]])
    real = Scores(torch.tensor([[1.0, 2.0, torch.inf], [3.0, 1e30, -torch.inf]]), mask)
    fake = Scores(torch.tensor([0.5, -0.5]))
    terms = discriminator_terms(PAIRS["wasserstein"], real, fake)
    assert {n: (float(t.total), float(t.weight)) for n, t in terms.items()} == {
        "real": (-6.0, 3.0),
        "fake": (0.0, 2.0),
    }
    assert values(generator_terms(PAIRS["wasserstein"], real)) == {"fake": -2.0}
    assert float(mean_score(real).total) == 6.0 and float(mean_score(real).weight) == 3.0


@pytest.mark.parametrize("name", NAMES)
def test_what_is_masked_changes_nothing_and_gets_no_gradient(name: str) -> None:
    pair = PAIRS[name]
    mask = torch.tensor([[True, True, False], [True, False, False]])
    inside = torch.tensor([[0.3, -0.2, 0.0], [0.7, 0.0, 0.0]])
    results = []
    for outside in (0.0, 500.0, -500.0, torch.inf):
        real = inside.masked_fill(~mask, outside).requires_grad_()
        fake = (-inside).masked_fill(~mask, outside).requires_grad_()
        both = Scores(real, mask), Scores(fake, mask)
        terms = {
            **discriminator_terms(pair, *both),
            **{f"g-{n}": t for n, t in generator_terms(pair, both[1], both[0]).items()},
        }
        total = torch.stack([t.total / t.weight for t in terms.values()]).sum()
        gradients = torch.autograd.grad(total, (real, fake))
        for gradient in gradients:
            assert (gradient[~mask] == 0).all()
        right = accuracy(pair, *both)
        share = None if right is None else float(right.total / right.weight)
        results.append((values(terms), share, [g[mask].tolist() for g in gradients]))
    assert all(result == results[0] for result in results)


def test_relativistic_pairs_compare_each_real_score_with_its_own_fake() -> None:
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.0])
    pair = PAIRS["relativistic"]
    found = values(discriminator_terms(pair, Scores(real), Scores(fake)))
    wanted = sum(math.log1p(math.exp(-d)) for d in (0.5, -1.0)) / 2
    assert found == {"real": pytest.approx(wanted)}
    wanted = sum(math.log1p(math.exp(d)) for d in (0.5, -1.0)) / 2
    found = values(generator_terms(pair, Scores(fake), Scores(real)))
    assert found == {"fake": pytest.approx(wanted)}
    right = accuracy(pair, Scores(real), Scores(fake))
    assert right is not None and (float(right.total), float(right.weight)) == (1.0, 2.0)


def test_relativistic_averages_compare_with_the_mean_of_the_others() -> None:
    real, fake = torch.tensor([1.0, 2.0]), torch.tensor([0.5, 3.5])
    pair = PAIRS["relativistic-average"]

    def mean(*numbers: float) -> float:
        return sum(math.log1p(math.exp(n)) for n in numbers) / 2

    found = values(discriminator_terms(pair, Scores(real), Scores(fake)))
    assert found == {
        "real": pytest.approx(mean(-(1.0 - 2.0), -(2.0 - 2.0))),
        "fake": pytest.approx(mean(0.5 - 1.5, 3.5 - 1.5)),
    }
    found = values(generator_terms(pair, Scores(fake), Scores(real)))
    assert found == {
        "fake": pytest.approx(mean(-(0.5 - 1.5), -(3.5 - 1.5))),
        "real": pytest.approx(mean(1.0 - 2.0, 2.0 - 2.0)),
    }


def test_tokens_of_unequal_sentences_are_paired_where_both_are() -> None:
    real = Scores(torch.tensor([[1.0, 5.0, 9.0]]), torch.tensor([[True, True, True]]))
    fake = Scores(torch.tensor([[0.0, 7.0]]), torch.tensor([[True, False]]))
    (term,) = discriminator_terms(PAIRS["relativistic"], real, fake).values()
    assert float(term.total) == pytest.approx(math.log1p(math.exp(-1.0)))
    assert float(term.weight) == 1.0


def test_pairs_need_as_many_fakes_as_reals() -> None:
    with pytest.raises(ValueError, match=r"\(3,\).*\(2,\)"):
        discriminator_terms(PAIRS["relativistic"], Scores(torch.ones(3)), Scores(torch.ones(2)))


@pytest.mark.parametrize("name", ["relativistic", "relativistic-average"])
def test_a_pair_that_compares_needs_real_scores(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}.*give it the real scores"):
        generator_terms(PAIRS[name], Scores(torch.ones(2)))


def test_accuracy_counts_both_sides() -> None:
    real, fake = torch.tensor([2.0, 0.9, 1.5]), torch.tensor([0.5, 1.2])
    for name, right in (("kl", 3.0), ("gan", 3.0), ("least-squares", 3.0)):
        found = accuracy(PAIRS[name], Scores(real), Scores(fake))
        assert found is not None
        assert (float(found.total), float(found.weight)) == (right, 5.0)
    # 2, 0.9 and 1.5 against a mean of 0.85; 0.5 and 1.2 against one of 1.4667.
    found = accuracy(PAIRS["relativistic-average"], Scores(real), Scores(fake))
    assert found is not None and float(found.total) == 5.0
    assert accuracy(PAIRS["wasserstein"], Scores(real), Scores(fake)) is None


@pytest.mark.parametrize("name", LABELLED)
def test_smoothing_makes_the_label_less_than_one(name: str) -> None:
    scores = torch.tensor([-2.0, 0.4, 3.0])
    both = Scores(scores), Scores(torch.zeros(3))
    plain, smoothed = (values(discriminator_terms(PAIRS[name], *both, s)) for s in (0.0, 0.1))
    assert smoothed["fake"] == plain["fake"]  # one-sided
    if name == "least-squares":
        wanted = 0.5 * (scores - 0.9).square().mean()
    else:
        wanted = torch.nn.functional.binary_cross_entropy_with_logits(
            scores, torch.full_like(scores, 0.9)
        )
    assert smoothed["real"] == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in LABELLED])
def test_pairs_without_labels_refuse_smoothing(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}' has no labels.*'least-squares'"):
        discriminator_terms(PAIRS[name], Scores(torch.ones(2)), Scores(torch.ones(2)), 0.1)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, 1.5])
def test_smoothing_out_of_range_is_refused(smoothing: float) -> None:
    with pytest.raises(ValueError, match="at least 0 and below 1"):
        discriminator_terms(PAIRS["gan"], Scores(torch.ones(2)), Scores(torch.ones(2)), smoothing)


def test_rewards_by_value() -> None:
    score = torch.tensor([[0.0, 2.0], [-1.0, 80.0]])
    logistic = 1 / (1 + torch.exp(-score.double()))
    for name in ("non-saturating", "jensen-shannon", "reverse-kl"):
        found = reward(PAIRS[name], score, "probability")
        torch.testing.assert_close(found, logistic.float())
    assert reward(PAIRS["kl"], score, "logit").tolist() == [[-1.0, 1.0], [-2.0, 79.0]]
    assert reward(PAIRS["hellinger"], score, "logit").tolist() == [[0.0, 4.0], [-2.0, 160.0]]
    found = reward(PAIRS["gan"], torch.tensor([-80.0]), "log-probability")
    assert found.item() == pytest.approx(-80.0)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITH_PROBABILITY])
def test_a_pair_without_a_probability_gives_its_score_and_nothing_else(name: str) -> None:
    score = torch.tensor([1.5, -3.0])
    assert torch.equal(reward(PAIRS[name], score, "logit"), score)
    for kind in ("probability", "log-probability"):
        with pytest.raises(ValueError, match=f"'{name}' stand for no probability.*use 'logit'"):
            reward(PAIRS[name], score, kind)  # type: ignore[arg-type]


def test_an_unknown_reward_is_refused() -> None:
    with pytest.raises(ValueError, match="'odds' is unknown"):
        reward(PAIRS["gan"], torch.ones(1), "odds")  # type: ignore[arg-type]


def test_half_precision_scores_are_added_up_in_single_precision() -> None:
    scores = Scores(torch.full((4096,), 1.0009765625, dtype=torch.bfloat16))
    term = discriminator_terms(PAIRS["wasserstein"], scores, scores)["fake"]
    assert term.total.dtype == torch.float32 and float(term.total) == 4096.0
