"""Sentences in another style: strings in, strings out, and what is known of each."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.experiment.rewriters import longest, require_rewriter
from seqgen.experiment.transfer_decoding import Rewriting
from seqgen.experiment.transfer_settings import Transfer
from seqgen.experiment.transfer_sources import Sources, read_sources, spelled
from seqgen.generators.arithmetic import has_bfloat16
from seqgen.generators.compiled import require_compiler
from seqgen.generators.protocol import Generator
from seqgen.text.detokenize import detokenize
from seqgen.text.normalised import normalised, text_form
from seqgen.text.vocabulary import Vocabulary

_log = logging.getLogger("seqgen")


@dataclass(frozen=True)
class Candidate:
    """A sentence the model offers.

    Attributes:
        text: the sentence.
        log_probability: nats a token, END included, given the source; None where not asked for.
        style_probability: of the wanted style, by the judge; None without one.
        ended: False where the limit of tokens cut it.
        unknown: whether a word of it stands there as unknown, such as <unk>.
    """

    text: str
    log_probability: float | None = None
    style_probability: float | None = None
    ended: bool = True
    unknown: bool = False

    @property
    def score(self) -> float:
        """What candidates are ordered by: nats a token, plus the judge's log-probability."""
        judged = 1.0 if self.style_probability is None else self.style_probability
        return (self.log_probability or 0.0) + math.log(max(judged, 1e-12))


@dataclass(frozen=True)
class Transferred:
    """What became of a sentence.

    Attributes:
        source: the sentence as it was given.
        candidates: the best first; none for a blank sentence.
        unknown: words of the source that the model does not know.
        cut: whether it was longer than the model reads.
        kept: whether it stands as it was given, being right already.
    """

    source: str
    candidates: tuple[Candidate, ...] = ()
    unknown: tuple[str, ...] = ()
    cut: bool = False
    kept: bool = False

    @property
    def text(self) -> str:
        """The best candidate; "" for a blank sentence."""
        return self.candidates[0].text if self.candidates else ""


@dataclass(frozen=True)
class Transferring:
    """A model with all that its sentences are transferred by; checked.

    Attributes:
        generator: a network that reads a source.
        vocabulary: strings <-> ids.
        limit: the most tokens of a sentence, END included.
        styles: their names and numbers.
        how: the settings.
        judge: who chooses among candidates; its labels are those of the styles.
        scored: whether log-probabilities are wanted where nothing is chosen by them.

    Raises:
        UserError: the generator reads no source, the settings are wrong, or torch cannot compile.
    """

    generator: Generator
    vocabulary: Vocabulary
    limit: int
    styles: Mapping[str, int]
    how: Transfer
    judge: StyleJudge | None = None
    scored: bool = False

    def __post_init__(self) -> None:
        require_rewriter(self.generator)
        self.how.check(self.styles, self.judge)
        device = self.generator.device
        if self.how.precision == "bfloat16" and not has_bfloat16(device):
            _log.warning("this %s has no bfloat16 arithmetic: float32 is faster here", device.type)
        if self.how.compile:
            require_compiler(device)

    def __call__(self, sentences: Sequence[str]) -> list[Transferred]:
        """Transfer sentences, `how.batch` at once.

        Raises:
            UserError: a sentence the vocabulary cannot spell, or no attention to copy by.
        """
        size = self.how.batch
        batches = [sentences[first : first + size] for first in range(0, len(sentences), size)]
        return [done for batch in batches for done in self._batch(batch)]

    def _batch(self, sentences: Sequence[str]) -> list[Transferred]:
        found = [Transferred(sentence) for sentence in sentences]
        places = []
        for place, sentence in enumerate(sentences):
            if sentence.strip() and self._right(sentence):
                found[place] = Transferred(sentence, (Candidate(sentence),), kept=True)
            elif sentence.strip():
                places.append(place)
        if places:
            given = [sentences[place] for place in places]
            for place, done in zip(places, self._spoken(given), strict=True):
                found[place] = done
        return found

    def _spoken(self, sentences: Sequence[str]) -> list[Transferred]:
        """Of sentences that are neither blank nor kept."""
        sources = read_sources(self.vocabulary, sentences, self.longest)
        candidates = self._candidates(sources)
        rows = zip(sentences, candidates, sources.unknown, sources.cut, strict=True)
        return [
            Transferred(sentence, tuple(own), tuple(dict.fromkeys(unknown.values())), cut)
            for sentence, own, unknown, cut in rows
        ]

    def _candidates(self, sources: Sources) -> list[list[Candidate]]:
        judged, how = self.judge is not None, self.how
        count = how.candidates(judged)
        found = Rewriting(
            self.generator, self.styles[how.to], count, how.temperature, how.width(judged),
            how.seed, scored=self.scored or count > 1,
            attended=how.copy_unknown and any(sources.unknown),
            precision=how.precision, compile=how.compile,
        )(sources.sentences)  # fmt: skip
        texts, unknown = spelled(self.vocabulary, sources, found)
        scores = found.log_probability
        listed = [[None] * count] * len(texts) if scores is None else scores.tolist()
        rows = zip(texts, listed, found.ended.tolist(), unknown, found.real.tolist(), strict=True)
        return [self._ranked([c for c in zip(*row, strict=True) if c[-1]]) for row in rows]

    def _ranked(
        self, given: Sequence[tuple[str, float | None, bool, bool, bool]]
    ) -> list[Candidate]:
        """Candidates of one source, the best first; judged by themselves, since a judge rounds
        differently in batches of another size."""
        texts = [text for text, *_ in given]
        own: Sequence[float | None] = [None] * len(texts)
        if self.judge is not None:
            column = list(self.judge.labels).index(self.how.to)
            own = self.judge.probabilities(texts)[:, column].tolist()
        candidates = [
            Candidate(text, score, probability, ended or self.vocabulary.end is None, unknown)
            for (text, score, ended, unknown, _), probability in zip(given, own, strict=True)
        ]
        ordered = sorted(candidates, key=lambda one: -one.score)
        return [self._shown(candidate) for candidate in ordered]

    def _shown(self, candidate: Candidate) -> Candidate:
        if not self.how.detokenize:
            return candidate
        capitals = "lowercase" in text_form(self.vocabulary)
        values = {**vars(candidate), "text": detokenize(candidate.text, capitals)}
        return Candidate(**values)

    def _right(self, sentence: str) -> bool:
        """Whether a sentence stays as it is."""
        if not self.how.keep_right:
            return False
        if self.how.source is not None or self.judge is None:
            return self.how.source == self.how.to
        form = normalised(self.vocabulary, [sentence])
        best = self.judge.probabilities(form)[0].argmax()
        return self.judge.labels[int(best)] == self.how.to

    @property
    def longest(self) -> int:
        """The most tokens of a sentence, read or written, END included."""
        return longest(self.generator, self.limit)
