"""Networks that classify sentences: their values, and what they must not depend on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqgen.discriminators.convolution import Convolution
from seqgen.discriminators.hashed_ngrams import HashedNgrams
from seqgen.text.sentences import Sentences

WORDS, LABELS, PAD = 11, 3, 0


def linear(**settings: float) -> HashedNgrams:
    torch.manual_seed(1)
    given = {"width": 4, "orders": 3, "buckets": 50, **settings}
    return HashedNgrams(WORDS, LABELS, **given).eval()  # type: ignore[arg-type]


def convolution(**settings: float) -> Convolution:
    torch.manual_seed(2)
    return Convolution(WORDS, LABELS, width=4, widths=(2, 3), channels=5, **settings).eval()


NETWORKS: dict[str, Callable[..., nn.Module]] = {"linear": linear, "convolution": convolution}
SENTENCES = [[5, 3, 2], [2], [7, 7, 5, 3, 2], [3, 5, 2], [9, 2]]


def batch(rows: list[list[int]], time: int = 0, pad: int = PAD) -> Sentences:
    time = max(time, *map(len, rows))
    ids = torch.tensor([row + [pad] * (time - len(row)) for row in rows])
    return Sentences(ids, torch.tensor([len(row) for row in rows]))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_sentence_has_one_answer_whatever_stands_beside_it(name: str) -> None:
    network = NETWORKS[name]()
    together = network(batch(SENTENCES))
    assert together.shape == (5, LABELS)
    alone = torch.cat([network(batch([row])) for row in SENTENCES])
    longer = network(batch(SENTENCES, time=12, pad=2))  # END may be the PAD of GPT-2
    torch.testing.assert_close(together, alone)
    torch.testing.assert_close(together, longer)
    assert len({tuple(row) for row in together.tolist()}) == 5


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_has_a_gradient(name: str) -> None:
    network = NETWORKS[name]()
    network(batch(SENTENCES)).square().sum().backward()
    assert all(p.grad is not None and bool(p.grad.any()) for p in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_dropout_acts_in_training_only(name: str) -> None:
    network = NETWORKS[name](dropout=0.5)
    plain = network(batch(SENTENCES))
    torch.testing.assert_close(network(batch(SENTENCES)), plain)
    network.train()
    assert not torch.allclose(network(batch(SENTENCES)), plain)


def by_hand(network: HashedNgrams, row: list[int]) -> Tensor:
    """The mean of the vectors of words, pairs and triples, then the linear layer."""
    places = set_of(network, row)
    return network.linear(network.bag.weight[torch.tensor(places)].mean(0))


def set_of(network: HashedNgrams, row: list[int]) -> list[int]:
    found = network.features(batch([row]))[0].tolist()
    return [place for place in found if place != network.nothing]


def test_a_sentence_is_the_mean_of_its_words_and_ngrams() -> None:
    network = linear()
    assert [len(set_of(network, row)) for row in ([5], [5, 3], [5, 3, 2], [7, 7, 5, 3])] == [
        1, 2 + 1, 3 + 2 + 1, 4 + 3 + 2,
    ]  # fmt: skip
    for row in SENTENCES:
        torch.testing.assert_close(network(batch([row]))[0], by_hand(network, row))


def test_ngrams_are_the_same_wherever_they_stand() -> None:
    network = linear(buckets=10_000)
    one, other = set_of(network, [5, 3, 2]), set_of(network, [9, 5, 3, 2])
    assert set(one) <= set(other)
    assert set(set_of(network, [3, 5, 2])) != set(one)  # the order of words counts
    words = set(range(WORDS))
    assert all(WORDS <= place < network.nothing for place in set(one) - words)


def test_different_ngrams_rarely_share_a_vector() -> None:
    network = linear(orders=2, buckets=100_000)
    pairs = torch.cartesian_prod(torch.arange(WORDS), torch.arange(WORDS))
    found = network.features(Sentences(pairs, torch.full((len(pairs),), 2)))[:, 2]
    assert found.unique().numel() >= len(pairs) - 1  # expected collisions: 0.07


def test_words_alone_have_no_buckets() -> None:
    network = linear(orders=1)
    assert network.bag.weight.shape == (WORDS + 1, 4)
    torch.testing.assert_close(network(batch([[5, 3]])), network(batch([[3, 5]])))


def test_all_left_out_is_no_fault() -> None:
    network = linear(dropout=0.999999).train()
    torch.testing.assert_close(network(batch([[5, 2]]))[0], network.linear.bias)


def test_one_hot_soft_tokens_are_their_ids() -> None:
    network = convolution()
    given = batch(SENTENCES)
    soft = nn.functional.one_hot(given.ids, WORDS).float().requires_grad_()
    logits = network.score(soft, given.lengths)
    torch.testing.assert_close(logits, network(given))
    logits[:, 0].sum().backward()
    assert soft.grad is not None and bool(soft.grad[0, :3].any())
    assert not soft.grad[1, 1:].any()  # padding decides nothing


def test_convolutions_take_the_largest_window() -> None:
    network = Convolution(WORDS, 1, width=1, widths=(2,), channels=1, dropout=0.0).eval()
    with torch.no_grad():
        network.embedding.weight[:, 0] = torch.arange(WORDS)
        network.convolutions[0].weight.fill_(1.0)
        network.convolutions[0].bias.zero_()
        network.linear.weight.fill_(1.0)
        network.linear.bias.zero_()
    # Sums of two neighbours, zeros beyond the ends: 0+5 5+3 3+2 2+0.
    assert network(batch([[5, 3, 2], [9, 2], [4]]))[:, 0].tolist() == [8.0, 11.0, 4.0]
