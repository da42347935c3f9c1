"""A recipe made into objects around a run folder, trained to its end and reported."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from seqgen.errors import UserError
from seqgen.evaluation.classification import Accuracy, ClassifierMeasure, accuracy
from seqgen.evaluation.measure import FIGURES, Measure
from seqgen.evaluation.rewriting import RewritingMeasure
from seqgen.experiment.build import build_modules
from seqgen.experiment.closing import close_run
from seqgen.experiment.corpora import Corpora
from seqgen.experiment.plan import build_phases, build_players
from seqgen.experiment.reopen import load_weights
from seqgen.experiment.rewriting_judges import open_rewriting_judges
from seqgen.experiment.style_judge import keep_judge
from seqgen.randomness import Stream
from seqgen.recipe.recipe import Recipe
from seqgen.training import distributed
from seqgen.training.batches import Batches
from seqgen.training.journal import Journal
from seqgen.training.run import Run, step_name
from seqgen.training.selection import Selection
from seqgen.training.trainer import EvaluationMoment, Outcome, Trainer


@dataclass(frozen=True)
class Machine:
    """What belongs to this execution and not to the recipe: where networks run, whether progress
    is shown, and whether the end is an evaluation and a report."""

    device: torch.device | str = "cpu"
    quiet: bool = False
    report: bool = True


@dataclass(frozen=True)
class Report:
    """What is told when a run ends: its folder, the figures of the last and of the best checkpoint,
    of the selected one on the test sentences, and of real data; some sentences; and, of a
    classifier, how accurate it is on the sentences of `judged_on`; the page, where it could be
    written."""

    folder: Path
    outcome: Outcome
    best: Mapping[str, float]
    test: Mapping[str, float]
    real: Mapping[str, float]
    samples: Sequence[str]
    samples_step: int
    accuracy: Accuracy | None = None
    judged_on: str | None = None
    page: Path | None = None


class Experiment:
    """A recipe made into objects around a run folder; `weights` False where a checkpoint will bring
    them, `evaluate_first` True where they will have learned something before the first round."""

    def __init__(
        self,
        recipe: Recipe,
        run: Run,
        corpora: Corpora,
        machine: Machine,
        weights: bool = True,
        evaluate_first: bool = False,
    ) -> None:
        self.recipe, self.run, self.corpora = recipe, run, corpora
        self.modules = build_modules(recipe, corpora.vocabulary, len(corpora.labels), weights)
        for module in self.modules.values():
            module.to(machine.device)
        self.measure = _measure(recipe, corpora, self.modules, machine.device)
        self.samples: list[str] = []
        self.samples_step = 0
        self.journal = Journal(run.folder, machine.quiet)
        self.trainer = self._trainer(machine, evaluate_first)
        self.machine = machine

    def train(self, resume: bool = False) -> Report:
        """Train to the end and report."""
        try:
            outcome = self.trainer.train(resume)
        finally:
            self.journal.close()
        if not distributed.is_main():  # only the main process reports
            return Report(self.run.folder, outcome, {}, {}, {}, [], outcome.steps)
        report = self._report(outcome)
        self.journal.note("real", report.real)
        self.journal.close()
        if not self.machine.report:
            return report
        return replace(report, page=close_run(self.run.folder, self.machine.device))

    def _report(self, outcome: Outcome) -> Report:
        best = {} if outcome.best_step is None else evaluation(self.run.folder, outcome.best_step)
        if isinstance(self.measure, ClassifierMeasure):
            return self._judged(outcome, best)
        real = self.measure.real(Stream.of(self.recipe.seed, "real data"))
        if not self.samples:  # nothing was left to train: those of the checkpoint load takes
            load_weights(self.run, self.modules)
            self.samples = self.measure(self._stream)[1]
            self.samples_step = outcome.steps if outcome.best_step is None else outcome.best_step
        return Report(
            self.run.folder, outcome, best, self._test(), real, self.samples[:8], self.samples_step
        )

    def _test(self) -> dict[str, float]:
        """The figures of the test sentences, measured once, of the checkpoint that `load` takes."""
        test = self.corpora.splits.get("test")
        if test is None or not distributed.is_main():
            return {}
        load_weights(self.run, self.modules)
        return self.measure.test(test)

    def _judged(self, outcome: Outcome, best: Mapping[str, float]) -> Report:
        """The report of a classifier; what is known of it is kept in the run."""
        load_weights(self.run, self.modules)
        step = outcome.steps if outcome.best_step is None else outcome.best_step
        split = next((name for name in ("test", "valid") if name in self.corpora.splits), None)
        found = None
        if split is not None:
            names, data = list(self.corpora.labels), self.corpora.splits[split]
            found = accuracy(self.modules["classifier"], data, names)
        keep_judge(self.run, self.recipe, self.corpora.vocabulary, step, split, found)
        test = {} if found is None or split != "test" else found.figures()
        return Report(self.run.folder, outcome, best, test, {}, [], step, found, split)

    def _trainer(self, machine: Machine, evaluate_first: bool) -> Trainer:
        recipe = self.recipe
        phases = build_phases(recipe, self.modules, self.corpora.train)
        each = recipe.batch_of == "label"
        size = recipe.batch * (len(self.corpora.labels) if each else 1)
        try:
            batches = Batches(
                self.corpora.train, size, recipe.seed, recipe.accumulation,
                distributed.rank(), distributed.world(), recipe.by_label, machine.device,
            )  # fmt: skip
        except ValueError as problem:  # the batch does not fit labels, processes or accumulation
            raise UserError(f"batch: {problem}") from problem
        return Trainer(
            phases,
            build_players(recipe, phases),
            batches,
            seed=recipe.seed,
            run=self.run,
            journal=self.journal,
            evaluate=self._evaluate,
            select=_selection(recipe, self.corpora),
            save_every=recipe.save.every,
            precision=recipe.precision,
            average=recipe.average,
            modules=self.modules,
            keep=recipe.save.keep,
            evaluate_first=evaluate_first,
        )

    @property
    def _stream(self) -> Stream:
        # The same numbers at every evaluation: what changes between two samples is the model.
        return Stream.of(self.recipe.seed, "evaluation samples")

    def _evaluate(self, moment: EvaluationMoment) -> Mapping[str, float]:
        figures, self.samples = self.measure(self._stream)
        self.samples_step = moment.step
        if isinstance(self.measure, ClassifierMeasure):  # it draws none
            return figures
        self.journal.note("signatures", self.measure.signatures)
        lines = "".join(f"{text}\n" for text in self.samples)
        self.run.write_text(f"samples/{step_name(moment.step)}.txt", lines)
        return figures


def evaluation(folder: Path, step: int) -> dict[str, float]:
    """The figures a run's journal holds of a step; empty where it was not evaluated."""
    found: dict[str, float] = {}
    for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry.get("event") == "evaluation" and entry["step"] == step:
            about = ("event", "step", "round", "phase", "seconds", "nonfinite")
            found = {k: math.nan if v is None else v for k, v in entry.items() if k not in about}
    return found


