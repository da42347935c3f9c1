"""A run folder -> everything its report tells, read once."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from seqgen.errors import UserError
from seqgen.metrics.table import Row
from seqgen.report.history import History, Line, read_history
from seqgen.report.likelihood_checkpoint import LIKELIHOOD, likelihood_checkpoint
from seqgen.report.methods import methods_of, source_method
from seqgen.report.record import Record, read_record

_SAMPLES = re.compile(r"step-(\d+)\.txt")
_STEP = re.compile(r"step-(\d+)")
JUDGE = "judge.json"


@dataclass(frozen=True)
class Compared:
    """Finite figures of generated and of real sentences that were measured alike, in words where
    they are from, and what the real ones are called."""

    generated: Mapping[str, float] = field(default_factory=dict)
    real: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    beside: str = "real data"


@dataclass(frozen=True)
class Judged:
    """How often the checkpoint of a `step` is right on the sentences of a `split`, as judge.json
    tells it."""

    step: int
    split: str
    accuracy: float
    sentences: int
    per_label: Mapping[str, float]


@dataclass(frozen=True)
class Story:
    """What is known of a run.

    Attributes:
        name: the folder's name; it may hold any character.
        recipe: the recipe as plain values; `recipe_text` as it is written.
        history: figures over the steps.
        record: the evaluation, or None before there is one.
        samples: the files of sentences, by their step, ascending.
        versions: of seqgen and torch, as the newest checkpoint tells them.
        best: the step of the best checkpoint, where one was selected.
        judged: how accurate a judge is, where that was measured.
        source: the kind of method that made the weights it began with, where they are another
            run's that is still there.
    """

    name: str
    recipe: Mapping[str, Any]
    recipe_text: str
    history: History
    record: Record | None
    samples: Mapping[int, Path]
    versions: Mapping[str, str]
    best: int | None = None
    judged: Judged | None = None
    source: str | None = None

    @property
    def about(self) -> str:
        """What the run is, in the recipe's words."""
        return str(self.recipe.get("about") or "")

    @property
    def classifies(self) -> bool:
        """Whether the run trains a judge of labels, which writes no sentences."""
        return "classification" in self.methods.values()

    @property
    def methods(self) -> Mapping[str, str]:
        """The kind of method of each phase, by the phase's name."""
        return methods_of(self.recipe)

    @property
    def start(self) -> Line | None:
        """The evaluation of the likelihood checkpoint that another method went on from, if any."""
        return likelihood_checkpoint(self.history, self.methods, self.source)

    @property
    def beginning(self) -> Line | None:
        """The evaluation that adversarial training is held against: of the likelihood checkpoint,
        or else of the weights the run began with; None where there is neither."""
        if self.start is not None or not self.history.evaluations:
            return self.start
        first, *later = self.history.evaluations
        others = [line for line in later if self.methods.get(line.phase) not in LIKELIHOOD]
        return first if first.step == 0 and others else None

    @property
    def compared(self) -> Compared:
        """The figures of the evaluation, or else those of the last one in training."""
        system = self.row("system")
        if self.record is not None and system is not None:
            step = self.record.about.get("step")
            source = f"From the metric table below{self.named(step)}."
            real = self.row("real")
            name = "real data" if real is None else real.name
            return Compared(_figures(system), _figures(real), source, name)
        if not self.history.evaluations:
            return Compared()
        last = self.history.evaluations[-1]
        figures = {name: v for name, v in last.figures.items() if math.isfinite(v)}
        source = f"From the last evaluation in training, at step {last.step:,}."
        return Compared(figures, self.history.real, source)

    def named(self, step: object) -> str:
        """ ", of the best checkpoint, step 400"; "" where no step is given."""
        if not isinstance(step, int):
            return ""
        return f", of {'the best checkpoint, ' if step == self.best else ''}step {step:,}"

    def row(self, kind: str) -> Row | None:
        """The first row of this kind in the evaluation's table."""
        rows: Sequence[Row] = () if self.record is None else self.record.table.rows
        return next((row for row in rows if row.kind == kind), None)


def read_story(folder: Path) -> Story:
    """Read a run folder.

    Raises:
        UserError: this is no run, or a file of it is damaged.
        RunFailure: its evaluation.json is damaged.
    """
    path = folder / "recipe.yaml"
    if not path.is_file():
        raise UserError(
            f"{folder} is not a run: it has no recipe.yaml; give a folder that train wrote"
        )
    text, recipe = _recipe(path)
    return Story(
        folder.resolve().name,
        recipe,
        text,
        read_history(folder),
        read_record(folder),
        _samples(folder),
        _versions(folder),
        _best(folder),
        _judged(folder / JUDGE),
        source_method(folder),
    )


def read_lines(path: Path, count: int) -> list[str]:
    """The first sentences of a file of samples, by their newlines only."""
    text = path.read_bytes().decode("utf-8", errors="replace")
    return text.removesuffix("\n").split("\n")[:count]


def _recipe(path: Path) -> tuple[str, Mapping[str, Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        recipe = yaml.safe_load(text)
    except (UnicodeDecodeError, yaml.YAMLError) as problem:
        raise UserError(f"{path} is damaged ({problem}); restore it") from None
    if not isinstance(recipe, dict):
        raise UserError(f"{path} is damaged (it holds no settings); restore it")
    return text, recipe


def _samples(folder: Path) -> dict[int, Path]:
    found = ((_SAMPLES.fullmatch(path.name), path) for path in folder.glob("samples/step-*.txt"))
    return dict(sorted((int(match[1]), path) for match, path in found if match))


def _figures(row: Row | None) -> dict[str, float]:
    scores = () if row is None else row.scores
    return {score.name: score.value for score in scores if math.isfinite(score.value)}


def _best(folder: Path) -> int | None:
    try:
        match = _STEP.fullmatch((folder / "checkpoints" / "best").read_text("utf-8").strip())
    except (OSError, UnicodeDecodeError):  # none was selected, or a damaged pointer
        return None
    return int(match[1]) if match else None


def _judged(path: Path) -> Judged | None:
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["test_accuracy"] is None:
            return None
        labels = {str(name): float(share) for name, share in found["per_label"].items()}
        return Judged(
            int(found["step"]), str(found["split"]), float(found["test_accuracy"]),
            int(found["sentences"]), labels,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError) as problem:
        raise UserError(f"{path} is damaged ({problem}); restore it, or train again") from None


def _versions(folder: Path) -> dict[str, str]:
    """Of the newest checkpoint whose manifest can be read; a report needs none."""
    for path in sorted(folder.glob("checkpoints/step-*/manifest.json"), reverse=True):
        try:
            found = json.loads(path.read_bytes())
            return {name: str(found[name]) for name in ("seqgen", "torch") if name in found}
        except (OSError, ValueError, TypeError):
            continue
    return {}
