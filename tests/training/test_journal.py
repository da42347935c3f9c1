from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from training_runs import make
from training_toys import Fit, adam, batches

from seqgen.training.journal import Journal
from seqgen.training.phases import Phase, Visit
from seqgen.training.position import Position
from seqgen.training.progress import Progress
from seqgen.training.run import Run
from seqgen.training.trainer import Trainer


def strict(line: str) -> dict[str, Any]:
    """Parse as JSON without Python's extensions."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    return dict(json.loads(line, parse_constant=refuse))


def lines(folder: Path) -> list[dict[str, Any]]:
    return [strict(line) for line in (folder / "metrics.jsonl").read_text("utf-8").splitlines()]


def test_every_line_is_strict_json_and_what_is_not_finite_is_null_and_named(tmp_path: Path) -> None:
    journal = Journal(tmp_path, quiet=True, tensorboard=False)
    values = {"a": 1.5, "b": math.nan, "c": -math.inf, "größe": 2}
    journal.write("evaluation", Position(total_steps=7, total_rounds=9), values)
    (line,) = lines(tmp_path)
    assert line.pop("seconds") >= 0
    assert line == {
        "event": "evaluation", "step": 7, "round": 9, "phase": "",
        "a": 1.5, "b": None, "c": None, "größe": 2.0, "nonfinite": ["b", "c"],
    }  # fmt: skip


def test_a_line_is_in_the_file_as_soon_as_it_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, quiet=True, tensorboard=False)
    for count in range(3):
        journal.write("training", Position(), {"x": count})
        assert len(lines(tmp_path)) == count + 1


def test_a_warning_is_told_and_kept(tmp_path: Path) -> None:
    stream = io.StringIO()
    journal = Journal(tmp_path, quiet=True, tensorboard=False, stream=stream)
    journal.warn("the discriminator is always right")
    assert stream.getvalue() == "warning: the discriminator is always right\n"
    assert lines(tmp_path)[0]["text"] == "the discriminator is always right"


def test_training_writes_means_rates_and_evaluations(tmp_path: Path) -> None:
    with Run.create(tmp_path / "run") as run:
        make(run, log_every=2)[1].train()
    events = lines(tmp_path / "run")
    training = [line for line in events if line["event"] == "training"]
    assert {line["phase"] for line in training} == {"pretrain", "play", "rest", "end"}
    assert all(line["discriminator/rate"] > 0 for line in training)
    assert all("generator/fool" in line for line in training if line["phase"] == "end")
    assert sum(line["event"] == "evaluation" for line in events) == 2 * 2 + 2


def test_logged_numbers_are_the_means_since_the_last_line(tmp_path: Path) -> None:
    def run(name: str, every: int) -> list[dict[str, Any]]:
        import torch

        torch.manual_seed(0)
        method = Fit()
        journal = Journal(tmp_path / name, quiet=True, tensorboard=False)
        player = adam(method.modules["generator"])
        Trainer(
            [Phase(method, 6)], {"generator": player}, batches(), journal=journal, log_every=every
        ).train()
        return lines(tmp_path / name)

    each, threes = run("each", 1), run("threes", 3)
    assert [line["step"] for line in threes] == [3, 6]
    for number, line in enumerate(threes):
        for name in ("generator/error", "generator/length", "generator/gradient-norm"):
            mean = sum(one[name] for one in each[3 * number : 3 * number + 3]) / 3
            assert math.isclose(line[name], mean, rel_tol=1e-6)


def test_tensorboard_shows_the_same_figures(tmp_path: Path) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    journal = Journal(tmp_path, quiet=True)
    for step in (3, 4):
        journal.write("training", Position(total_steps=step), {"generator/loss": step / 2})
    journal.close()
    events = accumulator.EventAccumulator(str(tmp_path))
    events.Reload()
    found = [(event.step, event.value) for event in events.Scalars("training/generator/loss")]
    assert found == [(3, 1.5), (4, 2.0)]


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


PLAN = [
    Visit(0, 0, Phase(Fit(), 10, name="slow")),
    Visit(1, 0, Phase(Fit(), 20, name="fast")),
    Visit(2, 0, Phase(Fit(), 30, name="unseen")),
]


def test_the_time_left_is_measured_phase_by_phase(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    progress = Progress(PLAN[:2], Position(), quiet=True)
    position = Position()
    assert progress.remaining(position) == (None, False)
    for _ in range(5):
        now += 2.0
        position.steps += 1
        position.total_steps += 1
        progress.advance(position)
    # Five steps of two seconds are left here; how long the next phase takes is not known.
    assert progress.remaining(position) == (10.0, False)
    position.visit, position.steps = 1, 0
    position.total_steps = 10
    progress._steps = 10
    for _ in range(4):
        now += 0.5
        position.steps += 1
        position.total_steps += 1
        progress.advance(position)
    assert progress.remaining(position) == (8.0, True)


def test_a_terminal_gets_a_bar_and_a_file_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    written = {}
    for stream in (Terminal(), io.StringIO()):
        progress = Progress(PLAN, Position(), seconds=10.0, stream=stream)
        position = Position()
        for step in range(10):
            now += 4.0
            position.steps = position.total_steps = step + 1
            progress.advance(position)
        progress.close()
        written[type(stream)] = stream.getvalue()
    assert "10/60" in written[Terminal] and "%|" in written[Terminal]
    told = written[io.StringIO].splitlines()
    assert told == [
        "step 3 of 60, slow, > 00:28 left",
        "step 6 of 60, slow, > 00:16 left",
        "step 9 of 60, slow, > 00:04 left",
    ]


def test_quiet_writes_nothing_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    progress = Progress(PLAN, Position(), quiet=True, stream=stream)
    progress.advance(Position(total_steps=1, steps=1))
    progress.close()
    assert stream.getvalue() == ""
