"""The figures of a generator that rewrites sentences, during training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqgen.evaluation.judged_rewriting import RewritingJudges, judged_score
from seqgen.evaluation.likelihood import batches, likelihood
from seqgen.evaluation.truth import GrammarTruth
from seqgen.generators.choose import Greedy
from seqgen.generators.decoding import decode
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.metrics.bleu_family.aligned import sentence_aligned_bleu
from seqgen.randomness import Stream
from seqgen.text.grammar import Grammar
from seqgen.text.sentences import Rows, Sentences
from seqgen.text.vocabulary import Vocabulary

SCORE = "transfer-score"


@dataclass(frozen=True)
class Rewritten:
    """Sentences, what became of them, the styles that were wanted and those of the sentences, by
    number."""

    sources: Sequence[str]
    texts: Sequence[str]
    styles: Sequence[int]
    own: Sequence[int] = ()


def rewrite(
    generator: Generator, vocabulary: Vocabulary, data: Rows, limit: int, size: int = 256
) -> Rewritten:
    """Labelled sentences, each rewritten greedily in every other style, beginning with the one
    behind its own (the first one behind the last).

    Raises:
        ValueError: the sentences have no labels.
    """
    sources: list[str] = []
    texts: list[str] = []
    styles: list[int] = []
    own: list[int] = []
    others = torch.arange(1, generator.styles)
    with torch.no_grad(), evaluating(generator):
        for batch in batches(data, size):
            if batch.labels is None:
                raise ValueError("sentences without labels cannot be rewritten in another style")
            batch = batch.select(torch.arange(len(batch)).repeat_interleave(len(others)))
            assert batch.labels is not None
            wanted = (batch.labels + others.repeat(len(batch) // len(others))) % generator.styles
            condition = Condition(batch.ids, batch.mask, wanted).to(generator.device)
            found = decode(generator, Greedy(), len(batch), limit, condition=condition)
            sources += vocabulary.texts(batch.ids.cpu(), batch.lengths.cpu())
            texts += vocabulary.texts(found.tokens.cpu(), found.lengths.cpu())
            styles += wanted.tolist()
            own += batch.labels.tolist()
    return Rewritten(sources, texts, styles, own)


def grammar_figures(grammar: Grammar, found: Rewritten) -> dict[str, float]:
    """What a grammar knows of rewritten sentences, as shares.

    `transfer-accuracy`: in the wanted style; a sentence that is not grammatical is, where it has
    words that only the wanted style has, and none that only another one has. `content-kept`: of
    all words of the sources that do not show the style, those that are still there.
    `transfer-grammatical`: grammatical in any style. `transfer-score`: the geometric mean of the
    three.
    """
    marks = grammar.marks()
    right = grammatical = kept = content = 0
    for source, text, number in zip(found.sources, found.texts, found.styles, strict=True):
        style = grammar.style_of(text)
        grammatical += style is not None
        right += (_marked(marks, text) if style is None else style) == grammar.styles[number]
        words = Counter(grammar.content_words(source) or ())
        content += words.total()
        kept += (words & Counter(text.split())).total()
    count = len(found.texts)
    shares = (right / count, kept / content if content else 1.0, grammatical / count)
    names = ("transfer-accuracy", "content-kept", "transfer-grammatical")
    score = (shares[0] * shares[1] * shares[2]) ** (1 / 3)
    return {**dict(zip(names, shares, strict=True)), SCORE: score}


def by_direction(found: Rewritten) -> dict[tuple[int, int], Rewritten]:
    """The sentences of each style and wanted style, in the order of their numbers."""
    rows: dict[tuple[int, int], list[int]] = {}
    for row, direction in enumerate(zip(found.own, found.styles, strict=True)):
        rows.setdefault(direction, []).append(row)
    return {
        direction: Rewritten(
            [found.sources[row] for row in rows[direction]],
            [found.texts[row] for row in rows[direction]],
            [direction[1]] * len(rows[direction]),
            [direction[0]] * len(rows[direction]),
        )
        for direction in sorted(rows)
    }


def source_figures(found: Rewritten) -> dict[str, float]:
    """`source-bleu`, the mean unsmoothed BLEU-4 of each sentence with its source as the reference,
    and `copied`, the share of sentences that are their source."""
    bleu = sentence_aligned_bleu(found.texts, [found.sources])[0]
    same = sum(a == b for a, b in zip(found.sources, found.texts, strict=True))
    return {"source-bleu": float(bleu.mean()), "copied": same / len(found.texts)}


@dataclass
class RewritingMeasure:
    """The figures of a generator that rewrites, as `Measure` has those of one that writes from
    nothing.

    Attributes:
        generator: the network.
        vocabulary: turns ids into strings.
        limit: the most tokens of a sentence.
        metrics: "likelihood", of a sentence given itself as the source, and "transfer".
        valid: held-out labelled sentences, or None.
        truth: what is known of a synthetic corpus, or None.
        samples: how many of the held-out sentences to rewrite.
        judges: who judges what was written, or None.
        labels: names of the styles, by number.
    """

    generator: Generator
    vocabulary: Vocabulary
    limit: int
    metrics: Sequence[str]
    valid: Rows | None = None
    truth: object | None = None
    samples: int = 1000
    judges: RewritingJudges | None = None
    labels: Sequence[str] = ()
    signatures: dict[str, str] = field(default_factory=dict, init=False)

    def __call__(self, stream: Stream) -> tuple[dict[str, float], list[str]]:
        """All figures by name, and the sentences they were measured on, each with its source."""
        if self.valid is None:
            return {}, []
        figures = self._likelihood(self.valid) if "likelihood" in self.metrics else {}
        if "transfer" not in self.metrics:
            return figures, []
        found = rewrite(self.generator, self.vocabulary, self._some(self.valid), self.limit)
        pairs = zip(found.sources, found.texts, strict=True)
        return {**figures, **self._of(found)}, [f"{old} -> {new}" for old, new in pairs]

    def real(self, stream: Stream) -> dict[str, float]:
        """Nothing: there are no pairs of real sentences."""
        return {}

    def test(self, data: Rows) -> dict[str, float]:
        """The likelihood of other real sentences given themselves and, with the metric "transfer",
        the figures of all of them rewritten; those of each direction too, where there are more than
        two styles."""
        figures = self._likelihood(data)
        if "transfer" not in self.metrics:
            return figures
        found = rewrite(self.generator, self.vocabulary, data, self.limit)
        figures |= self._of(found)
        if self.generator.styles == 2:
            return figures
        for (own, wanted), part in by_direction(found).items():
            where = f"{self.labels[own]} to {self.labels[wanted]}"
            known = self._known(part)
            figures |= {f"{name} ({where})": known[name] for name in known if name != SCORE}
        return figures

    def _likelihood(self, data: Rows) -> dict[str, float]:
        result = likelihood(self.generator, data)
        return {"nll": result.nats, "perplexity": result.perplexity}

    def _some(self, data: Rows) -> Rows:
        """Evenly spread over the sentences: they may be sorted by label."""
        count = min(self.samples, len(data))
        return _Chosen(data, torch.arange(count) * len(data) // count)

    def _of(self, found: Rewritten) -> Mapping[str, float]:
        figures = {**source_figures(found), **self._known(found)}
        if self.judges is not None:
            figures[SCORE] = judged_score(figures)
        return figures

    def _known(self, found: Rewritten) -> Mapping[str, float]:
        """What judges or the grammar know."""
        if self.judges is not None:
            return self.judges.figures(found.sources, found.texts, found.own, found.styles)
        if isinstance(self.truth, GrammarTruth):
            return grammar_figures(self.truth.grammar, found)
        return {}


@dataclass(frozen=True)
class _Chosen:
    """Some rows of a corpus."""

    data: Rows
    numbers: Tensor

    def __len__(self) -> int:
        return len(self.numbers)

    def select(self, indices: Tensor, rows: Tensor | None = None) -> Sentences:
        """Some of these rows."""
        return self.data.select(self.numbers[indices], rows)


def _marked(marks: Mapping[str, str], text: str) -> str | None:
    """The one style whose own words a text has; None for none or several."""
    found = {marks[word] for word in text.split() if word in marks}
    return found.pop() if len(found) == 1 else None
