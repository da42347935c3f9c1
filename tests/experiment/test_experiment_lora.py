"""Adapters on an exported run: their checkpoints hold no base, and take no other one; the anchor is
the exported model."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, SENTENCES, same, sentences, weights
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from seqgen.base_weights import checksum
from seqgen.errors import UserError
from seqgen.experiment.export import export
from seqgen.experiment.reopen import load
from seqgen.experiment.start import resume, start
from seqgen.generators.adapters import without_adapters
from seqgen.generators.decoding import teacher_force
from seqgen.generators.pretrained_models import open_model
from seqgen.methods.language_gan.anchor import Anchor
from seqgen.recipe.files import parse, read
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe

pytest.importorskip("peft")

TINY = """
about: a tiny run for a test
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
vocabulary: {{kind: word}}
generator:
  kind: pretrained
  configuration:
    {{model_type: gpt2, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16,
      resid_pdrop: 0.0, embd_pdrop: 0.0, attn_pdrop: 0.0}}
phases: [{{method: {{kind: teacher-forcing}}, steps: 20}}]
players:
  generator: {{optimizer: adam, rate: 2.0e-2, clip: 5.0}}
batch: 6
evaluate: {{every: 20, samples: 8, metrics: [likelihood]}}
"""
ADAPTED = """
about: adapters on it
corpus: {{train: '{train}', valid: 0.25, limit: 12}}
generator: {{kind: pretrained, source: '{source}', lora: {{rank: 2}}}}
discriminator: {{kind: convolution, width: 6, widths: [1, 2], channels: 4}}
phases:
  - {{method: {{kind: seqgan, rollouts: 2, discriminator_steps: 1, anchor: 0.1}}, steps: 4}}
players:
  generator: {{optimizer: adam, rate: 5.0e-2}}
  discriminator: {{optimizer: adam, rate: 1.0e-2}}
