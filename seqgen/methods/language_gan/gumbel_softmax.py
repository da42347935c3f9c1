"""A language GAN whose gradient flows through relaxed tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch

from seqgen.discriminators.projection import Projection
from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.choose import Sample
from seqgen.generators.protocol import Generator
from seqgen.generators.relaxed import GumbelSoftmax
from seqgen.methods.contest import Contest, Penalty
from seqgen.methods.language_gan.own_prefixes import OwnPrefixes
from seqgen.methods.language_gan.real_prefixes import RealPrefixes
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.text.sentences import Sentences

Prefixes = Literal["own", "real"]


class GumbelSoftmaxGAN(Stateless):
    """A GAN on sentences of Gumbel-softmax tokens: the discriminator's gradient reaches the
    generator through the tokens themselves, without rewards and without likelihood.

    Source: Kusner and Hernández-Lobato, "GANs for Sequences of Discrete Elements with the
    Gumbel-softmax Distribution", 2016, arXiv 1611.04051. Relaxed tokens are fed back and scored;
    with `hard` their one-hot argmax is, with the gradient of the relaxed token (straight-through,
    Jang et al., 2016, arXiv 1611.01144).

    With real prefixes (teacher helping: Press et al., "Language Generation with Recurrent
    Generative Adversarial Networks without Pre-training", 2017, arXiv 1706.01399) the generator
    reads real sentences and draws the next word in every place; the discriminator tells it from
    the real one after the same prefix. That learns a language from nothing where whole sentences
    collapse, but it is another task: no token that was drawn is ever fed back, in training nothing
    is decoded, and the generator never sees the prefixes that it writes itself.

    Differs from the papers in: the Gumbel noise of the tokens is all that is random, the
    generator's first state is not drawn; sentences end with END, a relaxed one at the first token
    whose largest entry it is; any discriminator of sentences or tokens and any loss pair may be
    used, with a regulariser; the generator's dropout is off, so that both turns see the same
    distribution; for a straight-through generator the discriminator learns from plain draws, which
    are distributed as the argmax of the noisy logits is. Teacher helping was a part of a longer
    curriculum on characters, with soft outputs and a Wasserstein loss; the score is a projection
    (Miyato and Koyama, 2018, arXiv 1802.05637) for the sake of its gradient, which compares all
    words.

    The discriminator is told no labels. After real prefixes nothing therefore makes a generator
    with styles write what its label asks for: train it on sentences without labels.

    Every random number belongs to a row of the global batch, so that sentences do not depend on
    micro-batches or processes. What couples rows: the means of the relativistic average pair.

    Args:
        generator: the network.
        discriminator: of sentences or tokens, on soft tokens; a `Projection` for real prefixes.
        limit: the most tokens of a drawn sentence; real prefixes are as long as they are.
        temperature: generator's update number -> temperature of the relaxation, above 0.
        hard: straight-through instead of soft tokens.
        prefixes: what a token is drawn after, the generator's "own" tokens or "real" ones.
        draws: words drawn after each real prefix.
        discriminator_steps: turns of the discriminator before each of the generator.
        pair: name of the loss pair, as all the following see `Contest`.
        smoothing: one-sided label smoothing.
        weight_clip: bound of the discriminator's weights; None: none.
        penalty: gradient penalty of the discriminator, on soft tokens.
        penalty_factor: its weight.

    Raises:
        ValueError: a value is unknown or out of range, or real prefixes and own ones are mixed up.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        limit: int,
        temperature: Callable[[int], float],
        hard: bool = False,
        prefixes: Prefixes = "own",
        draws: int = 1,
        discriminator_steps: int = 1,
        pair: str = "non-saturating",
        smoothing: float = 0.0,
        weight_clip: float | None = None,
        penalty: Penalty = "none",
        penalty_factor: float = 10.0,
    ) -> None:
        if discriminator_steps < 1:
            raise ValueError(f"discriminator_steps {discriminator_steps} must be at least 1")
        self.generator, self.discriminator = generator, discriminator
        self.temperature, self.hard = temperature, hard
        self.discriminator_steps = discriminator_steps
        self.fakes = _fakes(generator, discriminator, limit, prefixes, draws)
        self.contest: Contest[Any] = Contest(
            discriminator,
            self.fakes.score,
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
            return self._discriminator_loss(batch, moment)
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

    def _discriminator_loss(self, batch: Sentences, moment: Moment) -> Loss:
        relaxed = GumbelSoftmax(self.temperature(self.generator_updates), self.hard)
        choose = Sample() if self.hard else relaxed
        sides = self.fakes.draw(choose, batch, moment.stream, gradient=False)
        return self.contest.discriminator_loss(sides.real, sides.fake, moment.stream, sides.numbers)

    def _generator_loss(self, batch: Sentences, moment: Moment) -> Loss:
        temperature = self.temperature(moment.updates)
        relaxed = GumbelSoftmax(temperature, self.hard)
        sides = self.fakes.draw(relaxed, batch, moment.stream, gradient=True)
        terms = self.contest.generator_terms(sides.fake, sides.real)
        clock = torch.tensor(temperature * len(batch), device=batch.ids.device)
        numbers = {"temperature": Term(clock, len(batch))}
        if sides.entropy is not None:
            numbers["entropy"] = sides.entropy
        return Loss(terms, numbers)


def _fakes(
    generator: Generator, discriminator: Discriminator, limit: int, prefixes: str, draws: int
) -> OwnPrefixes | RealPrefixes:
    """What makes the fakes of a contest."""
    if prefixes == "own":
        if draws != 1:
            raise ValueError(f"draws {draws}: a sentence has one word in a place; give 1")
        return OwnPrefixes(generator, discriminator, limit)
    if prefixes != "real":
        raise ValueError(f"prefixes {prefixes!r}: must be 'own' or 'real'")
    if not isinstance(discriminator, Projection):
        raise ValueError(
            f"real prefixes need a discriminator that scores any word after a prefix, a "
            f"Projection, not {type(discriminator).__name__}"
        )
    return RealPrefixes(generator, discriminator, draws)
