"""SeqGAN: the discriminator's verdict on completed sentences is the reward of a policy gradient."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.protocol import Generator
from seqgen.methods.adversarial import Reward, reward
from seqgen.methods.contest import Contest, Penalty
from seqgen.methods.language_gan.anchor import Anchor, Reference
from seqgen.methods.language_gan.baselines import Baseline, BaselineKind, named_baseline
from seqgen.methods.language_gan.frozen_copy import FrozenCopy
from seqgen.methods.language_gan.policy_gradient import PolicyGradient, draw
from seqgen.methods.language_gan.rewards import Judged, sentence_rewards, with_rewards
from seqgen.methods.language_gan.specimens import TokenSpecimen, real_specimen, score, score_both
from seqgen.methods.protocol import Loss, Moment
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class SeqGAN:
    """A policy gradient with rewards from a discriminator, by Monte-Carlo completions of prefixes.

    Source: Yu et al., "SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient", 2016,
    arXiv 1609.05473. Every prefix of a drawn sentence is completed `rollouts` times and the mean
    reward of the completions is the reward of its last token; the whole sentence's own reward is
    that of the last.

    Differs from the paper in: the loss is the mean over tokens, not their sum (Adam makes the scale
    immaterial but for the clipping of gradients, whose bound must be divided by rows x time); every
    update of the discriminator sees fresh fakes, one batch of them, where the paper draws a set and
    goes over it 3 times; the policy that completes is the present one unless `rollout_decay` says
    otherwise (the paper's delayed copy never took effect in the authors' code); baselines, an
    entropy bonus, an anchor, other rewards and other loss pairs are offered and off by default;
    sentences may end before the limit. Labels condition the generator, and the discriminator never
    sees them.

    Every random number belongs to a row of the global batch. What couples rows: the means of the
    relativistic average pair, and the reward's standard deviation in the log.

    Args:
        generator: the policy.
        discriminator: of whole sentences, or of tokens, whose rewards are then added up.
        limit: the most tokens of a drawn sentence.
        pair: name of the loss pair that trains the discriminator.
        reward: what a score is worth: the "probability" of being real, its "logit" or its
            "log-probability"; pairs without a probability have the logit alone.
        rollouts: completions of a prefix; 0: the sentence's own reward for all its tokens.
        stride: complete only every so many prefixes.
        discriminator_steps: turns of the discriminator before each of the generator.
        baseline: "none", "moving" (a running mean) or "learned" (a network, module "baseline"), or
            a baseline of one's own.
        baseline_decay: of the running mean.
        discount: of a reward for each token that lies between.
        entropy: weight of the entropy bonus, nats.
        anchor: weight of the KL anchor; 0: none.
        reference: what the anchor holds on to, see `Anchor`; None: the generator as it was before
            its first update.
        likelihood_every: after so many rounds comes one of likelihood alone; 0: never.
        rollout_decay: the policy that completes follows the generator after each of its updates,
            copy <- decay x copy + (1 - decay) x generator; 0: the generator itself.
        temperature: of the draws.
        precision: of the products that score completions.
        chunk: the most completions in flight; None for a default. The result does not depend on it.
        smoothing: one-sided label smoothing, as all the following see `Contest`.
        weight_clip: bound of the discriminator's weights; None: none.
        penalty: gradient penalty of the discriminator.
        penalty_factor: its weight.

    Raises:
        ValueError: a value is unknown or out of range, or the pair has no such reward.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        *,
        limit: int,
        pair: str = "non-saturating",
        reward: Reward = "probability",
        rollouts: int = 16,
        stride: int = 1,
        discriminator_steps: int = 5,
        baseline: BaselineKind | Baseline = "none",
        baseline_decay: float = 0.9,
        discount: float = 1.0,
        entropy: float = 0.0,
        anchor: float = 0.0,
        reference: Reference | None = None,
        likelihood_every: int = 0,
        rollout_decay: float = 0.0,
        temperature: float = 1.0,
        precision: torch.dtype = torch.float32,
        chunk: int | None = None,
        smoothing: float = 0.0,
        weight_clip: float | None = None,
        penalty: Penalty = "none",
        penalty_factor: float = 10.0,
    ) -> None:
        _check(limit, rollouts, discriminator_steps, discount, rollout_decay)
        self.generator, self.discriminator, self.limit = generator, discriminator, limit
        self.kind, self.rollouts, self.stride = reward, rollouts, stride
        self.discriminator_steps, self.discount = discriminator_steps, discount
        self.rollout_decay, self.temperature = rollout_decay, temperature
        self.precision, self.chunk = precision, chunk
        self.contest: Contest[TokenSpecimen] = Contest(
            discriminator,
            lambda specimen: score(discriminator, specimen),
            pair=pair,
            smoothing=smoothing,
            weight_clip=weight_clip,
            penalty=penalty,
            penalty_factor=penalty_factor,
            score_both=partial(score_both, discriminator),
        )
        self.worth(torch.zeros(1))  # refuses a reward that the pair does not have
        self.policy = PolicyGradient(
            generator,
            baseline=named_baseline(baseline, generator.head.weight.shape[1], baseline_decay),
            entropy=entropy,
            anchor=Anchor(generator, anchor, reference) if anchor else None,
            likelihood_every=likelihood_every,
        )
        self.completing = FrozenCopy(generator)

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The discriminator, the generator and a learned baseline."""
        return {"discriminator": self.discriminator, **self.policy.modules}

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """A learned baseline is the generator's."""
        return {"discriminator": ("discriminator",), "generator": self.policy.owned}

    def turns(self, round: int) -> Sequence[str]:
        """The discriminator's turns, then one of the generator; that alone in a round of
        likelihood."""
        if self.policy.follows_likelihood(round):
            return ("generator",)
        return ("discriminator",) * self.discriminator_steps + ("generator",)

    def begin(self, player: str, moment: Moment) -> None:
        """Take the frozen copies before the generator's first update."""
        if player == "discriminator":
            self.contest.begin()
            return
        self.policy.begin()
        if self.rollout_decay:
            self.completing.take_once()

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """The discriminator's or the generator's half."""
        if player == "discriminator":
            return self._discriminator_loss(batch, moment.stream)
        if self.policy.follows_likelihood(moment.round):
            return self.policy.likelihood(batch)
        drawn = self._draw(batch, moment.stream)
        rewards, worth = self.judged(drawn, moment.stream)
        loss = self.policy.loss(drawn, worth)
        return with_rewards(loss, rewards, bounded=self.kind == "probability")

    def judged(self, sentences: Sentences, stream: Stream) -> Judged:
        """Rewards of drawn sentences, and what each of their tokens is worth."""
        return sentence_rewards(
            self.completing.network,
            self.discriminator,
            sentences,
            self.worth,
            rollouts=self.rollouts,
            limit=self.limit,
            stream=stream.child("rollouts"),
            discount=self.discount,
            temperature=self.temperature,
            stride=self.stride,
            precision=self.precision,
            chunk=self.chunk,
        )

    def worth(self, scores: Tensor) -> Tensor:
        """The rewards of scores, elementwise."""
        return reward(self.contest.pair, scores, self.kind)

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """Clip the discriminator's weights; let the baseline and the copy follow the generator."""
        if player == "discriminator":
            self.contest.stepped()
            return
        self.policy.stepped(parts)
        if self.rollout_decay:
            self.completing.follow(self.rollout_decay)

    def state_dict(self) -> dict[str, Any]:
        """The baseline's number and the frozen copies."""
        return {"policy": self.policy.state_dict(), "completing": self.completing.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.policy.load_state_dict(state["policy"])
        # A phase without a delayed policy must not complete with one that an earlier phase left.
        self.completing.load_state_dict(state["completing"] if self.rollout_decay else {})

    def _discriminator_loss(self, batch: Sentences, stream: Stream) -> Loss:
        vocabulary = self.generator.head.weight.shape[0]
        real, fake = (real_specimen(s, vocabulary) for s in (batch, self._draw(batch, stream)))
        return self.contest.discriminator_loss(real, fake, stream, batch.numbers)

    def _draw(self, batch: Sentences, stream: Stream) -> Sentences:
        return draw(self.generator, batch, self.limit, stream.child("draw"), self.temperature)


def _check(limit: int, rollouts: int, steps: int, discount: float, decay: float) -> None:
    if limit < 1 or rollouts < 0 or steps < 1:
        raise ValueError(
            f"limit {limit} and discriminator_steps {steps} must be at least 1, rollouts "
            f"{rollouts} at least 0"
        )
    if not (0 <= discount <= 1 and 0 <= decay < 1):
        raise ValueError(
            f"discount {discount} must be from 0 to 1, rollout_decay {decay} from 0 to below 1"
        )
