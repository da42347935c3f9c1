"""What is known of sentences when the corpus is synthetic: the truth a real corpus never tells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgen.evaluation.likelihood import log_probabilities, sentence_log_probabilities
from seqgen.generators.protocol import Generator
from seqgen.text.grammar import Grammar
from seqgen.text.sentences import Rows, Sentences
from seqgen.text.vocabulary import Vocabulary


@dataclass(frozen=True)
class OracleTruth:
    """NLL under the oracle: nats a token of drawn sentences (Yu et al., 2017, arXiv 1609.05473).

    It rewards samples that are likely under the oracle and is blind to missing modes: report it
    beside the held-out NLL.
    """

    oracle: Generator
    batch: int = 512

    def measure(self, sentences: Sentences, texts: Sequence[str]) -> Mapping[str, float]:
        """`oracle-nll`, nats a token."""
        return {"oracle-nll": float(self.nats(sentences).sum()) / int(sentences.lengths.sum())}

    def nats(self, sentences: Sentences) -> Tensor:
        """-log p of each sentence under the oracle, (rows,) float64 nats."""
        parts = torch.split(torch.arange(len(sentences)), self.batch)
        with torch.no_grad():
            found = [log_probabilities(self.oracle, sentences.select(part)) for part in parts]
        return torch.cat([-part.sum(1, dtype=torch.float64).cpu() for part in found])

    def divergences(
        self, generator: Generator, vocabulary: Vocabulary, held_out: Rows | None, drawn: Sentences
    ) -> Mapping[str, float]:
        """Nothing: the NLL under the oracle and the held-out NLL tell both."""
        return {}


@dataclass(frozen=True)
class GrammarTruth:
    """Share of grammatical sentences, their NLL, how much of the grammar they cover, and how far
    the model's distribution q is from the grammar's p.

    Attributes:
        grammar: the truth.
        style: that of a corpus of one style; None: p is over all.
    """

    grammar: Grammar
    style: str | None = None

    def measure(self, sentences: Sentences, texts: Sequence[str]) -> Mapping[str, float]:
        """`grammatical` and `grammar-coverage` are shares, `grammar-nll` is nats a grammatical
        sentence."""
        found = [self.grammar.log_probability(text) for text in texts]
        right = [value for value in found if math.isfinite(value)]
        grammatical = [
            text for text, value in zip(texts, found, strict=True) if math.isfinite(value)
        ]
        return {
            "grammatical": len(right) / len(texts),
            "grammar-nll": -sum(right) / len(right) if right else math.nan,
            "grammar-coverage": self.grammar.coverage(grammatical),
        }

    def divergences(
        self, generator: Generator, vocabulary: Vocabulary, held_out: Rows | None, drawn: Sentences
    ) -> Mapping[str, float]:
        """`forward_kl` of held-out sentences and `reverse_kl` of drawn ones, by the generator's
        probability of their ids.

        Ids that are not the whole sentence, for a word is unknown or a limit cut it, have no
        probability of their own: held-out ones are left out.
        """
        found: dict[str, float] = {}
        if held_out is not None and len(held_out):
            real = held_out.select(torch.arange(len(held_out)))
            log_q, log_p = self._both(generator, vocabulary, real)
            found |= self.forward_kl(log_q, log_p)
        log_q, log_p = self._both(generator, vocabulary, drawn.to("cpu"))
        return {**found, **self.reverse_kl(log_q, log_p)}

    def forward_kl(self, log_q: Sequence[float], log_p: Sequence[float]) -> dict[str, float]:
        """`forward-kl`: mean of log p - log q over held-out real sentences, nats a sentence; it
        estimates KL(p || q), which a model that lacks modes makes large.

        Sentences that the model has no probability of (NaN), or that are none of the grammar, are
        left out; the truth is then larger, infinite where the model cannot write what it cannot
        read. `forward-kl-unread` is their share, where there are any.
        """
        gaps = [p - q for q, p in zip(log_q, log_p, strict=True) if math.isfinite(p - q)]
        found = {"forward-kl": math.fsum(gaps) / len(gaps)} if gaps else {}
        if len(gaps) < len(log_q):
            found["forward-kl-unread"] = 1 - len(gaps) / len(log_q)
        return found

    def reverse_kl(self, log_q: Sequence[float], log_p: Sequence[float]) -> dict[str, float]:
        """`reverse-kl`: mean of log q - log p over the grammatical ones of drawn sentences, nats a
        sentence; nothing where there are none.

        KL(q || p) itself is infinite where anything else is drawn. On the grammatical part q is not
        made to sum to 1, so a model that writes little grammatical has a lower one, by -log of the
        share grammatical: read it beside that share.
        """
        gaps = [q - p for q, p in zip(log_q, log_p, strict=True) if math.isfinite(q - p)]
        return {"reverse-kl": math.fsum(gaps) / len(gaps)} if gaps else {}

    def log_probabilities(self, texts: Sequence[str]) -> list[float]:
        """log p of each sentence, nats; -inf outside of the grammar."""
        return [self.grammar.log_probability(text, self.style) for text in texts]

    def _both(
        self, generator: Generator, vocabulary: Vocabulary, sentences: Sentences
    ) -> tuple[list[float], list[float]]:
        """log q, NaN where the ids are not the whole sentence, and log p, of each."""
        texts = vocabulary.texts(sentences.ids, sentences.lengths)
        log_q = sentence_log_probabilities(generator, _Whole(sentences))
        log_q[~_whole(sentences, vocabulary)] = math.nan
        return log_q.tolist(), self.log_probabilities(texts)


def _whole(sentences: Sentences, vocabulary: Vocabulary) -> Tensor:
    """Whether the ids are all of a sentence, its END too, and no word is unknown; (rows,) bool."""
    whole = torch.ones(len(sentences), dtype=torch.bool)
    if vocabulary.end is not None:
        last = sentences.ids.gather(1, (sentences.lengths - 1).clamp(min=0).unsqueeze(1))
        whole &= (last.squeeze(1) == vocabulary.end) & (sentences.lengths > 0)
    if vocabulary.unknown is not None:
        whole &= ~((sentences.ids == vocabulary.unknown) & sentences.mask).any(1)
    return whole


@dataclass(frozen=True)
class _Whole:
    """A batch as a corpus."""

    sentences: Sentences

    def __len__(self) -> int:
        return len(self.sentences)

    def select(self, indices: Tensor, rows: Tensor | None = None) -> Sentences:
        """Some of the rows."""
        return self.sentences.select(indices)
