"""Sentences out of a generator, by any decoding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.experiment.rejection import Scorer, candidates, likeliest
from seqgen.generators.beam import beam_search
from seqgen.generators.choose import Choose, Forced, Greedy, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.sampled_beam import sampled_beams
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences
from seqgen.text.vocabulary import Vocabulary

BLOCK = 4096  # sentences decoded before any is handed out


class Drawn(NamedTuple):
    """A sentence, and whether it came to its end; False: the limit of tokens cut it. Where the
    vocabulary has no END, every sentence is whole."""

    text: str
    ended: bool


@dataclass(frozen=True)
class Drawing:
    """What all sentences of a call share.

    Attributes:
        generator: the network.
        vocabulary: ids -> strings.
        time: the most tokens.
        seed: of the draws.
        prefix: what every sentence begins with, (1, time), without END; None: nothing.
        style: the label of every sentence; None: they take turns where there are labels.
    """

    generator: Generator
    vocabulary: Vocabulary
    time: int
    seed: int
    prefix: Sentences | None = None
    style: int | None = None

    def sentences(self, count: int, decoding: Decoding) -> Iterator[Drawn]:
        """`count` of them, as they come."""
        if decoding.beam > 1:
            yield from self._beams(count, decoding.beam, decoding.length_penalty)
        elif decoding.sampled_beam > 1:
            yield from self._sampled_beams(count, decoding.sampled_beam)
        elif decoding.reject_likelihood < 1:
            yield from self._likeliest(count, decoding)
        else:
            for _, decoded in self._blocks(count, decoding):
                yield from self._drawn(decoded)

    def _blocks(self, count: int, decoding: Decoding) -> Iterator[tuple[Condition | None, Decoded]]:
        choose, stream = _choice(decoding), Stream.of(self.seed, "generate")
        for rows in torch.split(torch.arange(count, device=self.generator.device), BLOCK):
            prefixes, condition = self._prefixes(len(rows)), self._condition(rows)
            with evaluating(self.generator):
                decoded = decode(
                    self.generator, choose if prefixes is None else Forced(prefixes, choose),
                    len(rows), self.time, stream=stream, rows=rows, condition=condition,
                )  # fmt: skip
            yield condition, decoded

    def _sampled_beams(self, count: int, width: int) -> Iterator[Drawn]:
        stream = Stream.of(self.seed, "generate")
        for rows in torch.split(torch.arange(count, device=self.generator.device), BLOCK):
            with evaluating(self.generator):
                decoded = sampled_beams(
                    self.generator, width, self.time, stream=stream, rows=rows,
                    condition=self._condition(rows), prefix=self.prefix,
                )  # fmt: skip
            yield from self._drawn(decoded)

    def _likeliest(self, count: int, decoding: Decoding) -> Iterator[Drawn]:
        """Strings are kept of the candidates, not ids: they take a quarter of the room."""
        score = Scorer(self.generator, 0 if self.prefix is None else self.prefix.ids.shape[1])
        drawn: list[Drawn] = []
        scores: list[float] = []
        for condition, decoded in self._blocks(
            candidates(count, decoding.reject_likelihood), decoding
        ):
            drawn += self._drawn(decoded)
            scores += score(decoded, None if condition is None else condition.style)
        return (drawn[place] for place in likeliest(scores, count, self._turns))

    def _beams(self, count: int, width: int, penalty: float) -> list[Drawn]:
        searches = self._turns
        if count > width * searches:
            each = f" for each of {searches} labels" if searches > 1 else ""
            raise UserError(
                f"count {count} with beam {width}: a beam search gives at most {width} sentences"
                f"{each}"
            )
        rows = torch.arange(searches, device=self.generator.device)
        with evaluating(self.generator):
            beams = beam_search(
                self.generator, searches, width, self.time, condition=self._condition(rows),
                length_penalty=penalty, prefixes=self._prefixes(searches),
            )  # fmt: skip
        # By rank, then by label: the labels take turns.
        ranked = torch.arange(searches * width, device=rows.device).view(searches, width).T
        best = ranked[beams.scores.T.isfinite()][:count]
        return self._drawn(beams.decoded, best)

    @property
    def _turns(self) -> int:
        return 1 if self.style is not None else max(1, self.generator.styles)

    def _condition(self, rows: Tensor) -> Condition | None:
        if self.style is None:
            return Condition(style=rows % self.generator.styles) if self.generator.styles else None
        return Condition(style=torch.full_like(rows, self.style))

    def _prefixes(self, count: int) -> Sentences | None:
        if self.prefix is None:
            return None
        return Sentences(self.prefix.ids.expand(count, -1), self.prefix.lengths.expand(count))

    def _drawn(self, decoded: Decoded, rows: Tensor | None = None) -> list[Drawn]:
        chosen = slice(None) if rows is None else rows
        texts = self.vocabulary.texts(decoded.tokens[chosen].cpu(), decoded.lengths[chosen].cpu())
        if self.vocabulary.end is None:
            return [Drawn(text, True) for text in texts]
        return list(map(Drawn, texts, decoded.ended[chosen].tolist()))


def _choice(decoding: Decoding) -> Choose:
    if decoding.temperature == 0:
        return Greedy()
    return Sample(decoding.temperature, decoding.top_k, decoding.top_p)
