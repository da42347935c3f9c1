"""Reading journals, whole and damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from report_runs import evaluation, journal, training, write_journal

from seqgen.errors import UserError
from seqgen.report.history import Phase, points, read_history
from seqgen.training.journal import Journal
from seqgen.training.position import Position


def test_lines_are_sorted_by_event_and_phases_end_where_they_end(tmp_path: Path) -> None:
    write_journal(tmp_path, journal())
    history = read_history(tmp_path)
    assert (len(history.training), len(history.evaluations)) == (80, 8)
    assert history.phases() == [Phase("teacher-forcing", 400), Phase("seqgan", 800)]
    assert history.last_step() == 800
    assert history.real["self-bleu-4"] == 0.33
    assert points(history.evaluations, "unique") == [(s, 0.99) for s in range(100, 801, 100)]


def test_what_the_journal_of_a_training_writes_is_read_back(tmp_path: Path) -> None:
    written = Journal(tmp_path, quiet=True, tensorboard=False)
    position = Position(total_steps=7, total_rounds=3)
    written.write("training", position, {"generator/loss": math.inf, "generator/nll": 2.5})
    written.write("evaluation", position, {"nll": 2.0})
    written.warn("the disk is nearly full")
    written.write("something new", position, {"a": 1.0})
    written.close()
    history = read_history(tmp_path)
    assert history.training[0].step == 7
    assert history.training[0].nonfinite == ("generator/loss",)
    assert math.isnan(history.training[0].figures["generator/loss"])
    assert dict(history.evaluations[0].figures) == {"nll": 2.0}
    assert history.warnings == ["the disk is nearly full"]


@pytest.mark.parametrize("cut", ['{"event": "trai', '{"event": "training", "step": 3', "\x00\x00"])
def test_a_last_line_cut_by_a_crash_is_passed_over(tmp_path: Path, cut: str) -> None:
    write_journal(tmp_path, [training(1, generator__loss=1.0)])
    with open(tmp_path / "metrics.jsonl", "a", encoding="utf-8") as file:
        file.write(cut)
    assert len(read_history(tmp_path).training) == 1


def test_a_damaged_line_before_the_last_is_told_with_its_number(tmp_path: Path) -> None:
    lines = [json.dumps(training(1)), "{broken", json.dumps(evaluation(2))]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl:2 is no line of a journal"):
        read_history(tmp_path)


def test_real_figures_signatures_and_unknown_events_are_told_apart(tmp_path: Path) -> None:
    lines = [
        {"event": "signatures", "bleu-4": "order:4|version:1"},
        {"event": "of tomorrow", "words": "any", "step": "none"},
        {"event": "real", "bleu-4": 0.3, "seconds": 1.0},
    ]
    write_journal(tmp_path, lines)
    history = read_history(tmp_path)
    assert dict(history.signatures) == {"bleu-4": "order:4|version:1"}
    assert dict(history.real) == {"bleu-4": 0.3}
    assert (history.training, history.evaluations) == ([], [])


def test_no_journal_is_an_empty_history(tmp_path: Path) -> None:
    history = read_history(tmp_path)
    assert history.phases() == [] and history.last_step() == 0
