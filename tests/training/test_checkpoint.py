from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from torch import nn
from training_runs import Stop, everything, make
from training_toys import same, weights

from seqgen.training import checkpoint
from seqgen.training.errors import CheckpointError
from seqgen.training.run import Run
from seqgen.training.weights import load_modules, weights_writer


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with its checkpoints at the last three steps and the best one."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    with Run.create(folder) as run:
        make(run)[1].train()
    return folder


@pytest.fixture
def folder(finished: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    return Path(shutil.copytree(finished, tmp_path / "run"))


def newest(folder: Path) -> Path:
    return max((folder / "checkpoints").glob("step-*"))


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(bytes(data))


DAMAGE: Mapping[str, Callable[[Path], None]] = {
    "a flipped bit": lambda path: flip(path / "generator.safetensors"),
    "a flipped bit in the state": lambda path: flip(path / "trainer.pt"),
    "a cut file": lambda path: os.truncate(path / "generator.safetensors", 100),
    "an empty file": lambda path: os.truncate(path / "trainer.pt", 0),
    "a missing file": lambda path: (path / "trainer.pt").unlink(),
    "no manifest": lambda path: (path / "manifest.json").unlink(),
    "an empty manifest": lambda path: os.truncate(path / "manifest.json", 0),
    "a cut manifest": lambda path: os.truncate(path / "manifest.json", 60),
    "a list as manifest": lambda path: (path / "manifest.json").write_text("[1]") and None,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(
    folder: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    damaged = newest(folder)
    damage(damaged)
    steps = list(Run.open(folder).checkpoints())
    found = Run.open(folder).checkpoint("latest")
    assert found.name == f"step-{steps[-2]:08d}"
    assert "passed over" in caplog.text and damaged.name in caplog.text
    with pytest.raises(CheckpointError, match=damaged.name):
        Run.open(folder).checkpoint(steps[-1])


@pytest.mark.parametrize("name", ["a flipped bit", "no manifest"])
def test_resuming_past_a_damaged_checkpoint_ends_equal_and_heals_it(
    folder: Path, finished: Path, name: str
) -> None:
    with Run.open(finished, write=True) as run:
        _, whole = make(run)
        whole.resume()
    damaged = newest(folder)
    DAMAGE[name](damaged)
    with Run.open(folder, write=True) as run:
        _, resumed = make(run)
        resumed.resume()
        assert same(everything(resumed), everything(whole))
        assert run.checkpoint("latest") == damaged


def test_with_no_sound_checkpoint_left_resuming_says_so(folder: Path) -> None:
    for path in (folder / "checkpoints").glob("step-*"):
        flip(path / "trainer.pt")
    with pytest.raises(CheckpointError, match="no sound checkpoint"):
        Run.open(folder).checkpoint()


def test_checkpoints_are_found_by_name(folder: Path) -> None:
    run = Run.open(folder)
    steps = list(run.checkpoints())
    assert run.checkpoint(steps[0]) == run.checkpoints()[steps[0]]
    assert run.checkpoint("best") == run.checkpoints()[run.marked("best") or -1]
    with pytest.raises(CheckpointError, match=r"no checkpoint 77; it has \["):
        run.checkpoint(77)
    (folder / "checkpoints" / "best").unlink()
    with pytest.raises(CheckpointError, match="no best checkpoint"):
        run.checkpoint("best")


def test_a_newer_format_is_named_and_not_passed_over(folder: Path) -> None:
    path = newest(folder) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "format": 99, "seqgen": "9.0"}))
    with pytest.raises(CheckpointError, match=r"format 99, this version reads <= 1.*9\.0"):
        Run.open(folder).checkpoint("latest")


def test_another_version_of_torch_is_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = newest(folder) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "torch": "1.0"}))
    assert Run.open(folder).checkpoint() == path.parent
    assert "torch 1.0" in caplog.text


def test_another_number_of_processes_is_refused(folder: Path) -> None:
    path = newest(folder) / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps({**manifest, "processes": 2}))
    with (
        Run.open(folder, write=True) as run,
        pytest.raises(CheckpointError, match="by 2 processes"),
    ):
        make(run)[1].resume()


def test_files_have_the_umasks_mode(tmp_path: Path) -> None:
    for umask, mode in ((0o022, 0o644), (0o027, 0o640)):
        before = os.umask(umask)
        try:
            with Run.create(tmp_path / f"{umask}") as run:
                make(run, steps=1)[1].train()
        finally:
            os.umask(before)
        files = [path for path in (tmp_path / f"{umask}").rglob("*") if path.is_file()]
        assert len(files) > 10
        assert {path.stat().st_mode & 0o777 for path in files} == {mode}


