"""Two gloo processes on this machine against one with the same global batches."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.multiprocessing as multiprocessing
from torch import Tensor, nn
from training_toys import Batch, Duel, Fit, Vectors, adam, weights

from seqgen.methods.protocol import Loss, Moment, Term
from seqgen.training import distributed
from seqgen.training.batches import Batches
from seqgen.training.errors import CheckpointError, Interrupted, NonFiniteError
from seqgen.training.journal import Journal
from seqgen.training.run import Run
from seqgen.training.trainer import Phase, Selection, Trainer


class Uneven(Fit):
    """Skips row 1, has one term only where row 2 is: processes see different things."""

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
        if moment.round == 1:
            return None
        keep = batch.rows != 1
        loss = super().loss(player, Batch(*(part[keep] for part in batch)), moment)
        if loss is None or not keep.any():
            return None
        if (batch.rows == 2).any():
            bias = self.modules["generator"][0].bias.square().sum()
            return Loss({**loss.terms, "bias": Term(bias, 1, 0.5)}, loss.numbers)
        return loss


def trainer(method: Any, steps: int = 6, accumulation: int = 2, **settings: Any) -> Trainer:
    rank, world = distributed.rank(), distributed.world()
    data = Batches(Vectors(), 6, 3, accumulation, rank, world)
    players = {name: adam(module, clip=1.0) for name, module in method.modules.items()}
    return Trainer([Phase(method, steps, evaluate_every=2)], players, data, **settings)


def fit(folder: Path) -> dict[str, Tensor]:
    torch.manual_seed(distributed.rank())  # other initial weights: the main process's count
    method = Fit(dropout=0.0)
    trainer(method).train()
    return weights(method.modules)


def fit_at_once(folder: Path) -> dict[str, Tensor]:
    torch.manual_seed(0)
    method = Fit(dropout=0.0)
    trainer(method, accumulation=1).train()
    return weights(method.modules)


def duel(folder: Path) -> dict[str, Tensor]:
    torch.manual_seed(0)
    method = Duel(dropout=0.0)
    method.modules["discriminator"][1] = nn.LayerNorm(8)  # type: ignore[index]
    trainer(method, average=0.5).train()
    return {**weights(method.modules), "baseline": method.baseline}


def uneven(folder: Path) -> dict[str, Tensor]:
    torch.manual_seed(0)
    method = Uneven(dropout=0.0)
    made = trainer(method, accumulation=1)
    # Rows 1, 3, 5 are one process's: give it nothing but row 1 in a batch of two.
    made.batches = Batches(Vectors(), 2, 3, 1, distributed.rank(), distributed.world())
    made.train()
    return weights(method.modules)


def saved(folder: Path) -> dict[str, Tensor]:
    """Dropout, batch norm, evaluation in the main process, a stop, and going on."""

    def make(run: Run, steps: int) -> tuple[Duel, Trainer]:
        torch.manual_seed(0)
        method = Duel()
        calls: list[int] = []

        def evaluate(moment: Any) -> Mapping[str, float]:
            assert distributed.is_main()
            calls.append(moment.step)
            return {"figure": float(moment.step)}

        return method, trainer(
            method,
            steps,
            accumulation=1,
            run=run,
            journal=Journal(run.folder, True, False),
            evaluate=evaluate,
            select=Selection("figure", patience=9),
            save_every=1,
        )

    name = folder / f"processes-{distributed.world()}"
    with Run.create(name / "straight") as run:
        method, made = make(run, 5)
        made.train()
        expected = weights(method.modules)
    with Run.create(name / "stopped") as run:
        make(run, 2)[1].train()
    distributed.wait()
    with Run.open(name / "stopped", write=True) as run:
        method, made = make(run, 5)
        assert made.resume().best == 2.0
    found = weights(method.modules)
    assert all(torch.equal(found[key], expected[key]) for key in expected)
    return found


def poisoned(folder: Path) -> dict[str, Tensor]:
    class Poisoned(Fit):
        def loss(self, player: str, batch: Batch, moment: Moment) -> Loss | None:
            loss = super().loss(player, batch, moment)
            last = distributed.rank() == distributed.world() - 1
            if loss is None or not last:
                return loss
            term = loss.terms["error"]
            return Loss({"error": term._replace(total=term.total * float("nan"))})

    torch.manual_seed(0)
    with pytest.raises(NonFiniteError, match="error = nan"):
        trainer(Poisoned()).train()
    return {}


def full_disk(folder: Path) -> dict[str, Tensor]:
    """One process cannot write: all of them say so."""

    def fail(*given: Any) -> None:
        raise OSError(28, "No space left on device")

    torch.manual_seed(0)
    save = torch.save
    with Run.create(folder / f"full-{distributed.world()}") as run:
        if distributed.rank() == distributed.world() - 1:
            torch.save = fail  # type: ignore[assignment]
        with pytest.raises(CheckpointError, match="No space left"):
            trainer(Fit(), run=run).train()
        torch.save = save  # type: ignore[assignment]
        distributed.wait()
        assert run.checkpoints() == {}
    return {}


def stopped(folder: Path) -> dict[str, Tensor]:
    """A signal to one process ends the same round in all."""

    class Interrupting(Fit):
        def begin(self, player: str, moment: Moment) -> None:
            if moment.updates == 2 and distributed.rank() == distributed.world() - 1:
                os.kill(os.getpid(), signal.SIGTERM)

    torch.manual_seed(0)
    with Run.create(folder / f"stopped-{distributed.world()}") as run:
        with pytest.raises(Interrupted) as told:
            trainer(Interrupting(), run=run).train()
        assert told.value.exit_code == 143
        distributed.wait()
        assert list(run.checkpoints()) == [0, 3]
    return {}


SCENES: list[Callable[[Path], dict[str, Tensor]]] = [
    fit,
    fit_at_once,
    duel,
    uneven,
    saved,
    poisoned,
    full_disk,
    stopped,
]


def work(rank: int, port: int, folder: Path) -> None:
    torch.set_num_threads(1)
    facts = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_PORT": port}
    os.environ.update({key: str(value) for key, value in facts.items()})
    os.environ["MASTER_ADDR"] = "127.0.0.1"
    assert distributed.start("cpu") == torch.device("cpu")
    assert (distributed.rank(), distributed.world()) == (rank, 2)
    results = {scene.__name__: scene(folder) for scene in SCENES}
    torch.save(results, folder / f"{rank}.pt")
    distributed.stop()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The results of both processes."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(work, (port, folder), nprocs=2)  # type: ignore[no-untyped-call]
    return folder, [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_both_processes_hold_the_same_weights_bit_for_bit(
    two: tuple[Path, list[dict[str, Any]]],
) -> None:
    first, second = two[1]
    for scene in ("fit", "fit_at_once", "duel", "uneven", "saved"):
        assert first[scene].keys() == second[scene].keys() != set()
        for key, value in first[scene].items():
            assert torch.equal(value, second[scene][key]), (scene, key)


@pytest.mark.parametrize("scene", [fit, fit_at_once, duel, uneven])
def test_two_processes_equal_one(
    two: tuple[Path, list[dict[str, Any]]], tmp_path: Path, scene: Callable[[Path], Any]
) -> None:
    alone = scene(tmp_path)
    for key, value in two[1][0][scene.__name__].items():
        torch.testing.assert_close(value, alone[key], atol=1e-6, rtol=0)


def test_each_process_saves_its_own_state_and_only_the_main_one_the_rest(
    two: tuple[Path, list[dict[str, Any]]],
) -> None:
    folder = two[0] / "processes-2" / "stopped"
    path = Run.open(folder).checkpoint("latest")
    assert sorted(file.name for file in path.iterdir()) == [
        "discriminator.safetensors",
        "generator.safetensors",
        "manifest.json",
        "trainer-1.pt",
        "trainer.pt",
    ]
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert sum('"evaluation"' in line for line in lines) == 3


def test_one_process_alone_needs_no_group(tmp_path: Path) -> None:
    assert distributed.world() == 1 and distributed.is_main() and not distributed.active()
    assert distributed.gather(3) == [3] and distributed.from_main("x") == "x"
    assert distributed.start("cpu") == torch.device("cpu") and not distributed.active()
    for scene in (poisoned, full_disk, saved, stopped):
        scene(tmp_path)
