"""Sentences drawn once from a policy, with all that its updates need: they are gone through while
the policy moves away."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.methods.language_gan.rewards import reward_to_go, sentence_rewards
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

SCORED_SENTENCES = 256  # sentences whose completions are held at a time


@dataclass(frozen=True, eq=False)
class PolicyBuffer:
    """Drawn sentences; all else float32 (rows, time), 0 behind the length, without gradient.

    Attributes:
        sentences: drawn from a policy.
        log_probability: log q of each token under that policy.
        rewards: r of each token.
        worth: of each token: the expected sum of the rewards from it on, each less `neutral` and
            times `scale`, and the entropy.
        baseline: the mean worth of the step over the buffer.
    """

    sentences: Sentences
    log_probability: Tensor
    rewards: Tensor
    worth: Tensor
    baseline: Tensor

    def __len__(self) -> int:
        return len(self.sentences)

    def select(self, rows: Tensor) -> PolicyBuffer:
        """Some rows, int64 (some,)."""
        names = [f.name for f in fields(self) if f.name != "sentences"]
        kept = {name: getattr(self, name)[rows] for name in names}
        return PolicyBuffer(self.sentences.select(rows), **kept)


@torch.no_grad()
def fill(
    generator: Generator,
    discriminator: Discriminator,
    count: int,
    *,
    limit: int,
    entropy: float,
    neutral: float,
    scale: float,
    rollouts: int,
    stream: Stream,
    stride: int = 1,
    precision: torch.dtype = torch.float32,
    chunk: int | None = None,
) -> PolicyBuffer:
    """`count` sentences of the present policy, as rows 0 .. count - 1 of the stream; labels take
    turns where the generator has any.

    Args:
        generator: the policy.
        discriminator: gives each token its reward.
        count: how many sentences.
        limit: the most tokens of a sentence.
        entropy: weight of -log q in the worth.
        neutral: the reward that is worth nothing.
        scale: what a reward of 1 more is worth.
        rollouts: completions that expected rewards are the mean of; 0: the sentence's own rewards.
        stream: random numbers.
        stride: complete only every so many prefixes.
        precision: of the products that score completions.
        chunk: completions in flight at a time; None for a default.
    """
    with evaluating(generator, discriminator):
        sentences = drawn_sentences(generator, count, limit, stream.child("buffer"))
        logarithms, rewards, returns = [], [], []
        for rows in torch.split(sentences.numbers, SCORED_SENTENCES):
            some = sentences.select(rows)
            logarithms.append(token_log_probability(generator, some))
            rewards.append(discriminator(some.ids, some.lengths).float())
            returns.append(
                sentence_rewards(
                    generator, discriminator, some, lambda reward: scale * (reward - neutral),
                    rollouts=rollouts, limit=limit, stream=stream.child("rollouts"), stride=stride,
                    precision=precision, chunk=chunk,
                ).worth
            )  # fmt: skip
    log_probability, mask = torch.cat(logarithms), sentences.mask
    worth = torch.cat(returns) - entropy * reward_to_go(log_probability, mask)
    return PolicyBuffer(
        sentences, log_probability, torch.cat(rewards), worth, step_mean(worth, mask)
    )


def step_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of each step over the rows that have it, given to those rows: (rows, time)."""
    return (values * mask).sum(0) / mask.sum(0).clamp_min(1) * mask


def token_log_probability(generator: Generator, sentences: Sentences) -> Tensor:
    """log q of every token, (rows, time), 0 behind the length; in the modes that are on."""
    hidden = teacher_force(generator, sentences).hidden
    return generator.log_probability(hidden, sentences.ids) * sentences.mask


def drawn_sentences(generator: Generator, count: int, limit: int, stream: Stream) -> Sentences:
    """`count` sentences, rows 0 .. count - 1 of the stream; labels take turns."""
    rows = torch.arange(count, device=generator.device)
    labels = rows % generator.styles if generator.styles else None
    condition = None if labels is None else Condition(style=labels)
    drawn = decode(generator, Sample(), count, limit, stream=stream, condition=condition)
    return Sentences(drawn.tokens, drawn.lengths, labels, rows).trim()
