"""The model of a run as a judge of sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from seqgen.experiment.model import TextModel
from seqgen.metrics.arrays import Floats


class RunJudge:
    """The model of a run as a judge; labels are averaged over where it has any."""

    def __init__(self, model: TextModel, name: str) -> None:
        self.model, self.name = model, name

    def score(self, texts: Sequence[str]) -> tuple[Floats, Floats]:
        """Summed log-probability in nats, END included, and the number of tokens of the model's own
        vocabulary, END included; (rows,) each.

        Raises:
            UserError: a sentence is longer than the model can read, or it cannot spell it.
        """
        lengths = self.model.vocabulary.encode_flat(list(texts)).lengths
        nats = np.array(self.model.score(texts), dtype=np.float64)
        return nats, np.maximum(lengths, 1).astype(np.float64)
