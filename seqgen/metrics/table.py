"""What an evaluation found: rows of scores that stand beside each other, as text and as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from seqgen.metrics.score import Interval, Score

FORMAT = 1
"""Of the JSON form; raised when a reader of today could not read it."""

Kind = Literal["system", "deviation", "real", "baseline"]


@dataclass(frozen=True)
class Row:
    """The scores of one set of sentences: a system's, real ones, or those of a trivial baseline; a
    ``deviation`` is that of the row before it over training seeds."""

    name: str
    scores: Sequence[Score]
    kind: Kind = "system"

    def score(self, name: str) -> Score | None:
        """Return the score of that name, if there is one."""
        return next((score for score in self.scores if score.name == name), None)


@dataclass(frozen=True)
class Table:
    """Rows that were measured alike, and what a reader must know beside them (``notes``)."""

    rows: Sequence[Row]
    notes: Sequence[str] = field(default_factory=tuple)

    def names(self) -> list[str]:
        """Return the names of all scores, in the order of their first occurrence."""
        return list(dict.fromkeys(score.name for row in self.rows for score in row.scores))

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and numbers; a value that is not finite is None."""
        rows = [
            {"name": row.name, "kind": row.kind, "scores": [_score(s) for s in row.scores]}
            for row in self.rows
        ]
        return {"format": FORMAT, "rows": rows, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Table":
        """Return what ``to_json`` gave.

        Raises ValueError for a newer format, KeyError or TypeError where something is missing.
        """
        if given["format"] > FORMAT:
            raise ValueError(f"written in format {given['format']}; this version reads {FORMAT}")
        rows = [
            Row(row["name"], [_read(score) for score in row["scores"]], row["kind"])
            for row in given["rows"]
        ]
        return cls(rows, list(given["notes"]))


def _score(score: Score) -> dict[str, Any]:
    found = score.interval
    interval = None
    if found is not None:
        interval = {
            "low": _finite(found.low),
            "high": _finite(found.high),
            "method": found.method,
            "confidence": found.confidence,
        }
    return {
        "name": score.name,
        "value": _finite(score.value),
        "signature": score.signature,
        "interval": interval,
    }


def _read(given: Mapping[str, Any]) -> Score:
    found = given["interval"]
    interval = None
    if found is not None:
        low, high = _number(found["low"]), _number(found["high"])
        interval = Interval(low, high, found["method"], found["confidence"])
    return Score(given["name"], _number(given["value"]), given["signature"], interval)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
