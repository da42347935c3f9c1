"""What takes minutes or whole processes: SIGKILL at random moments, torchrun.

Run with `pytest -m slow -s tests/commands/test_reliability.py`; it prints what it measured.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_runs import (
    LABELLED,
    MACHINE,
    ROOT,
    TINY,
    Call,
    assert_same_training,
    checkpoint,
    figures,
    steps,
    write_corpus,
)
from safetensors.torch import load_file

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

KILLS, STEPS = 30, 600
# `seqgen` with a word to stdout before and after its start, and, where asked for, a disk so slow
# that most of the time goes to saving.
KILLABLE = """
import os, sys, time
import seqgen.experiment.start
from seqgen.commands.main import main
from seqgen.training.trainer import Trainer

delay, sync, walk = float(os.environ["SLOW_SYNC"]), os.fsync, Trainer._walk

def slow_sync(handle):
    time.sleep(delay)
    sync(handle)

def telling_walk(trainer):
    print("begun", flush=True)
    walk(trainer)

os.fsync, Trainer._walk = slow_sync, telling_walk
print("ready", flush=True)
sys.exit(main())
"""


class Killable:
    """A training as a process, in folder/name, of the wrapper above."""

    def __init__(self, folder: Path, name: str, every: int, delay: float = 0.0) -> None:
        settings = ["--save.every", str(every), *MACHINE]
        if steps(folder / name):
            command = ["--resume", str(folder / name), *settings]
        else:
            evaluation = ["--evaluate.every", "50", "--evaluate.metrics", "likelihood", "distinct"]
            plan = ["--phases.0.steps", str(STEPS), "--save.keep", "2", *evaluation]
            command = [*LABELLED, *plan, *settings, "--runs", str(folder), "--name", name]
        self.process = subprocess.Popen(
            [sys.executable, str(folder / "killable.py"), "train", *command],
            env=os.environ
            | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "SLOW_SYNC": str(delay)},
            stdout=subprocess.PIPE,
            stderr=(folder / "stderr.txt").open("a"),
            text=True,
        )
        self.wait_for("ready")

    def wait_for(self, word: str) -> float:
        """The time at which the word was read."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == f"{word}\n"
        return time.monotonic()

    def kill_after(self, seconds: float) -> None:
        """SIGKILL."""
        time.sleep(seconds)
        assert self.process.poll() is None, "it ended before it was killed; give it more steps"
        self.process.kill()
        self.process.wait()

    def finish(self) -> None:
        """To the end, well."""
        self.process.communicate()
        assert self.process.returncode == 0


def test_killed_thirty_times_a_training_ends_like_one_never_killed(tmp_path: Path) -> None:
    (tmp_path / "killable.py").write_text(KILLABLE)
    straight = Killable(tmp_path, "straight", every=7)
    ready = time.monotonic()
    begun = straight.wait_for("begun")
    straight.finish()
    starting, training = begun - ready, time.monotonic() - begun
    moments, run = random.Random(12), tmp_path / "killed"
    saving, reached = 0, [-1]
    for number in range(KILLS):
        life = Killable(
            tmp_path, "killed", every=(1, 7)[number % 2], delay=(0, 0, 0.02)[number % 3]
        )
        if number % 5 == 0:  # while it starts, or puts the last checkpoint back
            life.kill_after(moments.uniform(0, starting))
        else:
            life.wait_for("begun")
            # Four fifths of the way in all: longer lives where the kills have thrown it back.
            behind = reached[-1] < 0.8 * STEPS * number / KILLS
            life.kill_after(moments.uniform(0, training / (8 if behind else 40)))
        saving += any(run.glob("checkpoints/*.draft"))
        reached.append(max(steps(run), default=-1))
    print(f"\nstarting {starting:.1f} s, training {training:.1f} s")
    print(f"steps after each kill {reached[1:]}")
    print(f"{saving} of {KILLS} kills hit a save")
    assert saving >= 3 and STEPS / 4 < reached[-1] < STEPS
    Killable(tmp_path, "killed", every=7).finish()
    errors = (tmp_path / "stderr.txt").read_text()
    assert "Traceback" not in errors and "passed over" not in errors
    for step in steps(tmp_path / "straight"):
        assert_same_training(checkpoint(run, step), checkpoint(tmp_path / "straight", step))
    assert figures(run) == figures(tmp_path / "straight")
    for name in ("checkpoints/best", "checkpoints/latest"):
        assert (run / name).read_text() == (tmp_path / "straight" / name).read_text()
    samples = [sorted((folder / "samples").iterdir()) for folder in (run, tmp_path / "straight")]
    assert [s.name for s in samples[0]] == [s.name for s in samples[1]]
    assert [s.read_text() for s in samples[0]] == [s.read_text() for s in samples[1]]
    assert not list(run.glob("**/*.draft"))


def torchrun(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`torchrun --standalone --nproc-per-node 2 -m seqgen ...`."""
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
         "-m", "seqgen", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )  # fmt: skip


def test_two_processes_train_like_one_with_the_same_batches(
    seqgen: Call, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    corpus = write_corpus(tmp_path / "captions.txt")
    assert len({len(line.split()) for line in corpus.read_text().splitlines()}) > 5
    settings = ["--accumulation", "2", "--generator.dropout", "0", "--runs", str(tmp_path)]
    settings += ["--players.generator.schedule.warmup", "0"]
    command = ["train", "text/mle-lstm", *TINY, "--corpus.train", str(corpus), *settings, *MACHINE]
    assert seqgen(*command, "--name", "one").status == 0
    done = torchrun(*command, "--name", "two")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("run folder: ") == 1
    assert sorted(file.name for file in checkpoint(tmp_path / "two", 6).glob("*.pt")) == [
        "trainer-1.pt",
        "trainer.pt",
    ]
    one, two = (
        load_file(checkpoint(tmp_path / name, 6) / "generator.safetensors")
        for name in ("one", "two")
    )
    begin = load_file(checkpoint(tmp_path / "one", 0) / "generator.safetensors")
    assert one.keys() == two.keys()
    furthest = max(float((one[name] - two[name]).abs().max()) for name in one)
    moved = max(float((one[name] - begin[name]).abs().max()) for name in one)
    with capfd.disabled():
        print(f"\none and two processes differ by at most {furthest:.1e} after 6 rounds ({moved=})")
    assert furthest <= 1e-6 < 1e-3 < moved
    for left, right in zip(figures(tmp_path / "one"), figures(tmp_path / "two"), strict=True):
        assert left == pytest.approx(right, abs=1e-4)
    again = torchrun(*command, "--name", "two")
    assert again.returncode != 0
    assert "exists already; resume that run, or choose another name" in again.stderr
    assert "a fault in seqgen" not in again.stderr
    longer = ["--phases.0.steps", "8", *MACHINE]
    done = torchrun("train", "--resume", str(tmp_path / "two"), *longer)
    assert done.returncode == 0 and steps(tmp_path / "two")[-1] == 8
    alone = seqgen("train", "--resume", tmp_path / "two", *longer)
    assert alone.status == 1 and "was trained by 2 processes" in alone.err
