"""Runs compared: one table, one quality-diversity curve a model, and what both say in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from seqgen.evaluation.decoding_settings import PLAIN, Decoding, decodings
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.evaluation.sweep import PARTS, cost
from seqgen.evaluation.truth import OracleTruth
from seqgen.experiment.comparison import (
    Comparison,
    Measured,
    together,
    with_plane,
    with_training,
)
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.entries import Entry
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.oracle_plane import MULTIPLIERS, OraclePlane
from seqgen.experiment.real_text import RealText, real_text
from seqgen.experiment.reopen import Which, load, read_run
from seqgen.experiment.rewriters import require_writer
from seqgen.experiment.run_groups import (
    digest,
    notes_on_forms,
    notes_on_training,
    open_groups,
    require_same_text,
    require_same_unit,
)
from seqgen.experiment.synthetic import open_oracle
from seqgen.metrics.quality_diversity.curves import Curve
from seqgen.metrics.table import Table
from seqgen.recipe.data import FilesCorpus, OpenVocabulary, OracleCorpus
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run

COUNT = 2000
TABLE = 12  # work of a row of the table, in drawings of a sentence each; roughly


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
        require_writer(model.generator)
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
    whole = together(groups, found, star, [*notes, *notes_on_training(learned)])
    if plane is not None:
        whole = with_plane(whole, groups, found, entropy[0])
    return with_training(whole, groups)


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
