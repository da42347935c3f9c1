"""What is asked of a model that only rewrites."""

from __future__ import annotations

from seqgen.errors import UserError
from seqgen.generators.protocol import Generator


def require_writer(generator: Generator) -> None:
    """Raise UserError for a generator that rewrites sentences: it writes none from nothing, and
    finds no sentence probable without a source."""
    if generator.reads_source:
        raise UserError(
            "this model rewrites sentences in another style: it writes none from nothing, and "
            "scores none without a source. Use it by: seqgen transfer RUN --to STYLE < "
            "sentences.txt, and measure what it writes by: seqgen evaluate with --sources"
        )
