"""The checksum of given weights, and their names."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from seqgen.base_weights import BaseWeights, base_of, checksum, untrained


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 2, bias=False))


def test_the_checksum_is_of_names_formats_shapes_and_values() -> None:
    plain = nn.Linear(2, 1, bias=False)
    with torch.no_grad():
        plain.weight.copy_(torch.tensor([[1.0, -2.0]]))
    data = b"weight torch.float32 (1, 2)\n" + bytes.fromhex("0000803f000000c0")
    assert checksum(plain) == hashlib.sha256(data).hexdigest()


def test_any_change_changes_the_checksum_and_nothing_else_does() -> None:
    first = network()
    known = checksum(first)
    assert checksum(network()) == known == checksum(first.eval().requires_grad_(False))
    assert checksum(network(1)) != known
    assert checksum(network().bfloat16()) != known
    assert checksum(nn.Sequential(*network()[:1])) != known
    assert checksum(nn.Sequential(nn.Identity(), *network())) != known  # other names
    with torch.no_grad():
        first[1].weight[1, 2] = torch.nextafter(first[1].weight[1, 2], torch.tensor(9.0))
    assert checksum(first) != known


def test_weights_in_another_order_of_memory_and_scalars_are_the_same_weights() -> None:
    turned, single = network(), nn.Module()
    turned[0].weight = nn.Parameter(turned[0].weight.detach().t().contiguous().t())
    assert not turned[0].weight.is_contiguous()
    assert checksum(turned) == checksum(network())
    single.scale = nn.Parameter(torch.tensor(2.0))
    assert len(checksum(single)) == 64


def test_tied_weights_count_once_but_have_all_their_names() -> None:
    tied = network()
    tied.extra = nn.Linear(3, 2, bias=False)
    tied.extra.weight = tied[1].weight
    assert checksum(tied) == checksum(network())
    tied[1].requires_grad_(False)
    assert untrained(tied) == {"1.weight", "extra.weight"}


def test_a_network_has_a_base_where_it_says_so() -> None:
    plain = network()
    assert base_of(plain) is None
    plain.base = nn.Linear(2, 2)  # a part that happens to have this name
    assert base_of(plain) is None
    other = network()
    other.base = BaseWeights("a folder", "abc", frozenset({"0.weight"}))
    assert base_of(other) is other.base
