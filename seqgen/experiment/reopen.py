"""A run folder -> a model ready to use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, cast

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.experiment.build import build_generator
from seqgen.experiment.model import TextModel
from seqgen.recipe.files import read
from seqgen.recipe.recipe import Recipe
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.checkpoint import load_modules
from seqgen.training.run import Run

Which = Literal["best", "latest"] | int


def load(
    folder: str | Path, checkpoint: Which | None = None, device: torch.device | str = "cpu"
) -> TextModel:
    """Open a trained run.

    Args:
        folder: the run folder.
        checkpoint: "best", "latest" or a step; None takes the best where the recipe selects one, else the latest.
        device: where to put the model.

    Raises:
        UserError: no run there, a damaged file, or a tokenizer that is not the model's.

    Examples:
        >>> from seqgen import load                                    # doctest: +SKIP
        >>> load("runs/quickstart").generate(3, temperature=0.8)       # doctest: +SKIP
    """
    run = Run.open(folder)
    recipe, facts = read_run(run)
    vocabulary = Vocabulary.open(run.folder)
    vocabulary.require(int(facts["size"]), str(facts["vocabulary"]))
    labels = cast("dict[str, int]", facts["labels"])
    generator = build_generator(recipe.generator, vocabulary, len(labels), recipe.seed, weights=False)
    load_weights(run, {"generator": generator}, checkpoint)
    return TextModel(generator.to(device).eval(), vocabulary, recipe.corpus.limit, labels)


def load_weights(run: Run, modules: Mapping[str, nn.Module], checkpoint: Which | None = None) -> None:
    """Put the weights of a run into modules, averages where the run has them."""
    if checkpoint is None:
        checkpoint = "latest" if run.marked("best") is None else "best"
    load_modules(run.checkpoint(checkpoint), modules, average=True)


def read_run(run: Run) -> tuple[Recipe, dict[str, object]]:
    """The recipe of a run, and what it says of its vocabulary, labels and corpus."""
    path, facts = run.folder / "recipe.yaml", run.folder / "corpus.json"
    if not path.is_file() or not facts.is_file():
        raise UserError(f"{run.folder} is not a run: recipe.yaml or corpus.json is missing; give a folder that train wrote")
    try:
        return read(str(path)), json.loads(facts.read_text("utf-8"))
    except json.JSONDecodeError as problem:
        raise UserError(f"{facts} is damaged ({problem}); restore it, or train again") from problem
