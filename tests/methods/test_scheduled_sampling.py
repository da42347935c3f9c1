"""Scheduled sampling against teacher forcing, against decoding, and against a naive loop."""

from __future__ import annotations

import pytest
import torch
from method_models import (
    GENERATORS,
    SPECIALS,
    assert_close,
    batch,
    corpus,
    generator,
    gradients,
    moment,
    value,
)
from torch import Tensor

from seqgen.generators.choose import Mixed, Sample
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling, mixed_prefixes
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.protocol import Moment
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


def fed(model: Generator, sentences: Sentences, share: float, per: str = "token") -> Tensor:
    return mixed_prefixes(model, sentences, Mixed(sentences, share, per), moment().stream)


def many(count: int) -> Sentences:
    """Sentences of the corpus over and over, each with a number of its own."""
    return corpus().select(torch.arange(count) % len(corpus()), torch.arange(count))


@pytest.mark.parametrize("kind", GENERATORS)
def test_with_gold_tokens_only_it_is_teacher_forcing(kind: str) -> None:
    model, sentences = generator(kind), batch()
    ours = ScheduledSampling(model, lambda _: 1.0).loss("generator", sentences, moment())
    theirs = TeacherForcing(model).loss("generator", sentences, moment())
    assert torch.equal(value(ours), value(theirs))
    expected = gradients(value(theirs), model)
    for name, gradient in gradients(value(ours), model).items():
        assert torch.equal(gradient, expected[name]), name


@pytest.mark.parametrize("kind", GENERATORS)
def test_without_gold_tokens_it_feeds_what_decoding_draws(kind: str) -> None:
    model, sentences = generator(kind), many(60)
    prefixes = fed(model, sentences, 0.0)
    time = sentences.ids.shape[1]
    stream = moment().stream.child("draw")
    free = decode(model, Sample(), 60, time, stream=stream, rows=sentences.numbers)
    both = free.mask & sentences.mask
    assert both.sum() > 100
    assert torch.equal(prefixes[both], free.tokens[both])


def test_a_drawn_end_does_not_cut_the_sentence() -> None:
    model, sentences = generator(), many(60)
    prefixes = fed(model, sentences, 0.0)
    after = torch.zeros_like(sentences.mask)
    after[:, 1:] = (prefixes == SPECIALS.end).cumsum(1)[:, :-1] > 0
    after &= sentences.mask
    assert after.sum() > 20
    assert (prefixes[after] != SPECIALS.pad).float().mean() > 0.5
    loss = ScheduledSampling(model, lambda _: 0.0).loss("generator", sentences, moment())
    assert int(loss.terms["nll"].weight) == int(sentences.lengths.sum())


def naive(
    model: Generator, sentences: Sentences, share: float, now: Moment
) -> tuple[Tensor, Tensor]:
    """Step by step with gradients, as the paper has it: the loss, and what was fed (rows, time)."""
    count, time = sentences.ids.shape
    coins = now.stream.child("coin").uniform(sentences.numbers, time)
    numbers = now.stream.child("draw").uniform(sentences.numbers, time)
    state, tokens = model.start(count), torch.full((count,), SPECIALS.begin)
    total, kept = torch.zeros(()), []
    for step in range(time):
        forced, state = model.advance(tokens[:, None], state)
        scores = model.logits(forced.hidden)[:, 0].log_softmax(-1)
        gold = sentences.ids[:, step]
        right = scores.gather(1, gold[:, None])[:, 0]
        total = total - torch.where(step < sentences.lengths, right, 0.0).sum()
        edges = scores.detach().exp().cumsum(-1)
        drawn = torch.searchsorted(edges, numbers[:, step, None] * edges[:, -1:], right=True)[:, 0]
        tokens = torch.where(coins[:, step] < share, gold, drawn)
        kept.append(tokens)
    return total / sentences.lengths.sum(), torch.stack(kept, 1)


@pytest.mark.parametrize("kind", GENERATORS)
def test_loss_and_gradient_are_those_of_a_naive_loop(kind: str) -> None:
    model, sentences, now = generator(kind), batch(13), moment()
    expected, tokens = naive(model, sentences, 0.5, now)
    mask = sentences.mask
    prefixes = fed(model, sentences, 0.5)
    assert torch.equal(prefixes[mask], tokens[mask])
    assert 0.2 < (tokens == sentences.ids)[mask].float().mean() < 0.9
    loss = ScheduledSampling(model, lambda _: 0.5).loss("generator", sentences, now)
    torch.testing.assert_close(value(loss), expected, rtol=1e-5, atol=1e-5)
    assert_close(gradients(value(loss), model), gradients(expected, model), atol=2e-5)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_one_coin_a_token_or_one_a_sentence(share: float) -> None:
    model, sentences = generator(), many(2000)
    long = sentences.lengths == sentences.lengths.max()
    gold = sentences.ids[long]
    by_sentence = (fed(model, sentences, share, "sentence")[long] == gold).float().mean(1)
    by_token = (fed(model, sentences, share)[long] == gold).float().mean(1)
    whole = (by_sentence == 1).float().mean()
    assert abs(whole - share) < 0.06
    assert (by_token == 1).float().mean() < 0.01
    # Apart from draws that happen to be the gold token, other sentences have no gold token at all.
    assert by_sentence[by_sentence < 1].mean() < 0.2
    assert share < by_token.mean() < share + 0.2


def test_the_share_follows_the_updates() -> None:
    model, sentences, seen = generator(), batch(), []

    def share(updates: int) -> float:
        seen.append(updates)
        return 0.75**updates

    method = ScheduledSampling(model, share)
    for updates in (0, 3):
        loss = method.loss("generator", sentences, moment(updates))
        total, weight, _ = loss.numbers["gold share"]
        assert float(total / weight) == pytest.approx(0.75**updates)
    assert seen == [0, 3]


def test_prefixes_are_drawn_without_dropout_and_read_with_it() -> None:
    model, sentences = generator("lstm").train(), batch()
    prefixes = []
    for seed in (0, 1):
        torch.manual_seed(seed)
        prefixes.append(fed(model, sentences, 0.0))
    assert torch.equal(*prefixes)
    assert model.training
    method, losses = ScheduledSampling(model, lambda _: 0.5), []
    for seed in (0, 1):
        torch.manual_seed(seed)
        losses.append(value(method.loss("generator", sentences, moment())))
    assert not torch.equal(*losses)


def test_rows_draw_by_their_global_number() -> None:
    model, sentences = generator("gru"), many(40)
    part = sentences.select(torch.arange(1, 40, 2))
    prefixes = fed(model, sentences, 0.5)[1::2]
    assert torch.equal(fed(model, part, 0.5)[part.mask], prefixes[part.mask])


def test_another_stream_draws_other_prefixes() -> None:
    model, sentences = generator(), batch()
    other = mixed_prefixes(model, sentences, Mixed(sentences, 0.0), Stream.of(8, "other"))
    assert not torch.equal(other, fed(model, sentences, 0.0))
