"""A run folder -> everything its report tells, read once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from seqgen.errors import UserError
from seqgen.metrics.table import Row
from seqgen.report.history import History, read_history
from seqgen.report.record import Record, read_record

_SAMPLES = re.compile(r"step-(\d+)\.txt")


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
    """

    name: str
    recipe: Mapping[str, Any]
    recipe_text: str
    history: History
    record: Record | None
    samples: Mapping[int, Path]
    versions: Mapping[str, str]

    @property
    def about(self) -> str:
        """What the run is, in the recipe's words."""
        return str(self.recipe.get("about") or "")

    @property
    def classifies(self) -> bool:
        """Whether the run trains a judge of labels, which writes no sentences."""
        phases = self.recipe.get("phases")
        kinds = [_kind(phase) for phase in phases] if isinstance(phases, list) else []
        return "classification" in kinds

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


def _kind(phase: object) -> object:
    method = phase.get("method") if isinstance(phase, dict) else None
    return method.get("kind") if isinstance(method, dict) else None


def _samples(folder: Path) -> dict[int, Path]:
    found = ((_SAMPLES.fullmatch(path.name), path) for path in folder.glob("samples/step-*.txt"))
    return dict(sorted((int(match[1]), path) for match, path in found if match))


def _versions(folder: Path) -> dict[str, str]:
    """Of the newest checkpoint whose manifest can be read; a report needs none."""
    for path in sorted(folder.glob("checkpoints/step-*/manifest.json"), reverse=True):
        try:
            found = json.loads(path.read_bytes())
            return {name: str(found[name]) for name in ("seqgen", "torch") if name in found}
        except (OSError, ValueError, TypeError):
            continue
    return {}
