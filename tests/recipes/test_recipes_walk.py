"""Every recipe in recipes/ is trained, stopped, resumed, extended, sampled, scored and measured in
a tiny form; its first losses are those of tests/golden/losses.json.

A new recipe needs no edit here, only its golden losses. They are renewed, after a change that is
meant to change them, by `python tests/recipes/renew_golden.py`; read the difference before you
commit it.
"""

from __future__ import annotations

import io
import json
import math
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_recipes import (
    GOLDEN,
    MORE,
    STEPS,
    contents,
    extension,
    journal,
    last_checkpoint,
    losses,
    tiny,
    train,
    write_tiny,
)

from seqgen.commands.main import main
from seqgen.evaluation.measure import FIGURES
from seqgen.experiment.experiment import Experiment
from seqgen.experiment.reopen import load
from seqgen.experiment.support import REWRITING
from seqgen.recipe.files import names, read
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Group, Phase, Recipe

# nats a grammatical sentence: there may be none among so few of so small a model
MAY_BE_UNDEFINED = {"grammar-nll"}


def phases(plan: tuple[Phase | Group, ...]) -> list[Phase]:
    """Every phase as often as it is trained."""
    found = []
    for step in plan:
        found += step.repeat * phases(step.phases) if isinstance(step, Group) else [step]
    return found


