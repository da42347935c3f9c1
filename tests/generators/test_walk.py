"""What every generator must do, walked over all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_model, save_model
from small_generators import SPECIALS, VOCABULARY, make
from torch import Tensor

from seqgen.generators.choose import Choice, Gold, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode, styled, teacher_force
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.relaxed import GumbelSoftmax
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

TOLERANCE = {"rtol": 1e-5, "atol": 1e-5}
STREAM = Stream.of(5, "walk")


class EndsOften(Sample):
    """Draws with a raised probability of END, so that sentences end at many lengths."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        logits[:, SPECIALS.end] = logits.logsumexp(-1) - 2.5
        return super().__call__(step, logits, rows)


def styles(generator: Generator, count: int) -> Condition | None:
    return Condition(style=torch.arange(count) % generator.styles) if generator.styles else None


def forced(generator: Generator, tokens: Tensor, condition: Condition | None) -> Tensor:
    return generator.advance(tokens, generator.start(len(tokens), condition))[0].hidden


def test_step_by_step_equals_teacher_forcing(generator: Generator, sentences: Sentences) -> None:
    count, time = sentences.ids.shape
    parallel = teacher_force(generator, sentences).hidden
    condition = styled(generator, sentences)
    stepped = decode(generator, Gold(sentences), count, time, condition=condition, hidden=True)
    assert torch.equal(stepped.tokens, sentences.ids)
    assert torch.equal(stepped.lengths, sentences.lengths)
    mask = sentences.mask
    torch.testing.assert_close(stepped.hidden[mask], parallel[mask], **TOLERANCE)
    assert (stepped.hidden[~mask] == 0).all()


def test_stepping_with_gradients_gives_the_gradients_of_teacher_forcing(
    generator: Generator, sentences: Sentences
) -> None:
    count, time = sentences.ids.shape
    weights = torch.randn(count, time, 1, generator=torch.Generator().manual_seed(0))
    loss = (teacher_force(generator, sentences).hidden * weights * sentences.mask[..., None]).sum()
    expected = torch.autograd.grad(loss, list(generator.parameters()), allow_unused=True)
    condition = styled(generator, sentences)
    stepped = decode(
        generator, Gold(sentences), count, time, condition=condition, gradient=True, hidden=True
    )
    assert (stepped.hidden[~sentences.mask] == 0).all()
    loss = (stepped.hidden * weights).sum()
    got = torch.autograd.grad(loss, list(generator.parameters()), allow_unused=True)
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_one_hot_soft_token_is_its_id(generator: Generator, sentences: Sentences) -> None:
    condition = styled(generator, sentences)
    soft = torch.nn.functional.one_hot(sentences.ids, VOCABULARY).float()
    hard = forced(generator, sentences.ids, condition)
    torch.testing.assert_close(forced(generator, soft, condition), hard, **TOLERANCE)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("cuts", [(4,), (1, 2, 9), tuple(range(1, 13))])
def test_reading_in_chunks_is_reading_at_once(
    generator: Generator, sentences: Sentences, cuts: tuple[int, ...], gradient: bool
) -> None:
    condition, hidden = styled(generator, sentences), []
    with torch.set_grad_enabled(gradient):
        whole = forced(generator, sentences.ids, condition)
        state = generator.start(len(sentences), condition)
        for part in sentences.ids.tensor_split(cuts, 1):
            some, state = generator.advance(part, state)
            hidden.append(some.hidden)
    torch.testing.assert_close(torch.cat(hidden, 1), whole, **TOLERANCE)


@pytest.mark.parametrize("gradient", [False, True])
@pytest.mark.parametrize("read", [0, 1, 6])
def test_select_permutes_repeats_and_drops(
    generator: Generator, sentences: Sentences, read: int, gradient: bool
) -> None:
    rows = torch.tensor([6, 3, 3, 0, 5])
    past, future = sentences.ids[:, :read], sentences.ids[:, read : read + 5]
    later = sentences.ids[:, read + 5 :]
    condition = styled(generator, sentences)
    with torch.set_grad_enabled(gradient):
        expected = forced(generator, sentences.ids, condition)
        state = generator.start(len(sentences), condition)
        for step in past.unbind(1):
            state = generator.advance(step.unsqueeze(1), state)[1]
        fork = state.select(rows)
        # The old state goes on first: what it writes must not reach the selected one.
        straight, state = generator.advance(future, state)
        selected, fork = generator.advance(future[rows], fork)
        straight_later = generator.advance(later, state)[0]
        selected_later = generator.advance(later[rows], fork)[0]
    middle, end = expected[:, read : read + 5], expected[:, read + 5 :]
    torch.testing.assert_close(straight.hidden, middle, **TOLERANCE)
    torch.testing.assert_close(selected.hidden, middle[rows], **TOLERANCE)
    torch.testing.assert_close(straight_later.hidden, end, **TOLERANCE)
    torch.testing.assert_close(selected_later.hidden, end[rows], **TOLERANCE)


