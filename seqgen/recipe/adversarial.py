"""Settings of language GANs and of their controls: loss pairs, penalties, rewards, baselines."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from seqgen.recipe.method import MethodSettings
from seqgen.recipe.settings import (
    Decay,
    Dropout,
    Factor,
    Positive,
    PositiveNumber,
    Settings,
    Share,
    Whole,
)

Pair = Literal[
    "minimax", "non-saturating", "least-squares", "kl", "reverse-kl", "pearson", "hellinger",
    "jensen-shannon", "gan", "wasserstein", "hinge", "relativistic", "relativistic-average",
]  # fmt: skip
# A score of these stands for the probability of being real.
PROBABLE = ("minimax", "non-saturating", "kl", "reverse-kl", "hellinger", "jensen-shannon", "gan")
# These have labels that can be smoothed.
LABELLED = ("minimax", "non-saturating", "least-squares", "gan")
Precision = Literal["float32", "bfloat16"]


class GradientPenalty(Settings):
    """What the slope of the discriminator's score at its input costs it."""

    kind: Literal["two-sided", "one-sided", "zero-centred", "r1"]
    """Slopes other than 1 (Gulrajani et al. 2017, arXiv 1704.00028), slopes above 1 (Petzka et al.
    2017, arXiv 1709.08894) or slopes other than 0 between real and fake sentences; r1: slopes other
    than 0 at real ones (Mescheder et al. 2018, arXiv 1801.04406)."""
    weight: PositiveNumber = 10.0
    """Weight of the penalty against the loss."""


class ContestSettings(MethodSettings):
    """What all methods share that train a discriminator by a loss pair."""

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    discriminators: ClassVar[tuple[str, ...]] = (
        "convolution", "recurrent", "transformer", "projection",
    )  # fmt: skip

    discriminator_steps: Positive = 1
    """Updates of the discriminator before each of the generator."""
    pair: Pair = "non-saturating"
    """The losses of discriminator and generator over scores."""
    smoothing: Dropout = 0.0
    """Real sentences are labelled 1 minus this; for pairs with labels."""
    penalty: GradientPenalty | None = None
    """Penalty on the discriminator's slopes, at soft tokens; none: no penalty."""
    weight_clip: PositiveNumber | None = None
    """Largest size of the discriminator's weights, clipped after each of its updates; none: no
    clipping."""

    def turns(self, batch: int) -> tuple[str, ...]:
        """The discriminator several times, then the generator."""
        return ("discriminator",) * self.discriminator_steps + ("generator",)

    @model_validator(mode="after")
    def _smoothable(self) -> Self:
        if self.smoothing and self.pair not in LABELLED:
            raise ValueError(
                f"pair {self.pair} has no labels to smooth; set smoothing to 0, or take one of "
                f"{', '.join(LABELLED)}"
            )
        return self


class ConstantTemperature(Settings):
    """One temperature throughout."""

    kind: Literal["constant"] = "constant"
    """The shape."""
    value: PositiveNumber = 1.0
    """The temperature."""


class ExponentialTemperature(Settings):
    """From start to end by equal factors, then constant."""

    kind: Literal["exponential"] = "exponential"
    """The shape."""
    start: PositiveNumber = 1.0
    """Temperature at the generator's first update."""
    end: PositiveNumber = 0.1
    """Temperature after `updates`."""
    updates: Positive = 1_000
    """Updates of the generator over which it moves."""


class LinearTemperature(Settings):
    """From start to end by equal steps, then constant."""

    kind: Literal["linear"] = "linear"
    """The shape."""
    start: PositiveNumber = 5.0
    """Temperature at the generator's first update."""
    end: PositiveNumber = 1.0
    """Temperature after `updates`."""
    updates: Positive = 1_000
    """Updates of the generator over which it moves."""


class GumbelSoftmax(ContestSettings):
    """A GAN whose generator is trained through relaxed draws (Kusner and Hernández-Lobato 2016,
    arXiv 1611.04051)."""

    kind: Literal["gumbel-softmax"] = "gumbel-softmax"
    """The method."""
    temperature: Annotated[
        ConstantTemperature | ExponentialTemperature | LinearTemperature,
        Field(discriminator="kind"),
    ] = ConstantTemperature()
    """How soft the relaxed tokens are, over the generator's updates."""
    hard: bool = False
    """Whether tokens are one-hot with the gradient of the relaxed ones (straight-through)."""
    prefixes: Literal["own", "real"] = "own"
    """What a token is drawn after: the generator's own tokens, or real sentences up to there
    (teacher helping: Press et al. 2017, arXiv 1706.01399), for which the discriminator must be
    projection."""
    draws: Positive = 1
    """Words drawn after each real prefix."""

    @model_validator(mode="after")
    def _one_word_a_place(self) -> Self:
        if self.prefixes == "own" and self.draws > 1:
            raise ValueError(
                f"draws {self.draws} given, and a sentence of own prefixes has one word in a "
                "place; set draws to 1, or prefixes to real"
            )
        return self


