"""Sentences drawn for evaluation."""

from __future__ import annotations

import torch
from evaluation_models import VOCABULARY, generator

from seqgen.evaluation.sampling import sample, strings
from seqgen.generators.choose import Greedy
from seqgen.randomness import Stream

STREAM = Stream.of(3, "sampling")


def test_the_same_stream_gives_the_same_sentences_whatever_torch_drew() -> None:
    model = generator(dropout=0.5).train()
    first = sample(model, 90, 12, STREAM)
    torch.manual_seed(11)
    again, other = sample(model, 90, 12, STREAM), sample(model, 90, 12, Stream.of(4))
    assert torch.equal(first.tokens, again.tokens)
    assert not torch.equal(first.tokens, other.tokens)
    assert model.training


def test_more_sentences_begin_with_the_same_ones() -> None:
    model = generator()
    assert torch.equal(
        sample(model, 200, 12, STREAM).tokens[:30], sample(model, 30, 12, STREAM).tokens
    )


def test_styles_take_turns() -> None:
    model = generator(styles=3)
    with torch.no_grad():
        assert model.embedding.style is not None
        model.embedding.style.copy_(torch.randn(3, 6) * 30)
    drawn = sample(model, 6, 12, STREAM, Greedy())
    for style in range(3):
        assert torch.equal(drawn.tokens[style], drawn.tokens[style + 3])
    assert len({tuple(row) for row in drawn.tokens[:3].tolist()}) == 3


def test_strings_end_where_the_sentence_ends() -> None:
    drawn = sample(generator(), 50, 12, STREAM)
    texts = strings(VOCABULARY, drawn)
    assert len(texts) == 50
    for text, length, ended in zip(texts, drawn.lengths, drawn.ended, strict=True):
        assert len(text.split()) <= int(length) - int(ended)
        assert "<end>" not in text and "<pad>" not in text
