"""Generated sentences, each token after the generator's own: whole fakes against real sentences."""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.choose import Choice, Choose
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode, styled
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.kernels import plain_recurrence
from seqgen.methods.adversarial import Scores
from seqgen.methods.language_gan.fakes import Sides, entropies
from seqgen.methods.language_gan.specimens import (
    TokenSpecimen,
    drawn_specimen,
    real_specimen,
    score,
)
from seqgen.methods.protocol import Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class OwnPrefixes:
    """Sentences that the generator decodes for the rows of a batch, with its labels.

    Args:
        generator: the network; its dropout is off.
        discriminator: of sentences or tokens.
        limit: the most tokens of a sentence.
    """

    def __init__(self, generator: Generator, discriminator: Discriminator, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"limit {limit} must be at least 1")
        self.generator, self.discriminator, self.limit = generator, discriminator, limit
        self.vocabulary = generator.head.weight.shape[0]

    def draw(
        self, choose: Choose, batch: Sentences, stream: Stream, gradient: bool
    ) -> Sides[TokenSpecimen]:
        """Real sentences and decoded ones; `gradient` keeps the graph of these."""
        watched = Watched(choose)
        fake = self.decode(watched if gradient else choose, batch, stream, gradient)
        return Sides(
            real_specimen(batch, self.vocabulary),
            drawn_specimen(fake, self.vocabulary),
            batch.numbers,
            watched.entropy(fake) if gradient else None,
        )

    def decode(self, choose: Choose, batch: Sentences, stream: Stream, gradient: bool) -> Decoded:
        """What the generator writes for the rows of a batch."""
        with evaluating(self.generator), plain_recurrence(gradient):
            return decode(
                self.generator,
                choose,
                len(batch),
                self.limit,
                stream=stream.child("fake"),
                rows=batch.numbers,
                condition=styled(self.generator, batch, None),
                gradient=gradient,
            )

    def score(self, specimen: TokenSpecimen) -> Scores:
        """The discriminator's scores of sentences or tokens."""
        return score(self.discriminator, specimen)


class Watched:
    """A choice, and the entropy of the distributions it chose from."""

    soft, blockwise = True, False

    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.entropies: list[Tensor] = []

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """As the choice itself."""
        self.choose.prepare(rows, steps, vocabulary, stream)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """As the choice itself."""
        self.entropies.append(entropies(logits))
        return self.choose(step, logits, rows)

    def entropy(self, drawn: Decoded) -> Term:
        """Nats a token, over the tokens of what was drawn."""
        mask = drawn.mask
        found = torch.stack(self.entropies, 1)[:, : mask.shape[1]]
        return Term(found.masked_fill(~mask, 0.0).sum(), drawn.lengths.sum())
