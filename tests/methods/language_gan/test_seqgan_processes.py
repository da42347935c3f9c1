"""Two processes that share the batches of a SeqGAN are one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from seqgan_process import ROUNDS, main

ROOT = Path(__file__).parents[3]


def saved(folder: Path, rank: int, world: int) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(folder / f"process-{rank}-of-{world}.pt", weights_only=True)
    return found


def test_two_processes_draw_and_learn_what_one_does(tmp_path: Path) -> None:
    main(tmp_path)
    script = Path(__file__).with_name("seqgan_process.py")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    subprocess.run(
        [*torchrun, "--nproc-per-node", "2", str(script), str(tmp_path)],
        env=environment, check=True, timeout=240, capture_output=True,
    )  # fmt: skip
    one, first, second = (saved(tmp_path, *place) for place in ((0, 1), (0, 2), (1, 2)))
    adversarial = ROUNDS - ROUNDS // 3  # every third round is one of likelihood
    assert len(one["drawn"]) == 8 * adversarial
    by_round = [sorted(one["drawn"][8 * n : 8 * n + 8]) for n in range(adversarial)]
    both = [
        sorted(first["drawn"][4 * n : 4 * n + 4] + second["drawn"][4 * n : 4 * n + 4])
        for n in range(adversarial)
    ]
    assert both == by_round
    for name, expected in one["weights"].items():
        torch.testing.assert_close(first["weights"][name], expected, rtol=0, atol=1e-6, msg=name)
        assert torch.equal(first["weights"][name], second["weights"][name]), name
