"""Going on with a run: bitwise the same as never having stopped, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from experiment_runs import QUIET, SENTENCES, same, sentences, tiny, trained, weights

from seqgen.errors import UserError
from seqgen.evaluation.measure import Measure
from seqgen.experiment.start import resume, schedule_note, start
from seqgen.recipe.files import parse, read
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe
from seqgen.text.encoded import Encoded
from seqgen.training.errors import CheckpointError, Interrupted

# Every method, several phases, dropout, two players, an average, accumulation, a repeated group.
EVERYTHING = """
about: all that a run can hold
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
vocabulary: {{kind: word}}
generator: {{kind: lstm, width: 6, hidden: 8, dropout: 0.2}}
discriminator: {{kind: behavior, hidden: 6, dropout: 0.2}}
phases:
  - {{method: {{kind: teacher-forcing, smoothing: 0.1}}, steps: 2}}
  - repeat: 2
    phases:
      - {{method: {{kind: data-as-demonstrator, every: 1, rounds: 2, size: 5}}, steps: 2}}
      - {{method: {{kind: scheduled-sampling}}, steps: 1, players: {{generator: {{rate: 5.0e-3}}}}}}
  - {{method: {{kind: professor-forcing, gate_low: 0.0}}, steps: 3}}
players:
  generator: {{optimizer: adamw, rate: 2.0e-2, clip: 5.0, schedule: {{kind: cosine, warmup: 2}}}}
  discriminator: {{optimizer: rmsprop, rate: 1.0e-2, momentum: 0.5}}
