"""The policy gradient in closed form, what it shows, and that a policy learns from rewards."""

from __future__ import annotations

import pytest
import torch
from method_models import assert_close, gradients, moment, value
from policy_models import LIMIT, batch, policy
from torch import Tensor

from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.language_gan.anchor import Anchor
from seqgen.methods.language_gan.baselines import LearnedBaseline, MovingBaseline, baseline_network
from seqgen.methods.language_gan.policy_gradient import PolicyGradient, clipped_loss, draw
from seqgen.methods.protocol import Loss
from seqgen.text.sentences import Sentences


def drawn(model: Generator, count: int = 7) -> Sentences:
    return draw(model, batch(count), LIMIT, moment().stream)


def some_rewards(given: Sentences) -> Tensor:
    """Positive and negative ones; what stands beyond the lengths must not be looked at."""
    values = torch.randn(given.ids.shape, generator=torch.Generator().manual_seed(4))
    return values.masked_fill(~given.mask, float("nan"))


def distributions(model: Generator, given: Sentences) -> Tensor:
    """Log-probabilities (tokens, vocabulary) of the real tokens."""
    return model.logits(teacher_force(model, given).hidden).log_softmax(-1)[given.mask]


def chosen(model: Generator, given: Sentences) -> Tensor:
    return distributions(model, given).gather(1, given.ids[given.mask][:, None])[:, 0]


def number(loss: Loss, name: str) -> float:
    total, weight, _ = loss.numbers[name]
    return float(total / weight)


def test_it_is_the_mean_of_surprise_times_reward() -> None:
    model = policy()
    given = drawn(model)
    rewards = some_rewards(given)
    loss = PolicyGradient(model).loss(given, rewards)
    assert set(loss.terms) == {"policy"}
    assert loss.terms["policy"].weight == int(given.lengths.sum())
    expected = (-chosen(model, given) * rewards[given.mask]).mean()
    torch.testing.assert_close(value(loss, "policy"), expected, rtol=1e-5, atol=1e-6)
    assert_close(gradients(value(loss, "policy"), model), gradients(expected, model), atol=1e-6)


def test_a_baseline_is_taken_off() -> None:
    model, baseline = policy(), MovingBaseline()
    given = drawn(model)
    rewards = some_rewards(given)
    baseline.stepped({"return": 0.7})
    loss = PolicyGradient(model, baseline=baseline).loss(given, rewards)
    expected = (-chosen(model, given) * (rewards[given.mask] - 0.7)).mean()
    torch.testing.assert_close(value(loss, "policy"), expected, rtol=1e-5, atol=1e-6)
    assert number(loss, "baseline") == pytest.approx(0.7)


def test_a_learned_baseline_has_a_term_of_its_own() -> None:
    model = policy()
    given = drawn(model)
    made = LearnedBaseline(baseline_network(model.head.weight.shape[1]))
    torch.nn.init.constant_(made.network.get_parameter("2.bias"), 0.4)
    core = PolicyGradient(model, baseline=made)
    assert core.owned == ("generator", "baseline") and core.modules["baseline"] is made.network
    loss = core.loss(given, torch.ones(given.ids.shape))
    plain = PolicyGradient(model).loss(given, torch.full(given.ids.shape, 0.6))
    assert_close(
        gradients(value(loss, "policy"), model), gradients(value(plain, "policy"), model), 1e-6
    )
    assert value(loss, "baseline-error").item() == pytest.approx(0.36, rel=1e-5)
    assert all((g == 0).all() for g in gradients(value(loss, "baseline-error"), model).values())
    assert (gradients(value(loss, "baseline-error"), made.network)["2.bias"] != 0).all()
    assert all((g == 0).all() for g in gradients(value(loss, "policy"), made.network).values())


def test_the_entropy_bonus_is_exact() -> None:
    model = policy()
    given = drawn(model)
    loss = PolicyGradient(model, entropy=0.2).loss(given, some_rewards(given))
    logarithms = distributions(model, given)
    entropy = -(logarithms.exp() * logarithms).sum(-1).mean()
    assert loss.terms["entropy-bonus"].factor == 0.2
    torch.testing.assert_close(value(loss, "entropy-bonus"), -entropy, rtol=1e-5, atol=1e-6)
    assert_close(
        gradients(value(loss, "entropy-bonus"), model), gradients(-entropy, model), atol=1e-6
    )


def test_the_anchor_is_frozen_at_the_first_beginning() -> None:
    model = policy()
    core = PolicyGradient(model, anchor=Anchor(model, 0.5))
    given = drawn(model)
    core.begin()
    loss = core.loss(given, some_rewards(given))
    assert loss.terms["anchor-kl"].factor == 0.5
    assert value(loss, "anchor-kl").item() == pytest.approx(0.0, abs=1e-5)
    with torch.no_grad():
        model.head.weight *= 3.0
    core.begin()
    assert value(core.loss(given, some_rewards(given)), "anchor-kl").item() > 0.05


def test_the_old_policy_gives_the_ratio() -> None:
    model = policy()
    given = drawn(model)
    rewards, core = some_rewards(given), PolicyGradient(model, clip=0.2)
    old = torch.zeros(given.ids.shape)
    shift = torch.randn(int(given.lengths.sum()), generator=torch.Generator().manual_seed(1))
    old[given.mask] = chosen(model, given).detach() + 0.5 * shift
    loss = core.loss(given, rewards, old)
    ratio = (chosen(model, given) - old[given.mask]).exp()
    advantage = rewards[given.mask]
    expected = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage).mean()
    torch.testing.assert_close(value(loss, "policy"), expected, rtol=1e-5, atol=1e-6)
    assert_close(gradients(value(loss, "policy"), model), gradients(expected, model), atol=1e-6)


