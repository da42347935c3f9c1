"""seqgen evaluate RUN, of a run that rewrites: its sentences row by row, as judges see them."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from seqgen.commands.evaluate_transfer import Judging, settings
from seqgen.commands.options import use_machine
from seqgen.commands.show import show
from seqgen.commands.transfer_files import given

if TYPE_CHECKING:
    from seqgen.experiment.rewriting_task import Posed
    from seqgen.experiment.transfer_settings import Transfer


def run(options: Namespace) -> int:
    """Rewrite, measure, write evaluation.json and the report, print the table; returns 0.

    Raises:
        UserError: no run that rewrites, files that do not belong together, or a judge that does
            not know a style.
    """
    how, device = settings(options), use_machine(options)
    from seqgen.experiment.evaluate_rewriting import evaluate_rewriting
    from seqgen.experiment.reopen import load, read_run
    from seqgen.experiment.rewriters import require_rewriter
    from seqgen.experiment.rewriting_notes import on_chooser
    from seqgen.experiment.style_judge import open_judge
    from seqgen.report import write_report
    from seqgen.training.run import Run

    model = load(options.run, options.checkpoint, device)
    require_rewriter(model.generator)
    recipe, _ = read_run(Run.open(options.run))
    posed, others = _posed(options)
    judging = Judging.of(options, posed.task)
    rerank = None if options.rerank is None else open_judge(options.rerank, device=device)
    record = evaluate_rewriting(
        options.run, model, posed, _transfer(options), checkpoint=options.checkpoint, others=others,
        style=judging.style, language=judging.language, real=judging.real, rerank=rerank, how=how,
        notes=[*judging.notes, *on_chooser(recipe, judging.style)],
    )  # fmt: skip
    page = write_report(options.run)
    show(record.table, json=options.json)
    if not options.quiet:
        print(f"\nwritten: {page.parent / 'evaluation.json'}, {page}", file=sys.stderr)
    return 0


def _posed(options: Namespace) -> tuple[Posed, dict[str, list[str]]]:
    """What is to be rewritten, and what other systems made of it."""
    from seqgen.experiment.rewriting_task import Posed, held_out_task
    from seqgen.training.run import Run

    if not (options.sources or options.pairs):
        return held_out_task(Run.open(options.run), options.count, options.seed), {}
    data = given(options)
    files = options.sources or [options.pairs]
    return Posed(data.task, ", ".join(Path(file).name for file in files)), data.systems


def _transfer(options: Namespace) -> Transfer:
    from seqgen.experiment.transfer_settings import Transfer

    return Transfer(
        to="", temperature=options.temperature or 0.0, beam=options.beam, seed=options.seed,
        copy_unknown=options.copy_unknown,
    )  # fmt: skip
