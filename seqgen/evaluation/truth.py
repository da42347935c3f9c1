"""What is known of sentences when the corpus is synthetic: the truth a real corpus never tells."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgen.evaluation.likelihood import log_probabilities
from seqgen.generators.protocol import Generator
from seqgen.text.grammar import Grammar
from seqgen.text.sentences import Sentences


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


@dataclass(frozen=True)
class GrammarTruth:
    """Share of grammatical sentences, their NLL, and how much of the grammar they cover."""

    grammar: Grammar

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
