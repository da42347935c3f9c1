"""A generator against a discriminator: the losses of both, whatever is generated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, Protocol, Self, TypeVar, get_args

import torch
from torch import Tensor, nn

from seqgen.methods.adversarial import (
    PAIRS,
    Scores,
    accuracy,
    discriminator_terms,
    generator_terms,
    mean_score,
    smooth,
)
from seqgen.methods.protocol import Loss, Term
from seqgen.methods.regularizers import (
    Centre,
    clip_weights,
    gradient_penalty,
    hold_spectral_norm,
)
from seqgen.randomness import Stream

Penalty = Literal["none", "two-sided", "one-sided", "zero-centred", "r1"]


class Specimen(Protocol):
    """What is scored, as far as a gradient penalty must know it."""

    @property
    def points(self) -> Tensor:
        """Where scores are differentiated: floating point (rows, ...)."""

    def at(self, points: Tensor) -> Self:
        """The same specimens at other points (rows, ...)."""

    def mixed(self, fake: Self, shares: Tensor) -> Self:
        """Specimens between these, which are real, and fake ones: `shares` (rows,) of the real."""


S = TypeVar("S", bound=Specimen)


class Contest(Generic[S]):
    """The losses of a discriminator and of the generator it judges.

    A method holds one and calls `begin` and `stepped` from its own. It keeps no state.

    Args:
        discriminator: whose weights are clipped and whose spectral norm is held.
        score: how it scores specimens.
        pair: name of the loss pair, one of `seqgen.methods.adversarial.PAIRS`.
        smoothing: one-sided label smoothing, for pairs with labels.
        weight_clip: after each of its updates the discriminator's weights are clipped to plus and
            minus this; None: not.
        penalty: gradient penalty on the discriminator: "two-sided", "one-sided" and "zero-centred"
            between real and fake specimens, "r1" zero-centred at the real ones. A row with several
            scores is penalised for their mean.
        penalty_factor: its weight.
        score_both: how it scores real and fake specimens for its own loss; None: by `score`.

    Raises:
        ValueError: an unknown name, a value out of range, or smoothing of a pair without labels.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        score: Callable[[S], Scores],
        *,
        pair: str = "non-saturating",
        smoothing: float = 0.0,
        weight_clip: float | None = None,
        penalty: Penalty = "none",
        penalty_factor: float = 10.0,
        score_both: Callable[[S, S], tuple[Scores, Scores]] | None = None,
    ) -> None:
        if pair not in PAIRS:
            raise ValueError(f"loss pair {pair!r} is unknown; allowed are {list(PAIRS)}")
        if penalty not in get_args(Penalty):
            raise ValueError(f"penalty {penalty!r} is unknown; allowed are {get_args(Penalty)}")
        if not penalty_factor > 0:
            raise ValueError(f"penalty factor {penalty_factor} must be above 0")
        if weight_clip is not None and not weight_clip > 0:
            raise ValueError(f"weight clip {weight_clip} must be above 0; None clips nothing")
        self.discriminator, self.score = discriminator, score
        self._both = score_both
        self.pair, self.smoothing, self.weight_clip = PAIRS[pair], smoothing, weight_clip
        self.penalty: Penalty = penalty
        self.penalty_factor = penalty_factor
        if smoothing:
            smooth(self.pair, smoothing)  # refuses what cannot be smoothed

    def begin(self) -> None:
        """At the start of a turn of the discriminator."""
        hold_spectral_norm(self.discriminator)

    def discriminator_loss(self, real: S, fake: S, stream: Stream, rows: Tensor) -> Loss:
        """Terms "real", "fake" and "penalty", and the numbers "accuracy" (where the pair has one),
        "score-real" and "score-fake".

        Args:
            real: specimens of the batch.
            fake: generated ones, through which no gradient should flow.
            stream: random numbers of this update, for the mixing shares of a penalty.
            rows: (rows,) int64, the global row numbers these belong to.
        """
        if self._both is None:
            scored, generated = self.score(real), self.score(fake)
        else:
            scored, generated = self._both(real, fake)
        terms = discriminator_terms(self.pair, scored, generated, self.smoothing)
        if self.penalty != "none":
            terms["penalty"] = self._penalty(real, fake, stream, rows)
        numbers = {"score-real": mean_score(scored), "score-fake": mean_score(generated)}
        right = accuracy(self.pair, scored, generated)
        return Loss(terms, numbers if right is None else {"accuracy": right, **numbers})

    def generator_terms(self, fake: S, real: S | None = None) -> dict[str, Term]:
        """The generator's terms "fake" and, for relativistic averages, "real"; real specimens are
        needed and scored for relativistic pairs alone."""
        scored = None
        if self.compares and real is not None:
            with torch.no_grad():
                scored = self.score(real)
        return generator_terms(self.pair, self.score(fake), scored)

    def stepped(self) -> None:
        """After an update of the discriminator."""
        if self.weight_clip is not None:
            clip_weights(self.discriminator.parameters(), self.weight_clip)

    @property
    def compares(self) -> bool:
        """Whether the generator's half needs real specimens."""
        return self.pair.compares != "nothing"

    def _penalty(self, real: S, fake: S, stream: Stream, rows: Tensor) -> Term:
        place, kind = real, _centre(self.penalty)
        if self.penalty != "r1":
            shares = stream.child("penalty").uniform(rows, 1)[:, 0]
            place = real.mixed(fake, shares)
        term = gradient_penalty(
            lambda points: self._row_scores(place.at(points)), place.points, kind
        )
        return term._replace(factor=self.penalty_factor)

    def _row_scores(self, specimens: S) -> Tensor:
        """One score a row: the mean of those that count."""
        values, mask = self.score(specimens)
        if values.dim() == 1:
            return values
        values = values.flatten(1)
        if mask is None:
            return values.mean(1)
        mask = mask.flatten(1)
        return values.masked_fill(~mask, 0.0).sum(1) / mask.sum(1).clamp_min(1)


def _centre(penalty: Penalty) -> Centre:
    assert penalty != "none"
    return "zero-centred" if penalty == "r1" else penalty
