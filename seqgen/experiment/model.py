"""A trained text model, ready to use: sentences out, log-probabilities of sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.likelihood import log_probabilities
from seqgen.generators.beam import beam_search
from seqgen.generators.choose import Choose, Forced, Greedy, Sample
from seqgen.generators.decoded import Decoded
from seqgen.generators.decoding import decode
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
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
class TextModel:
    """A generator with its vocabulary.

    Attributes:
        generator: the network, in evaluation mode.
        vocabulary: strings <-> ids.
        limit: the most tokens of a sentence, END included.
        labels: label names and their numbers; empty where the model was trained without.
    """

    generator: Generator
    vocabulary: Vocabulary
    limit: int
    labels: Mapping[str, int] = field(default_factory=dict)

    def generate(
        self,
        count: int = 1,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        beam: int = 1,
        length_penalty: float = 1.0,
        prefix: str = "",
        label: str | None = None,
        seed: int = 0,
        limit: int | None = None,
    ) -> list[str]:
        """`count` sentences. Nothing is cut off by default: top_k 0 and top_p 1 draw from the whole
        distribution.

        Args:
            count: how many.
            temperature: above 0; below 1 sharpens. 0 means greedy.
            top_k: draw from the k likeliest tokens; 0 from all.
            top_p: draw from the smallest set of tokens that holds this mass; 1 from all.
            beam: above 1, the `count` best sentences of a beam search of this width instead of
                draws.
            length_penalty: exponent of the length that beam scores are divided by.
            prefix: what every sentence begins with.
            label: the label to generate, for a model trained with labels; None takes turns.
            seed: of the draws; the same seed gives the same sentences.
            limit: the most tokens; None for what the model was trained with.

        Raises:
            UserError: a value out of range, an unknown label, a prefix that is too long.
        """
        stream = self.stream(
            count, temperature=temperature, top_k=top_k, top_p=top_p, beam=beam, seed=seed,
            length_penalty=length_penalty, prefix=prefix, label=label, limit=limit,
        )  # fmt: skip
        return [drawn.text for drawn in stream]

    def stream(
        self,
        count: int,
        *,
        temperature: float = 1.0,
        top_k: int = 0,
        top_p: float = 1.0,
        beam: int = 1,
        length_penalty: float = 1.0,
        prefix: str = "",
        label: str | None = None,
        seed: int = 0,
        limit: int | None = None,
    ) -> Iterator[Drawn]:
        """`generate`, a block at a time, with what became of each sentence; the sentences do not
        depend on the size of the blocks."""
        if count < 1:
            raise UserError(f"count {count}: ask for at least 1 sentence")
        if beam < 1:
            raise UserError(f"beam {beam}: must be 1 (no beam search) or more")
        time = self._time(limit)
        given = self._prefix(prefix, time)
        if beam > 1:
            yield from self._beams(count, beam, time, length_penalty, given, label)
            return
        choose = _choice(temperature, top_k, top_p)
        for rows in torch.split(torch.arange(count, device=self.generator.device), BLOCK):
            choice = choose if given is None else Forced(_repeat(given, len(rows)), choose)
            with evaluating(self.generator):
                drawn = decode(
                    self.generator, choice, len(rows), time, stream=Stream.of(seed, "generate"),
                    rows=rows, condition=self._condition(rows, label),
                )  # fmt: skip
            yield from self._drawn(drawn)

    def score(
        self, texts: Sequence[str], label: str | None = None, batch: int = 256
    ) -> list[float]:
        """Log-probability in nats of each sentence, END included; labels are averaged over where
        none is given.

        Raises:
            UserError: an unknown label; a sentence the vocabulary cannot spell.
        """
        found: list[float] = []
        for begin in range(0, len(texts), batch):
            sentences = self.vocabulary.encode(texts[begin : begin + batch], self.generator.limit)
            with torch.no_grad(), evaluating(self.generator):
                found += self._scores(sentences, label).tolist()
        return found

    def _scores(self, sentences: Sentences, label: str | None) -> Tensor:
        if not self.generator.styles:
            self._number(label)
            return log_probabilities(self.generator, sentences).sum(1)
        numbers = range(self.generator.styles) if label is None else [self._number(label)]
        labelled = [
            Sentences(sentences.ids, sentences.lengths, torch.full_like(sentences.lengths, number))
            for number in numbers
        ]
        each = torch.stack([log_probabilities(self.generator, s).sum(1) for s in labelled])
        return torch.logsumexp(each, 0) - torch.tensor(float(len(labelled))).log()

    def _beams(
        self,
        count: int,
        width: int,
        time: int,
        penalty: float,
        given: Sentences | None,
        label: str | None,
    ) -> list[Drawn]:
        if count > width:
            raise UserError(
                f"count {count} with beam {width}: a beam search gives at most {width} sentences"
            )
        row = torch.zeros(1, dtype=torch.int64, device=self.generator.device)
        with evaluating(self.generator):
            beams = beam_search(
                self.generator, 1, width, time, condition=self._condition(row, label),
                length_penalty=penalty, prefixes=given,
            )  # fmt: skip
        best = beams.scores[0].isfinite().nonzero().squeeze(1)[:count]
        return self._drawn(beams.decoded, best)

    def _drawn(self, decoded: Decoded, rows: Tensor | None = None) -> list[Drawn]:
        chosen = slice(None) if rows is None else rows
        texts = self.vocabulary.texts(decoded.tokens[chosen].cpu(), decoded.lengths[chosen].cpu())
        if self.vocabulary.end is None:
            return [Drawn(text, True) for text in texts]
        return list(map(Drawn, texts, decoded.ended[chosen].tolist()))

    def _condition(self, rows: Tensor, label: str | None) -> Condition | None:
        if label is None:
            return Condition(style=rows % self.generator.styles) if self.generator.styles else None
        return Condition(style=torch.full_like(rows, self._number(label)))

    def _number(self, label: str | None) -> int:
        if label is None:
            return 0
        if not self.labels:
            raise UserError(f"label {label!r}: this model was trained without labels")
        if label not in self.labels:
            near = get_close_matches(label, self.labels, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UserError(
                f"label {label!r} is unknown; there are: {', '.join(self.labels)}.{hint}"
            )
        return self.labels[label]

    def _time(self, limit: int | None) -> int:
        time = self.limit if limit is None else limit
        most = self.generator.limit
        if time < 1 or (most is not None and time > most):
            raise UserError(
                f"limit {time}: must be at least 1" + (f" and at most {most}" if most else "")
            )
        return time

    def _prefix(self, prefix: str, time: int) -> Sentences | None:
        if not prefix.strip():
            return None
        ids = self.vocabulary.encode([prefix])
        ended = 0 if self.vocabulary.end is None else 1
        given = Sentences(ids.ids[:, : ids.ids.shape[1] - ended], ids.lengths - ended)
        if given.ids.shape[1] >= time:
            raise UserError(
                f"the prefix has {given.ids.shape[1]} tokens, the sentence at most {time}"
            )
        return given.to(self.generator.device)


def _repeat(given: Sentences, count: int) -> Sentences:
    return Sentences(given.ids.expand(count, -1), given.lengths.expand(count))


def _choice(temperature: float, top_k: int, top_p: float) -> Choose:
    if temperature == 0:
        return Greedy()
    if temperature < 0:
        raise UserError(f"temperature {temperature}: 0 (always the likeliest token) is the least")
    try:
        return Sample(temperature, top_k, top_p)
    except ValueError as problem:
        raise UserError(str(problem)) from problem
