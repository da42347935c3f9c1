"""A trained run measured: everything that files can tell, and what only a model can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch

from seqgen import __version__
from seqgen.errors import RunFailure
from seqgen.evaluation.decoding_settings import PLAIN, Decoding
from seqgen.evaluation.progress import Progress
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.real_text import RealText, real_text
from seqgen.experiment.reopen import Which, load, step_of
from seqgen.experiment.rewriters import require_writer
from seqgen.report.record import Record, read_record, write_record
from seqgen.training.run import Run

COUNT = 10_000  # sentences to draw where nothing is said, at most
SWEPT = 2_000  # at each point of a curve, at most
SAMPLES = 20  # sentences kept in the record


def evaluate_run(
    folder: str | Path,
    *,
    checkpoint: Which | None = None,
    count: int | None = None,
    decoding: Decoding = PLAIN,
    references: Sequence[str] | None = None,
    training: Sequence[str] | None = None,
    judge: str | Path | None = None,
    reverse_judge: str | Path | None = None,
    encoder: str | Path = NGRAMS,
    sweep: Sequence[Decoding] = (),
    sweep_count: int = SWEPT,
    seed: int = 0,
    device: torch.device | str = "cpu",
    intervals: bool = True,
    progress: Progress | None = None,
) -> Record:
    """Measure a run's sentences and likelihoods beside those of real text, and write what was found
    to its evaluation.json, in the place of what was found before. The same arguments give the same
    file, byte for byte where the number of threads is the same (sums differ in their last digits
    otherwise). Without a sweep it keeps the curves that an earlier evaluation of the same
    checkpoint wrote there, and `about` says so.

    Args:
        folder: the run.
        checkpoint: "best", "latest" or a step; None takes the best, if any.
        count: how many sentences to draw; None: as many as it was trained on, at most 10,000, so
            that as many real ones stand beside them.
        decoding: how they are drawn.
        references: real sentences that were not trained on; None takes the run's test sentences,
            or else its validation sentences.
        training: the training sentences; None takes the run's.
        judge: of `lm-score`, as `open_language_judge` takes it; None trains a 5-gram model on the
            training sentences.
        reverse_judge: of the run's `reverse-lm-score`: a language model that was trained on
            sentences of the run, as `open_language_judge` takes it; None trains a 5-gram model on
            the sentences drawn.
        encoder: of `frechet`, as `open_encoder` takes it.
        sweep: decoding settings of the quality-diversity curve; none, no new curve (the command
            `seqgen evaluate RUN` sweeps over temperatures where nothing is said).
        sweep_count: sentences drawn at each of them, `count` at most.
        seed: of all that is drawn.
        device: where networks run.
        intervals: whether to find 95 % intervals.
        progress: told of every point of the curve.

    Raises:
        UserError: no run there, one of a classifier, no real text to compare with, or a setting
            that makes no sense.
    """
    run = Run.open(folder)
    model = load(folder, checkpoint, device)
    require_writer(model.generator)
    real = real_text(run, model.vocabulary, references, training, seed)
    given = None if judge is None else open_language_judge(judge, device)
    reverse = None if reverse_judge is None else open_language_judge(reverse_judge, device)
    rows = Rows(
        run, model, real, given, open_encoder(encoder, device), seed, intervals,
        reverse_judge=reverse, plain=decoding == PLAIN,
    )  # fmt: skip
    count = _usual(real, decoding) if count is None else count
    drawn = model.draw(count, decoding, seed=seed)
    table = rows.table([one.text for one in drawn])
    about = {
        "step": step_of(run, checkpoint),
        "sentences": len(drawn),
        "reached the limit": sum(not one.ended for one in drawn),
        "decoding": _said(decoding),
        "seed": seed,
        **real.about,
        "seqgen": __version__,
    }
    curves = rows.curves(sweep, min(sweep_count, count), progress) if sweep else []
    record = Record(about, table, curves, [one.text for one in drawn[:SAMPLES]])
    record = _with_earlier_curves(run.folder, record)
    write_record(run.folder, record)
    return record


def _usual(real: RealText, decoding: Decoding) -> int:
    """How many sentences to draw where nothing is said; a beam search has no more than its
    width."""
    most = COUNT if decoding.beam == 1 else decoding.beam
    return min(most, len(real.training) or len(real.references))


def _with_earlier_curves(folder: Path, record: Record) -> Record:
    """The record, with the curves of the evaluation that it replaces where it has none itself and
    that one was of the same checkpoint."""
    try:
        before = read_record(folder)
    except RunFailure:  # damaged: to be replaced
        return record
    if record.curves or before is None or not before.curves:
        return record
    if before.about.get("step") != record.about["step"]:
        return record
    those = f"kept from an evaluation of {before.about.get('sentences')} sentences"
    about = {**record.about, "curves": before.about.get("curves", those)}
    return replace(record, about=about, curves=before.curves)


def _said(decoding: Decoding) -> str:
    """The settings that are not the plain ones, in words."""
    given = {k: v for k, v in asdict(decoding).items() if v != getattr(PLAIN, k)}
    return ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in given.items()) or "temperature 1"
