"""Classification: a network learns the labels of sentences, to judge others by them."""

from __future__ import annotations

import torch
from torch import nn

from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.text.sentences import Sentences


class Classification(Stateless):
    """Cross-entropy of the label, nats a sentence; the accuracy is logged beside it.

    Args:
        classifier: sentences -> logits (rows, labels).
        smoothing: share of the label's probability spread over all labels (Szegedy et al., 2016,
            arXiv 1512.00567).
    """

    def __init__(self, classifier: nn.Module, smoothing: float = 0.0) -> None:
        self.classifier, self.smoothing = classifier, smoothing
        self.modules = {"classifier": classifier}

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """One pass over the sentences.

        Raises:
            ValueError: the sentences have no labels.
        """
        if batch.labels is None:
            raise ValueError("the sentences have no labels; a classifier learns from labelled ones")
        logits = self.classifier(batch).float()
        total = nn.functional.cross_entropy(
            logits, batch.labels, reduction="sum", label_smoothing=self.smoothing
        )
        right = (logits.argmax(1) == batch.labels).sum().to(torch.float32)
        return Loss({"nll": Term(total, len(batch))}, {"accuracy": Term(right, len(batch))})
