"""What the tests of the verbs share: a small corpus, tiny models, processes, comparisons."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file

from seqgen.text.grammar import Grammar

ROOT = Path(__file__).parents[2]
SENTENCES = [sentence for sentence, _ in Grammar.default().sample(48, seed=5)]
MACHINE = ["--threads", "1", "--quiet"]
SETTINGS = shlex.split(
    "--generator.width 8 --generator.hidden 8 --batch 8 --phases.0.steps 6 --evaluate.samples 8 "
    "--players.generator.schedule.kind constant --save.keep 9 --no-report"
)
# On a file, with dropout, checkpoints 0, 2, 4 and 6, and no schedule that knows the end.
TINY = [*SETTINGS, "--evaluate.every", "2", "--vocabulary.minimum", "1", "--corpus.limit", "24"]
# The embedded corpus, whose sentences have labels.
LABELLED = shlex.split(
    f"quickstart {' '.join(SETTINGS)} --corpus.count 40 --corpus.valid 8 --corpus.test 8 "
    "--evaluate.every 3"
)
# A model that rewrites and has learnt next to nothing.
STYLED = shlex.split(
    "style/quickstart --corpus.count 64 --corpus.valid 8 --corpus.test 8 --generator.width 8 "
    "--generator.heads 2 --generator.layers 1 --batch 4 --evaluate.samples 8 --no-report "
    "--discriminator.width 8 --discriminator.heads 2 --discriminator.layers 1 "
    "--phases.0.steps 2 --phases.1.steps 2 --save.every 9"
)
# Numbers of one length, which no END ends.
NUMBERS = shlex.split(
    "text/mle-oracle --corpus.vocabulary 12 --corpus.length 5 --corpus.count 24 --corpus.valid 8 "
    "--batch 8 --phases.0.steps 3 --phases.1.steps 3 --phases.0.evaluate.every 3 --save.every 9 "
    "--phases.1.evaluate.every 3 --evaluate.samples 8 --no-report"
)


class Ended(NamedTuple):
    """How a call of a verb ended."""

    status: int
    out: str
    err: str


Call = Callable[..., Ended]  # the fixture `seqgen`


def write_corpus(file: Path, sentences: Sequence[str] = SENTENCES) -> Path:
    """One sentence a line."""
    file.write_text("".join(f"{sentence}\n" for sentence in sentences), "utf-8")
    return file


def process(*arguments: str | Path, **settings: Any) -> subprocess.Popen[str]:
    """`python -m seqgen ...` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "seqgen", *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **settings},
    )


def steps(run: Path) -> list[int]:
    """The steps of a run's checkpoints."""
    return sorted(int(path.name[5:]) for path in (run / "checkpoints").glob("step-????????"))


def checkpoint(run: Path, step: int) -> Path:
    """The folder of a checkpoint."""
    return run / "checkpoints" / f"step-{step:08d}"


def figures(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's journal without their times."""
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def flip_bit(file: Path, place: float = 0.5) -> None:
    """Change one bit of a file, by default in its middle."""
    data = bytearray(file.read_bytes())
    data[int(place * len(data))] ^= 1
    file.write_bytes(data)


def assert_same_training(one: Path, other: Path) -> None:
    """Weights and all tensors and numbers of the trainer's state are bitwise equal."""
    assert sorted(file.name for file in one.iterdir()) == sorted(f.name for f in other.iterdir())
    for file in one.glob("*.safetensors"):
        left, right = load_file(file), load_file(other / file.name)
        assert left.keys() == right.keys()
        for name, tensor in left.items():
            assert torch.equal(tensor, right[name]), (file.name, name)
    for file in one.glob("*.pt"):
        states = [torch.load(folder / file.name, weights_only=True) for folder in (one, other)]
        for state in states:
            state.pop("journal")  # the length of a file that has times in it
        assert_same_values(*states, file.name)


def assert_same_values(one: Any, other: Any, place: str) -> None:
    """Nested plain values and tensors are equal, tensors bit for bit."""
    assert type(one) is type(other), place
    if isinstance(one, dict):
        assert one.keys() == other.keys(), place
        for key in one:
            assert_same_values(one[key], other[key], f"{place}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(other), place
        for number, pair in enumerate(zip(one, other, strict=True)):
            assert_same_values(*pair, f"{place}.{number}")
    elif isinstance(one, torch.Tensor):
        assert torch.equal(one, other), place
    else:
        assert repr(one) == repr(other), place  # nan is nan
