from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from training_runs import Stop, make

from seqgen.errors import UserError
from seqgen.training.errors import CheckpointError
from seqgen.training.run import Run


def test_only_the_newest_the_best_and_the_latest_checkpoints_remain(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        _, trainer = make(run, keep=2)
        trainer.evaluate = lambda moment: {"figure": float(moment.step)}
        outcome = trainer.train()
        there = list(run.checkpoints())
    assert len(there) == 3 and outcome.best_step == there[0] == run.marked("best")
    assert run.marked("latest") == there[-1] == outcome.steps
    text = (run.checkpoints_folder / "latest").read_text()
    assert text == f"step-{outcome.steps:08d}\n"


def test_checkpoint_zero_exists_before_the_first_update(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        method, trainer = make(run)
        method.stop_at = 0  # type: ignore[attr-defined]
        with pytest.raises(Stop):
            trainer.train()
        assert list(run.checkpoints()) == [0]
        manifest = json.loads((run.checkpoint(0) / "manifest.json").read_text())
    assert manifest["step"] == manifest["round"] == 0 and manifest["format"] == 1


def test_a_second_process_is_refused_as_long_as_the_first_lives(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    program = (
        "import sys, time; from seqgen.training.run import Run\n"
        "run = Run.create(sys.argv[1]); print('locked', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None and process.stdout.readline() == "locked\n"
        with pytest.raises(UserError, match=f"another process .number {process.pid}."):
            Run.open(folder, write=True)
        with pytest.raises(UserError, match="another process"):
            Run.create(folder)
        Run.open(folder)
    finally:
        process.kill()
        process.wait()
    # The lock went with the process, although nothing could clean up.
    with Run.open(folder, write=True):
        pass


def test_closing_gives_the_lock_back(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run, pytest.raises(UserError, match="another process"):
        Run.open(run.folder, write=True)
    Run.open(tmp_path / "run", write=True).close()


def test_a_folder_in_use_or_missing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="exists already"):
        Run.create(tmp_path / "full")
    with pytest.raises(UserError, match="no run folder"):
        Run.open(tmp_path / "nowhere")
    with pytest.raises(UserError, match="cannot be made"):
        Run.create(tmp_path / "full" / "thesis.txt" / "run")


def test_a_run_that_never_reached_a_checkpoint_can_be_started_again(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        run.write_text("recipe.yaml", "old")
        (run.checkpoints_folder / "step-00000000.draft").mkdir(parents=True)
        with pytest.raises(CheckpointError, match="before its first checkpoint"):
            run.checkpoint()
    with Run.create(tmp_path / "run") as run:
        make(run)[1].train()
        assert not list(run.checkpoints_folder.glob("*.draft"))
    with pytest.raises(UserError, match="exists already"):
        Run.create(tmp_path / "run")
    Run.open(tmp_path / "run", write=True).close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    with pytest.raises(UserError, match=r"cannot be (made|written)"):
        Run.create(tmp_path / "closed" / "run")
    with pytest.raises(UserError, match="cannot be written"):
        Run.open(tmp_path / "closed", write=True)


def test_a_disk_that_refuses_is_noticed_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refuse)
    with pytest.raises(UserError, match="cannot be written: Permission denied"):
        Run.create(tmp_path / "run")


@pytest.mark.parametrize("name", ["läufe ∑ 文", "with space", "~/home", "../up/./there"])
def test_any_path_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("HOME", str(tmp_path / "house"))
    with Run.create(name) as run:
        make(run, steps=1)[1].train()
        monkeypatch.chdir(tmp_path)
        assert run.checkpoint("latest").is_dir()
    assert run.folder.is_absolute() and tmp_path in run.folder.resolve().parents
    if name.startswith("~"):
        assert run.folder == tmp_path / "house" / "home"


def test_a_text_is_replaced_whole_even_while_it_is_read(tmp_path: Path) -> None:
    texts = {"a" * 50_000, "b" * 90_000}
    with Run.create(tmp_path / "run") as run:
        run.write_text("samples/x.txt", "a" * 50_000)
        path, seen, done = run.folder / "samples" / "x.txt", set(), threading.Event()

        def read() -> None:
            while not done.is_set():
                seen.add(path.read_text())

        reader = threading.Thread(target=read)
        reader.start()
        for _ in range(20):
            for text in texts:
                run.write_text("samples/x.txt", text)
        done.set()
        reader.join()
    assert seen <= texts
    assert [p.name for p in (run.folder / "samples").iterdir()] == ["x.txt"]


def test_samples_of_later_steps_are_cut(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        for name in ("step-00000002.txt", "step-00000003.png", "step-00000010.txt", "notes.txt"):
            run.write_text(f"samples/{name}", "x")
        run.cut_samples(3)
        left = sorted(path.name for path in (run.folder / "samples").iterdir())
    assert left == ["notes.txt", "step-00000002.txt", "step-00000003.png"]