batch: 6
accumulation: 2
average: 0.9
evaluate: {{every: 1, samples: 8, metrics: [likelihood, distinct], select: likelihood}}
seed: 3
"""
STEPS = 2 + 2 * (2 + 1) + 3
MODULES = ("generator", "discriminator", "generator.average", "discriminator.average")


def everything(folder: Path) -> Recipe:
    return parse(EVERYTHING.format(train=sentences(folder)), "everything.yaml")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of everything without a stop."""
    folder = tmp_path_factory.mktemp("straight")
    return start(everything(folder), folder / "run", QUIET).folder


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Has SIGINT sent in the evaluation of a step, which is once a round here."""
    inner, count, wanted = Measure.__call__, [0], [0]

    def measured(self: Measure, *arguments: Any) -> Any:
        count[0] += 1
        if count[0] == wanted[0]:
            os.kill(os.getpid(), signal.SIGINT)
        return inner(self, *arguments)

    def at(evaluation: int) -> None:
        count[0], wanted[0] = 0, evaluation

    monkeypatch.setattr(Measure, "__call__", measured)
    yield at


def lines(run: Path) -> list[dict[str, Any]]:
    """The journal without the clock."""
    found = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in found]


@pytest.mark.parametrize("stop", range(1, STEPS))
def test_interrupted_after_any_round_it_ends_the_same(
    stop: int, straight: Path, interrupt: Callable[[int], None], tmp_path: Path
) -> None:
    recipe, run = everything(tmp_path), tmp_path / "run"
    interrupt(stop)
    with pytest.raises(Interrupted, match=f"after step {stop}") as stopped:
        start(recipe, run, QUIET)
    assert stopped.value.exit_code == 130
    report = resume(run, QUIET)
    assert report.outcome.steps == STEPS
    for module in MODULES:
        assert same(weights(run, STEPS, module), weights(straight, STEPS, module)), module
    assert lines(run) == lines(straight)
    for path in (straight / "samples").iterdir():
        assert (run / "samples" / path.name).read_bytes() == path.read_bytes()
    best = [(folder / "checkpoints" / "best").read_text("utf-8") for folder in (run, straight)]
    assert best[0] == best[1]


@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_two_steps_and_two_more_are_four(kind: str, tmp_path: Path) -> None:
    network = ("--generator.kind", kind)
    size = ("--generator.width", "8", "--generator.dropout", "0.1")
    more = ("--generator.heads", "2", "--generator.layers", "1") if kind == "transformer" else ()
    trained(tmp_path, *network, *size, *more, name="four")
    two = trained(tmp_path, *network, *size, *more, "--phases.0.steps", "2", name="two").folder
    before = read(str(two / "recipe.yaml"))
    report = resume(two, QUIET, override(before, ["--phases.0.steps", "4"]))
    assert report.outcome.steps == 4
    assert same(weights(two, 4), weights(tmp_path / "four", 4))
    assert read(str(two / "recipe.yaml")).phases[0].steps == 4


def test_a_finished_run_resumed_stays_as_it_is(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    before, journal = weights(run, 4), lines(run)
    report = resume(run, QUIET)
    assert same(weights(run, 4), before) and lines(run) == journal
    assert report.outcome.steps == 4
    best = (run / "checkpoints" / "best").read_text("utf-8").strip()
    assert list(report.samples) == (run / "samples" / f"{best}.txt").read_text("utf-8").splitlines()


def test_evaluation_saving_and_names_may_change(tmp_path: Path) -> None:
    run = trained(tmp_path, "--phases.0.steps", "2").folder
    changes = ["--phases.0.steps", "4", "--evaluate.every", "1", "--evaluate.samples", "5"]
    changes += ["--save.keep", "4", "--name", "other", "--about", "something else"]
    report = resume(run, QUIET, override(read(str(run / "recipe.yaml")), changes))
    assert report.outcome.steps == 4
    assert len((run / "samples" / "step-00000003.txt").read_text("utf-8").splitlines()) == 5
    trained(tmp_path, name="straight")
    assert same(weights(run, 4), weights(tmp_path / "straight", 4))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (["--generator.hidden", "9"], "generator.hidden"),
        (["--batch", "5"], "batch"),
        (["--seed", "4"], "seed"),
        (["--players.generator.rate", "0.5"], "players.generator.rate"),
        (["--corpus.limit", "9"], "corpus.limit"),
        (["--phases.0.method.smoothing", "0.1"], "phases.0.method.smoothing"),
        (["--average", "0.9"], "average"),
    ],
)
def test_any_other_difference_is_refused(change: list[str], named: str, tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    before = (run / "recipe.yaml").read_bytes()
    changed = override(read(str(run / "recipe.yaml")), [*change, "--phases.0.steps", "6"])
    with pytest.raises(UserError, match="may change only") as refused:
        resume(run, QUIET, changed)
    assert f"too: {named}. " in str(refused.value)
    assert (run / "recipe.yaml").read_bytes() == before


def test_steps_of_an_earlier_phase_are_refused(straight: Path) -> None:
    changed = override(read(str(straight / "recipe.yaml")), ["--phases.0.steps", "3"])
    with pytest.raises(UserError, match=r"phases\.0\.steps"):
        resume(straight, QUIET, changed)


def test_a_changed_corpus_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    sentences(tmp_path, [*SENTENCES[:-1], "two men run"])
    with pytest.raises(UserError, match=r"(train|valid) changed"):
        resume(run, QUIET)
    sentences(tmp_path, SENTENCES)  # put back, it goes on
    assert resume(run, QUIET).outcome.steps == 4


def test_a_changed_vocabulary_is_refused(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    file = run / "tokenizer.json"
    file.write_text(file.read_text("utf-8").replace('"horse"', '"zebra"'), "utf-8")
    with pytest.raises(UserError, match="vocabulary"):
        resume(run, QUIET)


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no run folder"):
        resume(tmp_path / "nowhere", QUIET)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is not a run"):
        resume(tmp_path / "empty", QUIET)
    run = trained(tmp_path).folder
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(UserError, match="before its first checkpoint"):
        resume(run, QUIET)


def test_a_damaged_last_checkpoint_is_passed_over(tmp_path: Path) -> None:
    run = trained(tmp_path, "--save.keep", "3").folder
    straight = weights(run, 4)
    (run / "checkpoints" / "step-00000004" / "trainer.pt").write_bytes(b"cut")
    assert resume(run, QUIET).outcome.steps == 4
    assert same(weights(run, 4), straight)
    for step in (0, 2, 4):
        folder = run / "checkpoints" / f"step-{step:08d}"
        if folder.exists():
            (folder / "generator.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="no sound checkpoint"):
        resume(run, QUIET)


def test_extending_says_what_the_schedule_does(tmp_path: Path) -> None:
    before = tiny(tmp_path, "--players.generator.schedule.kind", "cosine")
    longer = override(before, ["--phases.0.steps", "9"])
    note = schedule_note(before, longer)
    assert note is not None and "cosine (generator)" in note and "new number of steps" in note
    assert schedule_note(before, before) is None
    plain = tiny(tmp_path)
    assert schedule_note(plain, override(plain, ["--phases.0.steps", "9"])) is None


def test_a_longer_schedule_goes_on_where_it_would_be(tmp_path: Path) -> None:
    cosine = ("--players.generator.schedule.kind", "cosine", "--evaluate.every", "1")
    run = trained(tmp_path, *cosine, "--phases.0.steps", "2").folder
    resume(run, QUIET, override(read(str(run / "recipe.yaml")), ["--phases.0.steps", "4"]))
    rates = {
        line["step"]: line["generator/rate"] for line in lines(run) if line["event"] == "training"
    }
    assert rates[2] == 0.0  # the end of the shorter one
    assert rates[3] == pytest.approx(0.01 * (1 - 0.5**0.5))  # three quarters of the longer one
    assert rates[4] == pytest.approx(0.0, abs=1e-9)


def test_a_run_resumes_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sentences(tmp_path)
    run = start(tiny(Path(".")), Path("run"), QUIET).folder
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert resume(run, QUIET).outcome.steps == 4


def test_steps_may_only_grow(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    before = (run / "recipe.yaml").read_text("utf-8")
    with pytest.raises(UserError, match=r"phases\.0\.steps was 4 and may only grow"):
        resume(run, QUIET, override(read(str(run / "recipe.yaml")), ["--phases.0.steps", "3"]))
    assert (run / "recipe.yaml").read_text("utf-8") == before


def test_a_large_corpus_is_taken_from_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = Encoded.build.__func__
    monkeypatch.setattr(
        Encoded, "build", classmethod(lambda cls, *a, **k: build(cls, *a, threshold=0, **k))
    )
    run = trained(tmp_path).folder
    assert (run / "corpus" / "train").is_dir()
    monkeypatch.setattr(Encoded, "build", classmethod(lambda cls, *a, **k: 1 / 0))
    assert resume(run, QUIET).outcome.steps == 4
