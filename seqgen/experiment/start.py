"""Train a recipe: a new run, a resumed one, or one that starts from another run's weights."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.evaluation.likelihood import likelihood
from seqgen.evaluation.measure import FIGURES, Measure
from seqgen.experiment.build import build_modules, build_phases, build_players
from seqgen.experiment.corpora import Corpora, open_corpora
from seqgen.experiment.reopen import (
    keep_configuration,
    load_weights,
    open_vocabulary,
    read_run,
    with_own_source,
)
from seqgen.randomness import Stream
from seqgen.recipe.files import differences, write
from seqgen.recipe.recipe import Group, Phase, Recipe
from seqgen.text.vocabulary import Vocabulary
from seqgen.training import distributed, randomness
from seqgen.training.batches import Batches
from seqgen.training.journal import Journal
from seqgen.training.run import Run, step_name
from seqgen.training.selection import Selection
from seqgen.training.trainer import EvaluationMoment, Outcome, Trainer

LIKELIHOOD = ("teacher-forcing", "scheduled-sampling", "data-as-demonstrator")


@dataclass(frozen=True)
class Machine:
    """What belongs to this execution and not to the recipe."""

    device: torch.device | str = "cpu"
    quiet: bool = False


@dataclass(frozen=True)
class Report:
    """What is told when a run ends: its folder, the figures of the last and of the best checkpoint,
    of the selected one on the test sentences, and of real data; and some sentences."""

    folder: Path
    outcome: Outcome
    best: Mapping[str, float]
    test: Mapping[str, float]
    real: Mapping[str, float]
    samples: Sequence[str]


class Experiment:
    """A recipe made into objects around a run folder; `weights` False where a checkpoint will bring
    them."""

    def __init__(
        self, recipe: Recipe, run: Run, corpora: Corpora, machine: Machine, weights: bool = True
    ) -> None:
        self.recipe, self.run, self.corpora = recipe, run, corpora
        self.modules = build_modules(recipe, corpora.vocabulary, len(corpora.labels), weights)
        for module in self.modules.values():
            module.to(machine.device)
        self.measure = _measure(recipe, corpora, self.modules)
        self.samples: list[str] = []
        self.journal = Journal(run.folder, machine.quiet)
        self.trainer = self._trainer(machine)

    def train(self, resume: bool = False) -> Report:
        """Train to the end and report."""
        try:
            outcome = self.trainer.train(resume)
        finally:
            self.journal.close()
        if not distributed.is_main():  # only the main process reports
            return Report(self.run.folder, outcome, {}, {}, {}, [])
        real = self.measure.real(Stream.of(self.recipe.seed, "real data"))
        if not self.samples:  # nothing was left to train: those of the checkpoint load takes
            load_weights(self.run, self.modules)
            self.samples = self.measure(self._stream)[1]
        best = {} if outcome.best_step is None else evaluation(self.run.folder, outcome.best_step)
        return Report(self.run.folder, outcome, best, self._test(), real, self.samples[:8])

    def _test(self) -> dict[str, float]:
        """The likelihood of the test sentences, scored once, under the checkpoint that `load` would
        take."""
        test = self.corpora.splits.get("test")
        if test is None or not distributed.is_main():
            return {}
        load_weights(self.run, self.modules)
        result = likelihood(self.measure.generator, test)
        return {"nll": result.nats, "perplexity": result.perplexity}

    def _trainer(self, machine: Machine) -> Trainer:
        recipe = self.recipe
        phases = build_phases(recipe, self.modules, self.corpora.train)
        batches = Batches(
            self.corpora.train, recipe.batch, recipe.seed, recipe.accumulation,
            distributed.rank(), distributed.world(), recipe.by_label, machine.device,
        )  # fmt: skip
        return Trainer(
            phases,
            build_players(recipe, phases),
            batches,
            seed=recipe.seed,
            run=self.run,
            journal=self.journal,
            evaluate=self._evaluate,
            select=_selection(recipe, self.corpora),
            save_every=recipe.save.every or recipe.evaluate.every,
            precision=recipe.precision,
            average=recipe.average,
            modules=self.modules,
            keep=recipe.save.keep,
        )

    @property
    def _stream(self) -> Stream:
        # The same numbers at every evaluation: what changes between two samples is the model.
        return Stream.of(self.recipe.seed, "evaluation samples")

    def _evaluate(self, moment: EvaluationMoment) -> Mapping[str, float]:
        figures, self.samples = self.measure(self._stream)
        lines = "".join(f"{text}\n" for text in self.samples)
        self.run.write_text(f"samples/{step_name(moment.step)}.txt", lines)
        return figures


def start(recipe: Recipe, folder: Path, machine: Machine, init: Path | None = None) -> Report:
    """Train a recipe in a new run folder.

    Args:
        recipe: what to do.
        folder: the run folder, which must not hold a run.
        machine: device and verbosity.
        init: a run whose vocabulary and weights to start from; leading likelihood phases are then
            left out.

    Raises:
        UserError: the folder is taken, or the corpus or the other run cannot be used.
    """
    vocabulary = None
    if init is not None:
        vocabulary, recipe = open_vocabulary(Run.open(init)), without_pretraining(recipe)
    # What checkpoints hold of Python's, numpy's and torch's own generators is then the seed's too.
    randomness.seed_process(recipe.seed)
    with Run.create(folder) as run:
        if distributed.is_main():  # what a run that ended before its first checkpoint has left
            shutil.rmtree(run.folder / "corpus", ignore_errors=True)
        return _prepared(recipe, run, machine, vocabulary, init).train()


def _prepared(
    recipe: Recipe, run: Run, machine: Machine, vocabulary: Vocabulary | None, init: Path | None
) -> Experiment:
    """A new run with all its files but the first checkpoint."""
    corpora = _in_turn(recipe, run, vocabulary)
    experiment = Experiment(recipe, run, corpora, machine)
    if init is not None:
        _take_weights(Run.open(init), experiment.modules)
    run.write_text("recipe.yaml", write(recipe))
    keep_configuration(run, experiment.modules["generator"])
    if distributed.is_main():
        corpora.vocabulary.save(run.folder)
    facts = {"size": len(corpora.vocabulary), **corpora.identity()}
    run.write_text("corpus.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
    return experiment


def _in_turn(recipe: Recipe, run: Run, vocabulary: Vocabulary | None) -> Corpora:
    """The main process opens the corpus first: it alone reads standard input, which is kept for the
    others, and no two write the same files at a time."""
    if not distributed.is_main():
        distributed.wait()
    corpora = open_corpora(recipe, run.folder, vocabulary)
    if distributed.is_main():
        distributed.wait()
    return corpora


def resume(folder: Path, machine: Machine, recipe: Recipe | None = None) -> Report:
    """Go on with a run from its latest sound checkpoint.

    Args:
        folder: the run folder.
        machine: device and verbosity.
        recipe: the run's recipe with changes; only the last phase's steps, `evaluate`, `save` and
            `name` may differ.

    Raises:
        UserError: no run there, another difference, or the corpus has changed.
    """
    with Run.open(folder, write=True) as run:
        before, facts = read_run(run)
        recipe = before if recipe is None else recipe
        require_resumable(before, recipe)
        if not run.checkpoints():
            raise UserError(
                f"{run.folder} ended before its first checkpoint; train anew into the same folder"
            )
        corpora = _in_turn(recipe, run, Vocabulary.open(run.folder))
        _require_same_corpus(corpora, facts)
        if recipe != before:
            run.write_text("recipe.yaml", write(recipe))
        own = with_own_source(recipe, run.folder)
        return Experiment(own, run, corpora, machine, weights=False).train(resume=True)


def evaluation(folder: Path, step: int) -> dict[str, float]:
    """The figures a run's journal holds of a step; empty where it was not evaluated."""
    found: dict[str, float] = {}
    for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry.get("event") == "evaluation" and entry["step"] == step:
            about = ("event", "step", "round", "phase", "seconds", "nonfinite")
            found = {k: math.nan if v is None else v for k, v in entry.items() if k not in about}
    return found


