"""A trained text model, ready to use: sentences out, log-probabilities of sentences."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.experiment import scoring
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
_log = logging.getLogger("seqgen")


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
                draws; it goes with no temperature, top_k or top_p.
            length_penalty: exponent of the length that beam scores are divided by.
            prefix: what every sentence begins with; a word not in the vocabulary is a warning.
            label: the label to generate, for a model trained with labels; None takes turns (of
                beams: the best of each label, then the second best of each, ...).
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
        if beam > 1 and (temperature, top_k, top_p) != (1.0, 0, 1.0):
            raise UserError(
                f"beam {beam} with temperature {temperature}, top-k {top_k}, top-p {top_p}: a beam "
                "search draws nothing; leave these three out, or the beam"
            )
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
        self, texts: Sequence[str], label: str | None = None, tokens: int = scoring.TOKENS
    ) -> list[float]:
        """Log-probability in nats of each sentence, END included; labels are averaged over where
        none is given.

        Args:
            texts: the sentences.
            label: the label they are scored under, for a model trained with labels.
            tokens: how many are scored at once; fewer take less memory, and the same figures.

        Raises:
            UserError: an unknown label; a sentence the vocabulary cannot spell.
            TooLong: sentences longer than the generator can read.
        """
        styles: Sequence[int] = range(self.generator.styles) if label is None else ()
        if label is not None:
            styles = [self._number(label)]
        found: list[float] = []
        for window in scoring.windows(texts):
            try:
                found += scoring.scores(self.generator, self.vocabulary, window, styles, tokens)
            except scoring.TooLong as problem:
                numbers = [len(found) + number for number in problem.numbers]
                raise scoring.TooLong(numbers, problem.limit) from None
        return found

    def _beams(
        self,
        count: int,
        width: int,
        time: int,
        penalty: float,
        given: Sentences | None,
        label: str | None,
    ) -> list[Drawn]:
        searches = 1 if label is not None else max(1, self.generator.styles)
        if count > width * searches:
            each = f" for each of {searches} labels" if searches > 1 else ""
            raise UserError(
                f"count {count} with beam {width}: a beam search gives at most {width} sentences"
                f"{each}"
            )
        rows = torch.arange(searches, device=self.generator.device)
        prefixes = None if given is None else _repeat(given, searches)
        with evaluating(self.generator):
            beams = beam_search(
                self.generator, searches, width, time, condition=self._condition(rows, label),
                length_penalty=penalty, prefixes=prefixes,
            )  # fmt: skip
        # By rank, then by label: the labels take turns.
        ranked = torch.arange(searches * width, device=rows.device).view(searches, width).T
        best = ranked[beams.scores.T.isfinite()][:count]
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

    def _number(self, label: str) -> int:
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
        if unknown := self.vocabulary.unknown_words(prefix):
            _log.warning(
                "the prefix has words this model does not know: %s", ", ".join(map(repr, unknown))
            )
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
