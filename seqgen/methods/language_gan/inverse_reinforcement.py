"""Text generation by inverse reinforcement learning: rewards that explain the data, and a policy of
high entropy that follows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seqgen.discriminators.token_reward import TokenReward
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.methods.language_gan.anchor import Anchor, Reference
from seqgen.methods.language_gan.baselines import Baseline, NoBaseline, named_baseline
from seqgen.methods.language_gan.importance import effective_share, importance_weights
from seqgen.methods.language_gan.policy_buffer import PolicyBuffer, fill, token_log_probability
from seqgen.methods.language_gan.policy_gradient import PolicyGradient, draw
from seqgen.methods.language_gan.rewards import with_rewards
from seqgen.methods.protocol import Loss, Moment, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

PolicyBaseline = Literal["none", "step", "moving", "learned"]


class InverseReinforcement:
    """Rewards of tokens by maximum-entropy inverse reinforcement learning, and a policy that
    follows them by clipped policy gradients with an entropy term.

    Source: Shi et al., "Toward Diverse Text Generation with Inverse Reinforcement Learning", 2018,
    arXiv 1804.11258. With R(x) the sum of a sentence's rewards, each less `neutral` and times
    `scale`, the reward network maximises mean R(real) - sum w R(drawn), where w are
    `importance_weights`. The policy maximises the rewards that it may expect from a token on, and
    `entropy` times its own -log q from that token on.

    A round is `reward_steps` turns of the discriminator (the reward network), each with sentences
    drawn afresh, then buffer x passes / batch turns of the generator. At its first turn of a round
    a buffer is filled with sentences, their log-probabilities (the old policy) and their worth; row
    n of the batch of turn t then takes row t x batch + n of it. Every process fills the whole
    buffer. Between rounds the buffer is no state: the next round fills it anew.

    The importance weights couple the rows of a micro-batch: with another accumulation or another
    number of processes the reward network's loss is another. The generator's half is the same.

    Differs from the paper in: expected rewards are those of completions, or of the sentence itself
    (`rollouts` 0), but the entropy to come is always that of the sentence itself; a baseline is
    taken off the returns by default ("step"), where the paper has none; an anchor and rounds of
    likelihood are offered; every turn of the reward network sees fresh sentences, where the paper
    draws a set and goes over it 3 times, and its importance weights are made with dropout, as its
    loss is; `temperature` may flatten them; `neutral` is 0 in the paper, which makes no difference
    where all sentences have one length and rewards are compared with a baseline of the step;
    `scale` is 1 in the paper. Labels condition the policy, and the reward network never sees them.

    Args:
        generator: the policy.
        discriminator: the reward network.
        limit: the most tokens of a sentence.
        batch: sentences of an update, over all micro-batches and processes.
        entropy: weight of the policy's entropy against R. In the long run a sentence is written
            with a probability proportional to exp(R / entropy).
        scale: nats that a reward of 1 more is worth. R fits log-probabilities of sentences where it
            is as wide as those of tokens, about 10: then an entropy weight of 1 aims at the data's
            own distribution, and a smaller one at its sharpened form, as a temperature does.
        neutral: the reward of a token that is worth nothing; it is taken off every reward, lest
            long sentences be worth more than short ones from the start.
        buffer: sentences drawn a round, a multiple of `batch`.
        passes: how often a buffer is gone through.
        rollouts: completions that expected rewards are the mean of; 0: none.
        stride: complete only every so many prefixes.
        clip: how far the ratio of a token's new and old probability may leave 1.
        reward_steps: turns of the discriminator a round.
        temperature: of the importance weights.
        baseline: "step": the buffer's mean worth of the step; "moving" and "learned" as in
            `baselines`; "none"; or a baseline of one's own.
        anchor: weight of the KL anchor; 0: none.
        reference: what the anchor holds on to, see `Anchor`.
        likelihood_every: after so many rounds comes one of likelihood alone; 0: never.
        precision: of the products that score completions.
        chunk: completions in flight at a time; None for a default.

    Raises:
        ValueError: a number out of range, a buffer that is not whole batches, or a network that
            does not score tokens.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: TokenReward,
        *,
        limit: int,
        batch: int,
        entropy: float,
        neutral: float = 0.5,
        scale: float = 1.0,
        buffer: int = 1536,
        passes: int = 1,
        rollouts: int = 8,
        stride: int = 1,
        clip: float = 0.2,
        reward_steps: int = 2,
        temperature: float = 1.0,
        baseline: PolicyBaseline | Baseline = "step",
        anchor: float = 0.0,
        reference: Reference | None = None,
        likelihood_every: int = 0,
        precision: torch.dtype = torch.float32,
        chunk: int | None = None,
    ) -> None:
        _check(limit, batch, buffer, passes, rollouts, reward_steps, entropy, temperature, scale)
        if not discriminator.per_token:
            raise ValueError("the discriminator scores sentences; rewards of tokens are needed")
        self.generator, self.reward = generator, discriminator
        self.limit, self.batch, self.entropy, self.buffer = limit, batch, entropy, buffer
        self.rollouts, self.stride, self.temperature = rollouts, stride, temperature
        self.neutral, self.scale = neutral, scale
        self.precision, self.chunk = precision, chunk
        self.reward_steps, self.policy_steps = reward_steps, passes * buffer // batch
        self.by_step = baseline == "step"
        width = generator.head.weight.shape[1]
        self.policy = PolicyGradient(
            generator,
            baseline=NoBaseline() if baseline == "step" else named_baseline(baseline, width),
            anchor=Anchor(generator, anchor, reference) if anchor else None,
            likelihood_every=likelihood_every,
            clip=clip,
        )
        self._filled: PolicyBuffer | None = None
        self._turn = -1  # of the generator, within its round

    @property
    def modules(self) -> Mapping[str, nn.Module]:
        """The reward network, the generator and a learned baseline."""
        return {"discriminator": self.reward, **self.policy.modules}

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        """A learned baseline is the generator's."""
        return {"discriminator": ("discriminator",), "generator": self.policy.owned}

    def turns(self, round: int) -> Sequence[str]:
        """The reward network first, then the policy; that alone, once, in a round of likelihood."""
        if self.policy.follows_likelihood(round):
            return ("generator",)
        return ("discriminator",) * self.reward_steps + ("generator",) * self.policy_steps

    def begin(self, player: str, moment: Moment) -> None:
        """Fill the buffer at the generator's first turn of a round."""
        if player == "discriminator":
            return
        self.policy.begin()
        if self.policy.follows_likelihood(moment.round):
            return
        self._turn = (self._turn + 1) % self.policy_steps
        if self._turn == 0:
            self._filled = self._fill(moment.stream)

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """The reward network's or the policy's half."""
        if player == "discriminator":
            return self._reward_loss(batch, moment.stream)
        if self.policy.follows_likelihood(moment.round):
            return self.policy.likelihood(batch)
        return self._policy_loss(self.rows_of(batch))

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        """A moving baseline follows the policy."""
        if player == "generator":
            self.policy.stepped(parts)

    def state_dict(self) -> dict[str, Any]:
        """A baseline's number and the anchor's frozen copy."""
        return {"policy": self.policy.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.policy.load_state_dict(state["policy"])
        self._turn = -1

    def rows_of(self, batch: Sentences) -> PolicyBuffer:
        """The buffer's rows of a micro-batch in the present turn of the generator.

        Raises:
            ValueError: the training's batch is larger than the one the method was told.
        """
        assert self._filled is not None, "begin comes before loss"
        if int(batch.numbers.max()) >= self.batch:
            raise ValueError(
                f"row {int(batch.numbers.max())} in a batch of {self.batch}: give "
                "InverseReinforcement the batch size of the training"
            )
        return self._filled.select((self._turn * self.batch + batch.numbers) % self.buffer)

    def _fill(self, stream: Stream) -> PolicyBuffer:
        return fill(
            self.generator,
            self.reward,
            self.buffer,
            limit=self.limit,
            entropy=self.entropy,
            neutral=self.neutral,
            scale=self.scale,
            rollouts=self.rollouts,
            stream=stream,
            stride=self.stride,
            precision=self.precision,
            chunk=self.chunk,
        )

    def _reward_loss(self, batch: Sentences, stream: Stream) -> Loss:
        drawn = draw(self.generator, batch, self.limit, stream.child("draw"))
        with torch.no_grad(), evaluating(self.generator):
            log_probability = token_log_probability(self.generator, drawn).sum(1)
        real, fake = self._returns(batch), self._returns(drawn)
        weights = importance_weights(fake, log_probability, self.temperature)
        rows = len(batch)
        # The weights sum to 1: the weighted sum counts once a row, and is divided by the rows.
        terms = {
            "real": Term(real.sum(), rows, -1.0),
            "drawn": Term((weights * fake).sum() * rows, rows),
        }
        share = {"importance-effective-share": Term(effective_share(weights) * rows, rows)}
        return Loss(terms, {**self._verdicts(real, batch, fake, drawn), **share})

    def _returns(self, sentences: Sentences) -> Tensor:
        """R of sentences, (rows,)."""
        rewards: Tensor = self.reward(sentences.ids, sentences.lengths)
        return self.scale * (rewards.sum(1) - self.neutral * sentences.lengths)

    def _verdicts(
        self, real: Tensor, batch: Sentences, fake: Tensor, drawn: Sentences
    ) -> dict[str, Term]:
        """Mean reward a token of each side, and how often a real sentence has more of it than a
        drawn one."""
        rewarded = real.detach() / self.scale + self.neutral * batch.lengths
        deceived = fake.detach() / self.scale + self.neutral * drawn.lengths
        above = (rewarded / batch.lengths)[:, None] > deceived / drawn.lengths
        return {
            "accuracy": Term(above.float().sum(), above.numel()),
            "score-real": Term(rewarded.sum(), batch.lengths.sum()),
            "score-fake": Term(deceived.sum(), drawn.lengths.sum()),
        }

    def _policy_loss(self, part: PolicyBuffer) -> Loss:
        worth = part.worth - part.baseline if self.by_step else part.worth
        loss = self.policy.loss(part.sentences, worth, part.log_probability)
        mask = part.sentences.mask
        if self.by_step:  # taken off already: the policy knows the difference alone
            tokens = mask.sum()
            told = {"return": Term(part.worth.sum(), tokens),
                    "baseline": Term(part.baseline.sum(), tokens)}  # fmt: skip
            loss = Loss(loss.terms, {**loss.numbers, **told})
        return with_rewards(loss, part.rewards[mask])


def _check(
    limit: int,
    batch: int,
    buffer: int,
    passes: int,
    rollouts: int,
    reward_steps: int,
    entropy: float,
    temperature: float,
    scale: float,
) -> None:
    if batch < 1 or buffer < batch or buffer % batch:
        raise ValueError(f"buffer {buffer}: must be a multiple of the batch size {batch}")
    if min(limit, passes, reward_steps) < 1 or rollouts < 0:
        raise ValueError(
            f"limit {limit}, passes {passes} and reward_steps {reward_steps} must be at least 1, "
            f"rollouts {rollouts} at least 0"
        )
    if not (entropy >= 0 and temperature > 0 and scale > 0):
        raise ValueError(
            f"entropy {entropy} must be 0 or more, temperature {temperature} and scale {scale} "
            "above 0"
        )
