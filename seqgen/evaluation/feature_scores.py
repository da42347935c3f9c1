"""Distances between generated and real sentences in the space of an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec

import numpy as np

from seqgen.evaluation.judge_protocols import Encoder
from seqgen.metrics.arrays import Floats
from seqgen.metrics.frechet import frechet_score
from seqgen.metrics.mauve import mauve_score
from seqgen.metrics.score import Score, sign

SEEDS = 5  # of MAUVE's clustering


@dataclass(frozen=True)
class FeatureScores:
    """Distances of any number of sets of sentences to the same real ones.

    Attributes:
        encoder: sentences -> vectors.
        references: the real sentences, in an order of chance.
        most: so many of each side are compared: distances fall with the number.
    """

    encoder: Encoder
    references: Sequence[str]
    most: int

    def __call__(self, texts: Sequence[str]) -> list[Score]:
        """`frechet`, and `mauve` where the package is installed, of the first `most` sentences;
        none of fewer than two."""
        if self.most < 2 or len(texts) < self.most:
            return []
        found, real = self.encoder.features(texts[: self.most]), self._real
        scores = [frechet_score(found, real, self.encoder.name)]
        if find_spec("mauve") is not None:
            settings: dict[str, str | int] = {
                "hypotheses": len(found),
                "references": len(real),
                "encoder": self.encoder.name,
                "width": real.shape[1],
                "seeds": SEEDS,
            }
            scores.append(Score("mauve", mauve_score(found, real, SEEDS), sign(settings)))
        return scores

    @cached_property
    def _real(self) -> Floats:
        return np.asarray(self.encoder.features(self.references[: self.most]))
