"""Which models rewrite, and what is asked of them."""

from __future__ import annotations

from seqgen.errors import UserError
from seqgen.generators.protocol import Generator
from seqgen.recipe.recipe import Recipe

KINDS = ("style-transformer",)
"""Of generators that rewrite, in recipes."""


def rewrites(recipe: Recipe) -> bool:
    """Whether the generator of a recipe rewrites sentences."""
    return recipe.generator is not None and recipe.generator.kind in KINDS


def require_writer(generator: Generator) -> None:
    """Raise UserError for a generator that rewrites sentences: it writes none from nothing, and
    finds no sentence probable without a source."""
    if generator.reads_source:
        raise UserError(
            "this model rewrites sentences in another style: it writes none from nothing, and "
            "scores none without a source. Use it by: seqgen transfer RUN --to STYLE < "
            "sentences.txt, and measure what it writes by: seqgen evaluate RUN --sources "
            "sentences.txt --to STYLE"
        )


def longest(generator: Generator, limit: int) -> int:
    """The most tokens of a sentence, read or written, END included, of a model with this limit."""
    return limit if generator.limit is None else min(generator.limit, limit)


def require_rewriter(generator: Generator) -> None:
    """Raise UserError for a generator that reads no source."""
    if not generator.reads_source:
        raise UserError(
            "this model cannot transfer: it writes sentences without reading any. Train one "
            "that does, for instance with: seqgen train style/style-transformer"
        )
