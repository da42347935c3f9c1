"""evaluation.json: what an evaluation of a run found, kept in the run folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seqgen.errors import RunFailure
from seqgen.metrics.quality_diversity.curves import Curve
from seqgen.metrics.table import Table

FILE = "evaluation.json"


@dataclass(frozen=True)
class Record:
    """An evaluation of one checkpoint.

    Attributes:
        about: what was evaluated: "step", "decoding" (settings by name), "sentences", "seed",
            "references", ...; plain values, shown as they stand.
        table: the system's row, the real-data row, baselines.
        curves: quality-diversity curves; the run's own first, real data as a point of its family.
        samples: some of the sentences that were measured.
    """

    about: Mapping[str, Any]
    table: Table
    curves: Sequence[Curve] = field(default_factory=tuple)
    samples: Sequence[str] = field(default_factory=tuple)

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and numbers."""
        return {
            "about": dict(self.about),
            "table": self.table.to_json(),
            "curves": [curve.to_json() for curve in self.curves],
            "samples": list(self.samples),
        }

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Record:
        """Return what `to_json` gave; ValueError, KeyError or TypeError where it is damaged."""
        table = Table.from_json(given["table"])
        curves = [Curve.from_json(curve) for curve in given["curves"]]
        return cls(given["about"], table, curves, given["samples"])


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
