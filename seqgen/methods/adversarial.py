"""Adversarial losses over scores: terms for both players, accuracy, and rewards.

Nothing here knows what was scored. Scores have any shape and an optional mask: one a sentence, one
a token, one a patch of a picture.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from seqgen.methods.loss_pairs import PAIRS, Elementwise, LossPair
from seqgen.methods.protocol import Term

__all__ = [
    "PAIRS",
    "LossPair",
    "Reward",
    "Scores",
    "accuracy",
    "discriminator_terms",
    "generator_terms",
    "mean_score",
    "reward",
    "smooth",
]

Reward = Literal["probability", "logit", "log-probability"]


class Scores(NamedTuple):
    """What a discriminator gives: values of any shape, and which of them count.

    `mask` is bool of the same shape, True where a score counts; None: all do.
    """

    values: Tensor
    mask: Tensor | None = None


def discriminator_terms(
    pair: LossPair, real: Scores, fake: Scores, smoothing: float = 0.0
) -> dict[str, Term]:
    """The discriminator's loss: a term "real" and a term "fake", each a sum over its scores.

    A relativistic pair has the term "real" alone: "real above its fake" and "fake below its real"
    are the same. Where scores are compared with means, these are the micro-batch's: accumulation
    and several processes change them.

    Args:
        pair: the losses.
        real: scores of real specimens.
        fake: of generated ones; for pairs of scores with as many rows as `real`.
        smoothing: one-sided label smoothing, the label "real" being 1 minus it (Salimans et al.,
            "Improved Techniques for Training GANs", 2016, arXiv 1606.03498).

    Raises:
        ValueError: smoothing of a pair without labels or out of range.
    """
    real, fake = _compared(pair, real, fake)
    loss = pair.real if smoothing == 0.0 else smooth(pair, smoothing)
    terms = {"real": _term(loss, real)}
    if pair.compares != "pairs":
        terms["fake"] = _term(pair.fake, fake)
    return terms


def generator_terms(pair: LossPair, fake: Scores, real: Scores | None = None) -> dict[str, Term]:
    """The generator's loss: a term "fake", and for relativistic averages a term "real" too, since
    real scores should then fall below the mean of the fake ones.

    Raises:
        ValueError: the pair compares scores and no real ones were given.
    """
    if pair.compares == "nothing":
        return {"fake": _term(pair.generator, fake)}
    if real is None:
        raise ValueError(
            f"the generator's loss of the pair {pair.name!r} compares fake scores with real ones: "
            "give it the real scores too"
        )
    real, fake = _compared(pair, real, fake)
    terms = {"fake": _term(pair.generator, fake)}
    if pair.compares == "means":
        terms["real"] = _term(lambda v: pair.generator(-v), real)
    return terms


def accuracy(pair: LossPair, real: Scores, fake: Scores) -> Term | None:
    """Share of scores on the right side of the pair's threshold; None where it has none.

    For a relativistic pair: the share of pairs whose real score is the higher.
    """
    if pair.threshold is None:
        return None
    border = pair.threshold
    real, fake = _compared(pair, _detached(real), _detached(fake))
    right = _term(lambda v: (v > border).to(v.dtype), real)
    if pair.compares == "pairs":
        return right
    wrong = _term(lambda v: (v < border).to(v.dtype), fake)
    return Term(right.total + wrong.total, right.weight + wrong.weight)


def mean_score(scores: Scores) -> Term:
    """The mean of the scores that count, without a gradient."""
    return _term(lambda v: v, _detached(scores))


def reward(pair: LossPair, score: Tensor, kind: Reward) -> Tensor:
    """What a score is worth to a generator that is trained by rewards, elementwise.

    Args:
        pair: the losses that trained the discriminator; they say what its scores mean.
        score: of any shape.
        kind: "probability" of being real, its "logit", or its logarithm ("log-probability"). For
            a pair without a probability the logit is the score itself.

    Raises:
        ValueError: the kind is unknown, or the pair has no probability.
    """
    if kind not in ("probability", "logit", "log-probability"):
        raise ValueError(
            f"reward {kind!r} is unknown; allowed are 'probability', 'logit', 'log-probability'"
        )
    if pair.log_ratio is None:
        if kind != "logit":
            raise ValueError(
                f"the scores of the pair {pair.name!r} stand for no probability: reward {kind!r} "
                "is not possible with it, use 'logit'"
            )
        return score
    logit = pair.log_ratio(score)
    if kind == "logit":
        return logit
    return torch.sigmoid(logit) if kind == "probability" else logsigmoid(logit)


def smooth(pair: LossPair, smoothing: float) -> Elementwise:
    """The discriminator's loss on real scores for the label 1 - smoothing.

    Raises:
        ValueError: the pair has no labels, or smoothing is not from 0 to below 1.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing {smoothing} must be at least 0 and below 1")
    if pair.smoothed is None:
        labelled = ", ".join(repr(name) for name, one in PAIRS.items() if one.smoothed)
        raise ValueError(
            f"the pair {pair.name!r} has no labels that smoothing {smoothing} could act on; the "
            f"pairs with labels are {labelled}"
        )
    smoothed = pair.smoothed
    return lambda v: smoothed(v, smoothing)


def _term(loss: Elementwise, scores: Scores) -> Term:
    """The sum of a loss over the scores that count, in float32 at least."""
    values, mask = scores
    values = values.to(torch.promote_types(values.dtype, torch.float32))
    if mask is None:
        return Term(loss(values).sum(), float(values.numel()))
    # Before the loss too: an infinite derivative there times 0 would be no number.
    kept = loss(values.masked_fill(~mask, 0.0)).masked_fill(~mask, 0.0)
    return Term(kept.sum(), mask.sum())


def _detached(scores: Scores) -> Scores:
    return Scores(scores.values.detach(), scores.mask)


def _compared(pair: LossPair, real: Scores, fake: Scores) -> tuple[Scores, Scores]:
    """The scores less what the pair compares them with."""
    if pair.compares == "nothing":
        return real, fake
    if pair.compares == "pairs":
        return _differences(real, fake)
    return (
        Scores(real.values - _mean(fake), real.mask),
        Scores(fake.values - _mean(real), fake.mask),
    )


def _differences(real: Scores, fake: Scores) -> tuple[Scores, Scores]:
    """Each score less its partner's; beyond the shorter of the two along an axis other than the
    first there are no partners."""
    shape, other = real.values.shape, fake.values.shape
    if len(shape) != len(other) or shape[:1] != other[:1]:
        raise ValueError(
            f"real scores {tuple(shape)} and fake scores {tuple(other)} cannot be paired: a "
            "relativistic pair needs as many fake rows as real ones"
        )
    common = tuple(slice(min(sizes)) for sizes in zip(shape, other, strict=True))
    masks = [scores.mask[common] for scores in (real, fake) if scores.mask is not None]
    mask = torch.stack(masks).all(0) if masks else None
    difference = real.values[common] - fake.values[common]
    return Scores(difference, mask), Scores(-difference, mask)


def _mean(scores: Scores) -> Tensor:
    term = _term(lambda v: v, scores)
    return term.total / term.weight
