"""The end of a training: its result measured, and the report written."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from seqgen.experiment.evaluate import evaluate_run
from seqgen.experiment.real_sentences import held_out
from seqgen.experiment.reopen import read_run
from seqgen.experiment.rewriters import rewrites
from seqgen.report import write_report
from seqgen.training.run import Run

_log = logging.getLogger("seqgen")


def close_run(folder: Path, device: torch.device | str) -> Path | None:
    """Write evaluation.json, of the checkpoint that `load` takes, and the report; return where that
    is.

    The training itself has succeeded: whatever goes wrong here is a warning, and None. A run that
    holds no sentences out has a report without an evaluation, as has one of a classifier or of a
    generator that rewrites.
    """
    try:
        run = Run.open(folder)
        recipe, _ = read_run(run)
        writes = recipe.generator is not None and not rewrites(recipe)
        if writes and held_out(run) is not None:
            evaluate_run(folder, count=recipe.evaluate.samples, seed=recipe.seed, device=device)
        return write_report(folder)
    except Exception as problem:  # a full disk, a font, a package that broke: hours are not for it
        _log.warning(
            "the training ended well, but its evaluation or report did not (%s: %s); seqgen "
            "evaluate %s and seqgen report %s do them again",
            type(problem).__name__, problem, folder, folder,
        )  # fmt: skip
        return None
