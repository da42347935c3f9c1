"""metrics.jsonl -> the figures of a training over its steps."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.errors import UserError

FILE = "metrics.jsonl"
FIGURES = ("training", "evaluation", "real")  # events whose lines hold figures
ABOUT = ("event", "step", "round", "phase", "seconds", "nonfinite", "text")
"""What a line says besides its figures."""


@dataclass(frozen=True)
class Line:
    """The figures of one moment; what was not finite is NaN."""

    step: int
    phase: str
    figures: Mapping[str, float]
    nonfinite: Sequence[str] = ()


@dataclass(frozen=True)
class Phase:
    """A stretch of training that one method had, up to its last step."""

    name: str
    last_step: int


@dataclass(frozen=True)
class History:
    """All that a journal holds, in its order.

    Attributes:
        training: figures of the updates, such as "generator/loss".
        evaluations: figures of generated sentences, such as "bleu-4".
        real: the same figures of real sentences, measured alike; empty where the journal has none.
        signatures: how the figures of the evaluations were measured, by their names.
        warnings: what the run itself warned of.
    """

    training: Sequence[Line] = ()
    evaluations: Sequence[Line] = ()
    real: Mapping[str, float] = field(default_factory=dict)
    signatures: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[str] = ()

    def phases(self) -> list[Phase]:
        """The phases in their order; one that comes again is there again."""
        found: list[Phase] = []
        for line in sorted((*self.training, *self.evaluations), key=lambda line: line.step):
            if found and found[-1].name == line.phase:
                found.pop()
            found.append(Phase(line.phase, line.step))
        return found

    def last_step(self) -> int:
        """The step of the last line; 0 where there is none."""
        return max((line.step for line in (*self.training, *self.evaluations)), default=0)


def points(lines: Sequence[Line], name: str) -> list[tuple[int, float]]:
    """Steps and values of a figure, in order, where lines have it."""
    return [(line.step, line.figures[name]) for line in lines if name in line.figures]


def names(lines: Sequence[Line]) -> list[str]:
    """The names of all figures, in the order of their first occurrence."""
    return list(dict.fromkeys(name for line in lines for name in line.figures))


def read_history(folder: Path) -> History:
    """The journal of a run; empty where it has none yet.

    A last line that a crash cut short is passed over, as is a line of a kind of event that this
    version does not know.

    Raises:
        UserError: another line is no journal line.
    """
    path = folder / FILE
    try:
        raw = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return History()
    entries: list[dict[str, Any]] = []
    for number, data in enumerate(raw, 1):
        if not data.strip():
            continue
        try:
            entries.append(_checked(json.loads(data)))
        except (ValueError, KeyError, TypeError, AttributeError) as problem:
            if number < len(raw):  # only a line without its newline can be one that was cut short
                raise UserError(
                    f"{path}:{number} is no line of a journal ({problem}); restore the file, or "
                    "delete the line"
                ) from None
    return _sorted(entries)


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    """The same, or ValueError, KeyError or TypeError where it cannot be read."""
    if given["event"] in ("training", "evaluation", "real"):
        _line(given)
    elif given["event"] == "warning":
        given["text"]
    return given


def _line(given: Mapping[str, Any]) -> Line:
    figures = {
        name: math.nan if value is None else float(value)
        for name, value in given.items()
        if name not in ABOUT
    }
    lost = tuple(str(name) for name in given.get("nonfinite", ()))
    return Line(int(given.get("step", 0)), str(given.get("phase", "")), figures, lost)


def _sorted(entries: Sequence[Mapping[str, Any]]) -> History:
    by_event: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_event.setdefault(str(entry["event"]), []).append(entry)
    real = by_event.get("real", [])
    signatures = by_event.get("signatures", [])
    return History(
        [_line(entry) for entry in by_event.get("training", [])],
        [_line(entry) for entry in by_event.get("evaluation", [])],
        _line(real[-1]).figures if real else {},
        {n: str(v) for n, v in signatures[-1].items() if n not in ABOUT} if signatures else {},
        list(dict.fromkeys(str(entry["text"]) for entry in by_event.get("warning", []))),
    )
