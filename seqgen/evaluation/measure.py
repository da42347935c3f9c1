"""The figures of a training run: what is measured at every evaluation, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import torch

from seqgen.evaluation.likelihood import batches, likelihood
from seqgen.evaluation.sampling import sample
from seqgen.generators.choose import Sample
from seqgen.generators.protocol import Generator
from seqgen.metrics.bleu_family.bleu import bleu_orders, self_bleu_orders
from seqgen.metrics.diversity import distinct, entropy, novel_share, unique_share
from seqgen.metrics.score import Score
from seqgen.randomness import Stream
from seqgen.text.sentences import Rows, Sentences
from seqgen.text.vocabulary import Vocabulary


class Truth(Protocol):
    """What a synthetic corpus knows of any sentences: NLL under the oracle, share grammatical,
    coverage."""

    def measure(self, sentences: Sentences, texts: Sequence[str]) -> Mapping[str, float]:
        """Figures by name."""

    def divergences(
        self, generator: Generator, vocabulary: Vocabulary, held_out: Rows | None, drawn: Sentences
    ) -> Mapping[str, float]:
        """Figures by name that need the generator's probabilities too: of held-out sentences, and
        of sentences it has drawn at temperature 1."""


# Which figure stands for a metric when the best checkpoint is selected, and whether lower is
# better.
FIGURES: Mapping[str, tuple[str, bool]] = {
    "likelihood": ("nll", True),
    "bleu": ("bleu-4", False),
    "self-bleu": ("self-bleu-4", True),
    "distinct": ("distinct-2", False),
    "entropy": ("entropy-4", False),
    "novelty": ("novel", False),
    "transfer": ("transfer-score", False),  # a grammar knows it, a real corpus does not
}


@dataclass
class Measure:
    """Draws sentences from a generator and measures them.

    Sentences are compared as the ids of the vocabulary, so that characters, subwords and words are
    treated alike.

    Attributes:
        generator: the network.
        vocabulary: turns ids into strings.
        limit: the most tokens of a drawn sentence.
        metrics: names out of FIGURES, and "truth".
        training: training sentences, for the real-data row and for novelty.
        valid: held-out sentences for the likelihood and as references of BLEU, or None.
        truth: what is known of a synthetic corpus.
        samples: how many sentences to draw.
        temperature: of the draws.
        references: the most held-out sentences that serve as references.
        signatures: how the figures that have a signature were measured last, by name.
    """

    generator: Generator
    vocabulary: Vocabulary
    limit: int
    metrics: Sequence[str]
    training: Rows
    valid: Rows | None = None
    truth: Truth | None = None
    samples: int = 1000
    temperature: float = 1.0
    references: int = 10_000
    signatures: dict[str, str] = field(default_factory=dict, init=False)

    def __call__(self, stream: Stream) -> tuple[dict[str, float], list[str]]:
        """All figures by name, and the sentences they were measured on."""
        figures: dict[str, float] = {}
        if "likelihood" in self.metrics and self.valid is not None:
            figures |= self.test(self.valid)
        decoded = sample(self.generator, self.samples, self.limit, stream, Sample(self.temperature))
        sentences = decoded.sentences()
        texts = self._texts(sentences)
        return {**figures, **self._of(sentences, texts)}, texts

    def real(self, stream: Stream) -> dict[str, float]:
        """The same figures for as many training sentences: what a perfect model would get, up to
        chance."""
        rows = torch.randperm(len(self.training), generator=stream.generator())[: self.samples]
        sentences = self.training.select(rows)
        return self._of(sentences, self._texts(sentences), real=True)

    def test(self, data: Rows) -> dict[str, float]:
        """The likelihood of other real sentences."""
        result = likelihood(self.generator, data)
        return {"nll": result.nats, "perplexity": result.perplexity}

    def _texts(self, sentences: Sentences) -> list[str]:
        return self.vocabulary.texts(sentences.ids.cpu(), sentences.lengths.cpu())

    def _of(
        self, sentences: Sentences, texts: Sequence[str], real: bool = False
    ) -> dict[str, float]:
        figures: dict[str, float] = {}
        tokens = self._words(sentences)
        if "bleu" in self.metrics and self.valid is not None:
            figures |= self._named(bleu_orders(tokens, self._references))
        if "self-bleu" in self.metrics and len(tokens) > 1:  # of one sentence there is none
            figures |= self._named(self_bleu_orders(tokens))
        if "distinct" in self.metrics:
            figures |= self._named([distinct(tokens, 2), unique_share(tokens)])
        if "entropy" in self.metrics:
            figures |= self._named([entropy(tokens, 4)])
        if "novelty" in self.metrics and not real:
            figures |= self._named([novel_share(texts, self._training)])
        if self.truth is not None and "truth" in self.metrics:
            figures |= self.truth.measure(sentences, texts)
            if not real and self.temperature == 1.0:
                figures |= self.truth.divergences(
                    self.generator, self.vocabulary, self.valid, sentences
                )
        return figures

    def _named(self, scores: Sequence[Score]) -> dict[str, float]:
        self.signatures.update({score.name: score.signature for score in scores})
        return {score.name: score.value for score in scores}

    @cached_property
    def _references(self) -> list[list[str]]:
        assert self.valid is not None
        rows = torch.arange(min(len(self.valid), self.references))
        return self._words(self.valid.select(rows))

    def _words(self, sentences: Sentences) -> list[list[str]]:
        """The ids of each sentence as strings, without END and padding."""
        rows, lengths, end = sentences.ids.tolist(), sentences.lengths.tolist(), self.vocabulary.end
        pairs = zip(rows, lengths, strict=True)
        return [[str(i) for i in row[:length] if i != end] for row, length in pairs]

    @cached_property
    def _training(self) -> list[str]:
        return [text for batch in batches(self.training, 4096) for text in self._texts(batch)]
