"""Rewards of tokens: causal, blind to padding, the same however a completion is read."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.token_reward import TokenReward
from seqgen.generators.completions import Completions
from seqgen.text.sentences import Sentences

VOCABULARY = 11


def network(seed: int = 1, **settings: float) -> TokenReward:
    torch.manual_seed(seed)
    made = TokenReward(VOCABULARY, width=6, hidden=7, perceptron=8, dropout=0.4)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(0.0, 0.7)
    return made.eval()


def sentences(rows: int = 5, time: int = 6, seed: int = 2) -> Sentences:
    drawn = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, VOCABULARY, (rows, time), generator=drawn)
    lengths = torch.randint(1, time + 1, (rows,), generator=drawn)
    lengths[0], lengths[1] = time, 1
    steps = torch.arange(time)
    return Sentences(torch.where(steps < lengths[:, None], ids, 0), lengths)


def completions(copies: int = 3, time: int = 8, rows: int = 5) -> Completions:
    """Prefixes of sentences followed by made-up tokens, some of them at once at their end."""
    given = sentences(rows)
    pairs = [(p, r) for p in range(1, 6) for r in range(rows) if p < given.lengths[r]]
    prefixes, which = torch.tensor(pairs).unbind(1)
    drawn = torch.Generator().manual_seed(5)
    ids = torch.randint(3, VOCABULARY, (len(pairs), copies, time), generator=drawn)
    more = torch.randint(1, time, (len(pairs), copies), generator=drawn)
    lengths = (prefixes[:, None] + more).clamp(max=time)
    steps = torch.arange(time)
    padded = torch.nn.functional.pad(given.ids, (0, time - 6))[which][:, None]
    ids = torch.where(steps < prefixes[:, None, None], padded, ids)
    ids = torch.where(steps < lengths[..., None], ids, 0)
    return Completions(given, which, prefixes, ids, lengths)


def by_hand(made: TokenReward, ids: list[int]) -> list[float]:
    """One token after the other, over the whole vocabulary."""
    state, vector, found = None, made.begin, []
    for token in ids:
        hidden, state = made.network(vector.view(1, 1, -1), state)
        inner = torch.relu(made.perceptron[0](hidden[0, 0]))
        for layer in list(made.perceptron)[2:]:
            gate = torch.sigmoid(layer.gate(inner))
            inner = gate * torch.relu(layer.change(inner)) + (1 - gate) * inner
        found.append(torch.sigmoid(made.weight @ inner + made.bias)[token].item())
        vector = made.embedding.weight[token]
    return found


def test_the_values_are_those_of_the_formula() -> None:
    made, given = network(), sentences()
    rewards = made(given.ids, given.lengths)
    for row, ids, length in zip(rewards, given.ids.tolist(), given.lengths.tolist(), strict=True):
        expected = [*by_hand(made, ids[:length]), *[0.0] * (6 - length)]
        torch.testing.assert_close(row, torch.tensor(expected), atol=1e-6, rtol=1e-5)


def test_rewards_look_at_the_past_alone_and_not_at_padding() -> None:
    made, given = network(), sentences()
    rewards = made(given.ids, given.lengths)
    changed = given.ids.clone()
    changed[0, 4] = (changed[0, 4] + 1) % VOCABULARY
    later = made(changed, given.lengths)
    assert torch.equal(later[0, :4], rewards[0, :4])
    assert not torch.isclose(later[0, 4:], rewards[0, 4:]).any()
    padded = torch.where(given.mask, given.ids, 9)
    assert torch.equal(made(padded, given.lengths), rewards)
    assert (rewards[given.mask] > 0).all() and (rewards[given.mask] < 1).all()
    assert (rewards[~given.mask] == 0).all()


def test_one_hot_tokens_are_ids_and_mixtures_have_the_expected_output() -> None:
    made, given = network(), sentences()
    hot = torch.nn.functional.one_hot(given.ids, VOCABULARY).float()
    torch.testing.assert_close(made(hot, given.lengths), made(given.ids, given.lengths))
    other = hot.clone()
    other[0, 5] = 0.0
    other[0, 5, [4, 7]] = torch.tensor([0.25, 0.75])
    outputs = [_logit(made, given, token) for token in (4, 7)]
    expected = torch.sigmoid(0.25 * outputs[0] + 0.75 * outputs[1])
    torch.testing.assert_close(made(other, given.lengths)[0, 5], expected)
    other.requires_grad_()
    made(other, given.lengths).sum().backward()
    assert other.grad is not None and other.grad.abs().sum() > 0


def _logit(made: TokenReward, given: Sentences, token: int) -> Tensor:
    ids = given.ids.clone()
    ids[0, 5] = token
    return torch.logit(made(ids, given.lengths)[0, 5])


@pytest.mark.parametrize("pool", [1, 40, 4096])
def test_shared_prefixes_change_no_reward(pool: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqgen.discriminators.token_reward.POOL_ROWS", pool)
    made, given = network(), completions()
    scored = made.score_completions(given)
    expected = Discriminator.score_completions(made, given)
    assert scored.shape == given.ids.shape
    torch.testing.assert_close(scored, expected, atol=1e-6, rtol=1e-5)


def test_permuted_pairs_have_permuted_rewards() -> None:
    made, given = network(), completions()
    order = torch.randperm(len(given.rows), generator=torch.Generator().manual_seed(1))
    moved = Completions(
        given.sentences,
        given.rows[order],
        given.prefixes[order],
        given.ids[order],
        given.lengths[order],
    )
    expected = made.score_completions(given)[order]
    torch.testing.assert_close(made.score_completions(moved), expected, atol=1e-6, rtol=1e-5)


def test_bfloat16_is_near() -> None:
    made, given = network(), completions()
    scored = made.score_completions(given, torch.bfloat16)
    exact = made.score_completions(given)
    assert scored.dtype == torch.float32
    assert 0 < (scored - exact).abs().max() < 0.1


def test_dropout_falls_on_the_tokens_only_while_training() -> None:
    made, given = network().train(), sentences()
    first, second = (made(given.ids, given.lengths) for _ in range(2))
    assert not torch.equal(first, second)
    made.eval()
    assert torch.equal(made(given.ids, given.lengths), made(given.ids, given.lengths))


def test_rewards_learn_to_tell_two_languages_apart() -> None:
    made = network(2).train()
    torch.nn.init.normal_(made.weight, 0.0, 0.1)
    optimizer = torch.optim.Adam(made.parameters(), 1e-2)
    drawn = torch.Generator().manual_seed(0)
    for _ in range(60):
        start = torch.randint(3, 7, (2, 32, 1), generator=drawn)
        steps = torch.arange(4)
        rising, falling = (start[0] + steps).clamp(max=10), (start[1] - steps + 3).clamp(max=10)
        lengths = torch.full((32,), 4)
        gain = made(rising, lengths).sum(1).mean() - made(falling, lengths).sum(1).mean()
        optimizer.zero_grad()
        (-gain).backward()
        optimizer.step()
    assert gain > 2
