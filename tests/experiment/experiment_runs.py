"""Tiny recipes and runs the tests of experiments share."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from seqgen.experiment.experiment import Machine, Report
from seqgen.experiment.start import start
from seqgen.recipe.files import parse
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe

QUIET = Machine(quiet=True, report=False)
SENTENCES = [
    "a man rides a horse",
    "a dog runs on the grass",
    "two dogs run on the grass",
    "the man sees two dogs and a horse",
    "a horse stands on the grass",
    "the dog sees a man",
    "the horse and the dog run",
    "a man and two dogs stand",
    "two men ride two horses",
    "the grass is green",
    "a green horse runs",
    "two green dogs see a man on a horse",
    "the men stand and see",
    "a dog and a man run on",
    "the horse sees the men",
    "two horses run",
]

TINY = """
about: a tiny run for a test
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
vocabulary: {{kind: word}}
generator: {{kind: lstm, width: 6, hidden: 8, dropout: 0.2}}
phases:
  - {{method: {{kind: teacher-forcing}}, steps: 4}}
players:
  generator: {{optimizer: adam, rate: 2.0e-2, clip: 5.0}}
batch: 6
evaluate: {{every: 2, samples: 8, metrics: [likelihood, distinct], select: likelihood}}
seed: 1
"""


def sentences(folder: Path, texts: list[str] = SENTENCES, name: str = "train.txt") -> Path:
    """A file with one sentence a line."""
    file = folder / name
    file.write_text("".join(f"{text}\n" for text in texts), "utf-8")
    return file


def tiny(folder: Path, *changes: str, train: Path | None = None) -> Recipe:
    """The tiny recipe over a file in the folder, with changes as on the command line."""
    return override(parse(TINY.format(train=train or sentences(folder)), "tiny.yaml"), changes)


def trained(folder: Path, *changes: str, name: str = "run", train: Path | None = None) -> Report:
    """A new run of the tiny recipe."""
    return start(tiny(folder, *changes, train=train), folder / name, QUIET)


def weights(run: Path, step: int, module: str = "generator") -> dict[str, Tensor]:
    """The tensors a checkpoint holds of a module."""
    return load_file(run / "checkpoints" / f"step-{step:08d}" / f"{module}.safetensors")


def same(left: dict[str, Tensor], right: dict[str, Tensor]) -> bool:
    """Bitwise equality."""
    return left.keys() == right.keys() and all(torch.equal(left[k], right[k]) for k in left)
