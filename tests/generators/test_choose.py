"""Choices against naive ones, and what they refuse."""

from __future__ import annotations

import pytest
import torch
from small_generators import SPECIALS, VOCABULARY, make
from torch import Tensor

from seqgen.generators.choose import (
    Choose,
    Forced,
    Gold,
    Greedy,
    Mixed,
    Sample,
    keep_top_k,
    keep_top_p,
)
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.relaxed import GumbelSoftmax, Soft
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

STREAM = Stream.of(2, "choose")


def some_logits(rows: int = 50) -> Tensor:
    return 2 * torch.randn(rows, VOCABULARY, generator=torch.Generator().manual_seed(0))


def shares(choose: Choose, logits: Tensor, draws: int = 40_000) -> Tensor:
    """How often each id is chosen for logits (vocabulary,)."""
    rows = torch.arange(draws)
    choose.prepare(rows, 1, len(logits), STREAM)
    ids = choose(0, logits.expand(draws, -1).clone(), rows).kept
    return ids.bincount(minlength=len(logits)) / draws


def naive_top_p(probabilities: list[float], mass: float) -> set[int]:
    kept, total = set(), 0.0
    for token in sorted(range(len(probabilities)), key=lambda i: -probabilities[i]):
        if total >= mass:
            break
        kept.add(token)
        total += probabilities[token]
    return kept


@pytest.mark.parametrize("count", [1, 2, 17, VOCABULARY, 10 * VOCABULARY])
def test_top_k_keeps_the_likeliest(count: int) -> None:
    logits = some_logits()
    cut = keep_top_k(logits, count)
    for row, before in zip(cut, logits, strict=True):
        likeliest = sorted(range(VOCABULARY), key=lambda i: -float(before[i]))[:count]
        assert set(row.isfinite().nonzero()[:, 0].tolist()) == set(likeliest)
        assert torch.equal(row[likeliest], before[likeliest])


@pytest.mark.parametrize("mass", [1e-6, 0.2, 0.7, 0.999])
def test_top_p_keeps_the_smallest_set_with_the_mass(mass: float) -> None:
    logits = some_logits().double()
    cut = keep_top_p(logits, mass)
    for row, before in zip(cut, logits, strict=True):
        kept = set(row.isfinite().nonzero()[:, 0].tolist())
        assert kept == naive_top_p(before.softmax(-1).tolist(), mass)
    assert torch.equal(cut[cut.isfinite()], logits[cut.isfinite()])


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"), [(1.0, 0, 1.0), (0.5, 0, 1.0), (2.0, 5, 1.0), (0.7, 20, 0.6)]
)
def test_sample_draws_from_what_is_kept(
    temperature: float, top_k: int, top_p: float, gradient: bool
) -> None:
    logits = some_logits(1)[0]
    expected = logits / temperature
    if top_k:
        expected = keep_top_k(expected, top_k)
    expected = keep_top_p(expected, top_p) if top_p < 1 else expected
    expected = expected.softmax(-1)
    with torch.set_grad_enabled(gradient):
        got = shares(Sample(temperature, top_k, top_p), logits)
    assert (got[expected == 0] == 0).all()
    deviation = (expected * (1 - expected) / 40_000).sqrt()
    assert ((got - expected).abs() <= 5 * deviation + 1e-4).all()


def test_sample_leaves_logits_alone_while_gradients_are_on() -> None:
    logits, rows = some_logits(), torch.arange(50)
    before = logits.clone()
    choose = Sample(temperature=0.7)
    choose.prepare(rows, 1, VOCABULARY, STREAM)
    choose(0, logits, rows)
    assert torch.equal(logits, before)


def test_greedy_takes_the_largest() -> None:
    logits = some_logits()
    choice = Greedy()(0, logits, torch.arange(50))
    assert torch.equal(choice.kept, logits.max(-1).indices)
    assert choice.fed is choice.kept


def test_a_low_temperature_is_greedy() -> None:
    logits, rows = some_logits(), torch.arange(50)
    choose = Sample(temperature=1e-4)
    choose.prepare(rows, 1, VOCABULARY, STREAM)
    assert torch.equal(choose(0, logits.clone(), rows).kept, logits.argmax(-1))


def gold(rows: int, steps: int) -> Sentences:
    drawn = torch.Generator().manual_seed(4)
    ids = torch.randint(3, VOCABULARY, (rows, steps), generator=drawn)
    return Sentences(ids, torch.full((rows,), steps))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("per", ["token", "sentence"])
def test_mixed_feeds_gold_with_its_share(share: float, per: str) -> None:
    rows, steps, logits = torch.arange(4000), 5, torch.zeros(4000, VOCABULARY)
    sentences = gold(4000, steps)
    mixed = Mixed(sentences, share, per)
    mixed.prepare(rows, steps, VOCABULARY, STREAM)
    choices = [mixed(step, logits.clone(), rows) for step in range(steps)]
    kept = torch.stack([choice.kept for choice in choices], 1)
    fed = torch.stack([choice.fed for choice in choices], 1) == sentences.ids
    assert torch.equal(kept, sentences.ids)
    # A draw from the flat distribution hits the gold token by chance, too.
    expected = share + (1 - share) / VOCABULARY
    assert abs(float(fed.double().mean()) - expected) < (0.015 if per == "token" else 0.04)
    whole = float((fed.all(1)).double().mean())
    assert abs(whole - (expected**steps if per == "token" else share)) < 0.04


