"""The rules that tie a recipe's discriminator to the methods that train it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from seqgen.recipe.adversarial import (
    PROBABLE,
    ContestSettings,
    GumbelSoftmax,
    InverseReinforcement,
    SeqGAN,
)
from seqgen.recipe.method import MethodSettings
from seqgen.recipe.syntax import Dotted, dotted

if TYPE_CHECKING:
    from seqgen.recipe.recipe import Recipe

Problem = tuple[Dotted, str]
# What a discriminator's scores mean is decided by these.
CONTEST = ("pair", "smoothing", "penalty", "weight_clip")


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


def taken(methods: Sequence[MethodSettings], kinds: Sequence[str]) -> list[str]:
    """Those of the kinds of discriminators that all methods work with; where no kind suits all,
    those that the first works with."""
    suiting = [
        ("projection",)
        if isinstance(method, GumbelSoftmax) and method.prefixes == "real"
        else method.discriminators
        for method in methods
    ]
    common = [kind for kind in kinds if all(kind in one for one in suiting)]
    return common or [kind for kind in kinds if kind in suiting[0]]


def one_contest(recipe: Recipe) -> Iterator[Problem]:
    """Phases of one method train its discriminator for the same end: what one phase teaches it to
    say is what the next phase takes its scores for."""
    first: dict[str, tuple[Dotted, ContestSettings]] = {}
    told: set[str] = set()
    for path, phase in recipe.walk():
        method = phase.method
        if not isinstance(method, ContestSettings) or method.kind in told:
            continue
        before, other = first.setdefault(method.kind, (path, method))
        different = [name for name in CONTEST if getattr(other, name) != getattr(method, name)]
        if different:
            told.add(method.kind)
            yield (*path, "method", different[0]), _disagreement(before, other, method, different)


def _disagreement(
    before: Dotted, other: ContestSettings, method: ContestSettings, different: Sequence[str]
) -> str:
    """What both say, and what makes the earlier one say the same."""
    here = ", ".join(f"{name} {_shown(method, name)}" for name in different)
    there = ", ".join(f"{name} {_shown(other, name)}" for name in different)
    changes = [change for name in different for change in _changes(before, method, name)]
    # A pair without a probability allows one reward only, which the earlier phase needs with it.
    if getattr(other, "reward", None) != getattr(method, "reward", None) and (
        method.pair not in PROBABLE
    ):
        changes += _changes(before, method, "reward")
    return (
        f"{here} given, and {dotted(before)} has {there}; phases of one method train one "
        f"discriminator and must agree. Set {dotted(before)} too: {' '.join(changes)}, or leave it "
        "as it was"
    )


def _shown(method: ContestSettings, name: str) -> str:
    value = getattr(method, name)
    if name == "penalty" and value is not None:
        return f"{value.kind} (weight {value.weight:g})"
    return "none" if value is None else str(value)


def _changes(path: Dotted, method: ContestSettings, name: str) -> list[str]:
    """The options of the command line that give a phase a method's setting."""
    flag, value = f"--{dotted((*path, 'method', name))}", getattr(method, name)
    if name == "penalty" and value is not None:
        return [f"{flag}.kind {value.kind}", f"{flag}.weight {value.weight:g}"]
    return [f"{flag} {_shown(method, name)}"]


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
