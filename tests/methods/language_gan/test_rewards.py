"""Rewards by value: every number comes from its own row, prefix and copy."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from method_models import SPECIALS, moment
from policy_models import LIMIT, Coded, batch, policy
from torch import Tensor

from seqgen.generators.completions import Completions
from seqgen.generators.protocol import Generator
from seqgen.generators.rollouts import complete
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.methods.language_gan.rewards import (
    at_the_end,
    completed_rewards,
    reward_numbers,
    reward_to_go,
    sentence_rewards,
    with_rewards,
)
from seqgen.methods.protocol import Loss, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

STREAM = Stream.of(3, "rollouts")


def itself(scores: Tensor) -> Tensor:
    return scores


def sentences(lengths: list[int], time: int = 6) -> Sentences:
    drawn = torch.Generator().manual_seed(1)
    ids = torch.randint(3, 17, (len(lengths), time), generator=drawn)
    long = torch.tensor(lengths)
    ids = torch.where(torch.arange(time) < long[:, None], ids, SPECIALS.pad)
    return Sentences(ids, long)


def labelled(given: Sentences, copies: int = 3, stride: int = 1) -> Completions:
    """Completions of which only the shapes, rows and prefixes matter; lengths differ."""
    pairs = [
        (row, prefix)
        for prefix in range(1, given.ids.shape[1], stride)
        for row in range(len(given))
        if prefix < given.lengths[row]
    ]
    rows, prefixes = torch.tensor(pairs).unbind(1)
    lengths = prefixes[:, None] + 1 + torch.arange(copies)
    ids = torch.zeros(len(pairs), copies, int(lengths.max()), dtype=torch.int64)
    return Completions(given, rows, prefixes, ids, lengths)


def code(row: int, prefix: int, copy: int) -> float:
    return 1000.0 * row + 10.0 * prefix + copy


def codes(made: Completions) -> Tensor:
    return torch.tensor(
        [
            [code(row, prefix, copy) for copy in range(made.copies)]
            for row, prefix in zip(made.rows.tolist(), made.prefixes.tolist(), strict=True)
        ]
    )


def test_every_label_comes_back_at_its_own_row_and_token() -> None:
    given = sentences([6, 1, 4, 2])
    made = labelled(given)
    own = at_the_end(-torch.arange(1.0, 5.0), given)
    found = completed_rewards(made, codes(made), own)
    expected = torch.zeros(4, 6)
    for row, length in enumerate(given.lengths.tolist()):
        for step in range(length - 1):
            expected[row, step] = sum(code(row, step + 1, copy) for copy in range(3)) / 3
        expected[row, length - 1] = -(row + 1.0)
    assert torch.equal(found, expected)


def test_the_order_of_pairs_is_free() -> None:
    given = sentences([6, 1, 4, 2])
    made, own = labelled(given), at_the_end(torch.ones(4), given)
    order = torch.randperm(len(made.rows), generator=torch.Generator().manual_seed(0))
    mixed = Completions(
        given, made.rows[order], made.prefixes[order], made.ids[order], made.lengths[order]
    )
    assert torch.equal(
        completed_rewards(mixed, codes(mixed), own), completed_rewards(made, codes(made), own)
    )


def test_a_reward_is_discounted_by_the_tokens_between() -> None:
    given = sentences([4, 2])
    made = labelled(given)
    found = completed_rewards(made, codes(made), at_the_end(torch.ones(2), given), discount=0.5)
    # The copies of a prefix of p tokens end 1, 2 and 3 tokens later.
    for row, length in ((0, 4), (1, 2)):
        for step in range(length - 1):
            worth = sum(code(row, step + 1, copy) * 0.5 ** (1 + copy) for copy in range(3)) / 3
            assert found[row, step].item() == pytest.approx(worth, rel=1e-6)
        assert found[row, length - 1] == 1.0


def test_rewards_of_tokens_are_added_up_from_the_prefix_on() -> None:
    given = sentences([4, 2])
    made = labelled(given)
    scored = torch.randn(*made.ids.shape, generator=torch.Generator().manual_seed(2))
    own = torch.arange(12.0).view(2, 6)
    for discount in (1.0, 0.5):
        found = completed_rewards(made, scored, own, discount)
        for pair, (row, prefix) in enumerate(zip(made.rows, made.prefixes, strict=True)):
            sums = [
                sum(
                    float(scored[pair, copy, step]) * discount ** (step - int(prefix) + 1)
                    for step in range(int(prefix) - 1, int(made.lengths[pair, copy]))
                )
                for copy in range(3)
            ]
            assert found[row, prefix - 1].item() == pytest.approx(sum(sums) / 3, rel=1e-5)
        assert found[0, 3] == own[0, 3] and found[1, 1] == own[1, 1]


def test_tokens_between_completed_prefixes_take_the_next_ones() -> None:
    given = sentences([6, 3, 1, 4])
    made = labelled(given, stride=3)  # the prefixes of 1 and 4 tokens
    own = at_the_end(-torch.arange(1.0, 5.0), given)
    found = completed_rewards(made, codes(made), own)

    def mean(row: int, prefix: int) -> float:
        return sum(code(row, prefix, copy) for copy in range(3)) / 3

    assert found[0].tolist() == [mean(0, 1), mean(0, 4), mean(0, 4), mean(0, 4), -1.0, -1.0]
    assert found[1].tolist() == [mean(1, 1), -2.0, -2.0, 0.0, 0.0, 0.0]
    assert found[2].tolist() == [-3.0] + [0.0] * 5
    assert found[3].tolist() == [mean(3, 1), -4.0, -4.0, -4.0, 0.0, 0.0]


def drawn(model: Generator, count: int = 9) -> Sentences:
    return draw(model, batch(count), LIMIT, moment().stream)


def rewards(model: Generator, given: Sentences, scorer: Coded, rollouts: int = 4) -> Tensor:
    return sentence_rewards(
        model, scorer, given, itself, rollouts=rollouts, limit=LIMIT, stream=STREAM
    ).worth


@pytest.mark.parametrize("per_token", [False, True])
def test_rewards_are_means_over_completions_of_each_prefix(per_token: bool) -> None:
    model, scorer = policy(), Coded(per_token).eval()
    given = drawn(model)
    found = rewards(model, given, scorer)
    expected = torch.zeros(given.ids.shape)
    own = scorer(given.ids, given.lengths)
    for row, length in enumerate(given.lengths.tolist()):
        expected[row, length - 1] = own[row, length - 1] if per_token else own[row]
    made = complete(model, given, 4, limit=LIMIT, stream=STREAM)
    assert len(made.rows) == int((given.lengths - 1).sum()) > 9
    for pair, (row, prefix) in enumerate(zip(made.rows, made.prefixes, strict=True)):
        ids, lengths = made.ids[pair], made.lengths[pair]
        assert (ids[:, :prefix] == given.ids[row, :prefix]).all()
        scores = scorer(ids, lengths)
        if per_token:
            kept = torch.arange(ids.shape[1]) < lengths[:, None]
            scores = (scores * kept)[:, prefix - 1 :].sum(1)
        expected[row, prefix - 1] = scores.mean()
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=0)
    assert len(found.unique()) > 20  # the codes do tell rows and prefixes apart


@pytest.mark.parametrize("rollouts", [0, 4])
@pytest.mark.parametrize("per_token", [False, True])
def test_permuting_sentences_permutes_rewards(rollouts: int, per_token: bool) -> None:
    model, scorer = policy(), Coded(per_token)
    given = drawn(model)
    order = torch.tensor([4, 0, 8, 2, 7, 1, 6, 3, 5])
    found = rewards(model, given.select(order), scorer, rollouts)
    assert torch.equal(found, rewards(model, given, scorer, rollouts)[order])


def test_without_rollouts_the_sentence_pays_for_all_its_tokens() -> None:
    model, scorer = policy(), Coded()
    given = drawn(model)
    found = rewards(model, given, scorer, rollouts=0)
    own = scorer.eval()(given.ids, given.lengths)
    assert torch.equal(found, own[:, None] * given.mask)


def test_without_rollouts_rewards_of_tokens_are_added_up() -> None:
    model, scorer = policy(), Coded(per_token=True)
    given = drawn(model)
    found = sentence_rewards(
        model, scorer, given, itself, rollouts=0, limit=LIMIT, stream=STREAM, discount=0.5
    ).worth
    own = scorer.eval()(given.ids, given.lengths)
    for row, length in enumerate(given.lengths.tolist()):
        for step in range(length):
            later = (float(own[row, j]) * 0.5 ** (j - step) for j in range(step, length))
            assert found[row, step].item() == pytest.approx(sum(later), rel=1e-5)
        assert (found[row, length:] == 0).all()


def test_dropout_has_no_part_in_rewards_and_modes_come_back() -> None:
    model, scorer = policy(dropout=0.5).train(), Coded().train()
    given = drawn(model)
    first, again = (rewards(model, given, scorer) for _ in range(2))
    assert torch.equal(first, again)
    assert model.training and scorer.training and scorer.dropout.training


def test_sentences_of_one_token_have_nothing_to_complete() -> None:
    given = Sentences(torch.full((3, 1), SPECIALS.end), torch.ones(3, dtype=torch.int64))
    scorer = Coded()
    assert torch.equal(
        rewards(policy(), given, scorer)[:, 0], scorer.eval()(given.ids, given.lengths)
    )


@pytest.mark.parametrize("discount", [1.0, 0.9, 0.0])
def test_reward_to_go_is_the_discounted_sum(discount: float) -> None:
    given = sentences([6, 1, 4, 2])
    values = torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    values[1, 3] = float("nan")  # what stands beyond the length is not looked at
    found = reward_to_go(values, given.mask, discount)
    for row, length in enumerate(given.lengths.tolist()):
        for step in range(6):
            later = [float(values[row, j]) * discount ** (j - step) for j in range(step, length)]
            assert found[row, step].item() == pytest.approx(sum(later), abs=1e-6)


def test_numbers_for_the_log() -> None:
    values = torch.tensor([0.01, 0.04, 0.05, 0.9])
    numbers = {name: float(t.total / t.weight) for name, t in reward_numbers(values).items()}
    mean = 1.0 / 4
    deviation = (sum((v - mean) ** 2 for v in values.tolist()) / 4) ** 0.5
    assert numbers == {
        "reward": pytest.approx(mean),
        "reward-deviation": pytest.approx(deviation),
        "reward-sparsity": 0.5,
    }
    assert set(reward_numbers(values, bounded=False)) == {"reward", "reward-deviation"}
    assert set(reward_numbers(values[:1])) == {"reward", "reward-sparsity"}


@pytest.mark.parametrize("rollouts", [0, 4])
@pytest.mark.parametrize("per_token", [False, True])
def test_rewards_for_the_log_know_no_completions_and_no_discount(
    rollouts: int, per_token: bool
) -> None:
    model, scorer = policy(), Coded(per_token).eval()
    given = drawn(model)
    scores = scorer(given.ids, given.lengths)
    found = sentence_rewards(
        model, scorer, given, torch.neg, rollouts=rollouts, limit=LIMIT, stream=STREAM, discount=0.5
    ).rewards
    assert torch.equal(found, (scores[given.mask] if per_token else scores).neg())


def test_a_loss_keeps_its_own_numbers_beside_those_of_rewards() -> None:
    own = {"entropy": Term(torch.tensor(3.0), 2)}
    terms = {"policy": Term(torch.tensor(1.0), 2)}
    found = with_rewards(Loss(terms, own), torch.tensor([0.5, 0.7]), bounded=False)
    assert found.terms == terms and found.numbers["entropy"] is own["entropy"]
    assert list(found.numbers) == ["reward", "reward-deviation", "entropy"]


KINDS: list[Callable[[Tensor], Tensor]] = [torch.sigmoid, torch.exp]


@pytest.mark.parametrize("kind", KINDS)
def test_a_score_is_made_a_reward_before_the_mean_is_taken(
    kind: Callable[[Tensor], Tensor],
) -> None:
    model = policy()
    given = drawn(model, 3)

    class Small(Coded):
        def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
            return super().forward(tokens, lengths) / 1024 - 2

    scorer = Small().eval()
    found = sentence_rewards(
        model, scorer, given, kind, rollouts=2, limit=LIMIT, stream=STREAM
    ).worth
    made = complete(model, given, 2, limit=LIMIT, stream=STREAM)
    first = kind(scorer(made.ids[0], made.lengths[0])).mean()
    assert found[made.rows[0], made.prefixes[0] - 1].item() == pytest.approx(first.item())
