"""A training with everything in it that must survive an interruption, for the tests of resuming."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from training_toys import Duel, adam, batches

from seqgen.training import schedules
from seqgen.training.journal import Journal
from seqgen.training.run import Run, step_name
from seqgen.training.trainer import EvaluationMoment, Phase, Repeat, Selection, Trainer


class Stop(Exception):
    """Raised by a test in the middle of training."""


class StoppingDuel(Duel):
    """Raises `Stop` at the beginning of a given turn, counted over the whole training."""

    stop_at: int | None = None
    turn = 0

    def begin(self, player: str, moment: Any) -> None:
        if self.turn == self.stop_at:
            raise Stop
        self.turn += 1
        super().begin(player, moment)


def make(
    run: Run | None, steps: int = 4, journal: bool = True, **settings: Any
) -> tuple[Duel, Trainer]:
    """Pretraining, a repeated group, a phase with players of its own; EMA, schedules, selection."""
    torch.manual_seed(0)
    method = StoppingDuel()
    base = {
        name: adam(module, schedule=schedules.cosine(40, 3), clip=1.0)
        for name, module in method.modules.items()
    }
    own = {"generator": adam(method.modules["generator"], 0.003)}
    plan = [
        Phase(method, 3, only=("discriminator",), name="pretrain"),
        Repeat(
            2,
            [
                Phase(method, 2, evaluate_every=1, name="play", players=own),
                Phase(method, 1, kind="other", name="rest"),
            ],
        ),
        Phase(method, steps, evaluate_every=2, name="end"),
    ]

    def evaluate(moment: EvaluationMoment) -> Mapping[str, float]:
        value = float(moment.stream.uniform(torch.arange(1), 1)[0, 0])
        if run is not None:
            run.write_text(f"samples/{step_name(moment.step)}.txt", f"{value}\n")
        return {"figure": value, "weight": float(method.modules["generator"][0].weight.sum())}

    options: dict[str, Any] = {
        "seed": 5,
        "run": run,
        "journal": Journal(run.folder, True, False) if run is not None and journal else None,
        "evaluate": evaluate,
        "select": Selection("figure", patience=4),
        "average": 0.8,
        "log_every": 3,
        "save_every": 1,
        "keep": 3,
    }
    return method, Trainer(plan, base, batches(accumulation=2), **{**options, **settings})


def everything(trainer: Trainer) -> dict[str, torch.Tensor]:
    """All that training has made: weights, averages, optimizer states, the method's state."""
    found: dict[str, torch.Tensor] = {}

    def collect(path: str, value: Any) -> None:
        if isinstance(value, torch.Tensor):
            found[path] = value.detach().clone()
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                collect(f"{path}/{key}", inner)
        elif isinstance(value, list | tuple):
            for number, inner in enumerate(value):
                collect(f"{path}/{number}", inner)
        elif isinstance(value, int | float):
            found[path] = torch.tensor(value, dtype=torch.float64)

    for name, module in trainer.modules.items():
        collect(name, module.state_dict())
    for visit in trainer.course.plan:
        for name, player in {**trainer.players, **(visit.phase.players or {})}.items():
            collect(f"{visit.number}/{name}", player.state_dict())
        collect(f"{visit.number}/state", visit.phase.method.state_dict())
    if trainer.average is not None:
        collect("average", list(trainer.average._kept.values()))
        collect("average counts", trainer.average.counts)
    collect("position", trainer.position.state_dict())
    if trainer.selector is not None:
        collect("selection", trainer.selector.state_dict())
    return found


def history(folder: Path) -> list[str]:
    """The journal without the clock, then the samples."""
    import json

    lines = [
        json.loads(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()
    ]
    for line in lines:
        line.pop("seconds")
    samples = sorted(folder.glob("samples/*"))
    return [*map(str, lines), *(f"{path.name}: {path.read_text()}" for path in samples)]