def _measure(
    recipe: Recipe,
    corpora: Corpora,
    modules: Mapping[str, nn.Module],
    device: torch.device | str,
) -> Measure | RewritingMeasure | ClassifierMeasure:
    valid = corpora.splits.get("valid")
    if recipe.generator is None:
        return ClassifierMeasure(modules["classifier"], list(corpora.labels), valid)
    evaluate = recipe.evaluate
    generator: Any = modules["generator"]
    if generator.reads_source:
        return RewritingMeasure(
            generator,
            corpora.vocabulary,
            corpora.limit,
            evaluate.metrics,
            valid,
            corpora.truth,
            evaluate.samples,
            open_rewriting_judges(evaluate, list(corpora.labels), device),
            list(corpora.labels),
        )
    return Measure(
        generator,
        corpora.vocabulary,
        corpora.limit,
        evaluate.metrics,
        corpora.train,
        valid,
        corpora.truth,
        evaluate.samples,
        evaluate.temperature,
    )


def _selection(recipe: Recipe, corpora: Corpora) -> Selection | None:
    name = recipe.evaluate.select
    if name is None:
        return None
    if name in ("likelihood", "bleu", "accuracy", "transfer") and "valid" not in corpora.splits:
        raise UserError(f"evaluate.select {name} needs validation sentences: set corpus.valid")
    known = {**FIGURES, "accuracy": ("accuracy", False)}
    if name not in known:
        raise UserError(f"evaluate.select {name!r}: choose one of {', '.join(known)}")
    figure, lower = known[name]
    return Selection(figure, lower, recipe.evaluate.patience)
