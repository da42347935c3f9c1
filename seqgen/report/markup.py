"""Small pieces of HTML; every text of a run goes through `text`, whatever it holds."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

# Not allowed in HTML even as references; a sentence of a model may hold them.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")


def text(given: object) -> str:
    """Any text made safe to stand in HTML, in attributes too."""
    whole = str(given).encode("utf-8", "replace").decode("utf-8")  # names of files may be no text
    return html.escape(_CONTROLS.sub("\ufffd", whole))


def section(name: str, heading: str, *parts: str) -> str:
    """A section with a heading of the second level; nothing where no part has anything."""
    body = "\n".join(part for part in parts if part)
    if not body:
        return ""
    return (
        f'<section id="{name}" aria-labelledby="{name}-heading">\n'
        f'<h2 id="{name}-heading">{text(heading)}</h2>\n{body}\n</section>'
    )


def paragraph(given: str, kind: str = "") -> str:
    """A paragraph of plain text."""
    return f"<p{_class(kind)}>{text(given)}</p>"


def bullets(items: Iterable[str], kind: str = "") -> str:
    """A list of plain texts; nothing where there are none."""
    lines = "".join(f"<li>{text(item)}</li>\n" for item in items)
    return f"<ul{_class(kind)}>\n{lines}</ul>" if lines else ""


def block(given: str) -> str:
    """Text as it stands: settings, commands."""
    return f'<pre tabindex="0">{text(given)}</pre>'


def details(summary: str, body: str) -> str:
    """Something that opens on request."""
    return f"<details><summary>{text(summary)}</summary>\n{body}\n</details>"


def table(caption: str, head: Sequence[str], body: Sequence[str]) -> str:
    """A table in a box of its own that scrolls sideways where the page is narrow.

    Args:
        caption: plain text, above the box: in it, it would be as wide as the table.
        head: plain texts over the columns.
        body: rows, <tr> to </tr>; a <tbody> may begin before one of them.
    """
    cells = "".join(f'<th scope="col">{text(name)}</th>' for name in head)
    rows = "\n".join(body)
    return (
        f"{paragraph(caption, 'quiet')}\n"
        f'<div class="box" role="region" aria-label="{text(caption)}" tabindex="0"><table>\n'
        f"<thead><tr>{cells}</tr></thead>\n<tbody>\n{rows}\n"
        "</tbody></table></div>"
    )


def row(first: str, cells: Iterable[str]) -> str:
    """A row whose first cell names it; all are HTML."""
    others = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{first}</th>{others}</tr>'


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
