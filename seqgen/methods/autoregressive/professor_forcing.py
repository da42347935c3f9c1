"""Professor forcing: the generator should behave alike on gold prefixes and on its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, styled, teacher_force
from seqgen.generators.modes import evaluating, training
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.teacher_forcing import token_term
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class Behavior(NamedTuple):
    """Hidden vectors (rows, time, width), logits (rows, time, vocabulary) or None, and lengths
    (rows,)."""

    hidden: Tensor
    logits: Tensor | None
    lengths: Tensor


class ProfessorForcing(Stateless):
    """Likelihood plus an adversarial term on the dynamics of the generator.

    Source: Lamb et al., "Professor Forcing: A New Algorithm for Training Recurrent Networks", 2016,
    arXiv 1610.09038. The discriminator tells the behaviour (hidden states and outputs) on gold
    prefixes from that on the generator's own draws; the generator minimises its negative
    log-likelihood and makes its free-running behaviour look teacher-forced. Gradients flow through
    the states, not through the draws. Gates: below `gate_low` discriminator accuracy the generator
    follows the likelihood alone, above `gate_high` the discriminator rests.

    Differs from the paper in: accuracy is a running average over updates, as the authors' code
    keeps it; the free-running sentences are drawn without dropout and then read once in parallel,
    which gives the same states; outputs enter the discriminator as expected vectors.

    Args:
        generator: the network.
        discriminator: over hidden states and outputs.
        limit: the most tokens of a free-running sentence. It is not taken from the batch, since a
            sentence must not depend on which others share its micro-batch.
        factor: weight of the term that makes free-running behaviour look teacher-forced.
        teacher_factor: weight of the optional second term, which makes teacher-forced behaviour
            look free-running.
        gate_low: discriminator accuracy from which the generator follows it.
        gate_high: discriminator accuracy above which it rests.
        decay: of the running average of the accuracy.
        temperature: of the draws.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: BehaviorDiscriminator,
        *,
        limit: int,
        factor: float = 1.0,
        teacher_factor: float = 0.0,
        gate_low: float = 0.75,
        gate_high: float = 0.99,
        decay: float = 0.99,
        temperature: float = 1.0,
    ) -> None:
        if not 0 <= gate_low <= gate_high <= 1:
            raise ValueError(
                f"gates {gate_low} and {gate_high}: need 0 <= gate_low <= gate_high <= 1"
            )
        self.generator, self.discriminator, self.limit = generator, discriminator, limit
        self.factor, self.teacher_factor = factor, teacher_factor
        self.gate_low, self.gate_high, self.decay = gate_low, gate_high, decay
        self.temperature = temperature
        self.modules = {"generator": generator, "discriminator": discriminator}
        self.accuracy = 0.5
        self._generator_plays = False  # somebody must measure while the discriminator rests

    def turns(self, round: int) -> Sequence[str]:
        """The discriminator first."""
        return ("discriminator", "generator")

    def begin(self, player: str, moment: Moment) -> None:
        """Note that the generator plays: alone, the discriminator never rests."""
        self._generator_plays |= player == "generator"

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss | None:
        """The discriminator's or the generator's half."""
        if player == "discriminator":
            resting = self._generator_plays and self.accuracy > self.gate_high
            return None if resting else self._discriminator_loss(batch, moment)
        return self._generator_loss(batch, moment)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Follow the accuracy, which both players measure: a resting discriminator must be able to
        wake up."""
        if "accuracy" in parts:
            self.accuracy += (1 - self.decay) * (float(parts["accuracy"]) - self.accuracy)

    def state_dict(self) -> dict[str, Any]:
        """The running accuracy, and whether the generator has played."""
        return {"accuracy": self.accuracy, "generator plays": self._generator_plays}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.accuracy, self._generator_plays = state["accuracy"], state["generator plays"]

    def _discriminator_loss(self, batch: Sentences, moment: Moment) -> Loss:
        # In the mode of the generator's own turn: dropout alone must not tell the turns apart.
        with torch.no_grad(), training(self.generator):
            forced = self._behavior(batch)
            free = self._behavior(self._draw(batch, moment.stream))
        real, fake = self.discriminator(*forced), self.discriminator(*free)
        rows = len(batch)
        terms = {
            "real": Term(softplus(-real).sum(), rows),
            "fake": Term(softplus(fake).sum(), rows),
        }
        return Loss(terms, {"accuracy": _accuracy(real, fake)})

    def _generator_loss(self, batch: Sentences, moment: Moment) -> Loss:
        forced = self._behavior(batch)
        terms = {"nll": token_term(self.generator, forced.hidden, batch)}
        if self.accuracy < self.gate_low:
            return Loss(terms)
        free = self._behavior(self._draw(batch, moment.stream))
        real, fake = self.discriminator(*forced), self.discriminator(*free)
        terms["free"] = Term(softplus(-fake).sum(), len(batch), self.factor)
        if self.teacher_factor:
            terms["forced"] = Term(softplus(real).sum(), len(batch), self.teacher_factor)
        return Loss(terms, {"accuracy": _accuracy(real, fake)})

    def _behavior(self, sentences: Sentences) -> Behavior:
        """What the generator does along given sentences."""
        hidden = teacher_force(self.generator, sentences).hidden
        outputs = self.discriminator.outputs is not None
        logits = self.generator.logits(hidden) if outputs else None
        return Behavior(hidden, logits, sentences.lengths)

    def _draw(self, batch: Sentences, stream: Stream) -> Sentences:
        """Free-running sentences for the rows of a batch, with its labels."""
        with evaluating(self.generator):
            condition = styled(self.generator, batch, None)
            drawn = decode(
                self.generator,
                Sample(self.temperature),
                len(batch),
                self.limit,
                stream=stream.child("free"),
                rows=batch.numbers,
                condition=condition,
            )
        return drawn.sentences(batch).trim()  # every step costs a softmax over the vocabulary


def _accuracy(real: Tensor, fake: Tensor) -> Term:
    """Share of rows on the right side of 0."""
    right = (real > 0).sum() + (fake < 0).sum()
    return Term(right.float().detach(), float(len(real) + len(fake)))
