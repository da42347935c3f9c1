"""The code in CONTRIBUTING.md runs, and is as short as it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
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


SECTIONS = dict(re.findall(r"## ([^\n]*)\n(.*?)(?=\n## |\Z)", TEXT, re.DOTALL))
FILE = re.compile(r"[\w./-]+\.py|(?:seqgen|tests|recipes)(?:/\w+)+/?")


def files(section: str) -> list[str]:
    """The files and folders that a section names with their paths."""
    named = re.findall(r"`([^`\n]+)`", section)
    return [name for name in named if FILE.fullmatch(name) and "/" in name]


@pytest.mark.parametrize("title", SECTIONS)
def test_the_files_it_names_are_there(title: str) -> None:
    missing = [
        name for name in files(SECTIONS[title])
        if not (ROOT / name).exists() and not (ROOT / "seqgen" / name).exists()
    ]  # fmt: skip
    assert missing == []


@pytest.mark.parametrize(
    ("title", "file", "holds"),
    [
        ("How to add a method", "seqgen/recipe/methods.py", "Method = Annotated["),
        ("How to add a method", "seqgen/recipe/adversarial.py", "class ContestSettings("),
        ("How to add a method", "seqgen/recipe/adversarial.py", "class PolicyGradientSettings("),
        ("How to add a method", "seqgen/experiment/build_methods.py", "        case "),
        ("How to add a method", "seqgen/experiment/support.py", "SUPPORT:"),
        ("How to add a method", "tests/methods/method_models.py", "def "),
        ("How to add a discriminator", "seqgen/recipe/discriminators.py", "Discriminator = Ann"),
        ("How to add a discriminator", "seqgen/experiment/build.py", "def build_discriminator("),
        ("How to add a discriminator", "seqgen/discriminators/protocol.py", "class Discriminator("),
        ("How to add a discriminator", "tests/methods/method_models.py", "DISCRIMINATORS"),
    ],
)
def test_each_step_is_done_in_the_file_it_names(title: str, file: str, holds: str) -> None:
    assert file in files(SECTIONS[title])
    assert holds in (ROOT / file).read_text("utf-8")
