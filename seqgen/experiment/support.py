"""Which method works with which generator and discriminator: the matrices that README prints; the
tests walk them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import get_args

from seqgen.recipe.discriminators import Discriminator
from seqgen.recipe.methods import Method
from seqgen.recipe.settings import Settings

WRITING = ("lstm", "gru", "transformer", "relational", "pretrained")
REWRITING = ("style-transformer",)
GENERATORS = (*WRITING, *REWRITING)

# No method needs more than the two methods of a generator, hence all work with all that write from
# nothing; style transfer needs one that reads a source, and no other method gives it one.
SUPPORT: Mapping[str, tuple[str, ...]] = {
    "teacher-forcing": WRITING,
    "scheduled-sampling": WRITING,
    "data-as-demonstrator": WRITING,
    "professor-forcing": WRITING,
    "seqgan": WRITING,
    "gumbel-softmax": WRITING,
    "inverse-reinforcement": WRITING,
    "control-reward": WRITING,
    "style-transformer": REWRITING,
}


def table() -> str:
    """The methods and generators in Markdown: a row a method, a column a generator."""
    return _matrix(GENERATORS, SUPPORT)


def discriminator_table() -> str:
    """The methods with a discriminator and the kinds they take, as their settings tell."""
    kinds = [_kind(network) for network in get_args(get_args(Discriminator)[0])]
    methods = get_args(get_args(Method)[0])
    return _matrix(kinds, {_kind(m): m.discriminators for m in methods if m.discriminators})


def _kind(settings: type[Settings]) -> str:
    return str(get_args(settings.model_fields["kind"].annotation)[0])


def _matrix(columns: Sequence[str], known: Mapping[str, Sequence[str]]) -> str:
    rows = [["method", *columns], ["---", *(":-:" for _ in columns)]]
    for method, those in known.items():
        rows.append([method, *("yes" if column in those else "" for column in columns)])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in rows)
