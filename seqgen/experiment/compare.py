"""Runs compared: one table, one quality-diversity curve a model, and what both say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from seqgen.evaluation.decoding_settings import PLAIN, Decoding, decodings
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import PARTS, cost
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.real_text import RealText, real_text
from seqgen.experiment.reopen import Which, load, read_run
from seqgen.experiment.run_groups import (
    Group,
    digest,
    notes_on_forms,
    notes_on_training,
    open_groups,
    require_same_text,
    require_same_unit,
)
from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, Curve
from seqgen.metrics.quality_diversity.means import mean_curve, mean_rows
from seqgen.metrics.quality_diversity.verdicts import verdicts
from seqgen.metrics.table import Row, Table
from seqgen.recipe.data import FilesCorpus, OpenVocabulary
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run

COUNT = 2000
TABLE = 12  # work of a row of the table, in drawings of a sentence each; roughly


@dataclass(frozen=True)
class Comparison:
    """What a comparison found.

    Attributes:
        table: figures at temperature 1; a row a model, with intervals where it is one run, the
            standard deviations after it where it is several, and real data.
        curves: a curve a model, its points means over its runs; real data as a point.
        sentences: by the axes, which model is dominated by which, where real data lies, and what
            was taken for chance; those that tell most come first.
    """

    table: Table
    curves: Sequence[Curve]
    sentences: Mapping[str, Sequence[str]]


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
    notes = require_same_text(runs, seed) if references is None else notes_on_forms(runs)
    settings = decodings() if sweep is None else sweep
    swept = sum(cost(setting, count, PARTS) for setting in settings)
    work = (TABLE * count + swept) * len(runs)
    texts = Texts(references, seed)
    language = None if judge is None else open_language_judge(judge, device)
    encoder = open_encoder(NGRAMS, device)
    learned: dict[str, str] = {}
    shared: dict[str, LanguageScores] = {}
    star: list[Curve] = []

    def measured(run: Run, alone: bool, progress: Progress) -> tuple[Table, Curve]:
        model = load(run.folder, checkpoint, device)
        real = texts.of(run, model.vocabulary)
        learned[str(run.folder)] = digest(real.training)
        rows = Rows(run, model, real, language, encoder, seed, alone, shared)
        table = rows.table([one.text for one in model.draw(count, PLAIN, seed=seed)])
        if not star:
            star.extend(rows.star(count, PARTS))
        progress.advance(TABLE * count, f"{table.rows[0].name}, table")
        return table, rows.curve(settings, count, progress, PARTS)

    with Progress(work, quiet) as progress:
        found = [
            [measured(run, len(group.runs) == 1, progress) for run in group.runs]
            for group in groups
        ]
    return _together(groups, found, star, [*notes, *notes_on_training(learned)])


@dataclass
class Texts:
    """Real texts of runs, each corpus read once for all runs that read it alike.

    Attributes:
        references: in the place of the runs' own, if given.
        seed: of the choice among many sentences.
    """

    references: Sequence[str] | None
    seed: int
    known: dict[tuple[str, str], RealText] = field(default_factory=dict)

    def of(self, run: Run, vocabulary: Vocabulary) -> RealText:
        """The references and training sentences of a run, as its vocabulary writes them."""
        recipe, _ = read_run(run)
        cut = recipe.vocabulary
        key = (recipe.corpus.model_dump_json(), cut.model_dump_json() if cut else "")
        kept = isinstance(recipe.corpus, FilesCorpus) and recipe.corpus.train == "-"
        if kept or isinstance(cut, OpenVocabulary):  # found in the run's folder, or changed since
            key = (str(run.folder.resolve()), "")
        if key not in self.known:
            self.known[key] = real_text(run, vocabulary, self.references, None, self.seed)
        return self.known[key]


def _together(
    groups: Sequence[Group],
    found: Sequence[Sequence[tuple[Table, Curve]]],
    star: Sequence[Curve],
    notes: Sequence[str],
) -> Comparison:
    """The rows and curves of each group as one; real data as measured beside the first run."""
    rows: list[Row] = []
    curves: list[Curve] = []
    for group, members in zip(groups, found, strict=True):
        rows += mean_rows(group.label, [table.rows[0] for table, _ in members])
        curves.append(mean_curve(group.label, [curve for _, curve in members]))
    tables = [table for members in found for table, _ in members]
    rows += [row for row in tables[0].rows if row.kind == "real"]
    curves += star
    said = {str(axes): verdicts(curves, axes) for axes in (LOCAL, GLOBAL)}
    return Comparison(
        Table(rows, [*notes, *_notes(tables)]), curves, {at: said[at] for at in said if said[at]}
    )


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
