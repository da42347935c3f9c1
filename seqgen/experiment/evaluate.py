"""A trained run measured: everything that files can tell, and what only a model can."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from seqgen import __version__
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.progress import Progress
from seqgen.experiment.encoder import NGRAMS, open_encoder
from seqgen.experiment.evaluation_rows import Rows
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.real_text import RealText, real_text
from seqgen.experiment.reopen import Which, load, step_of
from seqgen.files import replacing
from seqgen.report.record import FILE, Record
from seqgen.training.run import Run

COUNT = 10_000  # sentences to draw where nothing is said, at most
SWEPT = 2_000  # at each point of a curve, at most
SAMPLES = 20  # sentences kept in the record
PLAIN = Decoding()


def evaluate_run(
    folder: str | Path,
    *,
    checkpoint: Which | None = None,
    count: int | None = None,
    decoding: Decoding = PLAIN,
    references: Sequence[str] | None = None,
    training: Sequence[str] | None = None,
    judge: str | Path | None = None,
    encoder: str | Path = NGRAMS,
    sweep: Sequence[Decoding] = (),
    sweep_count: int = SWEPT,
    seed: int = 0,
    device: torch.device | str = "cpu",
    intervals: bool = True,
    progress: Progress | None = None,
) -> Record:
    """Measure a run's sentences and likelihoods beside those of real text, and write what was found
    to its evaluation.json. The same arguments give the same file, byte for byte where the number of
    threads is the same (sums differ in their last digits otherwise).

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
        encoder: of `frechet`, as `open_encoder` takes it.
        sweep: decoding settings of the quality-diversity curve; none, no curve.
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
    real = real_text(run, model.vocabulary, references, training, seed)
    given = None if judge is None else open_language_judge(judge, device)
    rows = Rows(run, model, real, given, open_encoder(encoder, device), seed, intervals)
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
    write_record(run.folder, record)
    return record


def _usual(real: RealText, decoding: Decoding) -> int:
    """How many sentences to draw where nothing is said; a beam search has no more than its
    width."""
    most = COUNT if decoding.beam == 1 else decoding.beam
    return min(most, len(real.training) or len(real.references))


def write_record(folder: Path, record: Record) -> None:
    """Write evaluation.json, whole or not at all, as strict JSON."""
    text = json.dumps(record.to_json(), ensure_ascii=False, allow_nan=False, indent=1)
    with replacing(folder / FILE) as file:
        file.write(f"{text}\n".encode())


def _said(decoding: Decoding) -> str:
    """The settings that are not the plain ones, in words."""
    given = {k: v for k, v in asdict(decoding).items() if v != getattr(PLAIN, k)}
    return ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in given.items()) or "temperature 1"