def test_at_the_old_policy_clipping_is_the_plain_policy_gradient() -> None:
    model = policy()
    given = drawn(model)
    rewards, core = some_rewards(given), PolicyGradient(model)
    old = torch.zeros(given.ids.shape)
    old[given.mask] = chosen(model, given).detach()
    ours, theirs = core.loss(given, rewards, old), core.loss(given, rewards)
    assert_close(
        gradients(value(ours, "policy"), model), gradients(value(theirs, "policy"), model), 1e-6
    )


@pytest.mark.parametrize(
    ("ratio", "advantage", "moves"),
    [(1.3, 1.0, False), (0.7, 1.0, True), (1.3, -1.0, True), (0.7, -1.0, False), (1.1, 1.0, True)],
)
def test_clipping_stops_what_has_gone_far_enough(
    ratio: float, advantage: float, moves: bool
) -> None:
    logarithm = torch.tensor([ratio]).log().requires_grad_()
    clipped_loss(logarithm, torch.zeros(1), torch.tensor([advantage])).sum().backward()
    assert logarithm.grad is not None and bool(logarithm.grad != 0) == moves


def test_what_is_shown() -> None:
    model = policy()
    given = drawn(model)
    loss = PolicyGradient(model).loss(given, torch.full(given.ids.shape, 0.02))
    assert number(loss, "return") == pytest.approx(0.02)
    assert not any(name.startswith("reward") for name in loss.numbers)  # whoever gives them knows
    assert number(loss, "entropy") == pytest.approx(
        -float(chosen(model, given).detach().mean()), rel=1e-5
    )
    assert number(loss, "baseline") == 0.0
    assert not any(term.total.requires_grad for term in loss.numbers.values())


def test_rounds_of_likelihood_come_every_so_often() -> None:
    model = policy()
    core = PolicyGradient(model, likelihood_every=2)
    assert [core.follows_likelihood(r) for r in range(6)] == [False, False, True] * 2
    assert not any(PolicyGradient(model).follows_likelihood(r) for r in range(6))
    ours = core.likelihood(batch())
    theirs = TeacherForcing(model).loss("generator", batch(), moment())
    assert torch.equal(value(ours), value(theirs))


def test_two_micro_batches_have_the_gradient_of_one() -> None:
    model, given = policy(), batch(7)
    core = PolicyGradient(model, entropy=0.1, anchor=Anchor(model, 0.1))
    core.begin()
    with torch.no_grad():
        model.head.weight *= 1.5

    def terms(part: Sentences) -> Loss:
        own = draw(model, part, LIMIT, moment().stream)
        numbers = moment().stream.child("rewards").uniform(part.numbers, LIMIT)
        return core.loss(own, numbers[:, : own.ids.shape[1]])

    whole = terms(given)
    parts = [terms(given.select(torch.arange(start, 7, 2))) for start in (0, 1)]
    for name in whole.terms:
        total = torch.stack([part.terms[name].total for part in parts]).sum()
        weight = sum(part.terms[name].weight for part in parts)
        assert weight == whole.terms[name].weight
        assert_close(
            gradients(total / weight, model), gradients(value(whole, name), model), atol=1e-6
        )


def test_drawn_sentences_are_those_of_their_rows() -> None:
    model = policy(dropout=0.5).train()
    given, stream = batch(7), moment().stream
    whole = draw(model, given, LIMIT, stream)
    assert model.training
    assert torch.equal(whole.numbers, given.numbers)
    assert whole.ids.shape[1] == int(whole.lengths.max())
    part = draw(model, given.select(torch.tensor([5, 2])), LIMIT, stream)
    for own, row in enumerate([5, 2]):
        length = int(whole.lengths[row])
        assert part.lengths[own] == length
        assert torch.equal(part.ids[own, :length], whole.ids[row, :length])


def test_a_reward_for_a_word_makes_it_frequent() -> None:
    model, word = policy().train(), 5
    core = PolicyGradient(model, baseline=MovingBaseline())
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    shares = []
    for step in range(60):
        own = draw(model, batch(7), LIMIT, moment(name=f"{step}").stream)
        loss = core.loss(own, (own.ids == word).float())
        shares.append(number(loss, "return"))
        core.stepped({"return": shares[-1]})
        optimizer.zero_grad()
        value(loss, "policy").backward()
        optimizer.step()
    assert sum(shares[:5]) / 5 < 0.3
    assert sum(shares[-5:]) / 5 > 0.9


def test_values_out_of_range_are_refused() -> None:
    for settings in ({"entropy": -1.0}, {"clip": 0.0}):
        with pytest.raises(ValueError, match="must be 0 or more"):
            PolicyGradient(policy(), **settings)


def test_the_policy_is_read_as_it_drew() -> None:
    torch.manual_seed(0)
    model = Recurrent(11, Specials(1, 2, 0), width=6, hidden=8, dropout=0.5).train()
    sentences = Sentences(torch.randint(3, 11, (4, 5)), torch.tensor([5, 4, 3, 5]))
    with torch.no_grad(), evaluating(model):
        hidden = teacher_force(model, sentences).hidden
        old = model.log_probability(hidden, sentences.ids)
    loss = PolicyGradient(model).loss(sentences, torch.ones(4, 5), old)
    assert model.training
    assert loss.terms["policy"].total.item() == pytest.approx(-17.0)  # every ratio is 1


def test_a_ratio_without_bound_stays_a_number() -> None:
    far = torch.tensor([0.0, 0.0], requires_grad=True)
    loss = clipped_loss(far, torch.tensor([-100.0, -100.0]), torch.tensor([0.0, 1.0]))
    loss.sum().backward()
    assert loss.isfinite().all() and far.grad is not None and far.grad.isfinite().all()
