"""A table of scores on stdout, as aligned text or as JSON."""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Sequence
from json import dumps
from textwrap import fill
from typing import Any

from seqgen.metrics.quality_diversity.curves import Curve
from seqgen.metrics.score import Score
from seqgen.metrics.table import Row, Table

GAP = "  "
WIDTH = 110  # where the output is no terminal
LONGEST_NAME = 28


def show(table: Table, json: bool = False, curves: Sequence[Curve] = ()) -> None:
    """Print the table, and with `json` the curves too, as one strict JSON object."""
    width = shutil.get_terminal_size((WIDTH, 24)).columns
    text = as_json(table, curves) if json else as_text(table, width)
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def as_json(table: Table, curves: Sequence[Curve] = ()) -> str:
    """The table as strict JSON: a value that is not finite is null, and its score is named under
    `not_finite`."""
    found = table.to_json()
    broken = [
        {"row": row.name, "score": score.name}
        for row in table.rows
        for score in row.scores
        if not math.isfinite(score.value)
    ]
    if broken:
        found["not_finite"] = broken
    if curves:
        found["curves"] = [curve.to_json() for curve in curves]
    return dumps(_finite(found), ensure_ascii=False, allow_nan=False, indent=1)


def as_text(table: Table, width: int = WIDTH) -> str:
    """One line a score, one column a row of the table, as many columns side by side as fit; then
    what the letters behind the numbers stand for, the intervals, and the notes."""
    letters = _letters(table)
    names = table.names()
    first = ["", *names]
    columns = [_column(row, names, letters) for row in table.rows]
    blocks = [_aligned([first, *block]) for block in _fitting(first, columns, width)]
    remarks = [_intervals(table), *(f"note: {note}" for note in table.notes)]
    below = "\n".join(
        fill(remark, width, subsequent_indent="  ", break_on_hyphens=False)
        for remark in remarks
        if remark
    )
    parts = [*blocks, _signatures(letters), below]
    return "\n\n".join(part for part in parts if part)


def number(value: float) -> str:
    """A value with four decimals, fewer where it is large; what is not a number is n/a."""
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else str(value)
    if 0 < abs(value) < 0.00095:
        return f"{value:.1e}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1f}"


def _column(row: Row, names: Sequence[str], letters: dict[str, str]) -> list[str]:
    """The row's name and one cell a score name; "-" where the row has no such score."""
    cells = [row.score(name) for name in names]
    numbers = [number(score.value) if score else "-" for score in cells]
    spreads = [_spread(score) if score else "" for score in cells]
    wide, far = max(map(len, numbers), default=0), max(map(len, spreads), default=0)
    marks = [letters[_bare(score)] if score else "" for score in cells]
    body = [
        f"{value:>{wide}}{spread:<{far}} {mark}".rstrip()
        for value, spread, mark in zip(numbers, spreads, marks, strict=True)
    ]
    name = row.name if len(row.name) <= LONGEST_NAME else f"...{row.name[3 - LONGEST_NAME :]}"
    return [name, *body]


def _spread(score: Score) -> str:
    """The larger side of the interval."""
    found = score.interval
    if found is None:
        return ""
    side = max(found.high - score.value, score.value - found.low)
    if not math.isfinite(side):
        return ""
    return f" ±{_beside(side, score.value)}"


def _beside(side: float, value: float) -> str:
    """The side of an interval with the digits of its value, more only where these would hide it."""
    digits = 1 if abs(value) >= 100 else 4
    rounded = f"{side:.{digits}f}"
    return rounded if float(rounded) >= 2 * 10**-digits or side == 0 else f"{side:.1e}"


def _fitting(
    first: Sequence[str], columns: Sequence[list[str]], width: int
) -> list[list[list[str]]]:
    """The columns in blocks that stand side by side within the width; at least one a block."""
    blocks: list[list[list[str]]] = []
    used = width + 1
    for column in columns:
        wide = len(GAP) + max(map(len, column))
        if used + wide > width:
            blocks.append([])
            used = max(map(len, first))
        blocks[-1].append(column)
        used += wide
    return blocks


def _aligned(columns: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in columns]
    lines = zip(*columns, strict=True)
    return "\n".join(
        GAP.join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _bare(score: Score) -> str:
    """The signature without the order where the name ends in it already."""
    parts = score.signature.split("|")
    order = f"order:{score.name.rpartition('-')[2]}"
    return "|".join(part for part in parts if part != order)


def _letters(table: Table) -> dict[str, str]:
    """Signature -> the letter that stands for it, in the order of the table."""
    found = dict.fromkeys(
        _bare(score)
        for name in table.names()
        for row in table.rows
        if (score := row.score(name)) is not None
    )
    return {signature: _letter(place) for place, signature in enumerate(found)}


def _letter(place: int) -> str:
    """a, b, ..., z, aa, ab, ..."""
    rest, last = divmod(place, 26)
    return (_letter(rest - 1) if rest else "") + chr(ord("a") + last)


def _signatures(letters: dict[str, str]) -> str:
    """The signatures by letter; what all have in common is said once."""
    if not letters:
        return ""
    pairs = [signature.split("|") for signature in letters]
    shared = [pair for pair in pairs[0] if all(pair in other for other in pairs)]
    lines = ["signatures (their order is the number in the name)"]
    if shared:
        lines.append(f"  all  {'|'.join(shared)}")
    for letter, own in zip(letters.values(), pairs, strict=True):
        rest = "|".join(pair for pair in own if pair not in shared) or "no more than that"
        lines.append(f"  {letter:<4} {rest}")
    return "\n".join(lines)


def _intervals(table: Table) -> str:
    found = [score.interval for row in table.rows for score in row.scores if score.interval]
    if not found:
        return ""
    shares = " and ".join(dict.fromkeys(f"{interval.confidence:.0%}" for interval in found))
    methods = ", ".join(sorted({interval.method for interval in found}))
    return (
        f"±: the larger side of the {shares} interval ({methods}), for the draw of these sentences;"
        " it does not tell how far another training seed would be"
    )


def _finite(value: Any) -> Any:
    """The same lists, dicts and values, None for a number that is not finite."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
