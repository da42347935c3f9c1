"""Pretrained sources: trained, reopened without the source, exported to where they came from."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, SENTENCES, same, sentences, tiny, trained, weights
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from seqgen.errors import UserError
from seqgen.experiment.export import export
from seqgen.experiment.reopen import load
from seqgen.experiment.start import resume, start
from seqgen.generators.decoding import teacher_force
from seqgen.recipe.files import read
from seqgen.recipe.overrides import override
from seqgen.text.vocabulary import Vocabulary

SIZE = 280


def source(folder: Path, name: str = "source", positions: int = 40, size: int = SIZE) -> Path:
    """A tiny GPT-2 folder with a tokenizer of its own, as save_pretrained writes it."""
    target = folder / name
    torch.manual_seed(0)
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    shape = {"n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": positions}
    GPT2LMHeadModel(GPT2Config(vocab_size=size, **shape, **ids)).save_pretrained(target)
    Vocabulary.train(SENTENCES * 4, "subword", SIZE).save(target)
    return target


def changes(target: Path, *more: str) -> tuple[str, ...]:
    pretrained = ("--generator.kind", "pretrained", "--generator.source", str(target))
    return (*pretrained, "--vocabulary", "none", "--corpus.limit", "32", *more)


def test_a_run_needs_its_source_no_more(tmp_path: Path) -> None:
    target = source(tmp_path)
    straight = trained(tmp_path, *changes(target), name="straight").folder
    two = trained(tmp_path, *changes(target), "--phases.0.steps", "2", name="two").folder
    shutil.rmtree(target)
    model = load(straight)
    assert len(model.generate(3)) == 3 and all(score < 0 for score in model.score(SENTENCES))
    longer = override(read(str(two / "recipe.yaml")), ["--phases.0.steps", "4"])
    assert resume(two, QUIET, longer).outcome.steps == 4
    assert same(weights(two, 4), weights(straight, 4))
    assert read(str(two / "recipe.yaml")).generator.source == str(target)
    (straight / "config.json").unlink()
    with pytest.raises(UserError, match=r"config\.json"):
        load(straight)


def test_training_starts_from_the_weights_of_the_source(tmp_path: Path) -> None:
    target = source(tmp_path)
    run = trained(tmp_path, *changes(target), "--save.keep", "9").folder
    start_weights = weights(run, 0)
    own = GPT2LMHeadModel.from_pretrained(target).state_dict()
    for name, value in start_weights.items():
        if name.startswith("model."):
            assert torch.equal(value, own[name.removeprefix("model.")]), name
    assert not same(weights(run, 4), start_weights)
    assert Vocabulary.open(run).checksum == Vocabulary.open(target).checksum


def test_a_tokenizer_in_the_old_files_is_converted(tmp_path: Path) -> None:
    target = source(tmp_path)
    tokenizer = json.loads((target / "tokenizer.json").read_text("utf-8"))
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (target / name).unlink()
    model = tokenizer["model"]
    (target / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    merges = "".join(f"{' '.join(pair)}\n" for pair in model["merges"])
    (target / "merges.txt").write_text(f"#version: 0.2\n{merges}", "utf-8")
    roles = {"bos_token": "<begin>", "eos_token": "<end>", "unk_token": "<end>"}
    (target / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "GPT2Tokenizer", **roles}), "utf-8"
    )
    run = trained(tmp_path, *changes(target)).folder
    vocabulary = Vocabulary.open(run)
    assert (vocabulary.begin, vocabulary.end, len(vocabulary)) == (1, 2, SIZE)
    batch = vocabulary.encode(SENTENCES)
    assert vocabulary.texts(batch.ids, batch.lengths) == SENTENCES
    assert load(run).generate(2)


@pytest.mark.parametrize(
    ("settings", "more", "message"),
    [
        ({"positions": 20}, (), "at most 20 tokens.*lower corpus.limit to 20"),
        ({"size": SIZE - 5}, (), f"has {SIZE} ids.*knows {SIZE - 5}"),
        ({}, ("--generator.source", "nowhere/at-all"), "nowhere/at-all"),
    ],
)
def test_sources_that_do_not_fit_are_refused(
    settings: dict[str, int],
    more: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # read at import
    target = source(tmp_path, **settings)
    with pytest.raises(UserError, match=message):
        trained(tmp_path, *changes(target, *more))
    assert trained(tmp_path).outcome.steps == 4  # the folder is still free


@torch.no_grad()
def same_logits(run: Path, folder: Path) -> None:
    """The exported folder gives the logits of the run's model."""
    model = load(run)
    batch = model.vocabulary.encode(SENTENCES)
    logits = model.generator.logits(teacher_force(model.generator, batch).hidden)
    begin = torch.full((len(batch), 1), model.vocabulary.begin)
    ids: Tensor = torch.cat((begin, batch.ids[:, :-1]), 1)
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    torch.testing.assert_close(theirs(input_ids=ids).logits[batch.mask], logits[batch.mask])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ours = [ids[mask][:-1].tolist() for ids, mask in zip(batch.ids, batch.mask, strict=True)]
    assert tokenizer(SENTENCES, add_special_tokens=False)["input_ids"] == ours
    assert tokenizer.eos_token_id == model.vocabulary.end
    assert tokenizer.bos_token_id == model.vocabulary.begin


