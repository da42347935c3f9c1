from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import everything, make
from training_toys import Duel, same

from seqgen.training.errors import Interrupted
from seqgen.training.run import Run


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("turn", [0, 13, 29])
def test_a_signal_ends_training_after_the_round_is_saved(
    tmp_path: Path, number: signal.Signals, code: int, turn: int
) -> None:
    _, straight = make(None)
    straight.train()

    def interrupt(player: str, moment: Any) -> None:
        if method.turn == turn:
            os.kill(os.getpid(), number)
        type(method).begin(method, player, moment)

    before = signal.getsignal(number)
    with Run.create(tmp_path / "run") as run:
        method, trainer = make(run, save_every=None)
        method.begin = interrupt  # type: ignore[method-assign]
        with pytest.raises(Interrupted, match=r"saved in .*resume continues it") as told:
            trainer.train()
        assert told.value.exit_code == code
        assert run.marked("latest") == trainer.position.total_steps
    assert signal.getsignal(number) is before
    assert method.turn > turn
    with Run.open(tmp_path / "run", write=True) as run:
        _, resumed = make(run, save_every=None)
        resumed.resume()
    assert same(everything(resumed), everything(straight))


def test_without_a_run_folder_a_signal_still_ends_the_round() -> None:
    class Interrupting(Duel):
        def begin(self, player: str, moment: Any) -> None:
            super().begin(player, moment)
            os.kill(os.getpid(), signal.SIGTERM)

    from training_toys import adam, batches

    from seqgen.training.trainer import Phase, Trainer

    torch.manual_seed(0)
    method = Interrupting()
    players = {name: adam(module) for name, module in method.modules.items()}

    # Three turns in the round and a signal in each; a second one of a process ends it at once, so
    # only the last turn may send one.
    method.turns = lambda round: ("generator",)  # type: ignore[method-assign]
    with pytest.raises(Interrupted, match=r"stopped by signal 15 after step 1$"):
        Trainer([Phase(method, 5, only=("generator",))], players, batches()).train()


PROGRAM = """
import os, signal, sys, time
sys.path.insert(0, sys.argv[2])
from training_runs import make
from seqgen.training.run import Run

with Run.create(sys.argv[1]) as run:
    method, trainer = make(run)

    def begin(player, moment):
        if method.turn == 7:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGTERM)
            print("still alive", flush=True)
        type(method).begin(method, player, moment)

    method.begin = begin
    trainer.train()
"""


def test_a_second_signal_ends_the_process_at_once(tmp_path: Path) -> None:
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "run"), str(here)],
        capture_output=True,
        text=True,
        cwd=here.parents[1],
        timeout=120,
        check=False,
    )
    assert done.returncode == 143, done.stderr
    assert done.stdout == ""
    with Run.open(tmp_path / "run", write=True) as run:
        make(run)[1].resume()
