"""The rows of a run's evaluation, and its quality-diversity curve."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isfinite

from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.feature_scores import FeatureScores
from seqgen.evaluation.judge_protocols import Encoder, LanguageJudge
from seqgen.evaluation.language_scores import LanguageScores, Unit, spaced
from seqgen.evaluation.measure import Truth
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import measuring, sweep
from seqgen.experiment.model import TextModel
from seqgen.experiment.model_scores import (
    Likelihood,
    divergence_scores,
    likelihood_of_split,
    likelihood_of_texts,
    open_truth,
    truth_scores,
)
from seqgen.experiment.real_text import RealText
from seqgen.experiment.reopen import read_run
from seqgen.metrics.projection import NgramProjection
from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.real import REAL, chosen, drawn
from seqgen.metrics.score import Score
from seqgen.metrics.suite import evaluate
from seqgen.metrics.table import Row, Table
from seqgen.metrics.tokens import Tokenizer
from seqgen.recipe.recipe import Recipe
from seqgen.text.normalised import text_form
from seqgen.training.run import Run

JUDGED = 100_000  # training sentences the n-gram judge learns from, at most


@dataclass(frozen=True)
class Rows:
    """What the sentences of a run and real ones are measured with.

    Attributes:
        run: the run.
        model: its model.
        real: references and training sentences.
        judge: of `lm-score`; None: an n-gram model of the training sentences.
        encoder: of `frechet` and `mauve`.
        seed: of what is drawn.
        intervals: whether intervals are found.
        shared: what learned from training sentences, by these; runs of one corpus share it.
        plain: whether the sentences of the table are drawn at temperature 1.
        reverse_judge: a language model trained on sentences of the run, which gives the run's
            `reverse-lm-score` in the place of an n-gram model of the sentences at hand.
    """

    run: Run
    model: TextModel
    real: RealText
    judge: LanguageJudge | None
    encoder: Encoder
    seed: int
    intervals: bool
    shared: dict[str, LanguageScores] = field(default_factory=dict)
    reverse_judge: LanguageJudge | None = None
    plain: bool = True

    def table(self, texts: Sequence[str]) -> Table:
        """The run's row, of these sentences, and beside it that of real ones."""
        found = evaluate(
            texts, self.real.references, self.real.training or None,
            tokenizer=self._tokenizer,
            intervals=self.intervals, seed=self.seed, name=self.run.folder.resolve().name,
        )  # fmt: skip
        features = self._features(len(texts))
        rows = [
            self._row(row, texts, features)
            if row.kind == "system"
            else self._real_row(row, len(texts), features)
            for row in found.rows
        ]
        return Table(rows, [*found.notes, *self.real.notes, *self._notes(texts)])

    def curves(
        self, decodings: Sequence[Decoding], count: int, progress: Progress | None = None
    ) -> list[Curve]:
        """The run's curve over decoding settings, and real data as a point beside it."""
        return [self.curve(decodings, count, progress), *self.star(count)]

    def curve(
        self,
        decodings: Sequence[Decoding],
        count: int,
        progress: Progress | None = None,
        parts: int = 0,
    ) -> Curve:
        """The run's curve over decoding settings, with those of so many parts of its sentences."""

        def draw(number: int, decoding: Decoding) -> list[str]:
            return [one.text for one in self.model.draw(number, decoding, seed=self.seed)]

        name = self.run.folder.resolve().name
        return _finite(sweep(name, draw, self._measure, decodings, count, progress, parts))

    def star(self, count: int, parts: int = 0) -> list[Curve]:
        """Real data as a curve of one point, with those of parts of its sentences; none where
        there are no training sentences."""
        if not self.real.training:
            return []
        sample, held_out = self._sample(count), self._held_out(count)
        whole = self._real_point(sample, held_out)
        divided = [
            self._real_point(sample[number::parts], held_out[number::parts])
            for number in range(parts)
        ]
        return [replace(_finite(whole), parts=[_finite(part) for part in divided])]

    def _real_point(self, sample: Sequence[str], held_out: Sequence[str]) -> Curve:
        scores = self._measure(sample)
        if self._language is not None:  # the judge knows the training sentences by heart
            scores["lm-score"] = self._signed(self._language.lm_score(held_out))
        signatures = {name: score.signature for name, score in scores.items()}
        star = Point("real", 0.0, {name: score.value for name, score in scores.items()})
        return Curve(REAL, [star], signatures)

    def _measure(self, texts: Sequence[str]) -> dict[str, Score]:
        found = measuring(self.real.references, self._language, self._tokenizer)(texts)
        return {name: self._signed(score) for name, score in found.items()}

    def _signed(self, score: Score) -> Score:
        """The score with the form of the text in its signature, where that is not as it was."""
        if not self._form:
            return score
        return replace(score, signature=f"text:{self._form}|{score.signature}")

    def _row(self, row: Row, texts: Sequence[str], features: FeatureScores) -> Row:
        scores = [*self._truths(texts), *self._divergences(texts), *row.scores]
        if self._language is not None:
            scores.append(self._language.lm_score(texts, self.intervals, self.seed))
            scores.append(
                self._language.reverse_lm_score(texts)
                if self.reverse_judge is None
                else self._language.reverse_lm_score_under(self.reverse_judge)
            )
        scores += features(self._spaced(texts))
        return Row(row.name, [*self._likelihood.scores, *map(self._signed, scores)], row.kind)

    def _real_row(self, row: Row, count: int, features: FeatureScores) -> Row:
        """Held-out sentences under judges that have learned from training sentences, training
        sentences beside held-out ones."""
        held_out, sample = self._held_out(count), self._sample(count)
        scores = [*self._truths(held_out), *row.scores]
        if self._language is not None:
            scores.append(self._language.lm_score(held_out, self.intervals, self.seed))
            if self.reverse_judge is None:  # nobody trained one on real sentences in its place
                scores.append(self._language.reverse_lm_score(sample))
        scores += features(self._spaced(sample))
        return Row(row.name, [*map(self._signed, scores)], row.kind)

    @cached_property
    def _likelihood(self) -> Likelihood:
        if self.real.split is None:
            references = self.real.references
            return likelihood_of_texts(self.model, references, self.intervals, self.seed)
        return likelihood_of_split(
            self.model, self.run, self._recipe, self.real.split, self.intervals, self.seed
        )

    def _truths(self, texts: Sequence[str]) -> list[Score]:
        if self._truth is None:
            return []
        return truth_scores(self._truth, self.model.vocabulary, texts)

    def _divergences(self, texts: Sequence[str]) -> list[Score]:
        if self._truth is None:
            return []
        return divergence_scores(
            self._truth, self.model, self.real.references, texts if self.plain else None
        )

    def _held_out(self, count: int) -> list[str]:
        """As many references as there are sentences, or all."""
        return chosen(self.real.references, count, self.seed)

    def _sample(self, count: int) -> list[str]:
        """As many training sentences: those of the suite's row of real data."""
        return chosen(self.real.training, count, self.seed)

    def _features(self, count: int) -> FeatureScores:
        sides = [count, len(self.real.references), len(self.real.training) or count]
        references = self._held_out(len(self.real.references))
        return FeatureScores(self.encoder, self._spaced(references), min(sides))

    def _spaced(self, texts: Sequence[str]) -> list[str]:
        """As the encoder takes them: a network cuts them by itself."""
        return spaced(texts, self._unit if isinstance(self.encoder, NgramProjection) else "word")

    def _notes(self, texts: Sequence[str]) -> list[str]:
        return [
            *self._likelihood.notes,
            *self._held_out_note(len(texts)),
            *self._unknown_note(texts),
            *self._fewer_note(len(texts)),
        ]

    def _held_out_note(self, count: int) -> list[str]:
        """Which figures of real data are not those of the sentences the other notes tell of."""
        names = [] if self._language is None else ["lm-score"]
        names += [score.name for score in self._truths(self.real.references[:1])]
        if not names or not self.real.training:
            return []
        held_out = len(self._held_out(count))
        known = "; a judge may know training sentences by heart" if self._language else ""
        return [f"{', '.join(names)} of real data: of {held_out} held-out sentences{known}"]

    def _unknown_note(self, texts: Sequence[str]) -> list[str]:
        """How many words a judge of the user's guesses at; the run's own knows all real ones."""
        if self._language is None or self.judge is None:
            return []
        shares = [self._language.unknown_share(s) for s in (texts, self._held_out(len(texts)))]
        if None in shares or not any(shares):
            return []
        ours, real = shares
        return [f"lm-score: {ours:.1%} of the words are unknown to the judge, and {real:.1%} of the"
                " held-out ones: all have the probability of its <unk>"]  # fmt: skip

    def _fewer_note(self, count: int) -> list[str]:
        if self._language is None or len(self.real.training) >= count:
            return []
        return [f"real data has {len(self.real.training)} training sentences, the hypotheses are "
                f"{count}: reverse-lm-score depends on the number"]  # fmt: skip

    @cached_property
    def _language(self) -> LanguageScores | None:
        """None where there are no training sentences."""
        if not self.real.training:
            return None
        rows = sorted(drawn(len(self.real.training), JUDGED, self.seed).tolist())
        learned = [self.real.training[row] for row in rows]
        return self.shared.setdefault(
            _digest(self._unit, learned, self.real.references),
            LanguageScores(learned, self.real.references, self.judge, self._unit),
        )

    @cached_property
    def _form(self) -> str:
        return text_form(self.model.vocabulary)

    @cached_property
    def _unit(self) -> Unit:
        return "character" if self.model.vocabulary.kind == "character" else "word"

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return "character" if self._unit == "character" else "whitespace"

    @cached_property
    def _truth(self) -> Truth | None:
        return open_truth(self._recipe)

    @cached_property
    def _recipe(self) -> Recipe:
        return read_run(self.run)[0]


def _digest(unit: Unit, learned: Sequence[str], references: Sequence[str]) -> str:
    """What tells texts apart that language scores are made of."""
    found = hashlib.blake2b(unit.encode(), digest_size=16)
    for texts in (learned, references):
        found.update(f"{len(texts)}\n".encode())
        for text in texts:
            found.update(f"{text}\n".encode())
    return found.hexdigest()


def _finite(curve: Curve) -> Curve:
    """The curve without figures that cannot be drawn, such as the reverse score of blank text."""
    points = [
        replace(point, figures={n: v for n, v in point.figures.items() if isfinite(v)})
        for point in curve.points
    ]
    return replace(curve, points=points)
