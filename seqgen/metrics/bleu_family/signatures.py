"""What every kind of BLEU says of how it was measured, in one order and one spelling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.score import Score, sign

Signed = Mapping[str, str | int]


def bleu_settings(
    hypotheses: int,
    references: int | str,
    smoothing: Smoothing,
    tokenizer: str,
    left_out: bool | str | None = False,
    backward: tuple[int, int] | None = None,
) -> dict[str, str | int]:
    """Return what a signature of BLEU says, the order aside.

    ``references`` is their number, or in words what they are; ``left_out`` whether each sentence
    was left out of its references, None where that has no meaning; ``backward`` how many hypotheses
    and references the other way had, where a harmonic mean has other numbers of them.
    """
    settings: dict[str, str | int] = {"hypotheses": hypotheses, "references": references}
    if backward is not None:
        settings["backward-hypotheses"], settings["backward-references"] = backward
    settings |= {"smoothing": smoothing, "tokenizer": tokenizer}
    if left_out is not None:
        said = {True: "yes", False: "no"}
        settings["leave-one-out"] = left_out if isinstance(left_out, str) else said[left_out]
    return settings


def signatures(orders: Sequence[int], settings: Signed, first: Signed | None = None) -> list[str]:
    """Return the signature of each order, after what is to stand ``first``."""
    return [sign({**(first or {}), "order": order, **settings}) for order in orders]


def signed_orders(
    name: str,
    values: Sequence[float],
    orders: Sequence[int],
    settings: Signed,
    first: Signed | None = None,
) -> list[Score]:
    """Return the values, one an order, as scores ``name-order``."""
    signed = signatures(orders, settings, first)
    return [
        Score(f"{name}-{order}", float(value), signature)
        for order, value, signature in zip(orders, values, signed, strict=True)
    ]
