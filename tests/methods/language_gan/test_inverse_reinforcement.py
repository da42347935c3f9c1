"""Inverse reinforcement learning: importance weights and worth by hand, the rows of the buffer,
resuming, and that both sides learn."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from method_models import (
    LIMIT,
    VOCABULARY,
    assert_close,
    batch,
    batches,
    generator,
    gradients,
    moment,
    players,
    value,
    weights,
)
from policy_models import policy, update
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.token_reward import TokenReward
from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import training
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.rollouts import complete
from seqgen.methods.language_gan.baselines import MovingBaseline
from seqgen.methods.language_gan.importance import effective_share, importance_weights
from seqgen.methods.language_gan.inverse_reinforcement import InverseReinforcement
from seqgen.methods.language_gan.policy_buffer import PolicyBuffer, fill, step_mean
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.methods.protocol import Loss
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer


class Labelled(Discriminator):
    """The reward of a token is a hundredth of its id, with no regard to what came before."""

    per_token = True

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.01))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(tokens.shape[1])
        return tokens * self.scale * (steps < lengths[:, None])


def reward_network(seed: int = 0, dropout: float = 0.3) -> TokenReward:
    torch.manual_seed(seed)
    return TokenReward(VOCABULARY, width=6, hidden=8, perceptron=8, dropout=dropout).eval()


def method(reward: Any = None, dropout: float = 0.0, **settings: Any) -> InverseReinforcement:
    given = {
        "limit": LIMIT, "batch": 6, "entropy": 0.3, "buffer": 18, "rollouts": 2,
        "reward_steps": 2, **settings,
    }  # fmt: skip
    reward = reward_network(dropout=dropout) if reward is None else reward
    return InverseReinforcement(policy(dropout=dropout), reward, **given)


def filled(reward: Any, count: int = 7, **settings: Any) -> PolicyBuffer:
    given = {
        "limit": LIMIT,
        "entropy": 0.0,
        "neutral": 0.0,
        "scale": 1.0,
        "rollouts": 0,
        **settings,
    }
    return fill(policy(), reward, count, stream=moment().stream, **given)


def test_weights_are_a_softmax_of_what_the_rewards_say_against_the_policy() -> None:
    returns = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
    drawn = torch.log(torch.tensor([0.2, 0.5, 0.3]))
    weights = importance_weights(returns, drawn)
    shares = [math.e / 0.2, math.e**2 / 0.5, math.e**3 / 0.3]
    torch.testing.assert_close(weights, torch.tensor([share / sum(shares) for share in shares]))
    assert not weights.requires_grad
    flat = importance_weights(returns, drawn, 1e9)
    torch.testing.assert_close(flat, torch.full((3,), 1 / 3))
    torch.testing.assert_close(importance_weights(returns, drawn + 40), weights)


@pytest.mark.parametrize("temperature", [1.0, 3.0])
def test_held_constant_they_give_the_gradient_of_the_log_partition(temperature: float) -> None:
    returns = torch.tensor([0.3, -1.0, 2.0, 0.5], requires_grad=True)
    drawn = torch.tensor([-3.0, -4.0, -2.0, -5.0])
    scaled = (returns - drawn) / temperature
    (exact,) = torch.autograd.grad(temperature * scaled.logsumexp(0), returns)
    surrogate = (importance_weights(returns, drawn, temperature) * returns).sum()
    torch.testing.assert_close(torch.autograd.grad(surrogate, returns)[0], exact)


def test_the_effective_share_counts_equal_weights_in_full() -> None:
    assert effective_share(torch.full((4,), 0.25)) == 1.0
    assert effective_share(torch.tensor([1.0, 0.0, 0.0, 0.0])) == 0.25


def test_the_reward_networks_loss_by_hand() -> None:
    irl, now, real = method(Labelled(), neutral=0.5, scale=3.0, temperature=2.0), moment(), batch()
    loss = update(irl, "discriminator", real, now)
    drawn = draw(irl.generator, real, LIMIT, now.stream.child("draw"))
    sums = [
        [sum(3.0 * (token * 0.01 - 0.5) for token in ids[:length]) for ids, length in rows]
        for rows in (zip(s.ids.tolist(), s.lengths.tolist(), strict=True) for s in (real, drawn))
    ]
    hidden = teacher_force(irl.generator, drawn).hidden
    logarithms = (irl.generator.log_probability(hidden, drawn.ids) * drawn.mask).sum(1)
    scores = [(r - q) / 2.0 for r, q in zip(sums[1], logarithms.tolist(), strict=True)]
    shares = [math.exp(score - max(scores)) for score in scores]
    weighted = sum(s * r for s, r in zip(shares, sums[1], strict=True)) / sum(shares)
    assert value(loss, "drawn").item() == pytest.approx(weighted, rel=1e-4)
    assert value(loss, "real").item() == pytest.approx(sum(sums[0]) / len(real), rel=1e-4)
    assert loss.terms["real"].factor == -1.0 and loss.terms["drawn"].factor == 1.0
    means = [
        [r / 3.0 / n + 0.5 for r, n in zip(rows, s.lengths.tolist(), strict=True)]
        for rows, s in zip(sums, (real, drawn), strict=True)
    ]
    above = [left > right for left in means[0] for right in means[1]]
    numbers = {name: float(term.total / term.weight) for name, term in loss.numbers.items()}
    assert numbers["accuracy"] == pytest.approx(sum(above) / len(above))
    tokens = int(real.lengths.sum())
    assert numbers["score-real"] == pytest.approx(
        int((real.ids * real.mask).sum()) * 0.01 / tokens, rel=1e-4
    )
    square = sum(share**2 for share in shares) / sum(shares) ** 2
    expected = 1 / square / len(real)
    assert numbers["importance-effective-share"] == pytest.approx(expected, rel=1e-4)


def test_worth_is_rewards_to_come_less_the_entropy_weights_share_of_log_q() -> None:
    buffer = filled(Labelled(), entropy=0.25, neutral=0.05, scale=2.0)
    assert len(set(buffer.sentences.lengths.tolist())) > 1
    network = policy()
    for row in range(len(buffer)):
        length = int(buffer.sentences.lengths[row])
        ids = buffer.sentences.ids[row : row + 1, :length]
        hidden = teacher_force(network, Sentences(ids, torch.tensor([length]))).hidden
        steps = torch.log_softmax(network.logits(hidden)[0], -1)[torch.arange(length), ids[0]]
        for step in range(length):
            rewards = 2.0 * (ids[0, step:].sum() * 0.01 - 0.05 * (length - step))
            expected = rewards - 0.25 * steps[step:].sum()
            torch.testing.assert_close(buffer.worth[row, step], expected, atol=1e-5, rtol=1e-4)
        assert (buffer.worth[row, length:] == 0).all()
        torch.testing.assert_close(buffer.log_probability[row, :length], steps)


def test_rollouts_give_the_mean_over_completions() -> None:
    stream = moment().stream
    buffer = filled(Labelled(), rollouts=4)
    given = complete(policy(), buffer.sentences, 4, limit=LIMIT, stream=stream.child("rollouts"))
    seen = 0
    for pair, (row, prefix) in enumerate(
        zip(given.rows.tolist(), given.prefixes.tolist(), strict=True)
    ):
        sums = [
            0.01 * int(ids[prefix - 1 : length].sum())
            for ids, length in zip(given.ids[pair], given.lengths[pair].tolist(), strict=True)
        ]
        expected = torch.tensor(sum(sums) / 4)
        torch.testing.assert_close(buffer.worth[row, prefix - 1], expected)
        seen += 1
    assert seen == int((buffer.sentences.lengths - 1).sum())
    ends = buffer.sentences.lengths - 1
    last = buffer.sentences.ids[torch.arange(7), ends] * 0.01
    torch.testing.assert_close(buffer.worth[torch.arange(7), ends], last)


def test_more_sentences_continue_the_same_buffer() -> None:
    few, many = filled(reward_network(), 5, rollouts=2), filled(reward_network(), 9, rollouts=2)
    longest = few.sentences.ids.shape[1]
    assert torch.equal(few.sentences.ids, many.sentences.ids[:5, :longest])
    torch.testing.assert_close(few.worth, many.worth[:5, :longest])


def test_the_baseline_of_a_step_is_the_mean_of_the_rows_that_have_it() -> None:
    values = torch.tensor([[1.0, 2.0, 3.0], [5.0, 6.0, 99.0], [9.0, 99.0, 99.0]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [1, 0, 0]]).bool()
    expected = torch.tensor([[5.0, 4.0, 3.0], [5.0, 4.0, 0.0], [5.0, 0.0, 0.0]])
    assert torch.equal(step_mean(values, mask), expected)


def test_the_policys_loss_by_hand() -> None:
    irl, now = method(clip=0.1), moment()
    first = batches(6).take()[0]
    update(irl, "generator", first, now)
    part = irl.rows_of(first)
    with torch.no_grad():
        for parameter in irl.generator.parameters():
            parameter.mul_(1.3)
    loss = irl.loss("generator", first, now)
    mask = part.sentences.mask
    hidden = teacher_force(irl.generator, part.sentences).hidden
    ratios = torch.exp(
        irl.generator.log_probability(hidden, part.sentences.ids) - part.log_probability
    )
    gains = []
    for ratio, worth in zip(
        ratios[mask].tolist(), (part.worth - part.baseline)[mask].tolist(), strict=True
    ):
        gains.append(min(ratio * worth, min(max(ratio, 0.9), 1.1) * worth))
    assert value(loss, "policy").item() == pytest.approx(-sum(gains) / len(gains), rel=1e-4)
    outside = (ratios[mask] - 1).abs() > 0.1
    assert 0 < outside.sum() < len(outside)


@pytest.mark.parametrize("baseline", ["none", "step"])
def test_the_policys_numbers_by_hand(baseline: str) -> None:
    irl, first = method(Labelled(), baseline=baseline, scale=10.0, entropy=1.0), batches(6).take()
    found = update(irl, "generator", first[0], moment()).numbers
    part = irl.rows_of(first[0])
    places = [(r, t) for r, n in enumerate(part.sentences.lengths.tolist()) for t in range(n)]
    rewards = [int(part.sentences.ids[place]) * 0.01 for place in places]
    mean = sum(rewards) / len(rewards)
    expected = {
        "reward": mean,  # neither neutral, nor scaled, nor with the entropy
        "reward-deviation": (sum((r - mean) ** 2 for r in rewards) / len(rewards)) ** 0.5,
        "reward-sparsity": sum(r < 0.05 for r in rewards) / len(rewards),
        "return": sum(float(part.worth[place]) for place in places) / len(places),
        "baseline": sum(float(part.baseline[place]) for place in places) / len(places),
        "entropy": -sum(float(part.log_probability[place]) for place in places) / len(places),
    }
    if baseline == "none":
        expected["baseline"] = 0.0
    assert 0 < expected["reward-sparsity"] < 1
    numbers = {name: float(total / weight) for name, (total, weight, _) in found.items()}
    assert numbers == pytest.approx(expected, rel=1e-4)


def test_a_moving_baseline_comes_near_the_mean_worth() -> None:
    irl = method(
        Labelled(), baseline="moving", scale=10.0, neutral=0.0, entropy=1.0, buffer=128, batch=64
    )
    phase = Phase(irl, 20, only=("generator",))
    Trainer([phase], players(irl, 1e-9), batches(64), seed=1).train()  # the policy stands still
    held_out = filled(Labelled(), 300, scale=10.0, entropy=1.0, rollouts=2)
    worth = float(held_out.worth[held_out.sentences.mask].mean())
    rewards = float(held_out.rewards[held_out.sentences.mask].mean())
    baseline = irl.policy.baseline
    assert isinstance(baseline, MovingBaseline)
    assert worth > 20 * rewards
    assert baseline.value == pytest.approx(worth, rel=0.1)


def test_turns_go_through_the_buffer_row_by_row() -> None:
    irl = method(passes=2)
    assert list(irl.turns(0)) == ["discriminator"] * 2 + ["generator"] * 6
    seen = []
    for turn in range(7):
        irl.begin("generator", moment(round=turn // 6, name=f"turn {turn}"))
        given = Sentences(
            torch.zeros(3, 2, dtype=torch.int64), torch.tensor([2, 2, 2]),
            rows=torch.tensor([5, 0, 3]),
        )  # fmt: skip
        seen.append(irl.rows_of(given).sentences.rows.tolist())
        if turn == 0:
            first = irl._filled
    assert seen == [
        [5, 0, 3], [11, 6, 9], [17, 12, 15], [5, 0, 3], [11, 6, 9], [17, 12, 15], [5, 0, 3]
    ]  # fmt: skip
    assert first is not None and irl._filled is not None
    assert not torch.equal(first.sentences.ids, irl._filled.sentences.ids)


def test_a_batch_larger_than_told_is_refused() -> None:
    irl = method()
    irl.begin("generator", moment())
    with pytest.raises(ValueError, match="row 6 in a batch of 6"):
        irl.rows_of(Sentences(torch.zeros(7, 2, dtype=torch.int64), torch.full((7,), 2)))


def test_permuted_rows_of_a_batch_permute_the_rewards() -> None:
    irl, now = method(), moment()
    irl.begin("generator", now)
    given = batches(6).take()[0]
    order = torch.tensor([4, 2, 0, 5, 1, 3])
    plain, moved = irl.rows_of(given), irl.rows_of(given.select(order))
    for name in ("worth", "rewards", "log_probability", "baseline"):
        assert torch.equal(getattr(plain, name)[order], getattr(moved, name)), name
    assert not torch.equal(plain.worth, moved.worth)
    losses = [irl.loss("generator", part, now) for part in (given, given.select(order))]
    torch.testing.assert_close(value(losses[0], "policy"), value(losses[1], "policy"))


def test_accumulation_changes_nothing_in_the_policys_half() -> None:
    whole, cut = method(), method()
    now = moment()
    loss = update(whole, "generator", batches(6).take()[0], now)
    cut.begin("generator", now)
    parts = [cut.loss("generator", part, now) for part in batches(6, accumulation=3).take()]
    total = sum(_total(part) for part in parts)
    weight = sum(float(part.terms["policy"].weight) for part in parts)
    torch.testing.assert_close(total / weight, value(loss, "policy"), atol=1e-6, rtol=1e-5)
    assert_close(
        gradients(torch.as_tensor(total / weight), cut.generator),
        gradients(value(loss, "policy"), whole.generator),
        atol=1e-6,
    )


def _total(loss: Loss) -> Tensor:
    return loss.terms["policy"].total


def test_sentences_are_drawn_and_judged_without_dropout() -> None:
    irl, now = method(dropout=0.5), moment()
    quiet = fill(
        irl.generator, irl.reward, 18, limit=LIMIT, entropy=0.3, neutral=0.5, scale=1.0, rollouts=2,
        stream=now.stream,
    )  # fmt: skip
    with training(irl.generator, irl.reward):
        irl.begin("generator", now)
        assert irl.generator.training and irl.reward.training
    assert irl._filled is not None
    assert torch.equal(irl._filled.worth, quiet.worth)


def test_no_side_moves_the_other() -> None:
    irl, real = method(), batches(6).take()[0]
    reward_loss = update(irl, "discriminator", real, moment())
    total = value(reward_loss, "drawn")
    assert all((g == 0).all() for g in gradients(total, irl.generator).values())
    policy_loss = update(irl, "generator", real, moment())
    total = value(policy_loss, "policy")
    assert all((g == 0).all() for g in gradients(total, irl.reward).values())
    assert any((g != 0).any() for g in gradients(total, irl.generator).values())


def trained(folder: Path, steps: int, resume: bool = False) -> InverseReinforcement:
    made = method(dropout=0.3, anchor=0.1, baseline="moving", likelihood_every=2)
    with Run.open(folder, write=True) if resume else Run.create(folder) as run:
        phase = Phase(made, steps, kind="irl")
        trainer = Trainer([phase], players(made), batches(6), seed=4, run=run, save_every=1)
        trainer.train(resume=resume)
    return made


def test_resumed_within_the_phase_it_goes_on_bit_by_bit(tmp_path: Path) -> None:
    straight = trained(tmp_path / "straight", 13)
    half = weights(trained(tmp_path / "resumed", 6))
    resumed = trained(tmp_path / "resumed", 13, resume=True)
    after, expected = weights(resumed), weights(straight)
    assert all(torch.equal(after[name], expected[name]) for name in expected)
    assert not all(torch.equal(after[name], half[name]) for name in after)


def test_generators_with_styles_write_their_labels_in_turn() -> None:
    torch.manual_seed(0)
    network = Recurrent(VOCABULARY, generator().specials, width=6, hidden=8, styles=3)
    buffer = fill(
        network, Labelled(), 5, limit=LIMIT, entropy=0.1, neutral=0.5, scale=1.0, rollouts=1,
        stream=moment().stream,
    )  # fmt: skip
    assert buffer.sentences.labels is not None
    assert buffer.sentences.labels.tolist() == [0, 1, 2, 0, 1]


def test_a_policy_learns_what_a_fixed_reward_wants() -> None:
    irl = method(Labelled(), entropy=0.0, buffer=128, batch=64, rollouts=2, neutral=0.08)
    moved = players(irl, 2e-2)
    phase = Phase(irl, 30, only=("generator",))

    def mean() -> float:
        buffer = fill(
            irl.generator, irl.reward, 200, limit=LIMIT, entropy=0.0, neutral=0.08, scale=1.0,
            rollouts=0, stream=moment(name="held out").stream,
        )  # fmt: skip
        return float(buffer.worth[:, 0].mean())

    before = mean()
    Trainer([phase], moved, batches(64), seed=1).train()
    assert mean() > before + 0.2


def test_entropy_alone_makes_the_policy_flat() -> None:
    irl = method(Labelled(), entropy=1.0, buffer=128, batch=64, rollouts=0)
    irl.reward.requires_grad_(False)
    with torch.no_grad():
        irl.reward.scale.zero_()  # type: ignore[union-attr,operator]
    before = float(-filled(Labelled(), 200).log_probability.sum(1).mean())
    Trainer([Phase(irl, 30, only=("generator",))], players(irl, 2e-2), batches(64)).train()
    after = fill(
        irl.generator, irl.reward, 200, limit=LIMIT, entropy=0.0, neutral=0.0, scale=1.0,
        rollouts=0, stream=moment().stream,
    )  # fmt: skip
    assert float(-after.log_probability.sum(1).mean()) > before + 1.0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"buffer": 20}, "multiple of the batch size 6"),
        ({"rollouts": -1}, "rollouts -1"),
        ({"reward_steps": 0}, "reward_steps 0"),
        ({"temperature": 0.0}, "temperature 0.0"),
        ({"scale": 0.0}, "scale 0.0"),
        ({"entropy": -0.1}, "entropy -0.1"),
        ({"baseline": "mean"}, "baseline 'mean'"),
        ({"clip": 0.0}, "clip 0.0"),
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        method(**wrong)
