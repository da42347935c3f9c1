"""The section of a report with rewritten sentences beside their sources, changed words marked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seqgen.metrics.style_transfer.word_changes import Span, word_changes
from seqgen.report.attention_picture import attention_picture
from seqgen.report.markup import paragraph, section, text
from seqgen.report.record import Record
from seqgen.report.rewritings import Rewriting

READ = (
    "Words of the source that are gone are struck through, words of the output that are new are "
    "underlined."
)
LOOKED = (
    "Attention: across stands what the model read, down what it wrote. A cell is how much of its "
    "look at the source, the mean over layers and heads, fell on that word, in percent from 10 "
    "on; each row sums to 100."
)
LONGEST = 120
"""Words of a sentence that are shown."""


def rewriting_section(record: Record | None) -> str:
    """Sentences side by side; nothing where an evaluation has none."""
    if record is None or not record.rewritings:
        return ""
    pictured = any(one.attention is not None for one in record.rewritings)
    items = "\n".join(_item(one) for one in record.rewritings)
    return section(
        "rewritings",
        "Side by side",
        paragraph(f"{_chosen(record)} {READ} {LOOKED if pictured else ''}".strip(), "quiet"),
        f'<ol class="rewritings">\n{items}\n</ol>',
    )


def _chosen(record: Record) -> str:
    """Which sentences these are, and what is said of them."""
    count, shown = record.about.get("sentences"), record.rewritings
    said = f"{len(shown)} of {count} sentences"
    if count != len(shown):
        said += f", drawn by the seed {record.about.get('seed')} and not by how good they are"
    judged = [one.accepted for one in shown if one.accepted is not None]
    if judged:
        judge = record.about.get("style judge", "the style judge")
        said += f"; {judge} finds {sum(judged)} of {len(judged)} in the style asked for"
    return f"{said}."


def _item(shown: Rewriting) -> str:
    spans = list(word_changes(shown.source, shown.output))
    lines = [
        _line("source", _marked("del", ((span, span.old) for span in spans))),
        _line("output", _marked("ins", ((span, span.new) for span in spans))),
    ]
    if shown.reference is not None:
        lines.append(_line("reference", _cut(shown.reference.split())))
    picture = "" if shown.attention is None else attention_picture(shown.attention)
    return f"<li>{_verdict(shown)}\n<dl>\n{''.join(lines)}</dl>{picture}</li>"


def _verdict(shown: Rewriting) -> str:
    """The style asked for, and whether it was met."""
    said = f"to {text(shown.to)}"
    if shown.accepted is None:
        return f'<p class="verdict">{said}</p>'
    mark, word = ("yes", "✓ accepted") if shown.accepted else ("no", "✗ not accepted")
    return f'<p class="verdict">{said} <span class="{mark}">{word}</span></p>'


def _line(name: str, body: str) -> str:
    return f'<dt>{name}</dt><dd dir="auto">{body or _EMPTY}</dd>\n'


_EMPTY = '<span class="quiet">(empty)</span>'


def _marked(tag: str, spans: Iterable[tuple[Span, Sequence[str]]]) -> str:
    """One side of the spans, those that were not kept within an element."""
    parts: list[str] = []
    room = LONGEST
    for span, words in spans:
        shown = _cut(words, room)
        room -= len(words)
        if shown:
            parts.append(shown if span.kept else f"<{tag}>{shown}</{tag}>")
    return " ".join(parts)


def _cut(words: Sequence[str], room: int = LONGEST) -> str:
    """The words that there is room for, as HTML."""
    if room <= 0:
        return ""
    cut = " …" if len(words) > room else ""
    return text(" ".join(words[:room])) + cut
