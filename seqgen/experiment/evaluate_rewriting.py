"""A run that rewrites, measured: its sentences beside references, baselines and other systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from seqgen import __version__
from seqgen.evaluation.judge_protocols import LanguageJudge, StyleJudge
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer import Evaluation, How, evaluate_transfer
from seqgen.experiment.attention import attention
from seqgen.experiment.model import TextModel
from seqgen.experiment.reopen import Which, step_of
from seqgen.experiment.rewriters import require_rewriter
from seqgen.experiment.rewriting_notes import rewriting_notes
from seqgen.experiment.rewriting_task import Posed
from seqgen.experiment.transfer_settings import Transfer
from seqgen.experiment.transferring import Transferred
from seqgen.metrics.style_transfer.factors import Task
from seqgen.report.record import Record, write_record
from seqgen.report.rewritings import Rewriting
from seqgen.training.run import Run

SHOWN = 20  # sentences kept beside their sources, at most
PICTURED = 4  # of these with attention
PLAIN = Transfer(to="")


def evaluate_rewriting(
    folder: str | Path,
    model: TextModel,
    posed: Posed,
    transfer: Transfer = PLAIN,
    *,
    checkpoint: Which | None = None,
    others: Mapping[str, Sequence[str]] | None = None,
    style: StyleJudging | None = None,
    language: LanguageJudge | None = None,
    real: Sequence[str] | None = None,
    rerank: StyleJudge | None = None,
    how: How | None = None,
    notes: Sequence[str] = (),
) -> Record:
    """Have a run rewrite sentences, as `model.transfer` does it, measure them, and write what was
    found to the run's evaluation.json, in the place of what was found before.

    Args:
        folder: the run.
        model: that `load` opened from it.
        posed: what is to be rewritten, such as `held_out_task` makes it.
        transfer: how it is rewritten; the style asked for is that of each sentence's target.
        checkpoint: the one that the model is of, as it was given to `load`.
        others: further systems, name -> one prediction for each source; the run is compared with
            each by paired tests.
        style: finds the style of a sentence; None: no accuracy but a grammar's.
        language: finds how probable a sentence is; None: no perplexity.
        real: real text that sets the perplexity of a fluent sentence; None: the sources.
        rerank: chooses among several candidates of a sentence.
        how: settings of the table.
        notes: what else is to stand beside it, such as how accurate a judge is.

    Raises:
        UserError: a model that reads no source, a style that it or a judge does not know.
    """
    run, how, task = Run.open(folder), how or How(), posed.task
    done = rewritten(model, task, transfer, rerank)
    outputs = [one.text for one in done]
    name = run.folder.resolve().name
    systems = {name: outputs, **_renamed(others or {}, name)}
    how = replace(how, human=posed.human, exact=posed.exact)
    found = evaluate_transfer(systems, task, style, language, real, how)
    odd = rewriting_notes(name, done, model.vocabulary, style, rerank)
    table = replace(found.table, notes=[*notes, *odd, *found.table.notes])
    about: dict[str, Any] = {
        "step": step_of(run, checkpoint),
        "sentences": len(outputs),
        "reached the limit": sum(not c.ended for one in done for c in one.candidates[:1]),
        "decoding": _said(transfer, rerank),
        "seed": how.seed,
        "sources": posed.origin,
        "references": len(task.references),
        "style judge": _judge(posed, style),
        "language judge": None if language is None else language.name,
        "seqgen": __version__,
    }
    shown = _side_by_side(model, posed, outputs, _accepted(posed, found, outputs), how.seed)
    samples = [f"{one.source} -> {one.output}" for one in shown]
    record = Record(about, table, (), samples, shown)
    write_record(run.folder, record)
    return record


def rewritten(
    model: TextModel, task: Task, transfer: Transfer = PLAIN, judge: StyleJudge | None = None
) -> list[Transferred]:
    """Each source of a task in its target style, in their order.

    Raises:
        UserError: a model that reads no source, an unknown style, settings out of range.
    """
    require_rewriter(model.generator)
    rows: dict[str, list[int]] = {}
    for row, target in enumerate(task.targets):
        rows.setdefault(target, []).append(row)
    # All styles are checked before the first sentence is written.
    ready = {to: model.transferring(replace(transfer, to=to), judge, scored=False) for to in rows}
    found: dict[int, Transferred] = {}
    for target, own in rows.items():
        found |= zip(own, ready[target]([task.sources[row] for row in own]), strict=True)
    return [found[row] for row in range(len(task.sources))]


def _renamed(others: Mapping[str, Sequence[str]], name: str) -> dict[str, Sequence[str]]:
    """Other systems under other names than the run's."""
    return {f"{key} (given)" if key == name else key: texts for key, texts in others.items()}


def _accepted(posed: Posed, found: Evaluation, outputs: Sequence[str]) -> list[bool] | None:
    """Whether each output of the run is in its style, by the style judge, or else a grammar."""
    accuracy = found.measured[0].sentences.get("accuracy")
    if accuracy is not None:
        return [bool(value) for value in accuracy > 0]
    if posed.grammar is None:
        return None
    rows = zip(outputs, posed.task.targets, strict=True)
    return [posed.grammar.style_of(output) == target for output, target in rows]


def _judge(posed: Posed, style: StyleJudging | None) -> str | None:
    """Who says whether an output is in its style."""
    if style is not None:
        return style.judge.name
    return None if posed.grammar is None else "the grammar"


def _side_by_side(
    model: TextModel,
    posed: Posed,
    outputs: Sequence[str],
    accepted: Sequence[bool] | None,
    seed: int,
) -> list[Rewriting]:
    """Some of the sentences, drawn by the seed, in their order; a few of them, evenly spread, with
    attention."""
    task, count = posed.task, min(SHOWN, len(outputs))
    drawn = np.random.default_rng(seed).choice(len(outputs), count, replace=False)
    found = []
    for place, row in enumerate(sorted(drawn.tolist())):
        source, to, output = task.sources[row], task.targets[row], outputs[row]
        pictured = place % -(-count // PICTURED) == 0
        found.append(
            Rewriting(
                source, to, output,
                task.references[0][row] if task.references else None,
                None if accepted is None else accepted[row],
                attention(model, source, output, to) if pictured else None,
            )
        )  # fmt: skip
    return found


def _said(transfer: Transfer, rerank: StyleJudge | None) -> str:
    """How sentences were written, in words."""
    parts = [f"temperature {transfer.temperature:g}" if transfer.temperature else "greedy"]
    width = transfer.width(rerank is not None)
    if width > 1:
        parts = [f"beam {width}"]
    if rerank is not None:
        parts.append(f"{transfer.candidates(True)} candidates ranked by {rerank.name}")
    if transfer.copy_unknown:
        parts.append("unknown words copied")
    return ", ".join(parts)
