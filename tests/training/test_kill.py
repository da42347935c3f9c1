"""SIGKILL at random moments, most of them in the middle of a save."""

from __future__ import annotations

import multiprocessing
import random
import time
from pathlib import Path

import pytest
from training_runs import everything, history, make
from training_toys import same

from seqgen.training.run import Run

STEPS = 150


def train(folder: Path) -> None:
    if folder.exists() and Run.open(folder).checkpoints():
        with Run.open(folder, write=True) as run:
            make(run, STEPS, select=None)[1].resume()
    else:
        for path in [*folder.glob("**/*")][::-1] if folder.exists() else []:
            path.rmdir() if path.is_dir() else path.unlink()
        with Run.create(folder) as run:
            make(run, STEPS, select=None)[1].train()


def start(folder: Path) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=train, args=(folder,))
    process.start()
    return process  # type: ignore[return-value]


@pytest.mark.slow
def test_killed_thirty_times_a_run_ends_like_one_never_killed(tmp_path: Path) -> None:
    make(None)[1].train()  # what is imported late is imported before the children are forked
    begun = time.monotonic()
    straight = start(tmp_path / "straight")
    straight.join()
    assert straight.exitcode == 0
    # Thirty lives of this length do not reach the end, and most of a life is spent saving.
    longest = (time.monotonic() - begun) / 20
    folder, moments = tmp_path / "killed", random.Random(4)
    kills = saving = 0
    steps = []
    while kills < 30:
        process = start(folder)
        time.sleep(moments.uniform(0.0, longest))
        process.kill()
        process.join()
        assert process.exitcode == -9, "it ended before it could be killed thirty times"
        kills += 1
        saving += any(folder.glob("checkpoints/*.draft"))
        steps.append(max(Run.open(folder).checkpoints(), default=0) if folder.exists() else 0)
    print(f"steps after each kill {steps}; {saving} kills in the middle of a save")
    assert saving >= 3 and steps[-1] > 10
    process = start(folder)
    process.join()
    assert process.exitcode == 0
    found = []
    for one in (tmp_path / "straight", folder):
        with Run.open(one, write=True) as run:
            _, trainer = make(run, STEPS, select=None)
            trainer.resume()
        found.append((everything(trainer), history(one)))
    assert same(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert not list(folder.glob("**/*.draft"))
