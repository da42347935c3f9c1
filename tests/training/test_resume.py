from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from training_runs import Stop, everything, history, make
from training_toys import same

from seqgen.training.errors import CheckpointError
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """No power cut is tested here, so nothing needs to be forced to the disk."""
    monkeypatch.setattr("os.fsync", lambda handle: None)


def straight(folder: Path, **settings: object) -> tuple[Trainer, list[str]]:
    with Run.create(folder) as run:
        _, trainer = make(run, **settings)  # type: ignore[arg-type]
        trainer.train()
        trainer.journal and trainer.journal.close()
    return trainer, history(folder)


def rounds(trainer: Trainer) -> int:
    return trainer.position.total_rounds


def test_resuming_in_every_round_equals_not_stopping(tmp_path: Path) -> None:
    whole, lines = straight(tmp_path / "straight")
    expected = everything(whole)
    turns = whole.course.plan[0].phase.method.turn  # type: ignore[attr-defined]
    reached = set()
    for stop in range(0, turns, 2):
        folder = tmp_path / f"stopped-{stop}"
        with Run.create(folder) as run:
            method, trainer = make(run)
            method.stop_at = stop  # type: ignore[attr-defined]
            with pytest.raises(Stop):
                trainer.train()
        reached.add(rounds(trainer))
        torch.rand(stop)
        with Run.open(folder, write=True) as run:
            _, resumed = make(run)
            for parameter in resumed.modules["generator"].parameters():
                parameter.data.normal_()
            outcome = resumed.resume()
        assert same(everything(resumed), expected), stop
        assert history(folder) == lines, stop
        assert outcome.best_step == run.marked("best")
        shutil.rmtree(folder)
    assert reached == set(range(12)) and rounds(whole) == 12


def test_resuming_from_any_round_with_sparse_saves(tmp_path: Path) -> None:
    whole, lines = straight(tmp_path / "straight", save_every=5)
    for stop in (4, 11, 17):
        folder = tmp_path / f"stopped-{stop}"
        with Run.create(folder) as run:
            method, trainer = make(run, save_every=5)
            method.stop_at = stop  # type: ignore[attr-defined]
            with pytest.raises(Stop):
                trainer.train()
            assert rounds(trainer) > 0
        with Run.open(folder, write=True) as run:
            _, resumed = make(run, save_every=5)
            resumed.train(resume=True)
        assert same(everything(resumed), everything(whole))
        assert history(folder) == lines


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    whole, lines = straight(tmp_path / "run")
    with Run.open(tmp_path / "run", write=True) as run:
        _, again = make(run)
        outcome = again.resume()
    assert same(everything(again), everything(whole)) and history(tmp_path / "run") == lines
    assert outcome.metrics == whole.metrics


def test_the_last_phase_can_be_extended(tmp_path: Path) -> None:
    whole, _ = straight(tmp_path / "long", steps=6, select=None)
    straight(tmp_path / "short", steps=4, select=None)
    with Run.open(tmp_path / "short", write=True) as run:
        _, extended = make(run, steps=6, select=None)
        extended.resume()
    assert same(everything(extended), everything(whole))
    assert history(tmp_path / "short") == history(tmp_path / "long")


def test_patience_goes_on_counting_after_resuming(tmp_path: Path) -> None:
    from training_toys import Fit, adam, batches

    from seqgen.training.trainer import Phase, Selection

    def build(run: Run) -> Trainer:
        torch.manual_seed(0)
        method = Fit()
        return Trainer(
            [Phase(method, 50, evaluate_every=1)],
            {"generator": adam(method.modules["generator"])},
            batches(),
            run=run,
            evaluate=lambda moment: {"figure": 1.0 if moment.step == 1 else 2.0 + moment.step},
            select=Selection("figure", patience=6),
            save_every=1,
        )

    with Run.create(tmp_path / "run") as run:
        first = build(run)
        evaluate = first.evaluate
        assert evaluate is not None

        def stopping(moment: object) -> object:
            if moment.step == 5:  # type: ignore[attr-defined]
                raise Stop
            return evaluate(moment)  # type: ignore[arg-type]

        first.evaluate = stopping  # type: ignore[assignment]
        with pytest.raises(Stop):
            first.train()
    with Run.open(tmp_path / "run", write=True) as run:
        outcome = build(run).resume()
        assert (outcome.steps, outcome.best_step, outcome.stopped_early) == (7, 1, True)
        assert run.checkpoint("best").name == "step-00000001"


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        ({"seed": 6}, "seed: was 5, now 6"),
        ({"average": 0.5}, "average"),
        ({"average": None}, "average"),
    ],
)
def test_another_training_is_refused_with_the_differences(
    tmp_path: Path, settings: dict[str, object], key: str
) -> None:
    straight(tmp_path / "run")
    with Run.open(tmp_path / "run", write=True) as run:
        _, other = make(run, **settings)  # type: ignore[arg-type]
        with pytest.raises(CheckpointError, match=key):
            other.resume()


def test_other_data_are_refused(tmp_path: Path) -> None:
    from training_toys import batches

    straight(tmp_path / "run")
    with Run.open(tmp_path / "run", write=True) as run:
        _, other = make(run)
        other.batches = batches(8, accumulation=2)
        with pytest.raises(CheckpointError, match=r"data\.batch: was 6, now 8"):
            other.resume()


def test_resuming_needs_a_run_and_starting_needs_an_unused_one(tmp_path: Path) -> None:
    from seqgen.errors import UserError

    _, homeless = make(None)
    with pytest.raises(CheckpointError, match="no run folder"):
        homeless.resume()
    straight(tmp_path / "run")
    with Run.open(tmp_path / "run", write=True) as run:
        _, again = make(run)
        with pytest.raises(UserError, match="has checkpoints already"):
            again.train()


def test_the_evaluation_of_step_0_is_in_the_first_checkpoint_and_does_not_come_again(
    tmp_path: Path,
) -> None:
    with Run.create(tmp_path / "whole") as run:
        make(run, evaluate_first=True)[1].train()
    with Run.create(tmp_path / "stopped") as run:
        method, trainer = make(run, evaluate_first=True)
        method.stop_at = 5
        with pytest.raises(Stop):
            trainer.train()
    with Run.open(tmp_path / "stopped", write=True) as run:
        make(run, evaluate_first=True)[1].resume()
    assert history(tmp_path / "stopped") == history(tmp_path / "whole")
    first = next(line for line in history(tmp_path / "whole") if "'evaluation'" in line)
    assert "'step': 0" in first and "'phase': 'pretrain'" in first
