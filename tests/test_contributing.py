"""The code in CONTRIBUTING.md runs, and is as short as it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

TEXT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text("utf-8")
GENERATOR, TRAINING = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def lines(code: str) -> int:
    return len([line for line in code.splitlines() if line.strip()])


def test_a_generator_of_ones_own_takes_less_than_forty_lines() -> None:
    assert lines(GENERATOR) < 40


def test_a_training_of_ones_own_takes_less_than_twenty_five_lines() -> None:
    assert lines(TRAINING) < 25


def test_the_example_trains_a_model_that_beats_guessing(capsys: pytest.CaptureFixture[str]) -> None:
    space: dict[str, object] = {"__name__": "example"}
    for code in (GENERATOR, TRAINING):
        exec(compile(code, "CONTRIBUTING.md", "exec", dont_inherit=True), space)
    perplexity = float(capsys.readouterr().out.splitlines()[0])
    assert 1 < perplexity < 0.3 * len(space["vocabulary"])  # type: ignore[arg-type]
