"""Starting from another run: its weights, and what of the recipe is then left out."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from torch import nn

from seqgen.errors import UserError
from seqgen.experiment.entries import Entry
from seqgen.experiment.reopen import load_weights, read_run
from seqgen.recipe.recipe import Group, Phase, Recipe
from seqgen.recipe.settings import Settings
from seqgen.report.likelihood_checkpoint import LIKELIHOOD
from seqgen.training import distributed
from seqgen.training.errors import MisfitError

_log = logging.getLogger("seqgen")


def without_pretraining(recipe: Recipe) -> Recipe:
    """The recipe without the likelihood phases it begins with, unless there is nothing else; those
    left out are told."""
    phases: list[Phase | Group] = list(recipe.phases)
    left: list[str] = []
    while len(phases) > 1:
        first = phases[0]
        if not isinstance(first, Phase) or first.method.kind not in LIKELIHOOD:
            break
        phases.pop(0)
        left.append(f"phases.{len(left)} ({first.method.kind}, {first.steps} steps)")
    if left:
        _tell(
            f"--init: left out, as the run started from has learned already: {', '.join(left)}; "
            f"the run's recipe has the other phases ({len(phases)}), numbered from 0"
        )
    return recipe.model_copy(update={"phases": tuple(phases)})


def take_weights(
    entry: Entry, recipe: Recipe, modules: Mapping[str, nn.Module], labels: Mapping[str, int]
) -> None:
    """Put the other run's weights into the generator (or classifier) and into what else both have
    with equal settings; a discriminator of other settings starts afresh, which is told.

    Raises:
        UserError: labels or the generator differ, or the run has no generator.
    """
    run = entry.run
    other, facts = read_run(run)
    _require_labels(entry, facts["labels"], labels)
    there = {path.name.split(".")[0] for path in run.checkpoint("latest").glob("*.safetensors")}
    main = next(iter(modules))  # the generator, where there is one
    if main not in there:
        raise UserError(
            f"{run.folder} has no {main} to start from; its weights are {sorted(there)}"
        )
    different = {name: _differences(other, recipe, name) for name in modules if name in there}
    taken = [name for name, found in different.items() if name == main or not found]
    try:
        load_weights(run, {name: modules[name] for name in taken}, entry.checkpoint)
    except MisfitError as problem:
        raise UserError(_misfit(entry, main, different[main])) from problem
    for name in different:
        if name not in taken:
            _tell(
                f"--init: the {name} starts afresh, as that of {run.folder} is another: "
                f"{'; '.join(different[name])}"
            )


def _require_labels(entry: Entry, theirs: Mapping[str, int], labels: Mapping[str, int]) -> None:
    if theirs != dict(labels):
        raise UserError(
            f"{entry.run.folder} was trained with the labels {list(theirs) or 'none'}, this corpus "
            f"has {list(labels) or 'none'}; they must be the same to start from its weights"
        )


def _differences(there: Recipe, here: Recipe, name: str) -> list[str]:
    """The settings of a network that differ, in words; a learned baseline has none."""
    left, right = (_dumped(getattr(recipe, name, None)) for recipe in (there, here))
    keys = [key for key in {**left, **right} if left.get(key) != right.get(key)]
    # Of another kind, the others say nothing.
    keys = ["kind"] if "kind" in keys else keys
    return [f"{key} is {left.get(key)} there and {right.get(key)} here" for key in keys]


def _dumped(settings: Settings | None) -> dict[str, object]:
    return {} if settings is None else settings.model_dump(mode="json")


def _misfit(entry: Entry, name: str, different: list[str]) -> str:
    if not different:
        return (
            f"--init {entry.run.folder}: its {name} does not fit this recipe's although the "
            "settings are the same; it was made by another version, or its source has changed. "
            "Start without --init"
        )
    return (
        f"--init {entry.run.folder}: its {name} does not fit this recipe's: "
        f"{'; '.join(different)}. Give this recipe the sizes of that run (--{name}.SETTING "
        "VALUE), or start without --init"
    )


def _tell(text: str) -> None:
    if distributed.is_main():
        _log.warning(text)
