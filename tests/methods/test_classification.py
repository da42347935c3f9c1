"""Classification: its loss in closed form, and that labels are learned."""

from __future__ import annotations

import math

import pytest
import torch
from method_models import SPECIALS, VOCABULARY, corpus, moment, players, value
from torch import Tensor, nn

from seqgen.discriminators.convolution import Convolution
from seqgen.discriminators.hashed_ngrams import HashedNgrams
from seqgen.evaluation.classification import ClassifierMeasure, accuracy
from seqgen.methods.classification import Classification
from seqgen.randomness import Stream
from seqgen.text.encoded import Encoded
from seqgen.text.sentences import Sentences
from seqgen.training.batches import Batches
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer


class Fixed(nn.Module):
    """Gives the logits it was made with."""

    def __init__(self, logits: list[list[float]]) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor(logits))

    def forward(self, sentences: Sentences) -> Tensor:
        return self.logits[sentences.ids[:, 0]]


def rows(numbers: list[int], labels: list[int]) -> Sentences:
    return Sentences(
        torch.tensor(numbers)[:, None], torch.ones(len(numbers)).long(), torch.tensor(labels)
    )


def labelled(numbers: list[int], labels: list[int]) -> Encoded:
    count = len(numbers)
    ids = torch.tensor(numbers, dtype=torch.int32)
    return Encoded(ids, torch.arange(count), torch.ones(count).long(), 0, torch.tensor(labels))


LOGITS = [[math.log(3.0), 0.0], [0.0, math.log(4.0)], [0.0, 0.0]]


def test_the_loss_is_the_cross_entropy_of_the_label() -> None:
    loss = Classification(Fixed(LOGITS)).loss("classifier", rows([0, 1, 0], [0, 0, 1]), moment())
    expected = -(math.log(3 / 4) + math.log(1 / 5) + math.log(1 / 4))
    assert loss.terms["nll"].total.item() == pytest.approx(expected, abs=1e-6)
    assert loss.terms["nll"].weight == 3
    assert value(loss).item() == pytest.approx(expected / 3, abs=1e-6)
    total, weight, _ = loss.numbers["accuracy"]
    assert (float(total), weight) == (1.0, 3)


def test_smoothing_spreads_a_share_over_all_labels() -> None:
    method = Classification(Fixed(LOGITS), smoothing=0.2)
    expected = -(0.9 * math.log(3 / 4) + 0.1 * math.log(1 / 4))
    assert value(method.loss("classifier", rows([0], [0]), moment())).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_sentences_without_labels_are_refused() -> None:
    method = Classification(Fixed(LOGITS))
    with pytest.raises(ValueError, match="no labels"):
        method.loss(
            "classifier", Sentences(torch.ones(1, 1).long(), torch.ones(1).long()), moment()
        )
    with pytest.raises(ValueError, match="needs sentences with labels"):
        accuracy(Fixed(LOGITS), corpus(), ["a", "b"])


def test_accuracy_is_counted_by_label() -> None:
    data = labelled([0, 0, 1, 1, 1], [0, 1, 1, 1, 0])
    found = accuracy(Fixed(LOGITS), data, ["good", "bad", "unseen"], size=2)
    assert (found.overall, found.sentences) == (pytest.approx(3 / 5), 5)
    assert found.per_label == {"good": pytest.approx(1 / 2), "bad": pytest.approx(2 / 3)}
    nats = -(math.log(3 / 4) + math.log(1 / 4) + 2 * math.log(4 / 5) + math.log(1 / 5)) / 5
    assert found.nats == pytest.approx(nats, abs=1e-6)
    measure = ClassifierMeasure(Fixed(LOGITS), ["good", "bad"], data)
    assert measure(Stream.of(1)) == (found.figures(), [])
    assert ClassifierMeasure(Fixed(LOGITS), ["good", "bad"])(Stream.of(1)) == ({}, [])


def separable(count: int = 200) -> Encoded:
    """The label is the parity of the numbers before END."""
    drawn = torch.Generator().manual_seed(5)
    labels = torch.arange(count) % 2
    lengths = torch.randint(2, 7, (count,), generator=drawn)
    halves = (VOCABULARY - 3) // 2
    ids = 3 + 2 * torch.randint(0, halves, (int(lengths.sum()),), generator=drawn)
    ids += labels.repeat_interleave(lengths)
    ids[lengths.cumsum(0) - 1] = SPECIALS.end
    return Encoded(ids.int(), lengths.cumsum(0) - lengths, lengths, SPECIALS.pad, labels)


@pytest.mark.parametrize("name", ["hashed-ngrams", "convolution"])
def test_separable_labels_are_learned_without_a_mistake(name: str) -> None:
    torch.manual_seed(0)
    network: nn.Module
    if name == "convolution":
        network = Convolution(VOCABULARY, 2, width=8, channels=8, dropout=0.1)
    else:
        network = HashedNgrams(VOCABULARY, 2, width=8, buckets=100, dropout=0.1)
    method, data = Classification(network), separable()
    train, test = data.subset(torch.arange(150)), data.subset(torch.arange(150, 200))
    before = accuracy(network, test, ["even", "odd"])
    Trainer([Phase(method, 120)], players(method, 2e-2), Batches(train, 20)).train()
    after = accuracy(network, test, ["even", "odd"])
    assert before.overall < 0.9
    assert after.per_label == {"even": 1.0, "odd": 1.0} and after.nats < 0.2