CONFIGURATION = "{model_type: gpt2, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16}"


def test_a_model_from_a_configuration_exports_to_hugging_face(tmp_path: Path) -> None:
    network = ("--generator.kind", "pretrained", "--generator.configuration", CONFIGURATION)
    run = trained(tmp_path, *network).folder
    assert not any(path.name == "source" for path in run.iterdir())
    same_logits(run, export(run, tmp_path / "exported"))


@pytest.mark.parametrize("lora", [False, True])
def test_a_model_from_a_source_exports_to_hugging_face(lora: bool, tmp_path: Path) -> None:
    if lora:
        pytest.importorskip("peft")
    more = ("--generator.lora.rank", "2", "--generator.lora.alpha", "16") if lora else ()
    target = source(tmp_path)
    rate = ("--players.generator.rate", "0.1")
    run = trained(tmp_path, *changes(target, *more, *rate)).folder
    if not lora:  # whose run needs the weights below it
        shutil.rmtree(target)
    folder = export(run, tmp_path / "exported")
    same_logits(run, folder)
    names = set(AutoModelForCausalLM.from_pretrained(folder).state_dict())
    assert not any("lora" in name or "base_layer" in name for name in names)


def test_another_generator_exports_weights_recipe_and_tokenizer(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    folder = export(run, tmp_path / "deep" / "exported")
    files = {path.name for path in folder.iterdir()}
    assert files == {
        "generator.safetensors", "recipe.yaml", "corpus.json", "tokenizer.json",
        "tokenizer_config.json",
    }  # fmt: skip
    tokenizer, model = AutoTokenizer.from_pretrained(folder), load(run)
    assert tokenizer("a man")["input_ids"] == [
        model.vocabulary.begin, *model.vocabulary.encode(["a man"]).ids[0, :2].tolist()
    ]  # fmt: skip
    ids = tokenizer("two dogs run", add_special_tokens=False)["input_ids"]
    assert tokenizer.decode(ids) == "two dogs run"
    assert load(folder).generate(5, seed=3) == model.generate(5, seed=3)
    assert {path.name for path in folder.parent.iterdir()} == {"exported"}


def test_a_checkpoint_can_be_chosen(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    for step in (2, 4):
        folder = export(run, tmp_path / f"exported-{step}", step)
        assert same(load_file(folder / "generator.safetensors"), weights(run, step))


def test_what_cannot_be_exported_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    run = trained(tmp_path).folder
    with pytest.raises(UserError, match="exists already"):
        export(run, run)
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(UserError, match="exists already"):
        export(run, tmp_path / "file")
    with pytest.raises(UserError, match="no run folder"):
        export(tmp_path / "nowhere", tmp_path / "new")
    (tmp_path / "empty").mkdir()
    assert export(run, tmp_path / "empty").is_dir()
    files = [sentences(tmp_path, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    styles = ("--corpus.train", "none", "--corpus.styles", "a", str(files[0]), "b", str(files[1]))
    network = ("--generator.kind", "pretrained", "--generator.configuration", CONFIGURATION)
    labelled = start(tiny(tmp_path, *network, *styles), tmp_path / "labelled", QUIET).folder
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UserError, match="labels"):
        export(labelled, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert len(load(labelled).generate(4, label="a")) == 4
