"""Language GANs from recipes: starting from a likelihood run, a learned baseline over all phases,
an anchor to a model without its adapters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, same, sentences, weights

from seqgen.experiment.export import export
from seqgen.experiment.start import resume, start
from seqgen.recipe.files import parse, read
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe

GAN = """
about: likelihood, a discriminator, and both
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
vocabulary: {{kind: word}}
generator: {{kind: lstm, width: 6, hidden: 8}}
discriminator: {{kind: convolution, width: 6, widths: [1, 2, 3], channels: 4}}
phases:
  - {{method: {{kind: teacher-forcing}}, steps: 3}}
  - {{method: {{kind: seqgan, discriminator_steps: 1}}, only: [discriminator], steps: 2}}
  - {{method: {{kind: seqgan, rollouts: 2, discriminator_steps: 2}}, steps: 2}}
players:
  generator: {{optimizer: adam, rate: 1.0e-2}}
  discriminator: {{optimizer: adam, rate: 1.0e-2}}
batch: 6
evaluate: {{every: 1, samples: 8, metrics: [likelihood]}}
save: {{every: 1, keep: 99}}
seed: 1
"""


def gan(folder: Path, *changes: str) -> Recipe:
    return override(parse(GAN.format(train=sentences(folder)), "gan.yaml"), changes)


def test_pretraining_moves_the_discriminator_alone(tmp_path: Path) -> None:
    run = start(gan(tmp_path), tmp_path / "run", QUIET).folder
    assert same(weights(run, 3), weights(run, 5)) and not same(weights(run, 5), weights(run, 7))
    judge = [weights(run, step, "discriminator") for step in (0, 3, 5, 7)]
    assert same(judge[0], judge[1])
    assert not same(judge[1], judge[2]) and not same(judge[2], judge[3])


@pytest.mark.parametrize(
    "changes",
    [
        (),
        ("--phases.1.method.kind", "gumbel-softmax", "--phases.2.method.kind", "gumbel-softmax"),
        (
            *("--phases.1.method.kind", "inverse-reinforcement", "--phases.1.method.buffer", "6"),
            *("--phases.2.method.kind", "inverse-reinforcement", "--phases.2.method.buffer", "6"),
            *("--discriminator.kind", "token-reward"),
        ),
    ],
    ids=["seqgan", "gumbel-softmax", "inverse-reinforcement"],
)
def test_a_likelihood_run_takes_the_place_of_the_first_phase(
    changes: tuple[str, ...], tmp_path: Path
) -> None:
    recipe = gan(tmp_path, *changes)
    parts = {"phases": recipe.phases[:1], "discriminator": None}
    players = {"players": {"generator": recipe.players["generator"]}}
    alone = Recipe.model_validate(recipe.model_copy(update=parts | players).model_dump())
    first = start(alone, tmp_path / "first", QUIET).folder
    second = start(recipe, tmp_path / "second", QUIET, first).folder
    kept = read(str(second / "recipe.yaml"))
    assert [phase.method.kind for _, phase in kept.walk()] == [
        phase.method.kind for _, phase in recipe.walk()
    ][1:]
    assert same(weights(second, 0), weights(first, 3))
    fresh = start(recipe, tmp_path / "fresh", QUIET).folder
    assert same(weights(second, 0, "discriminator"), weights(fresh, 0, "discriminator"))
    assert not same(weights(second, 4), weights(second, 0))


def test_a_learned_baseline_goes_through_all_phases(tmp_path: Path) -> None:
    recipe = gan(tmp_path, "--phases.2.method.baseline", "learned")
    run = start(recipe, tmp_path / "run", QUIET).folder
    steps = [weights(run, step, "baseline") for step in (0, 3, 5, 7)]
    assert same(steps[0], steps[1]) and same(steps[1], steps[2]) and not same(steps[2], steps[3])
    longer = override(recipe, ["--phases.2.steps", "4"])
    straight = start(longer, tmp_path / "straight", QUIET).folder
    resume(run, QUIET, longer.model_copy(update={"corpus": read_corpus(run)}))
    for module in ("generator", "discriminator", "baseline"):
        assert same(weights(run, 9, module), weights(straight, 9, module))


def read_corpus(run: Path) -> object:
    return read(str(run / "recipe.yaml")).corpus


def test_an_adapter_is_anchored_to_the_model_it_started_from(tmp_path: Path) -> None:
    pytest.importorskip("peft")
    tiny = ["model_type", "gpt2", "n_embd", "8", "n_layer", "1", "n_head", "2", "n_positions", "16"]
    base = gan(
        tmp_path, "--generator.kind", "pretrained", "--phases.0.steps", "20",
        *[word for key, value in zip(tiny[::2], tiny[1::2], strict=True)
          for word in (f"--generator.configuration.{key}", value)],
    )  # fmt: skip
    parts = {"phases": base.phases[:1], "discriminator": None}
    players = {"players": {"generator": base.players["generator"]}}
    alone = Recipe.model_validate(base.model_copy(update=parts | players).model_dump())
    source = export(start(alone, tmp_path / "base", QUIET).folder, tmp_path / "exported")
    adapted = gan(
        tmp_path, "--generator.kind", "pretrained", "--generator.source", str(source),
        "--generator.lora.rank", "2", "--vocabulary", "none", "--phases.0.steps", "1",
        "--phases.2.method.anchor", "0.1",
    )  # fmt: skip
    run = start(adapted, tmp_path / "adapted", QUIET).folder
    before, after = weights(run, 0), weights(run, 4)
    moved = {name for name in after if not torch.equal(after[name], before[name])}
    assert moved and all("lora_" in name for name in moved)
    lines = map(json.loads, (run / "metrics.jsonl").read_text("utf-8").splitlines())
    found = [line["generator/anchor-kl"] for line in lines if "generator/anchor-kl" in line]
    # one likelihood step has moved the adapters; a copy frozen after it would give 0 at first
    assert len(found) == 2 and min(found) > 0
    state = torch.load(run / "checkpoints" / "step-00000005" / "trainer.pt", weights_only=True)
    assert "lora_" not in str(state["methods"])  # and no copy is kept
