"""Attention of one query, which has products of its own in bfloat16."""

from __future__ import annotations

import pytest
import torch

from seqgen.generators.attention import attend
from seqgen.generators.transformer import Block, Cache


@pytest.mark.parametrize("masked", [False, True])
def test_one_query_in_bfloat16_finds_nearly_the_same(masked: bool) -> None:
    drawn = torch.Generator().manual_seed(0)
    queries = torch.randn(5, 3, 1, 8, generator=drawn)
    keys, values = torch.randn(2, 5, 3, 7, 8, generator=drawn)
    mask = torch.arange(7) < torch.tensor([7, 1, 3, 6, 2])[:, None, None, None] if masked else None
    expected = attend(queries, keys, values, mask)
    with torch.no_grad():
        given = (part.bfloat16() for part in (queries, keys, values))
        found = attend(*given, mask)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.float(), expected, rtol=0.02, atol=0.03)
    if masked:  # the second row sees one place, whatever the query
        torch.testing.assert_close(found[1, :, 0], values[1, :, 0].bfloat16())


def test_the_first_vector_of_a_block_alone_is_the_first_of_all() -> None:
    torch.manual_seed(0)
    block = Block(16, 4, 0.0, "relu")
    given = torch.randn(5, 7, 16, requires_grad=True)
    seen = (torch.arange(7) < torch.tensor([7, 1, 3, 6, 2])[:, None])[:, None, None, :]
    whole, _ = block(given, Cache(given.new_empty(2, 5, 4, 0, 4)), None, seen)
    alone = block.first(given, seen)
    torch.testing.assert_close(alone, whole[:, :1], rtol=1e-5, atol=1e-6)
    wanted = [given, *block.parameters()]
    weights = torch.randn(5, 16)
    expected = torch.autograd.grad((whole[:, 0] * weights).sum(), wanted)
    found = torch.autograd.grad((alone[:, 0] * weights).sum(), wanted)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