def require_resumable(before: Recipe, after: Recipe) -> None:
    """Refuse differences that would make it another training."""
    last = f"phases.{len(before.phases) - 1}.steps"
    allowed = ("evaluate", "save", "name", "about", "needs", "expect")
    wrong = [
        name
        for name in differences(before, after)
        if name != last and name.split(".")[0] not in allowed
    ]
    if wrong:
        raise UserError(
            f"a resumed run may change only {last}, evaluate, save and name; these differ too: "
            f"{', '.join(wrong)}. Start a new run, with --init to take over the weights"
        )
    old, new = before.evaluate.select, after.evaluate.select
    if old is not None and new not in (old, None):
        raise UserError(
            f"evaluate.select: the best checkpoint so far was chosen by {old}, which cannot be "
            f"compared with {new}; set it to none, or start a new run"
        )


def schedule_note(before: Recipe, after: Recipe) -> str | None:
    """What extending a run does to learning rates, in words; None where nothing changes."""
    kinds = {name: player.schedule.kind for name, player in after.players.items()}
    moving = [f"{kind} ({name})" for name, kind in kinds.items() if kind in ("cosine", "linear")]
    if not moving or before.phases == after.phases:
        return None
    return (
        f"the learning-rate schedule {', '.join(moving)} now spans the new number of steps: "
        "the rate goes on where the longer schedule is at this step, "
        "above where the shorter one ended"
    )


