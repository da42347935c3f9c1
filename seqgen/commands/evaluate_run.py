"""seqgen evaluate RUN: the sentences a run writes, and what only a model can tell."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from pathlib import Path

from seqgen.commands import evaluate_rewriting
from seqgen.commands.evaluate import flag, refuse_others
from seqgen.commands.evaluate_options import parser
from seqgen.commands.options import silenced, use_machine
from seqgen.commands.sentence_files import reading
from seqgen.commands.show import show
from seqgen.errors import RunFailure, UserError
from seqgen.metrics.score import Score, sign
from seqgen.metrics.table import Row, Table

REJECTED = (0.5, 0.25)  # shares kept, beside the temperatures of the curve
OF_CLASSIFIERS = ("run", "checkpoint", "json", "quiet", "device", "threads")


def run(options: Namespace) -> int:
    """Measure, write evaluation.json and the report, print the table; returns 0."""
    device = use_machine(options)
    from seqgen.experiment.evaluate import SWEPT, evaluate_run
    from seqgen.experiment.reopen import read_run
    from seqgen.experiment.rewriters import rewrites
    from seqgen.report import write_report
    from seqgen.training.run import Run

    recipe, _ = read_run(Run.open(options.run))
    if recipe.generator is None:
        return _judge(options, device)
    if rewrites(recipe):
        refuse_others(parser(), options, "rewriting")
        return evaluate_rewriting.run(options)
    from seqgen.evaluation.decoding_settings import TEMPERATURES, Decoding, decodings
    from seqgen.evaluation.progress import Progress
    from seqgen.evaluation.sweep import cost

    swept = decodings(options.temperatures or TEMPERATURES, reject_likelihood=REJECTED)
    swept = [] if options.no_sweep else swept
    total = sum(cost(one, SWEPT) for one in swept)
    read = reading(options)
    heat = 1.0 if options.temperature is None else options.temperature
    before = _sentences(Path(options.run).expanduser())
    with silenced(options.quiet), Progress(total, options.quiet or not swept) as progress:
        record = evaluate_run(
            options.run, checkpoint=options.checkpoint, count=options.count,
            decoding=Decoding(
                temperature=heat, top_k=options.top_k, top_p=options.top_p,
                beam=options.beam, reject_likelihood=options.reject_likelihood,
            ),
            references=read(options.references) if options.references else None,
            training=read(options.train) if options.train else None,
            judge=options.language_judge, reverse_judge=options.reverse_judge,
            encoder=options.encoder or "ngrams",
            sweep=swept, seed=options.seed, device=device,
            intervals=not options.no_intervals, progress=progress,
        )  # fmt: skip
    page = write_report(options.run)
    show(record.table, json=options.json, curves=record.curves)
    if not options.quiet:
        print(f"\nwritten: {page.parent / 'evaluation.json'}, {page}", file=sys.stderr)
        if before is not None:
            kept = "; its curves are kept" if "curves" in record.about else ""
            print(f"it replaces an evaluation of {before} sentences{kept}", file=sys.stderr)
    return 0


def _sentences(folder: Path) -> object:
    """Of how many sentences the evaluation in the folder is; None where there is none that can be
    read."""
    from seqgen.report.record import read_record

    try:
        record = read_record(folder)
    except RunFailure:
        return None
    return None if record is None else record.about.get("sentences")


def _refuse_of_models(options: Namespace) -> None:
    """Raise UserError for options that tell how sentences are written or measured."""
    made = parser()
    for name, value in vars(options).items():
        if name not in OF_CLASSIFIERS and value != made.get_default(name):
            raise UserError(
                f"{flag(name)}: {options.run} is a classifier, which writes no sentences; leave it"
                " out to see how often the classifier is right"
            )


def _judge(options: Namespace, device: str) -> int:
    """A classifier writes no sentences: what is known of it is how often it is right."""
    from seqgen.experiment.style_judge import open_judge

    _refuse_of_models(options)
    judge = open_judge(options.run, options.checkpoint, device)
    scores = []
    if judge.test_accuracy is not None:
        settings: dict[str, str | int] = {
            "judge": judge.name,
            "sentences": judge.tested_on or "test",
            "count": judge.test_sentences,
        }
        scores = [Score("accuracy", judge.test_accuracy, sign(settings))]
        for label, share in judge.per_label.items():
            # By name: a table holds one score of a name, and labels may hold any character.
            signed = {**settings, "label": label.replace(":", " ").replace("|", " ")}
            scores.append(Score(f"accuracy of {label}", share, sign(signed)))
    notes = [judge.about(), "a classifier writes no sentences; seqgen judge classify uses it, and"
             f" seqgen evaluate ... --style-judge {shlex.quote(str(options.run))}"]  # fmt: skip
    show(Table([Row(Path(options.run).name, scores)], notes), json=options.json)
    return 0
