"""Starting from another run: its weights and vocabulary, without the likelihood phases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, same, sentences, tiny, trained, weights

from seqgen.errors import UserError
from seqgen.experiment.initial_weights import without_pretraining
from seqgen.experiment.start import start
from seqgen.recipe.files import parse, read
from seqgen.recipe.overrides import override
from seqgen.report import write_report
from seqgen.report.story import read_story
from seqgen.text.vocabulary import Vocabulary

PHASES = """
about: two likelihood phases and an adversarial one
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
vocabulary: {{kind: word}}
generator: {{kind: lstm, width: 6, hidden: 8}}
discriminator: {{kind: behavior, hidden: 6}}
phases:
  - {{method: {{kind: teacher-forcing}}, steps: 3}}
  - {{method: {{kind: scheduled-sampling}}, steps: 3}}
  - {{method: {{kind: professor-forcing}}, steps: 2}}
players:
  generator: {{optimizer: adam, rate: 1.0e-2}}
  discriminator: {{optimizer: adam, rate: 1.0e-2}}
batch: 6
evaluate: {{every: 1, samples: 8, metrics: [likelihood]}}
save: {{keep: 9}}
seed: 1
"""


def test_it_takes_weights_and_vocabulary(tmp_path: Path) -> None:
    first = trained(tmp_path, "--save.keep", "9").folder
    other = sentences(tmp_path, ["a cat rides a horse", "two cats run"] * 6, "other.txt")
    recipe = tiny(tmp_path, "--save.keep", "9", train=other)
    second = start(recipe, tmp_path / "second", QUIET, first).folder
    assert Vocabulary.open(second).checksum == Vocabulary.open(first).checksum
    best = int((first / "checkpoints" / "best").read_text("utf-8").strip().removeprefix("step-"))
    assert same(weights(second, 0), weights(first, best))
    assert not same(weights(second, 4), weights(second, 0))
    fresh = start(recipe, tmp_path / "fresh", QUIET).folder
    assert Vocabulary.open(fresh).checksum != Vocabulary.open(first).checksum


def test_averages_are_what_is_taken(tmp_path: Path) -> None:
    first = trained(tmp_path, "--average", "0.5", "--evaluate.select", "none").folder
    second = start(tiny(tmp_path, "--save.keep", "9"), tmp_path / "second", QUIET, first).folder
    assert same(weights(second, 0), weights(first, 4, "generator.average"))
    assert not same(weights(second, 0), weights(first, 4))


def test_leading_likelihood_phases_are_left_out(tmp_path: Path) -> None:
    recipe = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    first = trained(tmp_path).folder
    report = start(recipe, tmp_path / "second", QUIET, first)
    assert report.outcome.steps == 2
    kept = read(str(report.folder / "recipe.yaml"))
    assert [phase.method.kind for phase in kept.phases] == ["professor-forcing"]
    # The discriminator is new: it comes from the recipe's seed.
    alone = recipe.model_copy(update={"phases": recipe.phases[2:]})
    fresh = start(alone, tmp_path / "fresh", QUIET).folder
    assert same(weights(report.folder, 0, "discriminator"), weights(fresh, 0, "discriminator"))
    assert not same(weights(report.folder, 0), weights(fresh, 0))


def test_a_discriminator_is_taken_too_where_there_is_one(tmp_path: Path) -> None:
    recipe = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    first = start(recipe, tmp_path / "first", QUIET).folder
    second = start(recipe, tmp_path / "second", QUIET, first).folder
    for module in ("generator", "discriminator"):
        assert same(weights(second, 0, module), weights(first, 8, module))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--discriminator.hidden", "7"), "hidden is 6 there and 7 here"),
        (
            (
                *("--discriminator.kind", "token-reward", "--phases.2.method.buffer", "6"),
                *("--phases.2.method.kind", "inverse-reinforcement"),
            ),
            "kind is behavior there and token-reward here",
        ),
    ],
)
def test_a_discriminator_of_other_settings_starts_afresh_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changes: tuple[str, ...], words: str
) -> None:
    recipe = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    first = start(recipe, tmp_path / "first", QUIET).folder
    other = override(recipe, changes)
    caplog.clear()
    second = start(other, tmp_path / "second", QUIET, first).folder
    told = [one for one in caplog.messages if "the discriminator starts afresh" in one]
    assert len(told) == 1 and words in told[0] and str(first) in told[0]
    alone = other.model_copy(update={"phases": other.phases[2:]})
    fresh = start(alone, tmp_path / "fresh", QUIET).folder
    assert same(weights(second, 0, "discriminator"), weights(fresh, 0, "discriminator"))
    assert same(weights(second, 0), weights(first, 8))


def test_the_phases_left_out_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    recipe = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    without_pretraining(recipe)
    [told] = caplog.messages
    assert "phases.0 (teacher-forcing, 3 steps), phases.1 (scheduled-sampling, 3 steps)" in told
    caplog.clear()
    without_pretraining(tiny(tmp_path))
    assert not caplog.messages


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    first = trained(tmp_path).folder
    (tmp_path / "second").mkdir()
    with pytest.raises(UserError, match="does not fit"):
        start(tiny(tmp_path, "--generator.hidden", "9"), tmp_path / "second", QUIET, first)
    assert (tmp_path / "second").is_dir()


def test_likelihood_alone_is_not_left_out(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    assert without_pretraining(recipe) == recipe
    both = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    likelihood = both.model_copy(update={"phases": both.phases[:2]})
    kinds = [phase.method.kind for phase in without_pretraining(likelihood).phases]
    assert kinds == ["scheduled-sampling"]
    assert [phase.method.kind for phase in without_pretraining(both).phases] == [
        "professor-forcing"
    ]


def test_networks_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    first = trained(tmp_path).folder
    for flags, words in (
        (
            ("--generator.hidden", "9"),
            "its generator does not fit .*: hidden is 8 there and 9 here",
        ),
        (("--generator.kind", "gru"), r"recipe's: kind is lstm there and gru here\. Give"),
    ):
        with pytest.raises(UserError, match=words) as caught:
            start(tiny(tmp_path, *flags), tmp_path / "second", QUIET, first)
        assert "\n" not in str(caught.value) and "state_dict" not in str(caught.value)
        assert not (tmp_path / "second").exists()
    with pytest.raises(UserError, match="no run folder"):
        start(tiny(tmp_path), tmp_path / "third", QUIET, tmp_path / "nowhere")
    assert not (tmp_path / "third").exists()
    again = start(tiny(tmp_path), tmp_path / "second", QUIET, first)  # the name is still free
    assert torch.tensor(list(again.outcome.metrics.values())).isfinite().all()


def test_what_it_starts_from_is_evaluated_first(tmp_path: Path) -> None:
    recipe = parse(PHASES.format(train=sentences(tmp_path)), "phases.yaml")
    first = trained(tmp_path).folder
    second = start(recipe, tmp_path / "second", QUIET, first).folder
    lines = [
        json.loads(line) for line in (second / "metrics.jsonl").read_text("utf-8").splitlines()
    ]
    steps = [line["step"] for line in lines if line["event"] == "evaluation"]
    assert steps == [0, 1, 2]
    assert (second / "samples" / "step-00000000.txt").is_file()
    story = read_story(second)
    assert story.start is not None and story.start.step == 0
    assert "likelihood" in (write_report(second)).read_text("utf-8")
    fresh = start(recipe, tmp_path / "fresh", QUIET).folder
    begun = read_story(fresh).start
    assert begun is not None and begun.step == 6  # the last of its own likelihood phases


def test_a_checkpoint_of_the_other_run_may_be_asked_for(tmp_path: Path) -> None:
    first = trained(tmp_path, "--save.keep", "9").folder
    recipe = tiny(tmp_path, "--save.keep", "9")
    for asked in (0, 2):
        name = f"from-{asked}"
        second = start(recipe, tmp_path / name, QUIET, Path(f"{first}@{asked}")).folder
        assert same(weights(second, 0), weights(first, asked))
        facts = json.loads((second / "corpus.json").read_text("utf-8"))
        assert facts["init"] == {"run": str(first.resolve()), "step": asked}
    with pytest.raises(UserError, match="no checkpoint of step 3"):
        start(recipe, tmp_path / "none", QUIET, Path(f"{first}@3"))
