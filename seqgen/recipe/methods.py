"""Settings of training methods: one class a method, which also says whom it trains. Those of
language GANs are in adversarial.py."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from seqgen.recipe.adversarial import ControlReward, GumbelSoftmax, InverseReinforcement, SeqGAN
from seqgen.recipe.method import MethodSettings
from seqgen.recipe.settings import Decay, Dropout, Factor, Positive, PositiveNumber, Settings, Share
from seqgen.recipe.style_transfer import StyleTransformer


class TeacherForcing(MethodSettings):
    """Maximum likelihood: every token is predicted from the true tokens before it."""

    kind: Literal["teacher-forcing"] = "teacher-forcing"
    """The method."""
    smoothing: Dropout = 0.0
    """Label smoothing: the share of probability spread evenly over the vocabulary."""


class LinearDecay(Settings):
    """Probability of a true token: start - slope x updates, but never below minimum."""

    kind: Literal["linear"] = "linear"
    """The shape."""
    start: Share = 1.0
    """Probability at the first update."""
    minimum: Share = 0.0
    """Lowest probability."""
    slope: Factor = 1.0e-4
    """How much the probability falls with each update."""

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if self.minimum > self.start:
            raise ValueError(f"minimum {self.minimum} lies above start {self.start}")
        return self


class ExponentialDecay(Settings):
    """Probability of a true token: k to the power of the updates."""

    kind: Literal["exponential"] = "exponential"
    """The shape."""
    k: Decay = 0.9999
    """Base, just below 1."""


class InverseSigmoidDecay(Settings):
    """Probability of a true token: k / (k + exp(updates / k))."""

    kind: Literal["inverse-sigmoid"] = "inverse-sigmoid"
    """The shape."""
    k: Annotated[float, Field(ge=1)] = 1_000.0
    """Speed; the probability falls to a half after k x ln k updates."""


class ScheduledSampling(MethodSettings):
    """The generator is fed true and own tokens mixed (Bengio et al. 2015, arXiv 1506.03099)."""

    kind: Literal["scheduled-sampling"] = "scheduled-sampling"
    """The method."""
    decay: Annotated[
        LinearDecay | ExponentialDecay | InverseSigmoidDecay, Field(discriminator="kind")
    ] = InverseSigmoidDecay()
    """How the probability of a true token falls with the generator's updates."""
    per: Literal["token", "sentence"] = "token"
    """What the coin is tossed for."""
    temperature: PositiveNumber = 1.0
    """Temperature of the generator's own tokens."""
    smoothing: Dropout = 0.0
    """Label smoothing."""


class DataAsDemonstrator(MethodSettings):
    """Likelihood on pairs of an own prefix and the true next token (Venkatraman et al. 2015)."""

    kind: Literal["data-as-demonstrator"] = "data-as-demonstrator"
    """The method."""
    every: Positive = 500
    """Updates between two gatherings of prefixes drawn from the present generator."""
    rounds: Positive = 10
    """The most gatherings; later updates train on what there is."""
    size: Positive = 2_000
    """Training sentences whose prefixes are drawn in each gathering."""
    gold_share: Share = 0.0
    """Probability of feeding the true token while gathering; 0: the paper's free run."""
    temperature: PositiveNumber = 1.0
    """Temperature of the drawn tokens."""
    smoothing: Dropout = 0.0
    """Label smoothing."""


class ProfessorForcing(MethodSettings):
    """Likelihood, and a discriminator that tells teacher-forced from free-running behaviour.

    Lamb et al. 2016, arXiv 1610.09038.
    """

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    discriminators: ClassVar[tuple[str, ...]] = ("behavior",)

    kind: Literal["professor-forcing"] = "professor-forcing"
    """The method."""
    factor: Factor = 1.0
    """Weight of the adversarial term that makes free running look like teacher forcing."""
    teacher_factor: Factor = 0.0
    """Weight of the second adversarial term, which makes teacher forcing look like free running; 0:
    left out."""
    gate_low: Share = 0.75
    """The adversarial term acts on the generator only where the discriminator's accuracy is above
    this."""
    gate_high: Share = 0.99
    """The discriminator is trained only where its accuracy is below this."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.99
    """Decay of the running average of that accuracy; 0: the present batch alone."""
    temperature: PositiveNumber = 1.0
    """Temperature of free running."""

    @model_validator(mode="after")
    def _gates(self) -> Self:
        if self.gate_low >= self.gate_high:
            raise ValueError(f"gate_low {self.gate_low} must lie below gate_high {self.gate_high}")
        return self


class Classification(MethodSettings):
    """A classifier learns the labels of the sentences: a judge for labelled text."""

    players: ClassVar[tuple[str, ...]] = ("classifier",)
    needs: ClassVar[tuple[str, ...]] = ("classifier",)

    kind: Literal["classification"] = "classification"
    """The method."""
    smoothing: Dropout = 0.0
    """Label smoothing: the share of probability spread evenly over the labels."""


Method = Annotated[
    TeacherForcing
    | ScheduledSampling
    | DataAsDemonstrator
    | ProfessorForcing
    | GumbelSoftmax
    | SeqGAN
    | InverseReinforcement
    | ControlReward
    | StyleTransformer
    | Classification,
    Field(discriminator="kind"),
]
