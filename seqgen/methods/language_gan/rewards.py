"""Rewards, and what they make each token of a sentence worth.

A reward is what a reward function says of a drawn sentence (one number) or of each of its tokens
(one number each). A token's worth is made of the rewards to come: completions, discounts and
whatever a method adds have their place there. The log has both, see `reward_numbers`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.completions import Completions
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.generators.rollouts import complete
from seqgen.methods.protocol import Loss, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

SPARSE = 0.05  # a reward of 0 to 1 that lies below it counts as none


class Judged(NamedTuple):
    """What a reward function makes of drawn sentences.

    Attributes:
        rewards: what it says of the sentences themselves: (rows,) where it judges sentences,
            (tokens,) where it judges tokens.
        worth: of each token, (rows, time) float32, 0 beyond the lengths.
    """

    rewards: Tensor
    worth: Tensor


@torch.no_grad()
def sentence_rewards(
    generator: Generator,
    discriminator: Discriminator,
    sentences: Sentences,
    reward: Callable[[Tensor], Tensor],
    *,
    rollouts: int,
    limit: int,
    stream: Stream,
    discount: float = 1.0,
    temperature: float = 1.0,
    stride: int = 1,
    precision: torch.dtype = torch.float32,
    chunk: int | None = None,
) -> Judged:
    """Rewards of drawn sentences, and what they make each token worth.

    With rollouts, a token's worth is the mean over completions of the prefix that it ends of the
    rewards from this token on; that of the last token is its own reward. Without, the sentence
    itself stands for its completions. Networks are asked in evaluation mode.

    Args:
        generator: completes prefixes; not necessarily the policy that drew the sentences.
        discriminator: scores sentences, or each of their tokens.
        sentences: drawn ones.
        reward: of a score, elementwise.
        rollouts: completions of each prefix; 0: none.
        limit: the most tokens of a completion.
        stream: random numbers of the completions.
        discount: a reward that comes k tokens later counts discount^k.
        temperature: of the completions' draws.
        stride: complete only every so many prefixes; the tokens between are worth what the next
            completed one is.
        precision: of the products that score completions; bfloat16 is faster and a little off.
        chunk: the most completions in flight; None for a default.
    """
    with evaluating(generator, discriminator):
        given = reward(discriminator(sentences.ids, sentences.lengths).float())
        tokens = discriminator.per_token
        own = given if tokens else at_the_end(given, sentences)
        rewards = given[sentences.mask] if tokens else given
        if not rollouts:
            return Judged(rewards, reward_to_go(own, sentences.mask, discount))
        completions = complete(
            generator,
            sentences,
            rollouts,
            limit=limit,
            stream=stream,
            temperature=temperature,
            stride=stride,
            chunk=chunk,
        )
        if not len(completions.rows):  # sentences of one token
            return Judged(rewards, own * sentences.mask)
        scored = reward(discriminator.score_completions(completions, precision).float())
    return Judged(rewards, completed_rewards(completions, scored, own, discount))


def completed_rewards(
    completions: Completions, scored: Tensor, own: Tensor, discount: float = 1.0
) -> Tensor:
    """Put the mean rewards of completions at the tokens that their prefixes end with.

    Args:
        completions: of some sentences.
        scored: rewards of the completions, (pairs, copies), or of their tokens, (pairs, copies,
            time).
        own: rewards of the sentences' own tokens, (rows, time); the last one is kept.
        discount: as for `sentence_rewards`.

    Returns:
        (rows, time), 0 beyond the lengths.
    """
    sentences = completions.sentences
    means = _from_the_prefix_on(completions, scored, discount).mean(1)
    rows, ends = torch.arange(len(sentences), device=own.device), sentences.lengths - 1
    worth, known = torch.zeros_like(own), torch.zeros_like(sentences.mask)
    worth[completions.rows, completions.prefixes - 1] = means.to(own.dtype)
    worth[rows, ends] = own[rows, ends]
    known[completions.rows, completions.prefixes - 1] = True
    known[rows, ends] = True
    return worth.gather(1, _next(known)) * sentences.mask


def _from_the_prefix_on(completions: Completions, scored: Tensor, discount: float) -> Tensor:
    """Discounted sum of a completion's rewards from the last token of its prefix on, (pairs,
    copies)."""
    lengths, place = completions.lengths, completions.prefixes - 1
    if scored.dim() == 2:  # one reward, at the last token
        return scored * discount ** (lengths - 1 - place[:, None])
    steps = torch.arange(scored.shape[2], device=scored.device)
    later = steps - place[:, None]  # (pairs, time)
    powers = (discount ** later.clamp(min=0)).masked_fill(later < 0, 0.0)
    return (scored.masked_fill(steps >= lengths[..., None], 0.0) * powers[:, None]).sum(2)


def _next(known: Tensor) -> Tensor:
    """The nearest known place from each place on, (rows, time); the last one where there is
    none."""
    time = known.shape[1]
    places = torch.arange(time, device=known.device).where(known, time - 1)
    return places.flip(1).cummin(1).values.flip(1)


def at_the_end(rewards: Tensor, sentences: Sentences) -> Tensor:
    """Rewards of whole sentences, (rows,), as rewards of their last tokens, (rows, time)."""
    placed = rewards.new_zeros(sentences.ids.shape)
    return placed.scatter(1, sentences.lengths[:, None] - 1, rewards[:, None])


def reward_to_go(rewards: Tensor, mask: Tensor, discount: float = 1.0) -> Tensor:
    """Sum over later steps j >= t of discount^(j - t) x reward: (rows, time) to the same; 0 beyond
    the mask."""
    rewards = rewards.masked_fill(~mask, 0.0)
    steps = torch.arange(rewards.shape[1], device=rewards.device)
    later = steps - steps[:, None]  # (from, to)
    powers = (discount ** later.clamp(min=0)).masked_fill(later < 0, 0.0)
    # A product, for a cumulative sum on a GPU adds in no fixed order; and never in fewer bits.
    with torch.autocast(rewards.device.type, enabled=False):
        return rewards @ powers.t().to(rewards.dtype) * mask


def reward_numbers(rewards: Tensor, bounded: bool = True) -> dict[str, Term]:
    """Rewards for the log; they mean the same under every method.

    "reward" is the mean of what the reward function says of the drawn sentences, or of their
    tokens where it judges tokens: without completions, discounts, neutral rewards, scales,
    entropies or baselines. "reward-deviation" is the standard deviation, that of this micro-batch;
    a single reward has none.
    "reward-sparsity" is the share below 0.05; it is there for bounded rewards only, as a logit or a
    logarithm below 0.05 says nothing.

    Args:
        rewards: of any shape.
        bounded: whether they lie in 0 to 1.
    """
    count = rewards.numel()
    numbers = {"reward": Term(rewards.sum(), count)}
    if count > 1:
        numbers["reward-deviation"] = Term(rewards.std(correction=0) * count, count)
    if bounded:
        numbers["reward-sparsity"] = Term((rewards < SPARSE).sum(), count)
    return numbers


def with_rewards(loss: Loss, rewards: Tensor, bounded: bool = True) -> Loss:
    """A policy's loss with `reward_numbers` beside its own numbers."""
    return Loss(loss.terms, {**reward_numbers(rewards, bounded), **loss.numbers})
