"""Runs compared: one table, one quality-diversity curve a model, and what both say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch

from seqgen.evaluation.decoding_settings import PLAIN, Decoding, decodings
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import PARTS, cost
from seqgen.evaluation.truth import OracleTruth
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.entries import Entry
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.oracle_plane import MULTIPLIERS, OraclePlane
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
from seqgen.experiment.synthetic import open_oracle
from seqgen.metrics.quality_diversity import oracle_plane
from seqgen.metrics.quality_diversity.curves import GLOBAL, LOCAL, ORACLE, Curve
from seqgen.metrics.quality_diversity.means import mean_curve, mean_rows
from seqgen.metrics.quality_diversity.oracle_plane import Plane
from seqgen.metrics.quality_diversity.verdicts import verdicts
from seqgen.metrics.table import Row, Table
from seqgen.recipe.data import FilesCorpus, OpenVocabulary, OracleCorpus
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
        plane: of runs on a synthetic oracle, NLL under it beside the held-out NLL.
    """

    table: Table
    curves: Sequence[Curve]
    sentences: Mapping[str, Sequence[str]]
    plane: Plane | None = None


def compare(
    folders: Sequence[str | Path],
    *,
    count: int = COUNT,
    sweep: Sequence[Decoding] | None = None,
    references: Sequence[str] | None = None,
    judge: str | Path | None = None,
    checkpoint: Which | None = None,
    multipliers: Sequence[float] = MULTIPLIERS,
    seed: int = 0,
    device: torch.device | str = "cpu",
    quiet: bool = True,
) -> Comparison:
    """Draw from every run anew, the same number of sentences, and measure all against the same real
    sentences.

    Args:
        folders: the runs, or RUN@CHECKPOINT; those that differ only in their seed are one model.
        count: sentences of each run and setting.
        sweep: settings of the curves; None takes the nine temperatures, and on a synthetic oracle,
            which has a plane of its own, none.
        references: real sentences none was trained on; None takes the test (or else validation)
            sentences, which must be the same for all.
        judge: of `lm-score`; None trains a 5-gram model on the training sentences.
        checkpoint: "best", "latest" or a step, of runs given without one; None takes the best, if
            any.
        multipliers: of the logits, for runs on a synthetic oracle.
        seed: of all draws.
        device: where networks run.
        quiet: no progress on stderr.

    Raises:
        UserError: no run there, a judge, a run given twice, models of characters beside others, or
            other real sentences held out.
    """
    groups = open_groups(folders)
    entries = [entry for group in groups for entry in group.entries]
    runs = list({entry.run.folder.resolve(): entry.run for entry in entries}.values())
    require_same_unit(runs)
    notes = require_same_text(runs, seed) if references is None else notes_on_forms(runs)
    plane = _plane(runs, count, seed, multipliers)
    settings = (decodings() if plane is None else []) if sweep is None else sweep
    swept = sum(cost(setting, count, PARTS) for setting in settings)
    work = (TABLE * count + swept + (0 if plane is None else plane.cost)) * len(entries)
    texts = Texts(references, seed)
    language = None if judge is None else open_language_judge(judge, device)
    encoder = open_encoder(NGRAMS, device)
    learned: dict[str, str] = {}
    shared: dict[str, LanguageScores] = {}
    star: list[Curve] = []
    entropy: list[float] = []

    def measured(entry: Entry, alone: bool, progress: Progress) -> Measured:
        run, asked = entry.run, entry.checkpoint
        model = load(run.folder, checkpoint if asked is None else asked, device)
        real = texts.of(run, model.vocabulary)
        learned[str(run.folder)] = digest(real.training)
        rows = Rows(run, model, real, language, encoder, seed, alone, shared)
        table = _renamed(rows.table([o.text for o in model.draw(count, PLAIN, seed=seed)]), entry)
        if not star and settings:
            star.extend(rows.star(count, PARTS))
        progress.advance(TABLE * count, f"{entry.name}, table")
        curve = rows.curve(settings, count, progress, PARTS)
        if plane is None:
            return Measured(table, curve)
        entropy.append(plane.entropy(model, real.references))
        return Measured(table, curve, plane.curve(entry.name, model, real.references, progress))

    with Progress(work, quiet) as progress:
        found = [
            [measured(entry, len(group.entries) == 1, progress) for entry in group.entries]
            for group in groups
        ]
    whole = _together(groups, found, star, [*notes, *notes_on_training(learned)])
    return _with_plane(whole, groups, found, entropy[0]) if plane is not None else whole


class Measured(NamedTuple):
    """What was found of a run: its table, its quality-diversity curve, and its line in the plane of
    an oracle."""

    table: Table
    curve: Curve
    plane: Curve | None = None


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


def _plane(
    runs: Sequence[Run], count: int, seed: int, multipliers: Sequence[float]
) -> OraclePlane | None:
    """What measures runs that are all on one synthetic oracle."""
    corpora = [read_run(run)[0].corpus for run in runs]
    first = corpora[0]
    alike = all(
        isinstance(corpus, OracleCorpus)
        and isinstance(first, OracleCorpus)
        and (corpus.parameters, corpus.vocabulary, corpus.length)
        == (first.parameters, first.vocabulary, first.length)
        for corpus in corpora
    )
    if not alike or not isinstance(first, OracleCorpus):
        return None
    return OraclePlane(OracleTruth(open_oracle(first)), count, seed, sorted(multipliers))


def _renamed(table: Table, entry: Entry) -> Table:
    """The table with the name of the entry on its first row."""
    first, *rest = table.rows
    return replace(table, rows=[replace(first, name=entry.name), *rest])


def _together(
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


def _with_plane(
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
