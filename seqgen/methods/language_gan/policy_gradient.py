"""The policy gradient that reward-driven methods share: from drawn sentences and the rewards of
their tokens to the terms of a loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, styled, teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.kernels import plain_recurrence
from seqgen.methods.autoregressive.teacher_forcing import token_term
from seqgen.methods.language_gan.anchor import Anchor
from seqgen.methods.language_gan.baselines import Baseline, NoBaseline
from seqgen.methods.protocol import Loss, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class PolicyGradient:
    """REINFORCE with what usually goes with it; a part of methods, not a method.

    Source: Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist
    Reinforcement Learning", 1992. The loss is the mean over drawn tokens of -log p x (worth -
    baseline), or, where the log-probabilities of an older policy are given, the clipped surrogate
    of Schulman et al., "Proximal Policy Optimization Algorithms", 2017, arXiv 1707.06347.

    A method that uses it hands its own `begin`, `stepped` and state on to it, for the generator's
    turns only.

    Args:
        generator: the policy.
        baseline: what rewards are compared with; None: nothing.
        entropy: weight of the exact entropy of the next token's distribution, in nats.
        anchor: keeps the policy near a reference; None: nothing does.
        likelihood_every: after so many rounds comes one of likelihood alone; 0: never.
        clip: how far the ratio to an older policy may leave 1 and still be rewarded.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        baseline: Baseline | None = None,
        entropy: float = 0.0,
        anchor: Anchor | None = None,
        likelihood_every: int = 0,
        clip: float = 0.2,
    ) -> None:
        if entropy < 0 or likelihood_every < 0 or not clip > 0:
            raise ValueError(
                f"entropy {entropy} and likelihood_every {likelihood_every} must be 0 or more, "
                f"clip {clip} above 0"
            )
        self.generator, self.entropy, self.anchor, self.clip = generator, entropy, anchor, clip
        self.baseline = NoBaseline() if baseline is None else baseline
        self.likelihood_every = likelihood_every
        self.modules: Mapping[str, nn.Module] = {"generator": generator, **self.baseline.modules}

    @property
    def owned(self) -> Sequence[str]:
        """The names of the modules that the generator's player owns."""
        return tuple(self.modules)

    def follows_likelihood(self, round: int) -> bool:
        """Whether this is a round of likelihood alone."""
        every = self.likelihood_every
        return every > 0 and round % (every + 1) == every

    def begin(self) -> None:
        """Before an update: freeze the anchor's reference if that was not done."""
        if self.anchor is not None:
            self.anchor.freeze()

    def loss(self, sentences: Sentences, worth: Tensor, old: Tensor | None = None) -> Loss:
        """The loss on drawn sentences, with the numbers "return" (mean worth, which a moving
        baseline follows), "entropy" (of the policy, nats a token) and "baseline" (its mean). Add
        those of the rewards by `rewards.with_rewards`.

        Args:
            sentences: drawn from the policy, or from the older one.
            worth: (rows, time), of each token: the rewards it may expect to follow
                from it on. What stands behind the lengths is not looked at.
            old: log-probabilities (rows, time) under the policy that drew; None: the present one.
        """
        mask = sentences.mask
        # Without dropout, as the sentences were drawn: with it, ratios to the policy that drew them
        # and the distance from an anchor would not begin at 1 and 0.
        with evaluating(self.generator), plain_recurrence(True):
            hidden = teacher_force(self.generator, sentences).hidden[mask]
        ids = sentences.ids[mask]
        returns = worth[mask].float()
        guesses = self.baseline.values(hidden.detach())
        advantages = returns - guesses.detach()
        if old is None:
            total, logarithms = self._reinforced(hidden, ids, advantages)
        else:
            total, logarithms = self._clipped(hidden, ids, advantages, old[mask])
        count = len(ids)
        terms = {"policy": Term(total, count), **self.baseline.terms(guesses, returns)}
        if self.entropy:
            bonus = -self.generator.head.entropy(hidden, torch.ones_like(returns))
            terms["entropy-bonus"] = Term(bonus, count, self.entropy)
        if self.anchor is not None:
            terms["anchor-kl"] = self.anchor.term(hidden, sentences)
        numbers = {
            "return": Term(returns.sum(), count),
            "entropy": Term(-logarithms.sum(), count),
            "baseline": Term(guesses.detach().sum(), count),
        }
        return Loss(terms, numbers)

    def likelihood(self, batch: Sentences) -> Loss:
        """The loss of a round of likelihood: teacher forcing on real sentences."""
        hidden = teacher_force(self.generator, batch).hidden
        return Loss({"nll": token_term(self.generator, hidden, batch)})

    def stepped(self, parts: Mapping[str, float]) -> None:
        """After an update: the baseline follows."""
        self.baseline.stepped(parts)

    def state_dict(self) -> dict[str, Any]:
        """The baseline's number and the anchor's frozen copy."""
        anchor = {} if self.anchor is None else self.anchor.state_dict()
        return {"baseline": self.baseline.state_dict(), "anchor": anchor}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.baseline.load_state_dict(state["baseline"])
        if self.anchor is not None:
            self.anchor.load_state_dict(state["anchor"])

    def _reinforced(self, hidden: Tensor, ids: Tensor, advantages: Tensor) -> tuple[Tensor, Tensor]:
        """The summed loss, and log-probabilities (tokens,) without gradient."""
        total = self.generator.negative_log_likelihood(hidden, ids, advantages)
        with torch.no_grad():
            return total, self.generator.log_probability(hidden, ids)

    def _clipped(
        self, hidden: Tensor, ids: Tensor, advantages: Tensor, old: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The summed loss, and log-probabilities (tokens,) without gradient."""
        logarithms = self.generator.log_probability(hidden, ids)
        loss = clipped_loss(logarithms, old, advantages, self.clip)
        return loss.sum(), logarithms.detach()


def clipped_loss(
    log_probability: Tensor, old: Tensor, advantages: Tensor, clip: float = 0.2
) -> Tensor:
    """-min(ratio x advantage, ratio cut to 1 - clip .. 1 + clip x advantage), elementwise; ratio is
    exp(log_probability - old)."""
    # Beyond e^20 the value says nothing more, and an infinite one times 0 would be no number.
    ratio = (log_probability - old.detach()).clamp(max=20.0).exp()
    cut = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, cut * advantages)


def draw(
    generator: Generator,
    batch: Sentences,
    limit: int,
    stream: Stream,
    temperature: float = 1.0,
) -> Sentences:
    """A sentence of the generator's own for each row of a batch, with its label and row number, cut
    to the longest; drawn in evaluation mode without gradient.

    Args:
        generator: the policy.
        batch: whose rows are wanted; its tokens are not looked at.
        limit: the most tokens of a sentence.
        stream: random numbers.
        temperature: of the draws. Away from 1 the policy gradient is biased: it takes them for
            draws at 1.
    """
    with evaluating(generator):
        drawn = decode(
            generator,
            Sample(temperature),
            len(batch),
            limit,
            stream=stream,
            rows=batch.numbers,
            condition=styled(generator, batch),
        )
    return drawn.sentences(batch).trim()
