"""Baselines: what they guess, and how they follow."""

from __future__ import annotations

import pytest
import torch

from seqgen.methods.language_gan.baselines import (
    LearnedBaseline,
    MovingBaseline,
    NoBaseline,
    baseline_network,
    named_baseline,
)

HIDDEN = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))


def test_none_is_zero() -> None:
    made = named_baseline("none", 5)
    assert isinstance(made, NoBaseline)
    assert torch.equal(made.values(HIDDEN), torch.zeros(7))
    made.stepped({"return": 3.0})
    assert torch.equal(made.values(HIDDEN), torch.zeros(7))
    assert made.terms(torch.zeros(7), torch.ones(7)) == {} == dict(made.modules)


def test_moving_is_the_weighted_mean_of_past_rewards() -> None:
    made, rewards = MovingBaseline(decay=0.8), [2.0, 5.0, -1.0]
    assert torch.equal(made.values(HIDDEN), torch.zeros(7))
    for number, reward in enumerate(rewards, 1):
        made.stepped({"return": reward, "reward": 8.0, "loss": 9.0})
        weights = [0.8 ** (number - 1 - i) for i in range(number)]
        mean = sum(w * r for w, r in zip(weights, rewards[:number], strict=True)) / sum(weights)
        assert made.values(HIDDEN)[3].item() == pytest.approx(mean, rel=1e-6)
    before = made.value
    made.stepped({"nll": 1.0})  # a round of likelihood has no reward
    assert made.value == before


def test_moving_can_be_saved_and_restored() -> None:
    made, other = MovingBaseline(), MovingBaseline()
    made.stepped({"return": 2.0})
    made.stepped({"return": 1.0})
    other.load_state_dict(made.state_dict())
    for one in (made, other):
        one.stepped({"return": 7.0})
    assert made.value == other.value
    other.load_state_dict({})
    assert other.value == 0.0


def test_learned_is_zero_at_first_and_gives_the_hidden_vectors_no_gradient() -> None:
    made, hidden = LearnedBaseline(baseline_network(5)), HIDDEN.clone().requires_grad_()
    returns = torch.arange(7.0)
    values = made.values(hidden)
    assert torch.equal(values.detach(), torch.zeros(7))
    term = made.terms(values, returns)["baseline-error"]
    assert term.total.item() == pytest.approx(float(returns.square().sum()))
    assert term.weight == 7
    term.total.backward()
    assert hidden.grad is None
    weight = made.network.get_parameter("2.weight")
    assert weight.grad is not None and (weight.grad != 0).any()


def test_learned_finds_what_the_hidden_vectors_tell() -> None:
    torch.manual_seed(0)
    made = LearnedBaseline(baseline_network(5))
    optimizer = torch.optim.Adam(made.network.parameters(), 0.02)
    hidden = torch.randn(256, 5, generator=torch.Generator().manual_seed(1))
    returns = hidden[:, 0].tanh() + 2
    errors = []
    for _ in range(150):
        total, weight, _ = made.terms(made.values(hidden), returns)["baseline-error"]
        errors.append(float(total.detach() / weight))
        optimizer.zero_grad()
        (total / weight).backward()
        optimizer.step()
    assert errors[0] > 4 and errors[-1] < 0.05


def test_what_is_unknown_or_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="'none', 'moving' or 'learned'"):
        named_baseline("critic", 5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="below 1"):
        MovingBaseline(1.0)


def test_a_network_or_a_whole_baseline_may_be_given() -> None:
    network = baseline_network(5)
    made = LearnedBaseline(network)
    assert named_baseline(made, 5) is made and made.modules == {"baseline": network}
    assert named_baseline("learned", 5).values(HIDDEN).shape == (7,)
