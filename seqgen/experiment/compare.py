"""Runs compared: one table, one quality-diversity curve a model, and what both say in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import cost, decodings
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.real_text import real_text
from seqgen.experiment.reopen import Which, load
from seqgen.experiment.run_groups import (
    Group,
    digest,
    notes_on_training,
    open_groups,
    require_same_text,
    require_same_unit,
)
from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, Axes, Curve
from seqgen.metrics.quality_diversity.means import mean_curve, mean_rows
from seqgen.metrics.quality_diversity.verdicts import verdicts
from seqgen.metrics.table import Row, Table
from seqgen.training.run import Run

COUNT = 2000
TABLE = 12  # work of a row of the table, in drawings of a sentence each; roughly
PLAIN = Decoding()


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        table: figures at temperature 1; a row a model, after it the standard deviations where it
            is several runs, and real data.
        curves: a curve a model, its points means over its runs; real data as a point.
        sentences: which model is dominated by which, and where real data lies.
    """

    table: Table
    curves: Sequence[Curve]
    sentences: Sequence[str]


def compare(
    folders: Sequence[str | Path],
    *,
    count: int = COUNT,
    sweep: Sequence[Decoding] | None = None,
    references: Sequence[str] | None = None,
    judge: str | Path | None = None,
    checkpoint: Which | None = None,
    seed: int = 0,
    device: torch.device | str = "cpu",
    quiet: bool = True,
) -> Comparison:
    """Draw from every run anew, the same number of sentences, and measure all against the same real
    sentences.

    Args:
        folders: the runs; those that differ only in their seed are one model.
        count: sentences of each run and setting.
        sweep: settings of the curves; None takes the nine temperatures.
        references: real sentences none was trained on; None takes the test (or else validation)
            sentences, which must be the same for all.
        judge: of `lm-score`; None trains a 5-gram model on the training sentences.
        checkpoint: "best", "latest" or a step; None takes the best, if any.
        seed: of all draws.
        device: where networks run.
        quiet: no progress on stderr.

    Raises:
        UserError: no run there, a judge, a run given twice, models of characters beside others, or
            other real sentences held out.
    """
    groups = open_groups(folders)
    runs = [run for group in groups for run in group.runs]
    require_same_unit(runs)
    notes = require_same_text(runs, seed) if references is None else []
    settings = decodings() if sweep is None else sweep
    work = (TABLE * count + sum(cost(setting, count) for setting in settings)) * len(runs)
    language = None if judge is None else open_language_judge(judge, device)
    encoder = open_encoder(NGRAMS, device)

    learned: dict[str, str] = {}

    def measured(run: Run, progress: Progress) -> tuple[Table, list[Curve]]:
        model = load(run.folder, checkpoint, device)
        real = real_text(run, model.vocabulary, references, None, seed)
        learned[str(run.folder)] = digest(real.training)
        rows = Rows(run, model, real, language, encoder, seed, False)
        table = rows.table([one.text for one in model.draw(count, PLAIN, seed=seed)])
        progress.advance(TABLE * count, f"{table.rows[0].name}, table")
        return table, rows.curves(settings, count, progress)

    with Progress(work, quiet) as progress:
        found = [[measured(run, progress) for run in group.runs] for group in groups]
    return _together(groups, found, [*notes, *notes_on_training(learned)])


def _together(
    groups: Sequence[Group],
    found: Sequence[Sequence[tuple[Table, Sequence[Curve]]]],
    notes: Sequence[str],
) -> Comparison:
    """The rows and curves of each group as one; real data as measured beside the first run."""
    rows: list[Row] = []
    curves: list[Curve] = []
    for group, members in zip(groups, found, strict=True):
        rows += mean_rows(group.label, [table.rows[0] for table, _ in members])
        curves.append(mean_curve(group.label, [own for _, (own, *_) in members]))
    (first, (_, *real)), *_ = found[0]
    tables = [table for members in found for table, _ in members]
    rows += [row for row in first.rows if row.kind == "real"]
    curves += real
    said = [
        f"{_axes(axes)}: {sentence}"
        for axes in (LOCAL, GLOBAL)
        for sentence in verdicts(curves, axes)
    ]
    return Comparison(Table(rows, [*notes, *_notes(tables)]), curves, said)


def _axes(axes: Axes) -> str:
    return f"{axes.quality} / {axes.diversity}"


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
