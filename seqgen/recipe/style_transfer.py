"""Settings of methods that learn style transfer from unpaired sentences."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from seqgen.recipe.adversarial import (
    ConstantTemperature,
    ExponentialTemperature,
    LinearTemperature,
)
from seqgen.recipe.method import MethodSettings
from seqgen.recipe.settings import Dropout, Factor, Positive, Settings


class WordDrop(Settings):
    """Share of the words that are left out, from start to end by equal steps, then constant."""

    start: Dropout = 0.0
    """Share at the generator's first update."""
    end: Dropout = 0.0
    """Share after `updates`."""
    updates: Positive = 1_000
    """Updates of the generator over which it moves, pretraining included."""


class StyleTransformer(MethodSettings):
    """A sentence is reconstructed from itself and from its version in another style, which a
    discriminator judges (Dai et al. 2019, arXiv 1905.05621)."""

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    discriminators: ClassVar[tuple[str, ...]] = ("style",)

    kind: Literal["style-transformer"] = "style-transformer"
    """The method."""
    reconstruction: Factor = 0.25
    """Weight of the reconstruction of a sentence from itself."""
    cycle: Factor = 0.5
    """Weight of its reconstruction from the version in another style; with cycle and style 0 and
    only the generator, a phase is the paper's pretraining."""
    style: Factor = 1.0
    """Weight of the discriminator's opinion of the version in another style."""
    temperature: Annotated[
        ConstantTemperature | ExponentialTemperature | LinearTemperature,
        Field(discriminator="kind"),
    ] = ConstantTemperature()
    """How soft the tokens of that version are, over the generator's updates, pretraining
    included."""
    hard: bool = False
    """Whether tokens are one-hot (the likeliest, or with drawn the draws) with the gradient of the
    soft ones (straight-through), as they are when the generator is used; the paper has soft
    ones."""
    drawn: bool = False
    """Whether tokens are relaxed draws (Gumbel-softmax); the paper has the noise-free ones."""
    word_drop: WordDrop = WordDrop()
    """Words left out of a sentence that is to be reconstructed from itself."""
    discriminator_steps: Positive = 10
    """Updates of the discriminator a round."""
    generator_steps: Positive = 5
    """Updates of the generator after them."""

    def turns(self, batch: int) -> tuple[str, ...]:
        """The discriminator several times, then the generator several times."""
        own = ("generator",) * self.generator_steps
        return ("discriminator",) * self.discriminator_steps + own

    @model_validator(mode="after")
    def _learns_something(self) -> Self:
        if not (self.reconstruction or self.cycle or self.style):
            raise ValueError(
                "reconstruction, cycle and style are all 0, so that nothing is learned; set one "
                "of them above 0"
            )
        return self