class PolicyGradientSettings(MethodSettings):
    """What methods share that train the generator by rewards of its own sentences."""

    baseline: Literal["none", "moving", "learned"] = "none"
    """What is subtracted from rewards: nothing, their running mean, or what a small network expects
    from the states of the generator."""
    baseline_decay: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """Decay of the moving baseline."""
    entropy: Factor = 0.0
    """Weight of the entropy of the next token, which keeps the generator from collapse."""
    anchor: Factor = 0.0
    """Weight of the divergence from the generator as it was before its first update here."""
    likelihood_every: Whole = 0
    """A round of maximum likelihood after every so many rounds; 0: none."""
    temperature: PositiveNumber = 1.0
    """Temperature of the drawn sentences and their completions."""


class SeqGAN(ContestSettings, PolicyGradientSettings):
    """Policy gradients; a token's reward is the discriminator's mean opinion of completed sentences
    (Yu et al. 2017, arXiv 1609.05473)."""

    kind: Literal["seqgan"] = "seqgan"
    """The method."""
    discriminator_steps: Positive = 5
    """Updates of the discriminator before each of the generator; in the paper 2,340."""
    reward: Literal["probability", "logit", "log-probability"] = "probability"
    """What a score is worth; a pair without a probability has logit only."""
    rollouts: Whole = 16
    """Completions of every prefix; 0: the sentence's own scores, as a discriminator of tokens gives
    them."""
    stride: Positive = 1
    """Only every so many prefixes are completed; the tokens between take the next one's reward."""
    discount: Share = 1.0
    """What a reward that comes a token later counts for."""
    rollout_decay: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Completions are drawn from a copy of the generator that keeps this much of its old weights at
    each update (0.8 in the paper); 0: from the generator itself."""
    precision: Precision = "float32"
    """Number format in which completions are scored; bfloat16 is faster and a little off."""
    chunk: Positive | None = None
    """The most completions in flight, to save memory; none: a fitting number."""

    def turns(self, batch: int) -> tuple[str, ...]:
        """As for all GANs; those of a round of likelihood are the generator's alone."""
        usual = super().turns(batch)
        every = self.likelihood_every
        return every * usual + ("generator",) if every else usual

    @model_validator(mode="after")
    def _has_a_reward(self) -> Self:
        if self.reward != "logit" and self.pair not in PROBABLE:
            raise ValueError(
                f"pair {self.pair} has no probability that reward {self.reward} could be; "
                f"set reward to logit, or take one of the pairs {', '.join(PROBABLE)}"
            )
        return self


class ControlReward(PolicyGradientSettings):
    """A control: the same updates with rewards that know nothing of the sentences."""

    kind: Literal["control-reward"] = "control-reward"
    """The method."""
    control: Literal["constant", "random"] = "constant"
    """The reward: always `value`, or uniform between 0 and 1 for every token."""
    value: Share = 0.5
    """The constant reward."""


class InverseReinforcement(MethodSettings):
    """A reward of every token that real sentences maximise, and a policy of high entropy that
    follows it (Shi et al. 2018, arXiv 1804.11258)."""

    players: ClassVar[tuple[str, ...]] = ("discriminator", "generator")
    needs: ClassVar[tuple[str, ...]] = ("generator", "discriminator")
    discriminators: ClassVar[tuple[str, ...]] = ("token-reward",)

    kind: Literal["inverse-reinforcement"] = "inverse-reinforcement"
    """The method."""
    entropy: Factor = 0.5
    """Weight of the policy's entropy against rewards between 0 and 1; the paper varies it from 0 to
    1.25."""
    neutral: Share = 0.5
    """The reward of a token that is worth nothing, taken off every reward lest long sentences be
    worth more; the paper has 0."""
    scale: PositiveNumber = 1.0
    """Nats that a reward of 1 more is worth; at about 10 the sum of the rewards can be the
    log-probability of a sentence. The paper has 1."""
    buffer: Positive = 1_536
    """Sentences drawn a round; a multiple of the batch. 2,048 for captions in the paper."""
    passes: Positive = 1
    """How often the drawn sentences are gone through."""
    rollouts: Whole = 8
    """Completions that an expected reward is the mean of; 0: the sentence itself. 4 for captions in
    the paper."""
    stride: Positive = 1
    """Only every so many prefixes are completed."""
    clip: Decay = 0.2
    """How far the ratio of new and old probability of a token may leave 1."""
    reward_steps: Positive = 2
    """Updates of the rewards a round; in the paper 234 on the oracle."""
    temperature: PositiveNumber = 1.0
    """Temperature of the importance weights; higher ones make them more even."""
    baseline: Literal["none", "step", "moving", "learned"] = "step"
    """What is subtracted from the returns: nothing, as in the paper, their mean at each step, their
    running mean, or what a small network expects from the states of the generator."""
    anchor: Factor = 0.0
    """Weight of the divergence from the generator as it was before its first update here."""
    likelihood_every: Whole = 0
    """A round of maximum likelihood after every so many rounds; 0: none."""
    precision: Precision = "float32"
    """Number format in which completions are scored."""
    chunk: Positive | None = None
    """The most completions in flight, to save memory; none: a fitting number."""

    def turns(self, batch: int) -> tuple[str, ...]:
        """The rewards several times, then the policy through its buffer."""
        policy = max(self.passes * self.buffer // batch, 1)
        usual = ("discriminator",) * self.reward_steps + ("generator",) * policy
        every = self.likelihood_every
        return every * usual + ("generator",) if every else usual
