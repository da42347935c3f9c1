"""Teacher forcing: maximum likelihood of the next token given the gold prefix."""

from __future__ import annotations

from torch import Tensor

from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Generator
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.text.sentences import Sentences


class TeacherForcing(Stateless):
    """Negative log-likelihood a token, END counted (Williams and Zipser, 1989).

    Args:
        generator: the network.
        smoothing: share of the target's probability spread over the vocabulary (Szegedy et al.,
            2016, arXiv 1512.00567).
    """

    def __init__(self, generator: Generator, smoothing: float = 0.0) -> None:
        self.generator, self.smoothing = generator, smoothing
        self.modules = {"generator": generator}

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """One parallel pass over the gold sentences."""
        hidden = teacher_force(self.generator, batch).hidden
        return Loss({"nll": token_term(self.generator, hidden, batch, self.smoothing)})


def token_term(
    generator: Generator, hidden: Tensor, gold: Sentences, smoothing: float = 0.0
) -> Term:
    """Cross-entropy of the gold tokens, summed over tokens and weighted by their number; hidden
    (rows, time, width)."""
    mask = gold.mask
    return Term(generator.negative_log_likelihood(hidden, gold.ids, mask, smoothing), mask.sum())
