"""Sentences drawn from a generator, as ids and as strings."""

from __future__ import annotations

import torch

from seqgen.generators.choose import Choose, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.randomness import Stream
from seqgen.text.vocabulary import Vocabulary


def sample(
    generator: Generator, count: int, limit: int, stream: Stream, choose: Choose | None = None
) -> Decoded:
    """`count` rows of at most `limit` tokens, without dropout; styles take turns where the
    generator has any."""
    condition = None
    if generator.styles:
        condition = Condition(style=torch.arange(count, device=generator.device) % generator.styles)
    with evaluating(generator):
        return decode(
            generator, choose or Sample(), count, limit, stream=stream, condition=condition
        )


def strings(vocabulary: Vocabulary, decoded: Decoded) -> list[str]:
    """The decoded rows as sentences."""
    return vocabulary.texts(decoded.tokens.cpu(), decoded.lengths.cpu())