@pytest.mark.parametrize("name", names())
def test_recipe(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = write_tiny(read(name), tmp_path)
    recipe = read(str(file))
    if getattr(recipe.generator, "lora", None) is not None:
        pytest.importorskip("peft")
    here = ["--runs", tmp_path, "--name"]

    assert train(file, *here, "straight") == 0
    straight = tmp_path / "straight"
    check_training(recipe, straight)
    check_evaluation(recipe, straight)

    assert train_stopped(monkeypatch, file, *here, "stopped") == 143
    stopped = tmp_path / "stopped"
    assert len(journal(stopped, "evaluation")) < len(journal(straight, "evaluation"))
    assert train("--resume", stopped) == 0
    named = [contents(last_checkpoint(run)) for run in (straight, stopped)]
    assert named[0] == named[1]
    for event in ("training", "evaluation"):
        assert journal(stopped, event) == journal(straight, event)

    if recipe.generator is None:
        check_judge(straight, capsys, monkeypatch)
    elif recipe.generator.kind in REWRITING:
        check_transfer(straight, capsys, monkeypatch)
    else:
        check_use(straight, capsys, monkeypatch)
    if extension(recipe):
        assert train("--resume", straight, *extension(recipe)) == 0
        steps = STEPS * len(phases(recipe.phases)) + MORE
        assert last_checkpoint(straight).name == f"step-{steps:08d}"
    check_losses(name, losses(straight))


def check_training(recipe: Recipe, run: Path) -> None:
    """All phases were trained to their ends, all losses are finite, and the weights have moved."""
    plan = phases(recipe.phases)
    lines = journal(run, "training")
    # The first player's turn may be a round before the last one's, which the steps count.
    assert {line["step"] for line in lines} >= set(range(1, STEPS * len(plan) + 1))
    for number, phase in enumerate(plan):
        of_phase = [line for line in lines if (line["step"] - 1) // STEPS == number]
        assert {line["phase"] for line in of_phase} == {phase.name or phase.method.kind}
        assert all("nonfinite" not in line for line in of_phase)
        assert any(key.endswith("/loss") for line in of_phase for key in line)
    main = plan[-1].method.players[-1]  # the generator, or the classifier of a judge
    assert sum(line[f"{main}/gradient-norm"] for line in lines if f"{main}/loss" in line) > 0


def check_evaluation(recipe: Recipe, run: Path) -> None:
    """Every figure asked for is there and finite."""
    lines = journal(run, "evaluation")
    assert [line["step"] for line in lines] == list(
        range(1, STEPS * len(phases(recipe.phases)) + 1)
    )
    metrics = set(recipe.evaluate.metrics)
    if recipe.corpus.kind != "grammar":  # which alone knows how good a rewritten sentence is
        metrics.discard("transfer")
    wanted = {FIGURES[metric][0] for metric in metrics if metric in FIGURES}
    for line in lines:
        assert wanted <= line.keys()
        assert set(line.get("nonfinite", [])) <= MAY_BE_UNDEFINED
        figures = {key: value for key, value in line.items() if isinstance(value, float)}
        assert figures and all(map(math.isfinite, figures.values()))


def train_stopped(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Train, with a SIGTERM at the end of the first phase, or in it where there is no other."""
    evaluate = Experiment._evaluate

    def interrupting(self: Experiment, moment: Any) -> Any:
        several = len(phases(self.recipe.phases)) > 1
        if moment.step == (STEPS if several else STEPS - 1):
            signal.raise_signal(signal.SIGTERM)
        return evaluate(self, moment)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "_evaluate", interrupting)
        return train(*arguments)


def check_use(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five sentences are drawn, and each has a finite log-probability."""
    capsys.readouterr()
    assert main(["generate", str(run), "--count", "5", "--quiet"]) == 0
    drawn = capsys.readouterr().out
    assert len(drawn.splitlines()) == 5
    spoken = [line.strip() != "" for line in drawn.splitlines()]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(drawn.encode()), "utf-8"))
    assert main(["score", str(run)]) == 0
    scores = capsys.readouterr().out.splitlines()
    assert [line != "" for line in scores] == spoken and any(spoken)
    assert all(-math.inf < float(line) < 0 for line in scores if line)


def check_transfer(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line out for a line in, in the style that was asked for, if only by name."""
    capsys.readouterr()
    style = next(iter(load(run).labels))
    given = io.TextIOWrapper(io.BytesIO(b"a lovely day\n\na day\n"), "utf-8")
    monkeypatch.setattr(sys, "stdin", given)
    assert main(["transfer", str(run), "--to", style]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert len(lines) == 4 and lines[1] == lines[3] == ""


def check_judge(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sentences get a label each, a blank line none; the judge's own accuracy is told."""
    capsys.readouterr()
    given = io.TextIOWrapper(io.BytesIO(b"a lovely day\n\na day\n"), "utf-8")
    monkeypatch.setattr(sys, "stdin", given)
    assert main(["judge", "classify", str(run)]) == 0
    done = capsys.readouterr()
    assert [len(line.split("\t")) for line in done.out.splitlines()] == [2, 1, 2]
    assert "test accuracy" in done.err


def check_losses(name: str, found: list[dict[str, float]]) -> None:
    """The first five losses are the golden ones to 1e-4."""
    golden = json.loads(GOLDEN.read_text("utf-8"))
    renew = "python tests/recipes/renew_golden.py"
    assert name in golden, f"{name} has no golden losses yet: {renew}"
    assert len(found) == 5
    for number, (now, then) in enumerate(zip(found, golden[name], strict=True)):
        assert now == pytest.approx(then, rel=0, abs=1e-4), f"loss {number}; if meant so: {renew}"


def test_golden_losses_are_of_recipes_there_are() -> None:
    assert list(json.loads(GOLDEN.read_text("utf-8"))) == names()


@pytest.mark.parametrize(
    "changes",
    [
        ["--generator.kind", "transformer", "--generator.heads", "6", "--generator.width", "768"],
        ["--generator.kind", "relational"],
        ["--generator.kind", "pretrained", "--generator.source", "gpt2", "--vocabulary", "none"],
        ["--corpus.styles", "good", "a.txt", "bad", "b.txt", "--by_label", "--corpus.valid", "0.1"],
        ["--corpus.train", "x.csv", "--corpus.label", "stars", "--corpus.text", "sentence"],
        ["--corpus.kind", "grammar"],
        ["--vocabulary.kind=subword", "--vocabulary.size=8000", "--vocabulary.punctuation=keep"],
        ["--batch", "96", "--accumulation", "3", "--corpus.test", "t.txt"],
        shlex.split("--corpus.styles a x b y --corpus.valid a v b w --corpus.test a t b u"),
    ],
    ids=lambda changes: " ".join(changes)[2:40],
)  # fmt: skip
def test_a_new_recipe_will_have_a_tiny_form(changes: list[str], tmp_path: Path) -> None:
    recipe = tiny(override(read("text/mle-lstm"), changes), tmp_path)
    for path in [
        recipe.corpus.model_dump().get("train"),
        *(getattr(recipe.corpus, "styles", None) or {}).values(),
    ]:
        assert path is None or len(Path(path).read_text().splitlines()) >= 30
    assert getattr(recipe.generator, "width", 8) <= 8 and recipe.batch == 8


def test_groups_are_repeated_less_often(tmp_path: Path) -> None:
    data = read("text/mle-lstm").model_dump(mode="json")
    data["phases"] = [{"repeat": 50, "phases": data["phases"] * 2}]
    recipe = tiny(Recipe.model_validate(data), tmp_path)
    assert [phase.steps for phase in phases(recipe.phases)] == [STEPS] * 4
    assert extension(recipe) == []
