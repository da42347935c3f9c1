"""What a comparison of runs found, put together from what was found of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from seqgen.experiment.run_groups import Group
from seqgen.metrics.quality_diversity import oracle_plane
from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, ORACLE, Curve
from seqgen.metrics.quality_diversity.means import mean_curve, mean_rows
from seqgen.metrics.quality_diversity.oracle_plane import Plane
from seqgen.metrics.quality_diversity.verdicts import verdicts
from seqgen.metrics.table import Row, Table
from seqgen.report import study
from seqgen.report.study import Trained, read_study


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        table: figures at temperature 1; a row a model, with intervals where it is one run, the
            standard deviations after it where it is several, and real data.
        curves: a curve a model, its points means over its runs; real data as a point.
        sentences: by the axes, which model is dominated by which, where real data lies, and what
            was taken for chance; those that tell most come first.
        plane: of runs on a synthetic oracle, NLL under it beside the held-out NLL.
        trained: the models over their training, each once, whatever its checkpoints.
    """

    table: Table
    curves: Sequence[Curve]
    sentences: Mapping[str, Sequence[str]]
    plane: Plane | None = None
    trained: Sequence[Trained] = ()


class Measured(NamedTuple):
    """What was found of a run: its table, its quality-diversity curve, and its line in the plane of
    an oracle."""

    table: Table
    curve: Curve
    plane: Curve | None = None


def together(
    groups: Sequence[Group],
    found: Sequence[Sequence[Measured]],
    star: Sequence[Curve],
    notes: Sequence[str],
) -> Comparison:
    """The rows and curves of each group as one; real data as measured beside the first run."""
    rows: list[Row] = []
    curves: list[Curve] = []
    for group, members in zip(groups, found, strict=True):
        rows += mean_rows(group.label, [one.table.rows[0] for one in members])
        curves.append(mean_curve(group.label, [one.curve for one in members]))
    tables = [one.table for members in found for one in members]
    rows += [row for row in tables[0].rows if row.kind == "real"]
    curves += star
    said = {str(axes): verdicts(curves, axes) for axes in (LOCAL, GLOBAL)}
    return Comparison(
        Table(rows, [*notes, *_notes(tables)]),
        [curve for curve in curves if curve.points],
        {at: said[at] for at in said if said[at]},
    )


def with_plane(
    whole: Comparison,
    groups: Sequence[Group],
    found: Sequence[Sequence[Measured]],
    entropy: float,
) -> Comparison:
    """The comparison with the plane of the oracle, and what it says in words and in the table."""
    curves = [
        mean_curve(group.label, [one.plane for one in members if one.plane is not None])
        for group, members in zip(groups, found, strict=True)
    ]
    plane = Plane(curves, entropy)
    said = {
        "NLL under the oracle, and held-out NLL": oracle_plane.sentences(plane),
        "held-out NLL at equal NLL under the oracle": verdicts(curves, ORACLE),
    }
    rows: list[Row] = []
    for row in whole.table.rows:
        name = rows[-1].name if row.kind == "deviation" else row.name
        rows.append(_with_readings(row, name, plane))
    return replace(
        whole,
        table=Table(rows, whole.table.notes),
        sentences={**{at: lines for at, lines in said.items() if lines}, **whole.sentences},
        plane=plane,
    )


def with_training(whole: Comparison, groups: Sequence[Group]) -> Comparison:
    """The comparison with what the journals of the runs tell of their training."""
    runs: dict[tuple[Path, ...], str] = {}
    for group in groups:
        folders = tuple(entry.run.folder.resolve() for entry in group.entries)
        bare = group.label.replace(group.entries[0].suffix, "", 1)
        runs.setdefault(folders, group.label if bare in runs.values() else bare)
    trained = read_study({name: folders for folders, name in runs.items()})
    said = study.sentences(trained)
    told = {**whole.sentences, study.HEADING: said} if said else whole.sentences
    return replace(whole, trained=trained, sentences=told)


def _with_readings(row: Row, name: str, plane: Plane) -> Row:
    """A model's row, or that of its deviations, with its held-out NLL read from its line."""
    curve = next((curve for curve in plane.curves if curve.name == name), None)
    if curve is None:
        return row
    means, deviations = oracle_plane.scores(curve, plane)
    return replace(row, scores=[*row.scores, *(deviations if row.kind == "deviation" else means)])


def _notes(tables: Sequence[Table]) -> list[str]:
    """The notes that all tables have, and the others with the name of their run."""
    shared = [note for note in tables[0].notes if all(note in table.notes for table in tables)]
    own = [
        f"{table.rows[0].name}: {note}"
        for table in tables
        for note in table.notes
        if note not in shared
    ]
    return [*shared, *own]
