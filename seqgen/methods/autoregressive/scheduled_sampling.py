"""Scheduled sampling: train on prefixes in which some gold tokens are replaced by the generator's
own draws."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seqgen.generators.choose import Mixed
from seqgen.generators.decoding import decode, styled
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.teacher_forcing import token_term
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class ScheduledSampling(Stateless):
    """Cross-entropy of the gold tokens after prefixes mixed from gold and drawn tokens.

    Source: Bengio et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural
    Networks", 2015, arXiv 1506.03099.

    Differs from the paper in: nothing of the objective. The prefixes are drawn first, without
    gradients and without dropout; the loss is then one parallel pass over them, which gives the
    same gradient, since the paper lets none through the draws, and is as fast as teacher forcing.

    Args:
        generator: the network.
        gold_share: update number -> probability of feeding the gold token.
        per: "token" throws a coin at every step, "sentence" one a sentence (the paper's uniform
            variant).
        temperature: of the draws.
        smoothing: label smoothing.
    """

    def __init__(
        self,
        generator: Generator,
        gold_share: Callable[[int], float],
        per: str = "token",
        temperature: float = 1.0,
        smoothing: float = 0.0,
    ) -> None:
        self.generator, self.gold_share, self.smoothing = generator, gold_share, smoothing
        self.per, self.temperature = per, temperature
        self.modules = {"generator": generator}

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """Draw mixed prefixes, then score the gold tokens after them."""
        share = self.gold_share(moment.updates)
        choose = Mixed(batch, share, self.per, self.temperature)
        fed = mixed_prefixes(self.generator, batch, choose, moment.stream)
        hidden = read(self.generator, fed, batch)
        shares = Term(torch.tensor(share * len(batch), device=batch.ids.device), len(batch))
        terms = {"nll": token_term(self.generator, hidden, batch, self.smoothing)}
        return Loss(terms, {"gold share": shares})


def mixed_prefixes(generator: Generator, batch: Sentences, choose: Mixed, stream: Stream) -> Tensor:
    """What is fed back when decoding along a batch: ids (rows, time), drawn without gradients and
    dropout."""
    with evaluating(generator):
        condition = styled(generator, batch, None)
        rows, time = batch.ids.shape
        return decode(
            generator, choose, rows, time, stream=stream, rows=batch.numbers, condition=condition
        ).fed


def read(generator: Generator, fed: Tensor, batch: Sentences) -> Tensor:
    """Hidden vectors (rows, time, width) after BEGIN and the fed tokens (rows, time), with
    gradients."""
    begin = fed.new_full((len(fed), 1), generator.specials.begin)
    state = generator.start(len(fed), styled(generator, batch, None))
    return generator.advance(torch.cat((begin, fed[:, :-1]), 1), state)[0].hidden
