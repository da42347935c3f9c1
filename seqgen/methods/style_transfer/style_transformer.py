"""The Style Transformer's training: reconstruction, cycle and style losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.discriminators.style import StyleDiscriminator
from seqgen.generators.choose import Choose, Greedy, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.relaxed import GumbelSoftmax, Soft
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.methods.style_transfer.claims import Written, claims, verdicts, wanted
from seqgen.methods.style_transfer.styles import drop_words, other_styles
from seqgen.text.sentences import Sentences


class StyleTransformerMethod(Stateless):
    """Dai et al., "Style Transformer: Unpaired Text Style Transfer without Disentangled Latent
    Representation", 2019, arXiv 1905.05621.

    The generator writes a sentence in its own style and must reconstruct it; writes it in another
    style, as soft tokens, and must reconstruct it from these under its own style (the cycle); and
    what it wrote in the other style must look to the discriminator like a real sentence of that
    style. Gradients of the last two flow through the soft tokens. With `cycle` and `style` 0
    reconstruction alone is left, which is the paper's pretraining.

    Differs from the paper in: the sums of log-probabilities over a sentence are divided by the
    number of sentences, as in the authors' code; words are left out of the source of the
    reconstruction by a schedule, as that code can do (its published setting leaves out none); soft
    sentences end with the token whose argmax is END and are decoded without dropout; with more than
    two styles the target is drawn, every other style being equally likely; the temperature acts on
    soft tokens only, not on the likelihood of reconstructions. `hard` and `drawn` are not the
    paper's.

    Every random number but dropout's belongs to a row of the global batch. No rows are coupled.

    Args:
        generator: the network; it reads sources and knows the styles.
        discriminator: of either variant.
        limit: the most tokens of a soft sentence.
        reconstruction: weight of the reconstruction of a sentence from itself.
        cycle: weight of its reconstruction from the changed sentence.
        style: weight of the discriminator's opinion.
        temperature: generator's update number -> temperature of soft tokens, above 0.
        hard: whether soft tokens are one-hot (the likeliest, or with `drawn` the draws), as they
            are when the generator is used, with the gradient of the soft ones (straight-through).
        drawn: whether tokens are relaxed draws (`GumbelSoftmax`) instead of the noise-free ones, so
            that the discriminator sees all that the generator may write of a source.
        word_drop: generator's update number -> share of words left out of the sentence that is
            reconstructed from itself, from 0 to below 1.
        discriminator_steps: turns of the discriminator a round.
        generator_steps: turns of the generator after them.

    Raises:
        ValueError: numbers out of range, a generator that reads no source, or networks for
            different styles.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: StyleDiscriminator,
        *,
        limit: int,
        temperature: Callable[[int], float],
        word_drop: Callable[[int], float],
        hard: bool = False,
        drawn: bool = False,
        reconstruction: float = 0.25,
        cycle: float = 0.5,
        style: float = 1.0,
        discriminator_steps: int = 10,
        generator_steps: int = 5,
    ) -> None:
        _check(generator, discriminator, limit, (reconstruction, cycle, style))
        if discriminator_steps < 1 or generator_steps < 1:
            raise ValueError(
                f"{discriminator_steps} discriminator and {generator_steps} generator steps: "
                "both must be at least 1"
            )
        self.generator, self.discriminator, self.limit = generator, discriminator, limit
        self.reconstruction, self.cycle, self.style = reconstruction, cycle, style
        self.temperature, self.hard, self.word_drop = temperature, hard, word_drop
        self.drawn = drawn
        self.discriminator_steps, self.generator_steps = discriminator_steps, generator_steps
        self.modules = {"discriminator": discriminator, "generator": generator}
        self.generator_updates = 0  # the schedules' clock, for the discriminator's turns too

    def turns(self, round: int) -> Sequence[str]:
        """The discriminator's turns, then the generator's."""
        own = ("generator",) * self.generator_steps
        return ("discriminator",) * self.discriminator_steps + own

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """The discriminator's or the generator's half.

        Raises:
            ValueError: the sentences have no labels.
        """
        if batch.labels is None:
            raise ValueError(
                "the sentences have no labels; style transfer learns from labelled ones"
            )
        if player == "discriminator":
            return self._discriminator_loss(batch, batch.labels, moment)
        return self._generator_loss(batch, batch.labels, moment)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Count the generator's updates."""
        if player == "generator":
            self.generator_updates = moment.updates + 1

    def state_dict(self) -> dict[str, Any]:
        """How many updates the generator has had."""
        return {"generator updates": self.generator_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.generator_updates = state["generator updates"]

    def _discriminator_loss(self, batch: Sentences, labels: Tensor, moment: Moment) -> Loss:
        target = self._other(labels, batch, moment, "target")
        both = self._rewritten(
            batch.select(torch.arange(len(batch), device=labels.device).repeat(2)),
            torch.cat((labels, target)),
            self.temperature(self.generator_updates),
            moment,
            gradient=False,
        )
        tokens, lengths = both.tokens.chunk(2), both.lengths.chunk(2)
        asked = claims(
            Written(batch.ids, batch.lengths, labels),
            self._other(labels, batch, moment, "other"),
            Written(tokens[0], lengths[0], labels),
            Written(tokens[1], lengths[1], target),
            self.discriminator.conditional,
        )
        terms, right, count = {}, torch.zeros((), device=labels.device), 0
        for name, (logits, classes) in verdicts(self.discriminator, asked).items():
            terms[name] = Term(_cross_entropy(logits, classes), len(batch))
            right = right + (logits.argmax(1) == classes).sum()
            count += len(batch)
        return Loss(terms, {"accuracy": Term(right, count)})

    def _generator_loss(self, batch: Sentences, labels: Tensor, moment: Moment) -> Loss:
        terms, numbers = {}, {}
        share, temperature = self.word_drop(moment.updates), self.temperature(moment.updates)
        if self.reconstruction:
            pad = self.generator.specials.pad
            source = drop_words(batch, share, moment.stream.child("word drop"), pad)
            given = Condition(source.ids, source.mask, labels)
            terms["reconstruction"] = self._likelihood(batch, given, self.reconstruction)
        if self.cycle or self.style:
            target = self._other(labels, batch, moment, "target")
            soft = self._rewritten(batch, target, temperature, moment, gradient=True)
            if self.cycle:
                given = Condition(soft.tokens, soft.mask, labels)
                terms["cycle"] = self._likelihood(batch, given, self.cycle)
            if self.style:
                changed = Written(soft.tokens, soft.lengths, target)
                terms["style"], numbers["fooled"] = self._style(changed)
            numbers["temperature"] = _constant(temperature, labels)
        numbers["word-drop"] = _constant(share, labels)
        return Loss(terms, numbers)

    def _likelihood(self, gold: Sentences, given: Condition, factor: float) -> Term:
        """Minus the log-probability of sentences given a source, summed over their tokens."""
        hidden = teacher_force(self.generator, gold, given).hidden
        total = self.generator.negative_log_likelihood(hidden, gold.ids, gold.mask)
        return Term(total, len(gold), factor)

    def _style(self, changed: Written) -> tuple[Term, Term]:
        """The discriminator's verdict on soft sentences, and how many pass."""
        variant = self.discriminator.conditional
        asked = changed.style if variant else None
        logits = self.discriminator(changed.tokens, changed.lengths, asked).float()
        classes = wanted(changed, variant)
        passed = (logits.argmax(1) == classes).sum().to(torch.float32)
        count = len(classes)
        return Term(_cross_entropy(logits, classes), count, self.style), Term(passed, count)

    def _rewritten(
        self, batch: Sentences, style: Tensor, temperature: float, moment: Moment, gradient: bool
    ) -> Decoded:
        """What the generator writes of a batch in given styles, (rows,): ids where tokens are
        one-hot and no gradient flows through them, else soft sentences."""
        with evaluating(self.generator):
            return decode(
                self.generator,
                self._choose(temperature, gradient),
                len(batch),
                self.limit,
                # A sentence that is written in several styles draws other numbers in each.
                rows=batch.numbers * self.generator.styles + style,
                stream=moment.stream.child("tokens"),
                condition=Condition(batch.ids, batch.mask, style),
                gradient=gradient,
            )

    def _choose(self, temperature: float, gradient: bool) -> Choose:
        """One-hot tokens that no gradient flows through are ids: the same sentences, or draws of
        the same distribution, in a third of the work."""
        if self.hard and not gradient:
            return Sample() if self.drawn else Greedy()
        return (GumbelSoftmax if self.drawn else Soft)(temperature, self.hard)

    def _other(self, labels: Tensor, batch: Sentences, moment: Moment, name: str) -> Tensor:
        stream = moment.stream.child(name)
        return other_styles(labels, self.discriminator.styles, stream, batch.numbers)


def _cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    """Minus the log-probability of the classes, summed over the rows."""
    return nn.functional.cross_entropy(logits, classes, reduction="sum")


def _constant(value: float, like: Tensor) -> Term:
    return Term(torch.tensor(value * len(like), device=like.device), len(like))


def _check(
    generator: Generator,
    discriminator: StyleDiscriminator,
    limit: int,
    factors: tuple[float, float, float],
) -> None:
    if not generator.reads_source:
        raise ValueError(
            f"{type(generator).__name__} reads no source sentence; style transfer needs a "
            "generator that does, such as StyleTransformer"
        )
    if generator.styles != discriminator.styles:
        raise ValueError(
            f"the generator knows {generator.styles} styles, the discriminator "
            f"{discriminator.styles}: give both the same number"
        )
    if limit < 1:
        raise ValueError(f"limit {limit} must be at least 1")
    if min(factors) < 0 or not any(factors):
        raise ValueError(
            f"reconstruction {factors[0]}, cycle {factors[1]}, style {factors[2]}: none may be "
            "negative, and one must be above 0"
        )