class Touch:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_a_pickled_payload_is_refused_and_not_executed(folder: Path, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    path = newest(folder)
    torch.save({"payload": Touch(trap)}, path / "trainer.pt")
    assert pickle.loads(pickle.dumps(Touch(tmp_path / "works"))) is None
    assert (tmp_path / "works").exists()
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.read_state(path)
    assert not trap.exists()


def test_a_state_that_could_not_be_read_back_is_refused_when_it_is_saved() -> None:
    for value in (object(), {1, 2}, torch.tensor(1.0).numpy()[()]):
        with pytest.raises(TypeError, match=r"state\['a'\]\[1\] is a "):
            checkpoint.state_writer({"a": [1, value]})


class Broken(Exception):
    """Stands for a mistake in a writer."""


FAILURES = {
    "full disk": OSError(errno.ENOSPC, "No space left on device"),
    "torch's writer": RuntimeError("[enforce fail at inline_container.cc] unexpected pos 64"),
    "safetensors": SafetensorError("Error while serializing: I/O error: No space left"),
}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES.keys())
@pytest.mark.parametrize("writer", ["torch.save", "seqgen.training.weights.save_file"])
def test_a_disk_that_fills_up_leaves_the_last_checkpoint_and_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, writer: str
) -> None:
    import seqgen.training.state as state

    _, straight = make(None)
    straight.train()
    save = state.save
    saves = 0

    def failing(trainer: Any) -> None:
        nonlocal saves
        saves += 1
        if saves == 5:
            monkeypatch.setattr(writer, half_written)
        save(trainer)

    def half_written(module: Any, target: Any) -> None:
        if isinstance(target, str):
            Path(target).write_bytes(b"half")
        else:
            target.write(b"half")
        raise error

    with Run.create(tmp_path / "run") as run, monkeypatch.context() as patch:
        patch.setattr(state, "save", failing)
        _, trainer = make(run)
        with pytest.raises(CheckpointError, match=r"step-\d+ cannot be written .*MiB free") as told:
            trainer.train()
    assert str(error) in str(told.value)
    monkeypatch.undo()
    names = [path.name for path in (tmp_path / "run" / "checkpoints").iterdir()]
    assert not any("draft" in name for name in names)
    with Run.open(tmp_path / "run", write=True) as run:
        _, resumed = make(run)
        resumed.resume()
    assert same(weights(resumed.modules), weights(straight.modules))


def test_a_crash_in_the_middle_of_a_save_leaves_drafts_that_the_next_start_removes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, straight = make(None)
    straight.train()
    calls = 0
    write = checkpoint.digest

    def crash(path: Path) -> str:
        nonlocal calls
        calls += 1
        if calls == 23:
            raise Stop
        return write(path)

    with Run.create(tmp_path / "run") as run:
        _, trainer = make(run)
        monkeypatch.setattr(checkpoint, "digest", crash)
        with pytest.raises(Stop):
            trainer.train()
    drafts = list((tmp_path / "run" / "checkpoints").glob("*.draft"))
    assert len(drafts) == 1
    with Run.open(tmp_path / "run", write=True) as run:
        assert not drafts[0].exists()
        _, resumed = make(run)
        resumed.resume()
    assert same(weights(resumed.modules), weights(straight.modules))


def test_a_checkpoint_caught_stepping_aside_is_put_back(folder: Path) -> None:
    path = newest(folder)
    path.rename(path.with_name(f"{path.name}.old.draft"))
    with Run.open(folder, write=True) as run:
        assert run.checkpoint("latest") == path


class Tied(nn.Module):
    """A network whose two ends are one tensor, with a buffer and integers."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.first = nn.Embedding(5, width)
        self.last = nn.Linear(width, 5, bias=False)
        self.last.weight = self.first.weight
        self.register_buffer("count", torch.arange(4))


def test_tied_weights_are_saved_once_and_stay_tied(tmp_path: Path) -> None:
    saved, loaded = Tied(), Tied()
    weights_writer(saved)(tmp_path / "net.safetensors")
    assert (tmp_path / "net.safetensors").stat().st_size < 300
    load_modules(tmp_path, {"net": loaded})
    assert torch.equal(loaded.first.weight, saved.first.weight)
    assert loaded.first.weight is loaded.last.weight


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    weights_writer(nn.Linear(2, 3))(tmp_path / "net.safetensors")
    for wrong in (nn.Linear(2, 3, bias=False), nn.Linear(2, 4), nn.Bilinear(2, 2, 3), Tied()):
        with pytest.raises(CheckpointError, match="does not fit"):
            load_modules(tmp_path, {"net": wrong})
    with pytest.raises(CheckpointError, match=r"no weights for 'critic'.*net\.safetensors"):
        load_modules(tmp_path, {"critic": nn.Linear(2, 3)})


def test_averaged_weights_lie_beside_the_live_ones_and_are_loaded_first(folder: Path) -> None:
    path = newest(folder)
    averaged, live, (_, trainer) = make(None)[0], make(None)[0], make(None)
    load_modules(path, averaged.modules)
    load_modules(path, live.modules, average=False)
    trainer.train()
    assert same(weights(live.modules), weights(trainer.modules))
    assert trainer.average is not None
    with trainer.average.applied():
        assert same(weights(averaged.modules), weights(trainer.modules))
    assert not same(weights(averaged.modules), weights(live.modules))
