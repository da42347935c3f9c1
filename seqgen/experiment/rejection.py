"""Rejection by the generator's own likelihood: of many drawn sentences the likeliest are kept.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549) found that it trades diversity
for quality better than the temperature does. As in the authors' program, a sentence is judged by
its log-probability a token, END included, under the generator at temperature 1: the sum would keep
the shortest sentences.

Differs from the paper in: a share of the draws is kept, not all above a fixed threshold, so that
the cost is known before, the share means the same for every model, and there is always a result;
the draws may be at any temperature; where labels take turns, each label is kept to itself.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import torch
from torch import Tensor

from seqgen.evaluation.likelihood import log_probabilities
from seqgen.generators.decoded import Decoded
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.text.sentences import Sentences

ROWS = 256  # scored at once


def candidates(count: int, share: float) -> int:
    """How many sentences to draw so that `count` are this share of them, rounded up."""
    return math.ceil(round(count / share, 6))  # 7 / 0.7 is 10.000000000000002


def likeliest(scores: Sequence[float], count: int, turns: int = 1) -> list[int]:
    """The places of the `count` highest scores, in their order; of equal ones the first are kept.

    Args:
        scores: of the candidates.
        count: at most as many as there are scores.
        turns: candidates take turns in that many labels, and so do those kept.
    """
    kept = []
    for turn in range(turns):
        own = sorted(range(turn, len(scores), turns), key=lambda place: -scores[place])
        kept.append(sorted(own[: len(range(turn, count, turns))]))
    return [kept[place % turns][place // turns] for place in range(count)]


class Scorer:
    """Log-probabilities a token, in nats, of sentences that come a batch at a time.

    Kernels round differently in batches of another size; a sentence drawn twice has the score of
    its first time, so that ties are ties and what is kept does not depend on the batches.

    Args:
        generator: the network, at temperature 1.
        skip: tokens of a prefix, which are not drawn and not counted.
    """

    def __init__(self, generator: Generator, skip: int = 0) -> None:
        self.generator, self.skip = generator, skip
        self._known: dict[tuple[bytes, int | None], float] = {}

    @torch.no_grad()
    def __call__(self, decoded: Decoded, styles: Tensor | None = None) -> list[float]:
        """The scores of decoded ids; `styles` (rows,) are the labels they were drawn under."""
        sentences = Sentences(decoded.tokens, decoded.lengths, styles)
        found: list[float] = []
        with evaluating(self.generator):
            for part in torch.split(
                torch.arange(len(sentences), device=decoded.lengths.device), ROWS
            ):
                batch = sentences.select(part).trim()
                total = log_probabilities(self.generator, batch)[:, self.skip :].sum(1).double()
                found += (total / (batch.lengths - self.skip)).tolist()
        labels = [None] * len(found) if styles is None else styles.tolist()
        return list(map(self._first, _keys(sentences), labels, found))

    def _first(self, key: bytes, label: int | None, score: float) -> float:
        return self._known.setdefault((key, label), score)


def _keys(sentences: Sentences) -> list[bytes]:
    """16 bytes a sentence: there may be very many."""
    rows = sentences.ids.cpu().numpy()
    lengths = sentences.lengths.tolist()
    spoken = (row[:length] for row, length in zip(rows, lengths, strict=True))
    return [hashlib.blake2b(ids.tobytes(), digest_size=16).digest() for ids in spoken]
