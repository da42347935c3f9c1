"""How often a classifier finds the right label."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgen.evaluation.likelihood import batches
from seqgen.generators.modes import evaluating
from seqgen.randomness import Stream
from seqgen.text.sentences import Rows, Sentences


@dataclass(frozen=True)
class Accuracy:
    """What a classifier makes of labelled sentences.

    Attributes:
        overall: share of all sentences whose label it finds.
        per_label: the same share among the sentences of each label; a label without any is left
            out.
        nats: negative log-probability of the right label, nats a sentence.
        sentences: how many there are.
    """

    overall: float
    per_label: Mapping[str, float]
    nats: float
    sentences: int

    def figures(self) -> dict[str, float]:
        """`accuracy` and `nll`, as the journal has them."""
        return {"accuracy": self.overall, "nll": self.nats}


def accuracy(classifier: nn.Module, data: Rows, labels: Sequence[str], size: int = 512) -> Accuracy:
    """Classify all sentences, in batches of `size`; `labels` are the names by number.

    Raises:
        ValueError: the sentences have no labels.
    """
    found, right = [], []
    with torch.no_grad(), evaluating(classifier):
        for batch in batches(data, size):
            if batch.labels is None:
                raise ValueError("accuracy needs sentences with labels; these have none")
            found.append(log_probabilities(classifier, batch).cpu())
            right.append(batch.labels)
    guesses, truth = torch.cat(found), torch.cat(right)
    hits = (guesses.argmax(1) == truth).double()
    shares = [float(hits[truth == number].mean()) for number in range(len(labels))]
    return Accuracy(
        overall=float(hits.mean()),
        per_label={n: v for n, v in zip(labels, shares, strict=True) if not math.isnan(v)},
        nats=-float(guesses.gather(1, truth[:, None]).mean()),
        sentences=len(truth),
    )


def accuracy_told(
    overall: float, sentences: int, per_label: Mapping[str, float], split: str | None
) -> str:
    """How often a classifier is right, in a line; `split` is where the sentences are from."""
    where = "test" if split == "test" else "validation (there are no test sentences)"
    each = ", ".join(f"{label} {share:.4f}" for label, share in per_label.items())
    return f"{where} accuracy {overall:.4f} of {sentences} sentences ({each})"


def log_probabilities(classifier: nn.Module, batch: Sentences) -> Tensor:
    """log p of every label, (rows, labels) float64, where the classifier is."""
    device = next(classifier.parameters()).device
    logits: Tensor = classifier(batch.to(device))
    return logits.double().log_softmax(1)


@dataclass(frozen=True)
class ClassifierMeasure:
    """The figures of a classifier during training, as `Measure` has those of a generator; it draws
    no sentences.

    Attributes:
        classifier: the network.
        labels: their names by number.
        valid: held-out labelled sentences, or None.
    """

    classifier: nn.Module
    labels: Sequence[str]
    valid: Rows | None = None

    def __call__(self, stream: Stream) -> tuple[dict[str, float], list[str]]:
        """`accuracy` and `nll` (nats a sentence) of the held-out sentences; no sentences."""
        return ({} if self.valid is None else self.test(self.valid)), []

    def real(self, stream: Stream) -> dict[str, float]:
        """Nothing: real sentences are what its figures are of."""
        return {}

    def test(self, data: Rows) -> dict[str, float]:
        """The same figures for other labelled sentences."""
        return accuracy(self.classifier, data, self.labels).figures()