batch: 6
evaluate: {{every: 1, samples: 8, metrics: [likelihood]}}
save: {{keep: 9}}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a trained run, what was exported of it, and an adapter's run upon that."""
    folder = tmp_path_factory.mktemp("made")
    first = parse(TINY.format(train=sentences(folder)), "tiny.yaml")
    export(start(first, folder / "first", QUIET).folder, folder / "exported")
    start(adapted(folder), folder / "run", QUIET)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy that may be changed, whose run names the copied base."""
    copied = shutil.copytree(made, tmp_path / "copied")
    name_source(copied / "run", copied / "exported")
    return Path(copied)


def adapted(folder: Path, *changes: str) -> Recipe:
    text = ADAPTED.format(train=folder / "train.txt", source=folder / "exported")
    return override(parse(text, "adapted.yaml"), changes)


def name_source(run: Path, source: Path) -> None:
    """What a user does who has moved the base."""
    file = run / "recipe.yaml"
    named = read(str(file)).generator.source
    file.write_text(file.read_text("utf-8").replace(named, str(source)), "utf-8")


def checkpoint(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step-{step:08d}"


def manifest(run: Path, step: int = 4) -> dict[str, object]:
    found: dict[str, object] = json.loads((checkpoint(run, step) / "manifest.json").read_text())
    return found


def another_base(source: Path) -> None:
    """One weight of the model is another."""
    file = source / "model.safetensors"
    tensors = load_file(file)
    next(iter(tensors.values())).view(-1)[3] += 1e-3
    save_file(tensors, file, {"format": "pt"})


def test_a_checkpoint_holds_the_adapter_and_the_checksum_of_its_base(made: Path) -> None:
    for step in (0, 4):
        held = weights(made / "run", step)
        assert len(held) == 8 and all(".lora_" in name for name in held)  # 4 layers, A and B each
        assert manifest(made / "run", step)["bases"] == {
            "generator": checksum(open_model(str(made / "exported")))
        }
    assert not same(weights(made / "run", 0), weights(made / "run", 4))
    assert "bases" not in manifest(made / "first", 20)
    assert not (made / "run" / "config.json").exists()


def test_no_copy_of_the_model_is_saved_with_the_method(made: Path, tmp_path: Path) -> None:
    state = torch.load(checkpoint(made / "run", 4) / "trainer.pt", weights_only=True)
    assert state["methods"] and tensors(state["methods"]) == []
    whole = override(adapted(made), ["--generator.lora", "none"])
    run = start(whole, tmp_path / "whole", QUIET).folder
    state = torch.load(checkpoint(run, 4) / "trainer.pt", weights_only=True)
    assert len(tensors(state["methods"])) >= 16  # here the anchor is a copy, and must be saved


def with_rewards(folder: Path) -> Recipe:
    return adapted(
        folder, "--phases.0.method.kind", "inverse-reinforcement", "--phases.0.method.buffer", "6",
        "--phases.0.method.rollouts", "1", "--discriminator.kind", "token-reward",
    )  # fmt: skip


def controlled(folder: Path) -> Recipe:
    data = adapted(folder).model_dump(mode="json")
    data["phases"][0]["method"] = {"kind": "control-reward", "anchor": 0.1}
    data["discriminator"] = None
    del data["players"]["discriminator"]
    return Recipe.model_validate(data)


@pytest.mark.parametrize("recipe", [with_rewards, controlled])
def test_all_policy_gradients_hold_on_to_the_base(
    made: Path, tmp_path: Path, recipe: Callable[[Path], Recipe]
) -> None:
    changes = ["--phases.0.steps", "2", "--phases.0.method.anchor", "1"]
    run = start(override(recipe(made), changes), tmp_path / "run", QUIET).folder
    state = torch.load(checkpoint(run, 2) / "trainer.pt", weights_only=True)
    assert state["methods"] and tensors(state["methods"]) == []
    told = divergences(run)
    assert told[0] == pytest.approx(0.0, abs=1e-6) and told[1] > 1e-4


def divergences(run: Path) -> list[float]:
    """From the base, at each update of the generator."""
    lines = map(json.loads, (run / "metrics.jsonl").read_text("utf-8").splitlines())
    return [line["generator/anchor-kl"] for line in lines if "generator/anchor-kl" in line]


def tensors(value: object) -> list[Tensor]:
    if isinstance(value, Tensor):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [t for v in inner for t in tensors(v)] if isinstance(value, dict | list | tuple) else []


@torch.no_grad()
def test_the_anchor_is_the_exported_model(made: Path) -> None:
    told = divergences(made / "run")
    assert len(told) == 4 and told[0] == pytest.approx(0.0, abs=1e-6) and min(told[1:]) > 1e-4
    model = load(made / "run")
    generator, batch = model.generator, model.vocabulary.encode(SENTENCES)
    anchor = Anchor(generator, 0.5, lambda: without_adapters(generator))
    hidden = teacher_force(generator, batch).hidden
    total, weight, factor = anchor.term(hidden[batch.mask], batch)
    begin = torch.full((len(batch), 1), model.vocabulary.begin)
    ids = torch.cat((begin, batch.ids[:, :-1]), 1)
    theirs = AutoModelForCausalLM.from_pretrained(made / "exported").eval()
    ours, reference = generator.logits(hidden).log_softmax(-1), theirs(ids).logits.log_softmax(-1)
    expected = ((ours.exp() * (ours - reference)).sum(-1) * batch.mask).sum()
    assert total.item() == pytest.approx(expected.item(), rel=1e-4) and expected > 1.0
    assert (int(weight), factor) == (int(batch.lengths.sum()), 0.5)
    assert anchor.state_dict() == {}


def test_resuming_ends_bitwise_equal(made: Path, tmp_path: Path) -> None:
    half = start(adapted(made, "--phases.0.steps", "2"), tmp_path / "half", QUIET).folder
    longer = override(read(str(half / "recipe.yaml")), ["--phases.0.steps", "4"])
    assert resume(half, QUIET, longer).outcome.steps == 4
    for module in ("generator", "discriminator"):
        assert same(weights(half, 4, module), weights(made / "run", 4, module))


@pytest.mark.parametrize(
    "use",
    [
        load,
        lambda run: export(run, run.parent / "out"),
        lambda run: resume(
            run, QUIET, override(read(str(run / "recipe.yaml")), ["--phases.0.steps", "5"])
        ),
        lambda run: start(adapted(run.parent), run.parent / "next", QUIET, run),
    ],
    ids=["load", "export", "resume", "init"],
)
def test_another_base_is_refused(folder: Path, use: Callable[[Path], object]) -> None:
    run = folder / "run"
    another_base(folder / "exported")
    with pytest.raises(UserError, match=r"on other weights than .*exported has now.*put the"):
        use(run)
    assert list((folder / "out").parent.glob("out*")) == []
    shutil.rmtree(folder / "exported")
    gone = r"stands on .*exported, which cannot be opened: put it back.*recipe\.yaml"
    with pytest.raises(UserError, match=f"{gone}|cannot open .*exported"):
        use(run)


def test_a_base_that_was_moved_may_be_named_anew(folder: Path) -> None:
    run = folder / "run"
    expected = load(run).generate(5, seed=2)
    (folder / "exported").rename(folder / "moved")
    name_source(run, folder / "moved")
    assert load(run).generate(5, seed=2) == expected
    again = override(read(str(run / "recipe.yaml")), ["--phases.0.steps", "5"])
    assert resume(run, QUIET, again).outcome.steps == 5


def test_another_run_may_start_from_the_adapter_but_not_from_whole_weights(folder: Path) -> None:
    run = start(adapted(folder), folder / "next", QUIET, folder / "run").folder
    assert same(weights(run, 0), weights(folder / "run", 4))
    with pytest.raises(UserError, match=r"holds whole weights.*export its run"):
        start(adapted(folder), folder / "wrong", QUIET, folder / "first")
    whole = override(adapted(folder), ["--generator.lora", "none"])
    with pytest.raises(UserError, match=r"holds an adapter alone.*export its run"):
        start(whole, folder / "whole", QUIET, folder / "run")


def test_averages_and_styles_are_kept_with_the_adapter(folder: Path) -> None:
    files = [sentences(folder, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    labelled = adapted(
        folder, "--average", "0.9",
        "--corpus.train", "none", "--corpus.styles", "a", str(files[0]), "b", str(files[1]),
    )  # fmt: skip
    run = start(labelled, folder / "labelled", QUIET).folder
    live, average = weights(run, 4), weights(run, 4, "generator.average")
    assert live.keys() == average.keys() == {*weights(folder / "run", 4), "style"}
    assert not same(live, average) and not torch.equal(live["style"], weights(run, 0)["style"])
    found = load(run)
    assert torch.equal(found.generator.style, average["style"])
    assert len(found.generate(4, label="b")) == 4


def test_a_relative_folder_is_found_again_from_anywhere(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    short = adapted(made, "--generator.source", "exported", "--phases.0.steps", "1")
    run = start(short, tmp_path / "run", QUIET).folder
    monkeypatch.chdir(tmp_path)
    assert read(str(run / "recipe.yaml")).generator.source == str(made / "exported")
    assert load(run).generate(2)


def test_the_base_of_a_new_model_is_saved_with_it(made: Path, tmp_path: Path) -> None:
    """There is no other place that it could be had from."""
    recipe = parse(TINY.format(train=made / "train.txt"), "tiny.yaml")
    changes = ["--generator.lora.rank", "2", "--phases.0.steps", "2"]
    run = start(override(recipe, changes), tmp_path / "new", QUIET).folder
    held = weights(run, 2)
    assert sum("lora_" in name for name in held) == 8 and len(held) >= 20
    assert "bases" not in manifest(run, 2)
    assert len(load(run).generate(3)) == 3
