from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from training_toys import Batch, Fit, Vectors, adam, same, weights

from seqgen.methods.protocol import Loss, Moment, Term
from seqgen.training.batches import Batches
from seqgen.training.run import Run
from seqgen.training.trainer import Phase, Trainer
from seqgen.training.weights import load_modules, weights_writer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


class OnDevice(Vectors):
    """The toy corpus, moved batch by batch."""

    def select(self, indices: torch.Tensor, rows: torch.Tensor) -> Batch:
        return Batch(*(part.cuda() for part in super().select(indices, rows)))


class Deep(Fit):
    """`Fit` without lengths."""

    factor = 1.0

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
        error = (self.modules["generator"](batch.vectors) - batch.vectors).square()
        return Loss({"error": Term(error.sum() * self.factor, error.numel())})


def make(run: Run | None, steps: int = 8, **settings: object) -> tuple[Deep, Trainer]:
    torch.manual_seed(0)
    method = Deep()
    method.modules["generator"].cuda()
    player = adam(method.modules["generator"], clip=1.0)
    made = Trainer(
        [Phase(method, steps)],
        {"generator": player},
        Batches(OnDevice(), 6, seed=3, accumulation=2),
        run=run,
        **settings,  # type: ignore[arg-type]
    )
    return method, made


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_resuming_on_the_gpu_is_bitwise(tmp_path: Path, precision: str) -> None:
    whole, trainer = make(None, precision=precision)
    trainer.train()
    with Run.create(tmp_path / "run") as run:
        make(run, 3, precision=precision)[1].train()
    with Run.open(tmp_path / "run", write=True) as run:
        torch.rand(5, device="cuda")
        resumed, trainer = make(run, precision=precision)
        trainer.resume()
    assert same(weights(resumed.modules), weights(whole.modules))


def test_weights_saved_on_the_gpu_open_on_the_cpu(tmp_path: Path) -> None:
    from seqgen.training.weights import load_modules

    with Run.create(tmp_path / "run") as run:
        method, trainer = make(run)
        trainer.train()
        loaded = Fit()
        load_modules(run.checkpoint(), loaded.modules)
    for key, value in weights(loaded.modules).items():
        assert torch.equal(value, weights(method.modules)[key].cpu())


PROGRAM = """
import sys, torch
sys.path.insert(0, sys.argv[1])
from test_training_on_gpu import make
method, trainer = make(None)
method.factor = float("nan")
trainer.train()
torch.cuda.synchronize()
"""


def test_a_loss_that_is_not_finite_stops_the_process_on_the_gpu() -> None:
    here = Path(__file__).parent
    # A failed assertion on the device ends all use of it, so it needs a process of its own.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(here)],
        capture_output=True,
        text=True,
        cwd=here.parents[1],
        timeout=300,
        check=False,
    )
    assert done.returncode != 0 and "device-side assert" in done.stderr


def test_weights_of_recurrent_layers_are_saved_and_loaded(tmp_path: Path) -> None:
    # On a GPU they are views of one piece of memory, which safetensors' own functions refuse.
    one, other = (nn.ModuleDict({"rnn": nn.LSTM(3, 5, 2)}).cuda() for _ in range(2))
    weights_writer(one)(tmp_path / "generator.safetensors")
    load_modules(tmp_path, {"generator": other})
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
