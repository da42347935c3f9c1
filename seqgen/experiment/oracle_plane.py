"""A run on a synthetic oracle at many temperatures: NLL of its samples under the oracle, and its
held-out NLL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.likelihood import likelihood, tempered_likelihoods
from seqgen.evaluation.network_names import named
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.truth import OracleTruth
from seqgen.experiment.model import TextModel
from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.score import sign
from seqgen.text.encoded import Encoded

MULTIPLIERS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.75, 2.0, 2.5)
"""What the logits are multiplied by: temperatures 1.43 to 0.4."""
PARTS = 4  # of a point's samples: how far they are apart is chance


@dataclass(frozen=True)
class OraclePlane:
    """Measures runs in the plane of an oracle, all alike.

    Attributes:
        truth: the oracle.
        count: samples at each temperature.
        seed: of the samples; the same numbers at each temperature make lines smoother.
        multipliers: of the logits, ascending.
    """

    truth: OracleTruth
    count: int
    seed: int = 0
    multipliers: Sequence[float] = MULTIPLIERS

    def curve(
        self, name: str, model: TextModel, references: Sequence[str], progress: Progress
    ) -> Curve:
        """The line of a model over temperatures, with those of parts of its samples."""
        temperatures = [1 / multiplier for multiplier in self.multipliers]
        held_out = _encoded(model, references)
        nll = [one.nats for one in tempered_likelihoods(model.generator, held_out, temperatures)]
        progress.advance(self.cost / 3, f"{name}, held-out NLL")
        whole: list[Point] = []
        divided: list[list[Point]] = [[] for _ in range(PARTS)]
        for temperature, lost in zip(temperatures, nll, strict=True):
            nats, lengths = self._samples(model, temperature)
            whole.append(_point(temperature, nats, lengths, lost))
            for number, part in enumerate(divided):
                rows = slice(number, None, PARTS)
                part.append(_point(temperature, nats[rows], lengths[rows], lost))
            progress.advance(self.cost * 2 / 3 / len(temperatures), f"{name}, {whole[-1].label}")
        parts = [Curve(name, part, {}) for part in divided]
        return Curve(name, whole, self._signatures(model, len(references)), parts=parts)

    def entropy(self, model: TextModel, references: Sequence[str]) -> float:
        """The oracle's NLL of its own held-out sentences, nats a token."""
        return likelihood(self.truth.oracle, _encoded(model, references)).nats

    @property
    def cost(self) -> float:
        """How much work a run is, in sentences drawn."""
        return 1.5 * self.count * len(self.multipliers)

    def _samples(self, model: TextModel, temperature: float) -> tuple[Tensor, Tensor]:
        """-log p of each sample under the oracle, and its length, (rows,) each."""
        drawn = model.draw(self.count, Decoding(temperature=temperature), seed=self.seed)
        sentences = model.vocabulary.encode([one.text for one in drawn])
        return self.truth.nats(sentences), sentences.lengths

    def _signatures(self, model: TextModel, references: int) -> dict[str, str]:
        oracle = sign({"truth": named("oracle", self.truth.oracle), "hypotheses": self.count})
        held_out = sign({"count": references, "vocabulary": model.vocabulary.checksum[:8]})
        return {"oracle-nll": oracle, "nll": held_out}


def _encoded(model: TextModel, texts: Sequence[str]) -> Encoded:
    return Encoded.build(list(texts), model.vocabulary, model.limit, warn=False)


def _point(temperature: float, nats: Tensor, lengths: Tensor, held_out: float) -> Point:
    oracle = float(torch.sum(nats)) / int(lengths.sum())
    return Point("temperature", temperature, {"oracle-nll": oracle, "nll": held_out})