def test_mixed_passes_no_gradient_and_leaves_logits_alone() -> None:
    rows, logits = torch.arange(4), some_logits(4).requires_grad_()
    before = logits.detach().clone()
    mixed = Mixed(gold(4, 1), 0.5)
    mixed.prepare(rows, 1, VOCABULARY, STREAM)
    choice = mixed(0, logits, rows)
    assert not choice.fed.is_floating_point()
    assert torch.equal(logits, before)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_a_hard_relaxation_is_one_hot_with_the_soft_gradient(temperature: float) -> None:
    rows, scores = torch.arange(20), some_logits(20).flip(1)
    gradients, tokens = [], []
    for hard in (False, True):
        logits = some_logits(20).requires_grad_()
        choose = GumbelSoftmax(temperature, hard)
        choose.prepare(rows, 1, VOCABULARY, STREAM)
        token = choose(0, logits, rows).fed
        gradients.append(torch.autograd.grad((token * scores).sum(), logits)[0])
        tokens.append(token.detach())
    soft, hard_token = tokens
    one_hot = torch.nn.functional.one_hot(soft.argmax(-1), VOCABULARY).float()
    torch.testing.assert_close(hard_token, one_hot, rtol=0, atol=1e-6)
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0].abs().sum() > 0


def test_relaxed_draws_follow_the_distribution() -> None:
    logits, rows = some_logits(1)[0], torch.arange(20_000)
    choose = GumbelSoftmax(0.5)
    choose.prepare(rows, 1, VOCABULARY, STREAM)
    ids = choose(0, logits.expand(20_000, -1), rows).kept.argmax(-1)
    got, expected = ids.bincount(minlength=VOCABULARY) / 20_000, logits.softmax(-1)
    assert ((got - expected).abs() <= 5 * (expected / 20_000).sqrt() + 1e-4).all()


def test_soft_is_the_expected_token() -> None:
    logits = some_logits()
    choice = Soft(temperature=2.0)(0, logits, torch.arange(50))
    torch.testing.assert_close(choice.fed, (logits / 2).softmax(-1))


def test_forced_prefixes_of_unequal_length_come_first() -> None:
    generator, rows = make("lstm"), 40
    prefixes = gold(rows, 5)
    lengths = torch.arange(rows) % 6
    prefixes = Sentences(prefixes.ids, lengths)
    forced = decode(generator, Forced(prefixes, Sample()), rows, 9, stream=STREAM)
    given = torch.arange(5) < lengths[:, None]
    assert torch.equal(forced.tokens[:, :5][given], prefixes.ids[given])
    # Rows without a prefix are free; the others go on as a sentence that began like that.
    free = decode(generator, Sample(), rows, 9, stream=STREAM)
    assert torch.equal(forced.tokens[lengths == 0], free.tokens[lengths == 0])
    greedy = decode(generator, Forced(prefixes, Greedy()), rows, 9)
    state = generator.start(rows)
    begin = torch.full((rows, 1), SPECIALS.begin)
    with torch.no_grad():
        hidden = generator.advance(torch.cat((begin, greedy.tokens[:, :-1]), 1), state)[0].hidden
        best = generator.logits(hidden).argmax(-1)
    after = (torch.arange(9) >= lengths[:, None]) & greedy.mask
    assert torch.equal(greedy.tokens[after], best[after])


@pytest.mark.parametrize("temperature", [0.0, -1.0, float("nan")])
@pytest.mark.parametrize("kind", [Sample, GumbelSoftmax, Soft])
def test_a_temperature_must_be_positive(kind: type, temperature: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        kind(temperature)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"top-k -1: must be 0"):
        Sample(top_k=-1)
    for mass in (0.0, 1.5, -0.1):
        with pytest.raises(ValueError, match=r"top-p .*at most 1"):
            Sample(top_p=mass)
    with pytest.raises(ValueError, match="'word': must be 'token' or 'sentence'"):
        Mixed(gold(2, 2), 0.5, per="word")
    with pytest.raises(ValueError, match="cannot be continued by soft tokens"):
        Forced(gold(2, 2), Soft())
    rows = torch.arange(2)
    for choose in (Sample(), GumbelSoftmax(), Mixed(gold(2, 3), 0.5)):
        with pytest.raises(ValueError, match=r"give decode a stream"):
            choose.prepare(rows, 3, VOCABULARY, None)
    for choose in (Gold(gold(2, 3)), Mixed(gold(2, 3), 0.5)):
        with pytest.raises(ValueError, match="have 3 tokens, 4 steps"):
            choose.prepare(rows, 4, VOCABULARY, STREAM)


def test_decode_refuses_nothing_and_too_much() -> None:
    generator = make("transformer-learned")
    for count, time in ((0, 3), (3, 0)):
        with pytest.raises(ValueError, match="both must be at least 1"):
            decode(generator, Greedy(), count, time)
    with pytest.raises(ValueError, match="41 tokens asked for, the generator reads at most 40"):
        decode(generator, Greedy(), 2, 41)


def test_draws_with_gradients_give_the_same_ids_and_hidden_vectors_with_a_graph() -> None:
    model = Recurrent(101, Specials(0, 1, 2), width=6, hidden=8).eval()
    prefix = Sentences(torch.tensor([[5, 6]]).expand(70, -1), torch.full((70,), 2))
    for choose in (Sample(), Forced(prefix, Sample())):
        plain = decode(model, choose, 70, 9, stream=Stream.of(1), hidden=True)
        graph = decode(model, choose, 70, 9, stream=Stream.of(1), hidden=True, gradient=True)
        assert torch.equal(plain.tokens, graph.tokens)
        torch.testing.assert_close(plain.hidden, graph.hidden.detach())
        (gradient,) = torch.autograd.grad(graph.hidden.sum(), model.embedding.weight)
        assert gradient.abs().sum() > 0