def without_pretraining(recipe: Recipe) -> Recipe:
    """The recipe without the likelihood phases it begins with, unless there is nothing else."""
    phases: list[Phase | Group] = list(recipe.phases)
    while len(phases) > 1 and isinstance(phases[0], Phase) and phases[0].method.kind in LIKELIHOOD:
        phases.pop(0)
    return recipe.model_copy(update={"phases": tuple(phases)})


def _take_weights(run: Run, modules: Mapping[str, nn.Module]) -> None:
    """The other run's weights for the modules both have; a discriminator may be new."""
    there = {path.name.split(".")[0] for path in run.checkpoint("latest").glob("*.safetensors")}
    shared = {name: module for name, module in modules.items() if name in there}
    if "generator" not in shared:
        raise UserError(
            f"{run.folder} has no generator to start from; its weights are {sorted(there)}"
        )
    load_weights(run, shared)


def _require_same_corpus(corpora: Corpora, facts: Mapping[str, object]) -> None:
    now = corpora.identity()
    changed = [name for name in now if facts.get(name) != now[name]]
    if changed:
        raise UserError(
            f"the corpus is not the one this run began with ({', '.join(changed)} changed); "
            "put the old files back, or start a new run"
        )


def _measure(recipe: Recipe, corpora: Corpora, modules: Mapping[str, nn.Module]) -> Measure:
    evaluate = recipe.evaluate
    return Measure(
        modules["generator"],  # type: ignore[arg-type]
        corpora.vocabulary,
        corpora.limit,
        evaluate.metrics,
        corpora.train,
        corpora.splits.get("valid"),
        corpora.truth,
        evaluate.samples,
        evaluate.temperature,
    )


def _selection(recipe: Recipe, corpora: Corpora) -> Selection | None:
    name = recipe.evaluate.select
    if name is None:
        return None
    if name in ("likelihood", "bleu") and "valid" not in corpora.splits:
        raise UserError(f"evaluate.select {name} needs validation sentences: set corpus.valid")
    if name not in FIGURES:
        raise UserError(f"evaluate.select {name!r}: choose one of {', '.join(FIGURES)}")
    figure, lower = FIGURES[name]
    return Selection(figure, lower, recipe.evaluate.patience)
