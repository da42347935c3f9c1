"""evaluation.json: what an evaluation of a run found, kept in the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.errors import RunFailure
from seqgen.files import replacing
from seqgen.metrics.quality_diversity.curves import Curve
from seqgen.metrics.table import Table
from seqgen.report.rewritings import Rewriting

FILE = "evaluation.json"
FORMAT = 1
"""Of the file; raised when a reader of today could not read it."""


@dataclass(frozen=True)
class Record:
    """An evaluation of one checkpoint.

    Attributes:
        about: what was evaluated, in the order in which it is shown: "step" (None of an exported
            model), "sentences" (how many), "reached the limit", "decoding" (in words), "seed",
            "references" and "training" (how many, and which), "seqgen" (its version), and "curves"
            where these are of an earlier evaluation; of a run that rewrites "sources", "style
            judge" and "language judge" in place of "training" and "curves".
        table: the system's row, the real-data row, baselines.
        curves: quality-diversity curves; the run's own first, real data as a point of its family.
        samples: some of the sentences that were measured.
        rewritings: some of them beside their sources, of a run that rewrites.
    """

    about: Mapping[str, Any]
    table: Table
    curves: Sequence[Curve] = field(default_factory=tuple)
    samples: Sequence[str] = field(default_factory=tuple)
    rewritings: Sequence[Rewriting] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and numbers."""
        found = {
            "format": FORMAT,
            "about": dict(self.about),
            "table": self.table.to_json(),
            "curves": [curve.to_json() for curve in self.curves],
            "samples": list(self.samples),
        }
        if self.rewritings:
            found["rewritings"] = [one.to_json() for one in self.rewritings]
        return found

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Record:
        """Return what `to_json` gave; ValueError, KeyError or TypeError where it is damaged or of a
        newer format."""
        if given.get("format", FORMAT) > FORMAT:
            raise ValueError(f"written in format {given['format']}; this version reads {FORMAT}")
        table = Table.from_json(given["table"])
        curves = [Curve.from_json(curve) for curve in given["curves"]]
        rewritings = [Rewriting.from_json(one) for one in given.get("rewritings", ())]
        return cls(given["about"], table, curves, given["samples"], rewritings)


def read_record(folder: Path) -> Record | None:
    """The evaluation of a run; None where it was not evaluated.

    Raises:
        RunFailure: the file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        return Record.from_json(json.loads(path.read_text("utf-8")))
    except (ValueError, KeyError, TypeError) as problem:
        raise RunFailure(
            f"{path} is damaged ({problem}); delete it and run seqgen evaluate {folder}"
        ) from problem


def write_record(folder: Path, record: Record) -> None:
    """Write a run's evaluation.json, whole or not at all, as strict JSON."""
    text = json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
    with replacing(folder / FILE) as file:
        file.write(f"{text}\n".encode())
