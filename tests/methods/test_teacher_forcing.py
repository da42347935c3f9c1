"""Teacher forcing against plain cross-entropy."""

from __future__ import annotations

import pytest
import torch
from method_models import (
    GENERATORS,
    SPECIALS,
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
from torch import Tensor
from torch.nn.functional import cross_entropy

from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer


def logits_of_tokens(model: Generator, sentences: Sentences) -> tuple[Tensor, Tensor]:
    """Logits (tokens, vocabulary) and ids (tokens,) of the real tokens, row after row, one at a
    time."""
    logits, targets = [], []
    for row in range(len(sentences)):
        state, fed = model.start(1), SPECIALS.begin
        for step in range(int(sentences.lengths[row])):
            forced, state = model.advance(torch.tensor([[fed]]), state)
            logits.append(model.logits(forced.hidden)[0, 0])
            fed = int(sentences.ids[row, step])
            targets.append(fed)
    return torch.stack(logits), torch.tensor(targets)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("kind", GENERATORS)
def test_it_is_the_mean_cross_entropy_of_the_real_tokens(kind: str, smoothing: float) -> None:
    model, sentences = generator(kind), batch()
    logits, targets = logits_of_tokens(model, sentences)
    assert (targets == SPECIALS.end).sum() == len(sentences)  # every END is counted
    expected = cross_entropy(logits, targets, label_smoothing=smoothing)
    loss = TeacherForcing(model, smoothing).loss("generator", sentences, moment())
    assert int(loss.terms["nll"].weight) == int(sentences.lengths.sum()) == len(targets)
    torch.testing.assert_close(value(loss), expected, rtol=1e-5, atol=1e-5)
    assert_close(gradients(value(loss), model), gradients(expected, model), atol=1e-5)


@pytest.mark.parametrize("kind", GENERATORS)
def test_padding_does_not_count(kind: str) -> None:
    model, sentences = generator(kind), batch()
    junk = torch.randint(3, VOCABULARY, (len(sentences), sentences.ids.shape[1] + 3))
    junk[:, :-3] = torch.where(sentences.mask, sentences.ids, junk[:, :-3])
    expected = value(TeacherForcing(model).loss("generator", sentences, moment()))
    other = Sentences(junk, sentences.lengths)
    got = value(TeacherForcing(model).loss("generator", other, moment()))
    torch.testing.assert_close(got, expected, rtol=1e-6, atol=1e-6)


def after_training(accumulation: int) -> dict[str, Tensor]:
    model = generator("gru")
    method = TeacherForcing(model)
    stream = batches(8, accumulation=accumulation)
    parts = stream.take()
    assert len(parts) == accumulation
    assert len({int(part.lengths.sum()) for part in parts}) == accumulation  # unequal token counts
    stream.seek(0)
    Trainer([Phase(method, 4)], players(method), stream).train()
    return weights(method)


def test_accumulation_of_unequal_lengths_changes_nothing() -> None:
    whole, parts = after_training(1), after_training(2)
    start = weights(TeacherForcing(generator("gru")))
    assert not torch.allclose(whole["generator.head.weight"], start["generator.head.weight"])
    for name, expected in whole.items():
        torch.testing.assert_close(parts[name], expected, rtol=0, atol=1e-6, msg=name)
