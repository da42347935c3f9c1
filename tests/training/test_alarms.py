"""Each way in which adversarial training goes wrong raises its warning, once a phase."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from training_toys import Batch, adam, batches

from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.training.alarms import Alarms
from seqgen.training.journal import Journal
from seqgen.training.phases import Phase, Repeat
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer

ROUNDS = 8
Numbers = Callable[[int], Mapping[str, float]]


class Stub(Stateless):
    """Two players that learn nothing and log what they are told to: figures of a round by
    "player/figure"."""

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self.modules = {name: torch.nn.Linear(4, 1) for name in ("discriminator", "generator")}

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        return {"discriminator": ("discriminator",), "generator": ("generator",)}

    def turns(self, round: int) -> Sequence[str]:
        return ("discriminator", "generator")

    def loss(self, player: str, batch: Batch, moment: Moment) -> Loss:
        found = {
            name.partition("/")[2]: Term(torch.tensor(value), 1.0)
            for name, value in self.numbers(moment.round).items()
            if name.partition("/")[0] == player
        }
        error = self.modules[player](batch.vectors).square().sum()
        return Loss({"error": Term(error, len(batch.rows))}, found)


class Alone(Stub):
    """The same with one player, which plays against nobody."""

    @property
    def players(self) -> Mapping[str, Sequence[str]]:
        return {"discriminator": ("discriminator",)}

    def turns(self, round: int) -> Sequence[str]:
        return ("discriminator",)


def trainer(method: Stub, folder: Path, plan: Sequence[Phase | Repeat], **more: Any) -> Trainer:
    journal = Journal(folder, tensorboard=False, stream=io.StringIO())
    players = {name: adam(method.modules[name]) for name in method.players}
    return Trainer(plan, players, batches(), journal=journal, log_every=len(method.players), **more)


def told(method: Stub, folder: Path, times: int = 1) -> list[str]:
    """What the journal holds of warnings after a phase, or after several visits of it."""
    phase = Phase(method, ROUNDS, name="play")
    one = trainer(method, folder, [Repeat(times, [phase])])
    one.train()
    said = one.journal.stream.getvalue()  # type: ignore[union-attr]
    found = warnings(folder)
    assert all(f"warning: {text}" in said for text in found)
    return found


def warnings(folder: Path) -> list[str]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["text"] for line in lines if line["event"] == "warning"]


HEALTHY = {
    "discriminator/accuracy": 0.7,
    "generator/reward-deviation": 0.1,
    "generator/entropy": 3.0,
}


def healthy_but(**changed: float) -> Numbers:
    figures = {**HEALTHY, **{name.replace("__", "/").replace("_", "-"): v
                             for name, v in changed.items()}}  # fmt: skip
    return lambda round: figures


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (healthy_but(discriminator__accuracy=0.996), ["discriminator is always right", "99.6%"]),
        (healthy_but(discriminator__accuracy=0.51), ["discriminator guesses", "51.0%", "50 %"]),
        (
            healthy_but(generator__reward_deviation=0.0009),
            ["rewards without variance: generator/reward-deviation", "0.0009", "0.001"],
        ),
        (
            lambda round: {**HEALTHY, "generator/entropy": 4.0 if round < 3 else 0.9},
            ["entropy collapse: generator/entropy fell to 0.9 nats from 4", "step 4,", "25%"],
        ),
    ],
    ids=["right", "guessing", "rewards", "entropy"],
)
def test_each_collapse_raises_its_warning_once_on_stderr_and_in_the_journal(
    tmp_path: Path, numbers: Numbers, words: list[str]
) -> None:
    (text,) = told(Stub(numbers), tmp_path)
    assert "phase 'play'" in text
    for word in words:
        assert word in text


def test_a_healthy_training_is_not_warned_of(tmp_path: Path) -> None:
    assert told(Stub(healthy_but()), tmp_path) == []


@pytest.mark.parametrize(
    "numbers",
    [
        healthy_but(discriminator__accuracy=0.994),
        healthy_but(discriminator__accuracy=0.53),
        healthy_but(generator__reward_deviation=0.0011),
        lambda round: {**HEALTHY, "generator/entropy": 4.0 if round < 3 else 1.01},
        lambda round: {**HEALTHY, "discriminator/accuracy": 0.4 if round % 2 else 0.6},
        lambda round: {**HEALTHY, "discriminator/accuracy": 0.99 if round == 4 else 1.0},
        lambda round: {**HEALTHY, "generator/reward-deviation": 0.1 * (round % 2)},
    ],
)
def test_what_is_just_not_wrong_or_only_for_a_moment_is_not_warned_of(
    tmp_path: Path, numbers: Numbers
) -> None:
    assert told(Stub(numbers), tmp_path) == []


def test_a_phase_that_comes_again_is_not_warned_of_again_but_another_phase_is(
    tmp_path: Path,
) -> None:
    method = Stub(healthy_but(discriminator__accuracy=1.0))
    assert len(told(method, tmp_path / "again", times=3)) == 1
    plan = [Phase(method, ROUNDS, name="one"), Phase(method, ROUNDS, name="two")]
    trainer(method, tmp_path / "other", plan).train()
    one, two = warnings(tmp_path / "other")
    assert "phase 'one'" in one and "phase 'two'" in two


def test_a_player_that_plays_alone_may_be_always_right(tmp_path: Path) -> None:
    assert told(Alone(healthy_but(discriminator__accuracy=1.0)), tmp_path) == []


def test_a_resumed_training_warns_as_one_that_was_not_stopped(tmp_path: Path) -> None:
    def numbers(round: int) -> Mapping[str, float]:
        entropy = 4.0 if round < 2 else 3.0 if round < 6 else 0.9
        return {"generator/entropy": entropy, "discriminator/accuracy": 1.0 if round > 1 else 0.8}

    def train(name: str, steps: int, resume: bool = False) -> None:
        method = Stub(numbers)
        with (
            Run.open(tmp_path / name, write=True) if resume else Run.create(tmp_path / name) as run
        ):
            trainer(method, run.folder, [Phase(method, steps)], run=run, save_every=1).train(resume)

    train("whole", ROUNDS)
    for stop in (1, 4, 7):
        train(f"stopped-{stop}", stop)
        train(f"stopped-{stop}", ROUNDS, resume=True)
        assert warnings(tmp_path / f"stopped-{stop}") == warnings(tmp_path / "whole")
    assert len(warnings(tmp_path / "whole")) == 2


def test_figures_of_other_names_and_figures_that_are_not_finite_are_let_pass() -> None:
    alarms = Alarms()
    for _ in range(ROUNDS):
        figures = {"accuracy": 1.0, "generator/reward": 0.0, "generator/entropy": float("nan")}
        assert alarms.hear(0, figures) == []
    assert alarms.hear(0, {"generator/entropy": 4.0}) == []
    assert len(alarms.hear(0, {"generator/entropy": 0.5})) == 1
