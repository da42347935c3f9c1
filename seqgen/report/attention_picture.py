"""Attention as a table of shaded cells: the source across, what was written down."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.report.markup import text
from seqgen.report.rewritings import Attention

WRITTEN = 0.095
"""From this share on a cell has its percentage in it: below, the shade says enough."""
DARK = 0.55
"""From this share on a cell is dark enough for letters in the colour of the page."""


def attention_picture(given: Attention) -> str:
    """A table in a box of its own that scrolls sideways; each cell has its share as a title."""
    head = "".join(f'<th scope="col"><span>{text(word)}</span></th>' for word in given.source)
    rows = zip(given.written, given.weights, strict=True)
    body = "\n".join(_line(word, given.source, weights) for word, weights in rows)
    return (
        '<div class="box" role="region" aria-label="Attention" tabindex="0">'
        f'<table class="attention">\n<thead><tr><td></td>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _line(word: str, source: Sequence[str], weights: Sequence[float]) -> str:
    cells = "".join(_cell(word, *pair) for pair in zip(source, weights, strict=True))
    return f'<tr><th scope="row">{text(word)}</th>{cells}</tr>'


def _cell(word: str, at: str, share: float) -> str:
    shade = f"color-mix(in srgb, var(--colour-0) {100 * share:.0f}%, transparent)"
    letters = "; color: var(--paper)" if share >= DARK else ""
    shown = f"{100 * share:.0f}" if share >= WRITTEN else ""
    title = text(f"{word} looked at {at}: {share:.1%}")
    return f'<td style="background: {shade}{letters}" title="{title}">{shown}</td>'
