"""The table of an evaluation as HTML: figures with their intervals, and how each was measured."""

from __future__ import annotations

from collections.abc import Sequence

from seqgen.metrics.score import Score
from seqgen.metrics.table import Row, Table
from seqgen.report.markup import bullets, details, row, table, text
from seqgen.report.words import GROUPS, Better, family, meaning, number

ARROWS: dict[Better, str] = {"higher": " ↑", "lower": " ↓", "": ""}
READ = (
    "↑ higher is better, ↓ lower is better. No figure is good or bad by itself: compare it with "
    "the real data beside it."
)


def metric_table(given: Table) -> str:
    """One line a metric, one column a row of the table, grouped by what is measured."""
    names = _ordered(given.names())
    body: list[str] = []
    for group in GROUPS:
        members = [name for name in names if meaning(name).group == group]
        if members:
            body.append(_group(group, len(given.rows) + 1))
            body += [_line(name, given.rows, members) for name in members]
    caption = f"{READ}{_intervals(given)}"
    head = ["metric", *(shown.name for shown in given.rows)]
    return "\n".join([table(caption, head, body), bullets(given.notes), signatures(given)])


def signatures(given: Table) -> str:
    """Which settings each figure depends on; to be opened, and each to be selected as a whole."""
    found: dict[tuple[str, str], list[str]] = {}
    for shown in given.rows:
        for score in shown.scores:
            found.setdefault((score.name, score.signature), []).append(shown.name)
    body = [
        f'<tr><th scope="row">{text(name)}<small>{text(", ".join(rows))}</small></th>'
        f'<td class="wide"><code>{text(signature)}</code></td></tr>'
        for (name, signature), rows in sorted(found.items(), key=lambda item: _order(item, given))
    ]
    caption = "Two figures may be compared when their names and signatures are equal."
    return details(
        "Signatures: how each figure was measured", table(caption, ["metric", "signature"], body)
    )


def arrow(name: str) -> str:
    """Which direction is better, as an arrow; "" where neither is."""
    return ARROWS[meaning(name).better]


def _order(item: tuple[tuple[str, str], list[str]], given: Table) -> tuple[int, int]:
    (name, _), rows = item
    places = [shown.name for shown in given.rows]
    return _ordered(given.names()).index(name), places.index(rows[0])


def _ordered(names: Sequence[str]) -> list[str]:
    """The orders of one metric together and ascending; else as they came."""
    families = list(dict.fromkeys(family(name)[0] for name in names))
    return sorted(names, key=lambda n: (families.index(family(n)[0]), int(family(n)[1] or 0)))


def _group(name: str, width: int) -> str:
    heading = f'<th class="group" scope="rowgroup" colspan="{width}">{text(name)}</th>'
    return f"</tbody><tbody><tr>{heading}</tr>"


def _line(name: str, rows: Sequence[Row], members: Sequence[str]) -> str:
    # What a metric means stands once, at its first order.
    first = next(other for other in members if family(other)[0] == family(name)[0])
    said = f"<small>{text(meaning(name).text)}</small>" if name == first else ""
    line = row(f"{text(name)}{arrow(name)}{said}", [_cell(shown.score(name)) for shown in rows])
    return line.replace('<th scope="row">', '<th scope="row" class="named">', 1)


def _cell(score: Score | None) -> str:
    if score is None:
        return "–"
    found = score.interval
    if found is None:
        return number(score.value)
    return f"{number(score.value)}<small>{number(found.low)} to {number(found.high)}</small>"


def _intervals(given: Table) -> str:
    found = [s.interval for shown in given.rows for s in shown.scores if s.interval is not None]
    if not found:
        return ""
    shares = ", ".join(dict.fromkeys(f"{interval.confidence:.0%}" for interval in found))
    methods = ", ".join(dict.fromkeys(interval.method for interval in found))
    return f" Below a figure stands its {shares} interval ({methods})."
