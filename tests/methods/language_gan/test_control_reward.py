"""Controls: rewards that know nothing, and nothing else that differs from SeqGAN."""

from __future__ import annotations

import io

import pytest
import torch
from method_models import assert_close, batches, gradients, moment, players, value, weights
from policy_models import LIMIT, Tiny, batch, policy, update
from torch import Tensor

from seqgen.methods.language_gan.control_reward import ControlReward
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Loss
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer


def number(loss: Loss, name: str) -> float:
    total, weight, _ = loss.numbers[name]
    return float(total / weight)


def test_there_is_no_discriminator() -> None:
    method = ControlReward(policy(), limit=LIMIT)
    assert list(method.modules) == ["generator"]
    assert dict(method.players) == {"generator": ("generator",)}
    assert list(method.turns(0)) == ["generator"]


def test_the_constant_reward_follows_own_draws() -> None:
    method = ControlReward(policy(), limit=LIMIT, value=0.25)
    loss = update(method, "generator", batch(), moment())
    own = draw(method.generator, batch(), LIMIT, moment().stream.child("draw"))
    expected = method.policy.likelihood(own)
    torch.testing.assert_close(value(loss, "policy"), 0.25 * value(expected))
    assert number(loss, "reward") == pytest.approx(0.25)
    assert "reward-deviation" not in loss.numbers  # nothing to be warned of
    assert number(loss, "return") == pytest.approx(0.25)
    assert number(loss, "reward-sparsity") == 0.0
    beyond = ControlReward(policy(), limit=LIMIT, value=-2.0)
    assert "reward-sparsity" not in update(beyond, "generator", batch(), moment()).numbers


def test_a_moving_baseline_finds_the_constant() -> None:
    method = ControlReward(policy(), limit=LIMIT, baseline="moving")
    method.stepped("generator", moment(), {"return": 0.5})
    loss = update(method, "generator", batch(), moment())
    assert number(loss, "baseline") == 0.5
    assert all((g == 0).all() for g in gradients(value(loss, "policy"), method.generator).values())


def test_random_rewards_are_uniform_and_each_tokens_own() -> None:
    method = ControlReward(policy(), limit=LIMIT, control="random")
    given = Sentences(torch.zeros(600, 7, dtype=torch.int64), torch.full((600,), 7))
    rewards = method.rewards(given, moment().stream)
    assert rewards.shape == (600, 7) and rewards.min() >= 0 and rewards.max() < 1
    assert len(rewards.unique()) > 4100
    assert rewards.mean().item() == pytest.approx(0.5, abs=0.02)
    assert rewards.std().item() == pytest.approx(12**-0.5, abs=0.02)
    assert rewards[:, 0].sub(0.5).mul(rewards[:, 1] - 0.5).mean().abs() < 0.015
    assert not torch.equal(rewards, method.rewards(given, moment(name="next").stream))


def test_random_rewards_belong_to_rows_of_the_global_batch() -> None:
    method = ControlReward(policy(), limit=LIMIT, control="random")
    given, order = batch(7), torch.tensor([3, 0, 6])
    rewards = method.rewards(given, moment().stream)
    assert torch.equal(method.rewards(given.select(order), moment().stream), rewards[order])
    cut = given.select(order).trim()
    assert torch.equal(method.rewards(cut, moment().stream), rewards[order][:, : cut.ids.shape[1]])


def test_the_update_is_that_of_seqgan_at_the_same_rewards() -> None:
    """With a discriminator that gives every sentence the constant reward."""
    settings = {"limit": LIMIT, "entropy": 0.1, "anchor": 0.2, "likelihood_every": 2}
    judge = Tiny()
    with torch.no_grad():
        for parameter in judge.parameters():
            parameter.zero_()
    theirs = SeqGAN(policy(), judge, rollouts=2, **settings)  # type: ignore[arg-type]
    ours = ControlReward(policy(), **settings)  # type: ignore[arg-type]
    for round in range(3):
        losses = [update(one, "generator", batch(), moment(round=round)) for one in (ours, theirs)]
        assert losses[0].terms.keys() == losses[1].terms.keys()
        for name in losses[0].terms:
            found: list[dict[str, Tensor]] = [
                gradients(value(loss, name), one.generator)
                for loss, one in zip(losses, (ours, theirs), strict=True)
            ]
            assert_close(*found, atol=1e-7)


@pytest.mark.parametrize("control", ["constant", "random"])
def test_accumulation_changes_nothing(control: str) -> None:
    settings = {"control": control, "baseline": "moving", "anchor": 0.1}
    made = []
    for cut in (1, 4):
        method = ControlReward(policy(), limit=LIMIT, **settings)  # type: ignore[arg-type]
        data = batches(8, accumulation=cut)
        Trainer([Phase(method, 3)], players(method, clip=1.0), data, seed=2).train()
        made.append({**weights(method), "baseline": torch.tensor(method.policy.baseline.value)})
    assert_close(made[1], made[0], atol=2e-6)


def test_the_state_can_be_saved_and_restored() -> None:
    method = ControlReward(policy(), limit=LIMIT, baseline="moving", anchor=0.1)
    Trainer([Phase(method, 2)], players(method), batches()).train()
    file = io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    other = ControlReward(policy(), limit=LIMIT, baseline="moving", anchor=0.1)
    other.generator.load_state_dict(method.generator.state_dict())
    other.load_state_dict(torch.load(file, weights_only=True))
    losses = [update(one, "generator", batch(), moment()) for one in (method, other)]
    for name in ("policy", "anchor-kl"):
        assert torch.equal(*(value(loss, name) for loss in losses))


def test_what_is_unknown_is_refused() -> None:
    with pytest.raises(ValueError, match="'constant' or 'random'"):
        ControlReward(policy(), limit=LIMIT, control="noise")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least 1"):
        ControlReward(policy(), limit=0)
