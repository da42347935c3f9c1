"""Controls: a policy gradient whose rewards know nothing of the sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from seqgen.generators.protocol import Generator
from seqgen.methods.language_gan.anchor import Anchor, Reference
from seqgen.methods.language_gan.baselines import Baseline, BaselineKind, named_baseline
from seqgen.methods.language_gan.policy_gradient import PolicyGradient, draw
from seqgen.methods.language_gan.rewards import with_rewards
from seqgen.methods.protocol import Loss, Moment
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

Control = Literal["constant", "random"]


class ControlReward:
    """What a policy gradient does by itself: the updates of SeqGAN with a constant reward, or with
    a uniform random one for every token, and no discriminator.

    Whatever a method with a discriminator reaches must be held against it: following its own draws
    with positive rewards alone makes a policy sharper, which lowers the negative log-likelihood
    under an oracle.

    Source: the control is ours; that a constant reward does as well there was reported by users of
    SeqGAN's code (issue 21 of LantaoYu/SeqGAN).

    Args:
        generator: the policy.
        limit: the most tokens of a drawn sentence.
        control: "constant" or "random" (uniform in [0, 1), a number for each row and token).
        value: the constant reward.
        baseline: this and the following as for `SeqGAN`. A moving baseline leaves a constant
            reward no effect once it has found it.
        baseline_decay: of the running mean.
        entropy: weight of the entropy bonus, nats.
        anchor: weight of the KL anchor; 0: none.
        reference: what the anchor holds on to.
        likelihood_every: after so many rounds comes one of likelihood alone; 0: never.
        temperature: of the draws.

    Raises:
        ValueError: a value is unknown or out of range.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        limit: int,
        control: Control = "constant",
        value: float = 0.5,
        baseline: BaselineKind | Baseline = "none",
        baseline_decay: float = 0.9,
        entropy: float = 0.0,
        anchor: float = 0.0,
        reference: Reference | None = None,
        likelihood_every: int = 0,
        temperature: float = 1.0,
    ) -> None:
        if control not in get_args(Control):
            raise ValueError(f"control {control!r}: must be 'constant' or 'random'")
        if limit < 1:
            raise ValueError(f"limit {limit} must be at least 1")
        self.generator, self.limit, self.control, self.value = generator, limit, control, value
        self.temperature = temperature
        self.policy = PolicyGradient(
            generator,
            baseline=named_baseline(baseline, generator.head.weight.shape[1], baseline_decay),
            entropy=entropy,
            anchor=Anchor(generator, anchor, reference) if anchor else None,
            likelihood_every=likelihood_every,
        )
        self.modules = self.policy.modules

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """The generator alone; a learned baseline is its own."""
        return {"generator": self.policy.owned}

    def turns(self, round: int) -> Sequence[str]:
        """One turn of the generator."""
        return ("generator",)

    def begin(self, player: str, moment: Moment) -> None:
        """Take the anchor's copy before the first update."""
        self.policy.begin()

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """The policy's loss, or that of a round of likelihood."""
        if self.policy.follows_likelihood(moment.round):
            return self.policy.likelihood(batch)
        stream = moment.stream
        drawn = draw(self.generator, batch, self.limit, stream.child("draw"), self.temperature)
        rewards = self.rewards(drawn, stream)
        bounded = self.control == "random" or 0 <= self.value <= 1
        # Of equal rewards one stands for all, which have no deviation to be warned of.
        told = rewards[drawn.mask] if self.control == "random" else rewards[:1, 0]
        return with_rewards(self.policy.loss(drawn, rewards), told, bounded)

    def rewards(self, sentences: Sentences, stream: Stream) -> Tensor:
        """A reward for each token of drawn sentences, (rows, time)."""
        if self.control == "constant":
            return torch.full(sentences.ids.shape, self.value, device=sentences.ids.device)
        return stream.child("control").uniform(sentences.numbers, sentences.ids.shape[1])

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """The baseline follows."""
        self.policy.stepped(parts)

    def state_dict(self) -> dict[str, Any]:
        """The baseline's number and the anchor's frozen copy."""
        return self.policy.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.policy.load_state_dict(state)
