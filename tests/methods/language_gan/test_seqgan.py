"""SeqGAN: who plays, what is drawn and scored when, and that it does not matter how a batch is
cut."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from method_models import assert_close, batches, gradients, moment, players, value, weights
from policy_models import LIMIT, Tiny, batch, policy, update
from torch import Tensor

from seqgen.methods.adversarial import PAIRS
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.methods.language_gan.rewards import sentence_rewards
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Loss, Moment
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer


def seqgan(per_token: bool = False, dropout: float = 0.0, **settings: Any) -> SeqGAN:
    given = {"limit": LIMIT, "rollouts": 3, "discriminator_steps": 2, **settings}
    return SeqGAN(policy(dropout=dropout), Tiny(per_token, dropout), **given)


def trained(method: SeqGAN, rounds: int = 3, **cut: int) -> SeqGAN:
    moved = players(method, 1e-2, clip=1.0)
    Trainer([Phase(method, rounds)], moved, batches(8, **cut), seed=2).train()
    return method


def tensors(state: Any, name: str = "") -> dict[str, Tensor]:
    """All tensors and numbers of a state, by path."""
    if isinstance(state, dict):
        parts = [tensors(inner, f"{name}.{key}") for key, inner in state.items()]
        return {key: inner for part in parts for key, inner in part.items()}
    return {name: torch.as_tensor(state)}


def test_the_discriminator_plays_first_and_more_often() -> None:
    method = seqgan(discriminator_steps=3)
    assert list(method.turns(0)) == ["discriminator"] * 3 + ["generator"]
    assert dict(method.players) == {
        "discriminator": ("discriminator",),
        "generator": ("generator",),
    }
    assert list(method.modules) == ["discriminator", "generator"]


def test_rounds_of_likelihood_are_the_generators_alone() -> None:
    method = seqgan(likelihood_every=2)
    turns = [list(method.turns(round)) for round in range(3)]
    assert turns == [["discriminator"] * 2 + ["generator"]] * 2 + [["generator"]]
    now = moment(round=2)
    assert set(update(method, "generator", batch(), now).terms) == {"nll"}
    assert "policy" in update(method, "generator", batch(), moment(round=1)).terms


def test_the_generator_follows_rewards_of_completed_prefixes() -> None:
    method, now = seqgan(), moment(name="g")
    loss = update(method, "generator", batch(), now)
    own = draw(method.generator, batch(), LIMIT, now.stream.child("draw"))
    rewards, worth = sentence_rewards(
        method.generator,
        method.discriminator,
        own,
        torch.sigmoid,
        rollouts=3,
        limit=LIMIT,
        stream=now.stream.child("rollouts"),
    )
    expected = method.policy.loss(own, worth)
    assert torch.equal(value(loss, "policy"), value(expected, "policy"))
    assert loss.numbers.keys() == {
        "reward", "reward-deviation", "reward-sparsity", "return", "entropy", "baseline"
    }  # fmt: skip
    verdicts = torch.sigmoid(method.discriminator(own.ids, own.lengths)).detach()
    torch.testing.assert_close(rewards, verdicts)
    for name, expected_mean in (("reward", verdicts.mean()), ("return", worth[own.mask].mean())):
        given = loss.numbers[name]
        assert float(given.total / given.weight) == pytest.approx(float(expected_mean))


def test_the_discriminator_sees_real_sentences_and_the_generators_own() -> None:
    method, now = seqgan(), moment(name="d")
    given = batch()
    loss = update(method, "discriminator", given, now)
    own = draw(method.generator, given, LIMIT, now.stream.child("draw"))
    real, fake = (method.discriminator(s.ids, s.lengths) for s in (given, own))
    expected = {
        "real": -torch.sigmoid(real).log().mean(),
        "fake": -torch.sigmoid(-fake).log().mean(),
    }
    for name, mean in expected.items():
        torch.testing.assert_close(value(loss, name), mean)
    assert loss.numbers.keys() == {"accuracy", "score-real", "score-fake"}
    assert all((g == 0).all() for g in gradients(value(loss, "fake"), method.generator).values())


def test_every_update_of_the_discriminator_sees_fresh_fakes() -> None:
    seen: list[Tensor] = []

    class Watched(SeqGAN):
        def _draw(self, given: Sentences, stream: Any) -> Sentences:
            own = super()._draw(given, stream)
            seen.append(own.ids)
            return own

    method = Watched(policy(), Tiny(), limit=LIMIT, rollouts=1, discriminator_steps=3)
    trained(method, rounds=2)
    assert len(seen) == 2 * (3 + 1)
    for number, ids in enumerate(seen):
        assert not any(torch.equal(ids, other) for other in seen[:number])


@pytest.mark.parametrize("per_token", [False, True])
@pytest.mark.parametrize("rollouts", [0, 2])
def test_two_rounds_move_the_right_parameters(rollouts: int, per_token: bool) -> None:
    method = seqgan(per_token, 0.2, rollouts=rollouts, baseline="learned", anchor=0.1, entropy=0.01)
    assert method.players["generator"] == ("generator", "baseline")
    before = weights(method)
    trained(method, rounds=2)
    after = weights(method)
    assert all(not torch.equal(after[name], before[name]) for name in before)


@pytest.mark.parametrize("pair", PAIRS)
def test_every_pair_with_every_reward_it_has(pair: str) -> None:
    kinds = ["logit"] if PAIRS[pair].log_ratio is None else ["probability", "log-probability"]
    for kind in kinds:
        method = seqgan(pair=pair, reward=kind, rollouts=1)
        for player in ("discriminator", "generator"):
            loss = update(method, player, batch(), moment())
            total = torch.stack([value(loss, name) for name in loss.terms]).sum()
            found = gradients(total, method.modules[player])
            assert total.isfinite() and any((g != 0).any() for g in found.values())
    if kinds == ["logit"]:
        with pytest.raises(ValueError, match="use 'logit'"):
            seqgan(pair=pair)


ALL: dict[str, Any] = {
    "rollout_decay": 0.8, "anchor": 0.1, "baseline": "moving", "entropy": 0.01
}  # fmt: skip


def test_accumulation_leaves_copies_and_numbers_as_they_are() -> None:
    whole = trained(seqgan(**ALL))
    for cut in (2, 4):
        parts = trained(seqgan(**ALL), accumulation=cut)
        assert_close(weights(parts), weights(whole), atol=2e-6)
        ours, theirs = tensors(parts.state_dict()), tensors(whole.state_dict())
        assert_close(ours, theirs, atol=2e-6)
        assert len(ours) > 10


@pytest.mark.parametrize("settings", [{}, {**ALL, "discount": 0.9, "baseline": "learned"}])
def test_two_micro_batches_have_the_gradient_of_one(settings: dict[str, Any]) -> None:
    method, now, given = seqgan(**settings), moment(), batch(7)
    for player in ("discriminator", "generator"):
        whole = update(method, player, given, now)
        parts = [
            update(method, player, given.select(torch.arange(first, 7, 2)), now) for first in (0, 1)
        ]
        for name in whole.terms:
            total = torch.stack([part.terms[name].total for part in parts]).sum()
            weight = sum(float(part.terms[name].weight) for part in parts)
            assert weight == whole.terms[name].weight
            for module in method.players[player]:
                network = method.modules[module]
                assert_close(
                    gradients(total / weight, network),
                    gradients(value(whole, name), network),
                    atol=1e-6,
                )


def test_the_delayed_policy_follows_and_completes() -> None:
    method, twin = (seqgan(rollout_decay=0.75) for _ in range(2))
    for one in (method, twin):
        one.begin("generator", moment())
    first = {name: p.clone() for name, p in method.generator.named_parameters()}
    with torch.no_grad():
        for parameter in method.generator.parameters():
            parameter += 1.0
    method.stepped("generator", moment(), {"return": 0.5})
    for name, parameter in method.completing.network.named_parameters():
        torch.testing.assert_close(parameter, first[name] + 0.25)
    own = draw(twin.generator, batch(), LIMIT, moment().stream)
    with torch.no_grad():
        for parameter in twin.generator.parameters():
            parameter += 0.25
    there, here = (one.judged(own, moment().stream).worth for one in (method, twin))
    assert not torch.equal(there, here)  # the twin's own copy did not move
    twin.rollout_decay = 0.0
    twin.completing.load_state_dict({})
    last = twin.judged(own, moment().stream).worth
    torch.testing.assert_close(there, last, rtol=1e-4, atol=1e-5)


def test_without_a_decay_the_present_policy_completes() -> None:
    method = seqgan()
    method.begin("generator", moment())
    method.stepped("generator", moment(), {"return": 0.5})
    assert method.completing.network is method.generator
    assert method.state_dict()["completing"] == {}


def test_a_delayed_policy_of_an_earlier_phase_is_left_behind() -> None:
    state = trained(seqgan(rollout_decay=0.8)).state_dict()
    method = seqgan()
    method.load_state_dict(state)
    assert method.completing.network is method.generator


def test_the_state_can_be_saved_and_restored() -> None:
    method, file = trained(seqgan(**ALL)), io.BytesIO()
    torch.save(method.state_dict(), file)
    file.seek(0)
    other = seqgan(**ALL)
    for name, module in method.modules.items():
        other.modules[name].load_state_dict(module.state_dict())
    other.load_state_dict(torch.load(file, weights_only=True))
    now = Moment(7, 7, moment(name="later").stream)
    losses: list[Loss] = [update(one, "generator", batch(), now) for one in (method, other)]
    for name in ("policy", "anchor-kl"):
        assert torch.equal(*(value(loss, name) for loss in losses))
    assert torch.equal(*(loss.numbers["baseline"].total for loss in losses))


def test_bfloat16_scoring_is_near() -> None:
    exact, fast = seqgan(), seqgan(precision=torch.bfloat16)
    own = draw(exact.generator, batch(), LIMIT, moment().stream)
    rewards = [one.judged(own, moment().stream).worth for one in (exact, fast)]
    assert all(r.dtype == torch.float32 for r in rewards)
    assert 0 < (rewards[0] - rewards[1]).abs().max() < 0.01


@pytest.mark.parametrize("baseline", ["none", "moving"])
def test_the_reward_rises_against_a_discriminator_that_stands_still(baseline: str) -> None:
    method = seqgan(baseline=baseline, rollouts=2)
    with torch.no_grad():  # the verdicts are far apart
        method.discriminator.get_parameter("layers.2.weight").mul_(12.0)
    means: list[float] = []
    noted = method.stepped

    def stepped(player: str, now: Moment, parts: Any) -> None:
        means.append(parts["reward"])
        noted(player, now, parts)

    method.stepped = stepped  # type: ignore[method-assign]
    generator = {"generator": players(method, 2e-2)["generator"]}
    Trainer([Phase(method, 40, only=("generator",))], generator, batches(12)).train()
    first, last = sum(means[:5]) / 5, sum(means[-5:]) / 5
    assert last > first + 0.5 * (1 - first)


def test_values_out_of_range_are_refused() -> None:
    for settings in ({"rollouts": -1}, {"limit": 0}, {"discriminator_steps": 0}):
        with pytest.raises(ValueError, match="at least"):
            seqgan(**settings)
    for settings in ({"discount": 1.5}, {"rollout_decay": 1.0}):  # type: ignore[assignment]
        with pytest.raises(ValueError, match="must be from 0"):
            seqgan(**settings)
    with pytest.raises(ValueError, match="'none', 'moving' or 'learned'"):
        seqgan(baseline="critic")
