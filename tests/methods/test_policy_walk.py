"""Every reward with every method of policy gradients, baseline and kind of discriminator: two
rounds move what they should and nothing else."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from method_models import (
    LIMIT,
    batches,
    generator,
    players,
    sentence_discriminator,
    weights,
)

from seqgen.methods.adversarial import PAIRS, Reward
from seqgen.methods.language_gan.control_reward import Control, ControlReward
from seqgen.methods.language_gan.inverse_reinforcement import InverseReinforcement
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Method
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer

REWARDS = get_args(Reward)
WHOLE = ("convolution", "recurrent", "transformer")
TOKENS = ("recurrent per token", "transformer per token", "projection")


def trained(method: Method, steps: int = 2) -> tuple[dict[str, Any], set[str]]:
    """The last numbers of the generator, and the names of what has moved."""
    seen: dict[str, Any] = {}
    before = weights(method)
    stepped = method.stepped

    def watching(player: str, moment: Any, parts: Any) -> None:
        assert all(torch.as_tensor(value).isfinite() for value in parts.values()), (player, parts)
        seen.update({f"{player}/{name}": float(value) for name, value in parts.items()})
        stepped(player, moment, parts)

    method.stepped = watching  # type: ignore[method-assign]
    Trainer([Phase(method, steps)], players(method), batches()).train()
    after = weights(method)
    return seen, {name for name in after if not torch.equal(after[name], before[name])}


def seqgan(kind: str, **settings: Any) -> SeqGAN:
    return SeqGAN(
        generator(),
        sentence_discriminator(kind),
        limit=LIMIT,
        rollouts=0 if kind in TOKENS else 2,
        discriminator_steps=1,
        **settings,
    )


@pytest.mark.parametrize("kind", [*WHOLE, *TOKENS])
@pytest.mark.parametrize("reward", REWARDS)
def test_every_reward_with_every_discriminator(reward: Reward, kind: str) -> None:
    method = seqgan(kind, reward=reward)
    seen, moved = trained(method)
    assert moved == set(weights(method))
    bounds = {"probability": (0, 1), "log-probability": (-torch.inf, 0)}
    low, high = bounds.get(reward, (-torch.inf, torch.inf))
    assert low <= seen["generator/reward"] <= high
    assert ("generator/reward-sparsity" in seen) == (reward == "probability")
    assert seen["generator/reward-deviation"] > 0


@pytest.mark.parametrize("pair", PAIRS)
def test_every_loss_pair_trains_seqgan(pair: str) -> None:
    reward: Reward = "logit" if PAIRS[pair].log_ratio is None else "probability"
    method = seqgan("convolution", pair=pair, reward=reward, baseline="moving")
    _, moved = trained(method)
    # some compare scores only, so that nothing pulls at what is added to all of them
    assert moved | {"discriminator.score.bias"} == set(weights(method))


@pytest.mark.parametrize("baseline", ["none", "moving", "learned"])
def test_every_baseline_with_every_reward_that_is_drawn(baseline: Any) -> None:
    for made in (
        seqgan("recurrent", baseline=baseline),
        ControlReward(generator(), limit=LIMIT, control="random", baseline=baseline),
    ):
        _, moved = trained(made)
        assert moved == set(weights(made))
        assert ("baseline.0.weight" in moved) == (baseline == "learned")


@pytest.mark.parametrize("control", get_args(Control))
def test_every_control(control: Control) -> None:
    method = ControlReward(generator(), limit=LIMIT, control=control)
    seen, moved = trained(method)
    assert moved == set(weights(method))
    assert ("generator/reward-deviation" in seen) == (control == "random")


@pytest.mark.parametrize("rollouts", [0, 2])
@pytest.mark.parametrize("baseline", ["none", "step"])
def test_every_return_of_inverse_reinforcement(rollouts: int, baseline: Any) -> None:
    method = InverseReinforcement(
        generator(), sentence_discriminator("token-reward"), limit=LIMIT, batch=6, entropy=0.3,
        buffer=12, rollouts=rollouts, baseline=baseline,
    )  # fmt: skip
    seen, moved = trained(method, 4)
    assert moved == set(weights(method))
    assert 0 <= seen["generator/reward"] <= 1 and "generator/reward-sparsity" in seen
