"""Language GANs on a GPU: they train by captured graphs, and resuming changes no bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

SMALL = ["--corpus.count", "300", "--corpus.valid", "50", "--corpus.test", "50", "--batch", "16"]
# The phases of each recipe get so many steps: one list stops in the adversarial one.
RECIPES = {
    "seqgan-small": (["--phases.0.steps", "4", "--phases.1.steps", "4"], "--phases.2.steps", 6, 3),
    "irl-small": (["--phases.0.steps", "4", "--phases.1.steps", "4"], "--phases.2.steps", 48, 32),
}


def seqgen(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "seqgen", "train", *arguments, "--device", "cuda"]
    done = subprocess.run(
        [*command, "--no-report"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]


def weights(run: Path) -> dict[str, bytes]:
    newest = run / "checkpoints" / (run / "checkpoints" / "latest").read_text().strip()
    return {path.name: path.read_bytes() for path in newest.glob("*.safetensors")}


@pytest.mark.parametrize("recipe", RECIPES)
def test_resuming_in_the_adversarial_phase_is_bitwise(tmp_path: Path, recipe: str) -> None:
    before, steps, all_of_them, some = RECIPES[recipe]
    start = [f"text/{recipe}", *SMALL, *before]
    seqgen(tmp_path, *start, "--name", "whole", steps, str(all_of_them))
    seqgen(tmp_path, *start, "--name", "parts", steps, str(some))
    seqgen(tmp_path, "--resume", "runs/parts", steps, str(all_of_them))
    whole, parts = weights(tmp_path / "runs/whole"), weights(tmp_path / "runs/parts")
    assert whole.keys() == parts.keys()
    assert [name for name in whole if whole[name] != parts[name]] == []
