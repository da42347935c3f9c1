"""The end of a training: its result measured, and the report written."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from seqgen.evaluation.transfer import How
from seqgen.experiment.evaluate import evaluate_run
from seqgen.experiment.evaluate_rewriting import evaluate_rewriting
from seqgen.experiment.real_sentences import held_out
from seqgen.experiment.reopen import load, read_run
from seqgen.experiment.rewriters import rewrites
from seqgen.experiment.rewriting_judges import open_rewriting_judges
from seqgen.experiment.rewriting_notes import on_chooser
from seqgen.experiment.rewriting_task import held_out_task
from seqgen.recipe.recipe import Recipe
from seqgen.report import write_report
from seqgen.training.run import Run

_log = logging.getLogger("seqgen")


def close_run(folder: Path, device: torch.device | str) -> Path | None:
    """Write evaluation.json, of the checkpoint that `load` takes, and the report; return where that
    is.

    The training itself has succeeded: whatever goes wrong here is a warning, and None. A run that
    holds no sentences out has a report without an evaluation, as has one of a classifier.
    """
    try:
        run = Run.open(folder)
        recipe, _ = read_run(run)
        if recipe.generator is not None and held_out(run) is not None:
            evaluate = _evaluate_rewriting if rewrites(recipe) else _evaluate
            evaluate(run, recipe, device)
        return write_report(folder)
    except Exception as problem:  # a full disk, a font, a package that broke: hours are not for it
        _log.warning(
            "the training ended well, but its evaluation or report did not (%s: %s); seqgen "
            "evaluate %s and seqgen report %s do them again",
            type(problem).__name__, problem, folder, folder,
        )  # fmt: skip
        return None


def _evaluate(run: Run, recipe: Recipe, device: torch.device | str) -> None:
    evaluate_run(run.folder, count=recipe.evaluate.samples, seed=recipe.seed, device=device)


def _evaluate_rewriting(run: Run, recipe: Recipe, device: torch.device | str) -> None:
    """By the judges of the recipe, where it names some."""
    model = load(run.folder, device=device)
    judges = open_rewriting_judges(recipe.evaluate, list(model.labels), device)
    style = None if judges is None else judges.style
    evaluate_rewriting(
        run.folder, model, held_out_task(run, recipe.evaluate.samples, recipe.seed), style=style,
        language=None if judges is None else judges.language, how=How(seed=recipe.seed),
        notes=on_chooser(recipe, style),
    )  # fmt: skip
