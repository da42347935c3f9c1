"""A language GAN whose gradient flows through relaxed tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.choose import Choice, Choose, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode, styled
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.generators.relaxed import GumbelSoftmax
from seqgen.methods.contest import Contest, Penalty
from seqgen.methods.language_gan.specimens import (
    TokenSpecimen,
    drawn_specimen,
    real_specimen,
    score,
)
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class GumbelSoftmaxGAN(Stateless):
    """A GAN on sentences of Gumbel-softmax tokens: the discriminator's gradient reaches the
    generator through the tokens themselves, without rewards.

    Source: Kusner and Hernández-Lobato, "GANs for Sequences of Discrete Elements with the
    Gumbel-softmax Distribution", 2016, arXiv 1611.04051. Relaxed tokens are fed back and scored;
    with `hard` their one-hot argmax is, with the gradient of the relaxed token (straight-through,
    Jang et al., 2016, arXiv 1611.01144).

    Differs from the paper in: the Gumbel noise of the tokens is all that is random, the generator's
    first state is not drawn; sentences end with END, a relaxed one at the first token whose largest
    entry it is; any discriminator of sentences or tokens and any loss pair may be used, with a
    regulariser; the generator's dropout is off, so that both turns see the same distribution; for a
    straight-through generator the discriminator learns from plain draws, which are distributed as
    the argmax of the noisy logits is.

    Every random number belongs to a row of the global batch, so that sentences do not depend on
    micro-batches or processes. What couples rows: the means of the relativistic average pair.

    Args:
        generator: the network.
        discriminator: of sentences or tokens, on soft tokens.
        limit: the most tokens of a drawn sentence.
        temperature: generator's update number -> temperature of the relaxation, above 0.
        hard: straight-through instead of soft tokens.
        discriminator_steps: turns of the discriminator before each of the generator.
        pair: name of the loss pair, as all the following see `Contest`.
        smoothing: one-sided label smoothing.
        weight_clip: bound of the discriminator's weights; None: none.
        penalty: gradient penalty of the discriminator, on soft tokens.
        penalty_factor: its weight.

    Raises:
        ValueError: a value is unknown or out of range.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        limit: int,
        temperature: Callable[[int], float],
        hard: bool = False,
        discriminator_steps: int = 1,
        pair: str = "non-saturating",
        smoothing: float = 0.0,
        weight_clip: float | None = None,
        penalty: Penalty = "none",
        penalty_factor: float = 10.0,
    ) -> None:
        if limit < 1 or discriminator_steps < 1:
            raise ValueError(
                f"limit {limit} and discriminator_steps {discriminator_steps} must be at least 1"
            )
        self.generator, self.discriminator, self.limit = generator, discriminator, limit
        self.temperature, self.hard = temperature, hard
        self.discriminator_steps = discriminator_steps
        self.vocabulary = generator.head.weight.shape[0]
        self.contest: Contest[TokenSpecimen] = Contest(
            discriminator,
            lambda specimen: score(discriminator, specimen),
            pair=pair,
            smoothing=smoothing,
            weight_clip=weight_clip,
            penalty=penalty,
            penalty_factor=penalty_factor,
        )
        self.modules = {"discriminator": discriminator, "generator": generator}
        self.generator_updates = 0  # the schedule's clock, for the discriminator's turns too

    def turns(self, round: int) -> Sequence[str]:
        """The discriminator's turns, then one of the generator."""
        return ("discriminator",) * self.discriminator_steps + ("generator",)

    def begin(self, player: str, moment: Moment) -> None:
        """Prepare the discriminator's own turn."""
        if player == "discriminator":
            self.contest.begin()

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """The discriminator's or the generator's half."""
        if player == "discriminator":
            return self._discriminator_loss(batch, moment.stream)
        return self._generator_loss(batch, moment)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Clip the discriminator's weights, count the generator's updates."""
        if player == "discriminator":
            self.contest.stepped()
        else:
            self.generator_updates = moment.updates + 1

    def state_dict(self) -> dict[str, Any]:
        """How many updates the generator has had."""
        return {"generator updates": self.generator_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.generator_updates = state["generator updates"]

    def _discriminator_loss(self, batch: Sentences, stream: Stream) -> Loss:
        relaxed = GumbelSoftmax(self.temperature(self.generator_updates), self.hard)
        fake = self._draw(Sample() if self.hard else relaxed, batch, stream, gradient=False)
        return self.contest.discriminator_loss(
            self._real(batch), drawn_specimen(fake, self.vocabulary), stream, batch.numbers
        )

    def _generator_loss(self, batch: Sentences, moment: Moment) -> Loss:
        temperature = self.temperature(moment.updates)
        relaxed = Watched(GumbelSoftmax(temperature, self.hard))
        fake = self._draw(relaxed, batch, moment.stream, gradient=True)
        real = self._real(batch) if self.contest.compares else None
        terms = self.contest.generator_terms(drawn_specimen(fake, self.vocabulary), real)
        clock = torch.tensor(temperature * len(batch), device=batch.ids.device)
        numbers = {"entropy": relaxed.entropy(fake), "temperature": Term(clock, len(batch))}
        return Loss(terms, numbers)

    def _real(self, batch: Sentences) -> TokenSpecimen:
        return real_specimen(batch, self.vocabulary)

    def _draw(self, choose: Choose, batch: Sentences, stream: Stream, gradient: bool) -> Decoded:
        """Sentences for the rows of a batch, with its labels."""
        with evaluating(self.generator), _kernels(gradient):
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
        with torch.no_grad():
            self.entropies.append(torch.special.entr(torch.softmax(logits, -1)).sum(-1))
        return self.choose(step, logits, rows)

    def entropy(self, drawn: Decoded) -> Term:
        """Nats a token, over the tokens of what was drawn."""
        mask = drawn.mask
        entropies = torch.stack(self.entropies, 1)[:, : mask.shape[1]]
        return Term(entropies.masked_fill(~mask, 0.0).sum(), drawn.lengths.sum())


def _kernels(gradient: bool) -> AbstractContextManager[object]:
    # cuDNN's recurrent layers have no backward pass in evaluation mode.
    return torch.backends.cudnn.flags(enabled=False) if gradient else nullcontext()