def test_every_parameter_gets_a_gradient(generator: Generator, sentences: Sentences) -> None:
    hidden = teacher_force(generator, sentences).hidden
    weights = sentences.mask.float()
    generator.negative_log_likelihood(hidden, sentences.ids, weights).backward()
    without = [
        name
        for name, parameter in generator.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert without == []


def test_log_probability_agrees_with_logits(generator: Generator, sentences: Sentences) -> None:
    hidden = teacher_force(generator, sentences).hidden
    expected = generator.logits(hidden).log_softmax(-1).gather(2, sentences.ids[..., None])[..., 0]
    got = generator.log_probability(hidden, sentences.ids)
    torch.testing.assert_close(got, expected, **TOLERANCE)
    total = generator.negative_log_likelihood(hidden, sentences.ids, sentences.mask.float())
    torch.testing.assert_close(total, -(expected * sentences.mask).sum(), rtol=1e-5, atol=1e-4)


def test_saved_and_loaded_it_is_the_same(
    name: str, generator: Generator, sentences: Sentences, tmp_path: Path
) -> None:
    file, other = tmp_path / "generator.safetensors", make(name, seed=1)
    before = teacher_force(other, sentences).hidden
    save_model(generator, str(file))
    load_model(other, str(file), strict=True)
    expected = generator.logits(teacher_force(generator, sentences).hidden)
    assert not torch.equal(teacher_force(other, sentences).hidden, before)
    assert torch.equal(other.logits(teacher_force(other, sentences).hidden), expected)


def test_evaluation_mode_is_deterministic(generator: Generator, sentences: Sentences) -> None:
    first = teacher_force(generator, sentences).hidden
    assert torch.equal(teacher_force(generator, sentences).hidden, first)


COUNT, STEPS = 300, 21


def sampled(generator: Generator, count: int = COUNT, **settings: object) -> Decoded:
    condition = styles(generator, COUNT)
    rows = settings.get("rows")
    if condition is not None and rows is not None:
        condition = condition.select(rows)
    stream = STREAM.child("sample")
    return decode(
        generator, EndsOften(), count, STEPS, stream=stream, condition=condition, **settings
    )


@pytest.mark.usefixtures("one_thread")
def test_samples_do_not_depend_on_pools_dropping_or_company(generator: Generator) -> None:
    expected = sampled(generator)
    assert len(expected.lengths.unique()) > 12
    assert 0 < int(expected.ended.sum()) < COUNT
    for settings in ({"pool": 64}, {"pool": 128}, {"drop": False}, {"drop": False, "pool": 150}):
        got = sampled(generator, **settings)
        assert torch.equal(got.tokens, expected.tokens), settings
        assert torch.equal(got.lengths, expected.lengths), settings
    for rows in (torch.arange(3, 300, 7), torch.arange(299, 99, -1), torch.tensor([250])):
        got = sampled(generator, len(rows), rows=rows)
        assert torch.equal(got.tokens, expected.tokens[rows])


def test_sampled_hidden_vectors_are_those_of_teacher_forcing(generator: Generator) -> None:
    drawn = sampled(generator, hidden=True)
    with torch.no_grad():
        again = teacher_force(generator, drawn.sentences(), styles(generator, COUNT)).hidden
    torch.testing.assert_close(drawn.hidden[drawn.mask], again[drawn.mask], **TOLERANCE)
    assert (drawn.hidden[~drawn.mask] == 0).all()
    assert (drawn.tokens[~drawn.mask] == SPECIALS.pad).all()
    last = drawn.tokens.gather(1, drawn.lengths[:, None] - 1)[:, 0]
    assert torch.equal(last == SPECIALS.end, drawn.ended)


@pytest.mark.parametrize("hard", [False, True])
def test_soft_decoding_has_gradients(generator: Generator, hard: bool) -> None:
    choose = GumbelSoftmax(temperature=0.7, hard=hard)
    condition = styles(generator, 9)
    drawn = decode(generator, choose, 9, 8, stream=STREAM, condition=condition, gradient=True)
    torch.testing.assert_close(drawn.tokens.sum(-1), torch.ones(9, 8), **TOLERANCE)
    score = torch.randn(8, VOCABULARY, generator=torch.Generator().manual_seed(0))
    (drawn.tokens * score).sum().backward()
    for key, parameter in generator.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().sum() > 0, key
