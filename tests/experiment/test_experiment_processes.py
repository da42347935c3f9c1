"""Two processes under torchrun are one run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import torch
from experiment_runs import SENTENCES, TINY, trained, weights

ROOT = Path(__file__).parents[2]


def torchrun(folder: Path, recipe: Path, *arguments: str) -> None:
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
    ]
    given = "".join(f"{text}\n" for text in SENTENCES).encode()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, "-m", "seqgen", "train", str(recipe), "--quiet", *arguments],
        cwd=folder, input=given, env=environment, check=True, timeout=300, capture_output=True,
    )  # fmt: skip


def test_two_processes_read_one_standard_input_and_train_as_one(tmp_path: Path) -> None:
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(TINY.format(train="-"), "utf-8")
    changes = ("--generator.dropout", "0", "--accumulation", "3")
    changes += ("--phases.0.method.kind", "scheduled-sampling")
    changes += ("--phases.0.method.decay.kind", "exponential", "--phases.0.method.decay.k", "0.7")
    torchrun(tmp_path, recipe, *changes, "--name", "two")
    trained(tmp_path, *changes, name="one")
    one, two = weights(tmp_path / "one", 4), weights(tmp_path / "runs" / "two", 4)
    start = trained(tmp_path, *changes, "--seed", "2", name="other").folder
    for name, expected in one.items():
        torch.testing.assert_close(two[name], expected, rtol=0, atol=1e-6, msg=name)
        assert not torch.allclose(weights(start, 4)[name], expected, atol=1e-3)
