"""Rewards of tokens: what a sentence is worth in the end, seen from each of its tokens."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.completions import Completions
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.generators.rollouts import complete
from seqgen.methods.protocol import Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

SPARSE = 0.05  # a reward below it counts as none


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
) -> Tensor:
    """What each token of drawn sentences is worth, (rows, time) float32, 0 beyond the lengths.

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
        scores = discriminator(sentences.ids, sentences.lengths).float()
        own = reward(scores) if discriminator.per_token else at_the_end(reward(scores), sentences)
        if not rollouts:
            return reward_to_go(own, sentences.mask, discount)
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
            return own * sentences.mask
        scored = reward(discriminator.score_completions(completions, precision).float())
    return completed_rewards(completions, scored, own, discount)


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
    if discount == 1.0:
        return rewards.flip(1).cumsum(1).flip(1)
    steps = torch.arange(rewards.shape[1], device=rewards.device)
    later = steps - steps[:, None]  # (from, to)
    powers = (discount ** later.clamp(min=0)).masked_fill(later < 0, 0.0)
    return rewards @ powers.t().to(rewards.dtype) * mask


def reward_numbers(rewards: Tensor) -> dict[str, Term]:
    """For the log: mean, standard deviation (that of this micro-batch) and the share below 0.05 of
    rewards of any shape."""
    count = rewards.numel()
    return {
        "reward": Term(rewards.sum(), count),
        "reward-deviation": Term(rewards.std(correction=0) * count, count),
        "reward-sparsity": Term((rewards < SPARSE).sum(), count),
    }
