"""Where a model that rewrites looked, word by word, for a page."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from seqgen.experiment.model import TextModel
from seqgen.experiment.rewriters import longest
from seqgen.experiment.transfer_sources import Sources, read_sources
from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition
from seqgen.generators.style_transformer import StyleTransformer, attending
from seqgen.report.rewritings import Attention

END = "(end)"


def attention(model: TextModel, source: str, output: str, to: str) -> Attention | None:
    """How a model looks at a sentence while it writes another one; None where one of them is blank
    or the generator shows nothing.

    The output is read again, not decoded: of a sentence that the model wrote that gives the weights
    with which it was written.

    Args:
        model: one that rewrites.
        source: what it reads.
        output: what it writes.
        to: the style it writes in.
    """
    if not source.strip() or not output.strip():
        return None
    most = longest(model.generator, model.limit)
    read = read_sources(model.vocabulary, [source], most)
    written = read_sources(model.vocabulary, [output], most)
    weights = _weights(model, read, written, model.labels[to])
    if weights is None:
        return None
    across, down = _words(model, read), _words(model, written)
    if model.vocabulary.end is not None:  # written, it is no word of the sentence
        down = down[:-1]
    shown = weights[: len(down), : len(across)].double().tolist()
    return Attention(across, down, [[round(share, 3) for share in row] for row in shown])


def _weights(model: TextModel, read: Sources, written: Sources, style: int) -> Tensor | None:
    """(time, source time), or None where the generator shows none."""
    generator = model.generator
    source = read.sentences.to(generator.device)
    wanted = torch.full_like(source.lengths, style)
    condition = Condition(tokens=source.ids, mask=source.mask, style=wanted)
    looking = attending(generator) if isinstance(generator, StyleTransformer) else nullcontext()
    with torch.no_grad(), evaluating(generator), looking:
        sentences = written.sentences.to(generator.device)
        extras = teacher_force(generator, sentences, condition).extras
    return extras["attention"][0].cpu() if "attention" in extras else None


def _words(model: TextModel, given: Sources) -> list[str]:
    """The tokens of the one row, each as a word; unknown ones as they stand in the sentence."""
    vocabulary, unknown = model.vocabulary, given.unknown[0]
    ids = given.sentences.ids[0, : int(given.sentences.lengths[0])]
    spelled = vocabulary.texts(ids[:, None])
    return [
        END if token == vocabulary.end else unknown.get(place, word)
        for place, (token, word) in enumerate(zip(ids.tolist(), spelled, strict=True))
    ]
