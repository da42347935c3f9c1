"""What a style discriminator is asked, and the right answers."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqgen.discriminators.style import FAKE, StyleDiscriminator


class Written(NamedTuple):
    """Sentences, and the style they are in or were meant to be in.

    Attributes:
        tokens: ids (rows, time) int64 or soft tokens (rows, time, vocabulary).
        lengths: (rows,) int64, END included.
        style: (rows,) int64.
    """

    tokens: Tensor
    lengths: Tensor
    style: Tensor


class Claim(NamedTuple):
    """Sentences said to be of a style, and the class that is right: `right` (rows,) int64.
    `said.style` is shown to conditional discriminators only."""

    said: Written
    right: Tensor


def claims(
    real: Written, other: Tensor, own: Written, changed: Written, conditional: bool
) -> dict[str, Claim]:
    """What the discriminator learns from one batch.

    Conditional, class 1 being "a real sentence of this style": real sentences and their
    reconstructions are of their style, real sentences are of no other, changed ones not of the
    style they were meant to be in. Multi-class: real sentences and their reconstructions are of the
    class 1 + style, changed ones of class 0.

    Args:
        real: real sentences.
        other: (rows,) int64, another style for each of them; unused by the multi-class variant.
        own: what the generator wrote of them in their own style.
        changed: what it wrote of them in another style.
        conditional: the variant of the discriminator.
    """
    if not conditional:
        return {
            "real": Claim(real, real.style + 1),
            "reconstructed": Claim(own, own.style + 1),
            "transferred": Claim(changed, torch.full_like(changed.style, FAKE)),
        }
    return {
        "real": Claim(real, torch.ones_like(real.style)),
        "other": Claim(real._replace(style=other), torch.full_like(other, FAKE)),
        "reconstructed": Claim(own, torch.ones_like(own.style)),
        "transferred": Claim(changed, torch.full_like(changed.style, FAKE)),
    }


def wanted(changed: Written, conditional: bool) -> Tensor:
    """The class that the generator wants its changed sentences to have, (rows,) int64."""
    return torch.ones_like(changed.style) if conditional else changed.style + 1


def verdicts(
    discriminator: StyleDiscriminator, asked: dict[str, Claim]
) -> dict[str, tuple[Tensor, Tensor]]:
    """Logits (rows, classes) and the right classes (rows,) of each claim, in one pass; sentences
    that are claimed twice are embedded once."""
    embedded: dict[int, Tensor] = {}
    for said, _ in asked.values():
        if id(said.tokens) not in embedded:
            embedded[id(said.tokens)] = discriminator.embed(said.tokens, said.lengths)
    time = max(vectors.shape[1] for vectors in embedded.values())
    padded = {
        key: nn.functional.pad(vectors, (0, 0, 0, time - vectors.shape[1]))
        for key, vectors in embedded.items()
    }
    shown = [claim.said for claim in asked.values()]
    logits = discriminator.judge(
        torch.cat([padded[id(one.tokens)] for one in shown]),
        torch.cat([one.lengths for one in shown]),
        torch.cat([one.style for one in shown]) if discriminator.conditional else None,
    ).float()
    parts = torch.split(logits, [len(one.lengths) for one in shown])
    return {
        name: (part, claim.right) for (name, claim), part in zip(asked.items(), parts, strict=True)
    }
