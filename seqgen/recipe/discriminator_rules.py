"""The rules that tie a recipe's discriminator to the methods that train it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from seqgen.recipe.adversarial import GumbelSoftmax, InverseReinforcement, SeqGAN
from seqgen.recipe.syntax import Dotted, dotted

if TYPE_CHECKING:
    from seqgen.recipe.recipe import Recipe

Problem = tuple[Dotted, str]


def fitting(recipe: Recipe) -> Iterator[Problem]:
    """The discriminator is of a kind that each method takes, and its scores are those wanted."""
    discriminator = recipe.discriminator
    if discriminator is None:
        return
    per_token = getattr(discriminator, "per_token", False)
    told: set[str] = set()
    for path, phase in recipe.walk():
        method, place = phase.method, dotted(path)
        if not method.discriminators or method.kind in told:
            continue
        if discriminator.kind not in method.discriminators:
            told.add(method.kind)
            yield (
                ("discriminator", "kind"),
                f"{discriminator.kind} does not suit {method.kind} (at {place}); "
                f"it takes {', '.join(method.discriminators)}",
            )
        elif isinstance(method, GumbelSoftmax) and method.prefixes == "real":
            if discriminator.kind != "projection" and "real" not in told:
                told.add("real")
                yield (
                    ("discriminator", "kind"),
                    f"{discriminator.kind} cannot score other words after a real prefix, as "
                    f"gumbel-softmax with prefixes real (at {place}) wants it; "
                    "take projection, or set prefixes to own",
                )
        elif isinstance(method, SeqGAN) and per_token and method.rollouts:
            yield (
                (*path, "method", "rollouts"),
                f"{method.rollouts} given, and the discriminator scores every token, so that no "
                "prefix needs to be completed; set it to 0",
            )


def buffers(recipe: Recipe) -> Iterator[Problem]:
    """What a method draws ahead is whole batches."""
    for path, phase in recipe.walk():
        method = phase.method
        if isinstance(method, InverseReinforcement) and method.buffer % recipe.batch:
            above = (method.buffer // recipe.batch + 1) * recipe.batch
            yield (
                (*path, "method", "buffer"),
                f"{method.buffer} is no multiple of the batch of {recipe.batch}; {above} would be",
            )
