"""Multi-head attention, by the kernel that is the fastest for what is asked."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    *,
    dropout: float = 0.0,
    causal: bool = False,
) -> Tensor:
    """What the queries find, (rows, heads, time, size).

    Args:
        queries: (rows, heads, time, size).
        keys: (rows, heads, places, size).
        values: (rows, heads, places, size).
        mask: bool, True where a place may be looked at, to be broadcast to (rows, heads, time,
            places).
        dropout: on the attention weights.
        causal: query i sees the places up to i.
    """
    one = queries.shape[2] == 1 and not dropout and not torch.is_grad_enabled()
    if one and not queries.is_cuda and queries.dtype == torch.bfloat16:
        return _of_one_query(queries, keys, values, mask)
    return nn.functional.scaled_dot_product_attention(
        queries, keys, values, attn_mask=mask, dropout_p=dropout, is_causal=causal
    )


def _of_one_query(queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
    """Plain products: torch's bfloat16 kernel for the CPU, made for many queries, takes two to
    three times as long for one."""
    scores = (queries * queries.shape[-1] ** -0.5) @ keys.transpose(-1, -2)
    if mask is not None:
        scores = scores.masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, -1, dtype=torch.float32).to(values.dtype) @ values
