"""A run folder -> a model ready to use."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.experiment.build import build_generator
from seqgen.experiment.model import TextModel
from seqgen.generators.pretrained import Pretrained
from seqgen.recipe.files import read
from seqgen.recipe.networks import PretrainedGenerator
from seqgen.recipe.recipe import Recipe
from seqgen.text.vocabulary import Vocabulary
from seqgen.training.run import Run
from seqgen.training.weights import load_modules

Which = Literal["best", "latest"] | int
WEIGHTS = "generator.safetensors"  # of an exported model


def load(
    folder: str | Path, checkpoint: Which | None = None, device: torch.device | str = "cpu"
) -> TextModel:
    """Open a trained run, or a folder that `export` wrote.

    Args:
        folder: the run folder.
        checkpoint: "best", "latest" or a step; None takes the best where the recipe selects one,
            else the latest.
        device: where to put the model.

    Raises:
        UserError: no run there, one of a judge, a damaged file, or a tokenizer that is not the
            model's.

    Examples:
        >>> from seqgen import load                                    # doctest: +SKIP
        >>> load("runs/quickstart").generate(3, temperature=0.8)       # doctest: +SKIP
    """
    run = Run.open(folder)
    recipe, facts = read_run(run)
    vocabulary = open_vocabulary(run)
    labels: dict[str, int] = facts["labels"]
    require_generator(run, recipe)
    settings = with_own_source(recipe, run.folder).generator
    generator = build_generator(settings, vocabulary, len(labels), recipe.seed, weights=False)
    load_weights(run, {"generator": generator}, checkpoint)
    return TextModel(generator.to(device).eval(), vocabulary, recipe.corpus.limit, labels)


def require_generator(run: Run, recipe: Recipe) -> None:
    """Raise UserError for a run that trained a classifier alone."""
    if recipe.generator is None:
        raise UserError(
            f"{run.folder} is a judge: it classifies sentences and has no generator that could "
            f"write, score or export any. Use it by: seqgen judge classify {run.folder} < "
            "sentences.txt, or seqgen.experiment.style_judge.open_judge in Python"
        )


def open_vocabulary(run: Run) -> Vocabulary:
    """The vocabulary of a run.

    Raises:
        UserError: this is no run, or its tokenizer.json is not the one it was trained with.
    """
    _, facts = read_run(run)
    vocabulary = Vocabulary.open(run.folder)
    try:
        vocabulary.require(int(facts["size"]), str(facts["vocabulary"]))
    except UserError as problem:
        raise UserError(f"{run.folder / 'tokenizer.json'}: {problem}") from problem
    return vocabulary


def keep_configuration(run: Run, generator: nn.Module) -> None:
    """Write a pretrained model's config.json into the run, which then opens without the model's
    source; an adapter's run needs that anyway."""
    if isinstance(generator, Pretrained) and generator.base is None:
        run.write_text("config.json", str(generator.model.config.to_json_string(use_diff=False)))


def with_own_source(recipe: Recipe, folder: Path) -> Recipe:
    """The recipe with the run's own config.json as the source of a pretrained generator; it has no
    weights there. An adapter keeps the source of the weights below it."""
    settings = recipe.generator
    if not isinstance(settings, PretrainedGenerator) or settings.source is None:
        return recipe
    if settings.lora is not None:
        return recipe
    if not (folder / "config.json").is_file():
        raise UserError(f"{folder} has no config.json for its pretrained generator; restore it")
    own = settings.model_copy(update={"source": str(folder)})
    return recipe.model_copy(update={"generator": own})


def load_weights(
    run: Run, modules: Mapping[str, nn.Module], checkpoint: Which | None = None
) -> None:
    """Put the weights of a run into modules, averages where the run has them."""
    if checkpoint is None and (run.folder / WEIGHTS).is_file():
        load_modules(run.folder, modules)
        return
    if checkpoint is None:
        checkpoint = "latest" if run.marked("best") is None else "best"
    _require_checkpoint(run, checkpoint)
    load_modules(run.checkpoint(checkpoint), modules, average=True)


def _require_checkpoint(run: Run, checkpoint: Which) -> None:
    """Raise UserError for a step that a run has no checkpoint of, or where it has none at all."""
    there = list(run.checkpoints())
    if not there and (run.folder / WEIGHTS).is_file():
        raise UserError(f"{run.folder} is an exported model: it has no checkpoints to choose from")
    if not there:
        raise UserError(f"{run.folder} has no checkpoint: its training ended before the first one")
    if checkpoint == "best" and run.marked("best") is None:
        steps = ", ".join(map(str, there))
        raise UserError(f"{run.folder} has no best checkpoint, none was selected; it has {steps}")
    if isinstance(checkpoint, int) and checkpoint not in there:
        steps = ", ".join(map(str, there))
        raise UserError(f"{run.folder} has no checkpoint of step {checkpoint}; it has {steps}")


def step_of(run: Run, checkpoint: Which | None = None) -> int | None:
    """The step of the checkpoint that `load_weights` takes; None of an exported model."""
    if isinstance(checkpoint, int) or (checkpoint is None and (run.folder / WEIGHTS).is_file()):
        return checkpoint
    best = run.marked("best") if checkpoint != "latest" else None
    return run.marked("latest") if best is None else best


def read_run(run: Run) -> tuple[Recipe, dict[str, Any]]:
    """The recipe of a run, and what it says of its vocabulary, labels and corpus.

    Raises:
        UserError: this is no run, or one of the two files is damaged.
    """
    path, facts = run.folder / "recipe.yaml", run.folder / "corpus.json"
    if not path.is_file() or not facts.is_file():
        raise UserError(
            f"{run.folder} is not a run: recipe.yaml or corpus.json is missing; "
            "give a folder that train wrote"
        )
    return read(str(path)), _read_facts(facts)


def _read_facts(path: Path) -> dict[str, Any]:
    """What corpus.json holds; a flipped bit may leave it sound JSON with other keys or types."""
    try:
        found = json.loads(path.read_text("utf-8"))
        int(found["size"]), str(found["vocabulary"])
        numbers = sorted(found["labels"].values())
        if numbers != list(range(len(numbers))):
            raise ValueError("its labels are not numbered from 0")
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} is damaged ({problem}); restore it, or train again") from problem
    return dict(found)
