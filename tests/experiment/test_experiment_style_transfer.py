"""A Style Transformer from recipe to run: resumed bitwise, opened again, and what it is not for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from experiment_runs import QUIET, same, sentences, weights

from seqgen.errors import UserError
from seqgen.experiment import experiment
from seqgen.experiment.evaluate import evaluate_run
from seqgen.experiment.experiment import evaluation
from seqgen.experiment.export import export
from seqgen.experiment.reopen import load
from seqgen.experiment.start import resume, start
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.recipe.files import parse
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe
from seqgen.training.batches import Batches

TINY = """
about: a tiny style transformer
corpus: {kind: grammar, limit: 21, count: 60, valid: 12, test: 12}
vocabulary: {kind: word}
generator: {kind: style-transformer, width: 8, layers: 1, heads: 2, dropout: 0.1}
discriminator: {kind: style, width: 8, layers: 1, heads: 2, dropout: 0.1}
phases:
  - {method: {kind: style-transformer, cycle: 0, style: 0, generator_steps: 1,
              word_drop: {start: 0.4, end: 0.4}},
     only: [generator], steps: 2, name: pretraining}
  - {method: {kind: style-transformer, discriminator_steps: 2, generator_steps: 1}, steps: 4}
players: {generator: {rate: 1.0e-2}, discriminator: {rate: 1.0e-2}}
batch: 8
by_label: true
evaluate: {every: 2, samples: 6, metrics: [likelihood, transfer]}
save: {keep: 5}
"""


def tiny(*changes: str) -> Recipe:
    return override(parse(TINY, "tiny.yaml"), changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("style") / "run"
    start(tiny(), folder, QUIET)
    return folder


def test_figures_are_in_the_journal_and_pairs_in_the_samples(run: Path) -> None:
    figures = evaluation(run, 6)
    assert {"nll", "source-bleu", "transfer-accuracy", "content-kept"} <= figures.keys()
    lines = (run / "samples" / "step-00000006.txt").read_text("utf-8").splitlines()
    assert len(lines) == 6 and all(" -> " in line for line in lines)


@pytest.mark.parametrize("conditional", ["true", "false"])
def test_resuming_in_the_adversarial_phase_is_bitwise(tmp_path: Path, conditional: str) -> None:
    kind = ("--discriminator.conditional", conditional)
    start(tiny(*kind), tmp_path / "whole", QUIET)
    start(tiny(*kind, "--phases.1.steps", "2"), tmp_path / "parts", QUIET)
    before = weights(tmp_path / "parts", 4)
    resume(tmp_path / "parts", QUIET, tiny(*kind))
    for module in ("generator", "discriminator"):
        left, right = (weights(tmp_path / name, 6, module) for name in ("whole", "parts"))
        assert same(left, right)
    assert not same(before, weights(tmp_path / "parts", 6))


def test_a_run_is_opened_and_exported(run: Path, tmp_path: Path) -> None:
    model = load(run)
    assert isinstance(model.generator, StyleTransformer) and model.generator.reads_source
    assert model.labels == {"admiring": 0, "complaining": 1} and model.limit == 21
    again = load(export(run, tmp_path / "exported"))
    left, right = (dict(one.generator.state_dict()) for one in (model, again))
    assert same(left, right)


def test_what_needs_sentences_from_nothing_is_refused(run: Path) -> None:
    model = load(run)
    for ask in (
        lambda: model.generate(2),
        lambda: model.score(["a dog"]),
        lambda: evaluate_run(run),
    ):
        with pytest.raises(UserError, match=r"rewrites sentences .* seqgen transfer RUN"):
            ask()


def test_one_style_is_too_few(tmp_path: Path) -> None:
    file = sentences(tmp_path)
    changes = ["--corpus.kind", "files", "--corpus.styles", "only", str(file), "--corpus.valid",
               "0.2", "--evaluate.metrics", "likelihood"]  # fmt: skip
    with pytest.raises(UserError, match="two styles or more; the corpus has 1"):
        start(tiny(*changes), tmp_path / "run", QUIET)


def test_three_styles_learn_in_one_run(tmp_path: Path) -> None:
    texts = [f"the {thing} is here today" for thing in ["dog", "cat", "horse", "man", "sea", "sun"]]
    files = [str(sentences(tmp_path, texts, f"{name}.txt")) for name in "abc"]
    given = [word for pair in zip("abc", files, strict=True) for word in pair]
    changes = ["--corpus.kind", "files", "--corpus.styles", *given, "--corpus.valid", "2",
               "--batch", "9", "--evaluate.samples", "6"]  # fmt: skip
    report = start(tiny(*changes), tmp_path / "run", QUIET)
    assert {"nll", "source-bleu", "copied"} <= report.outcome.metrics.keys()
    assert "transfer-accuracy" not in report.outcome.metrics
    assert load(tmp_path / "run").generator.styles == 3


JUDGE = """
about: a small judge
corpus: {kind: grammar, limit: 21, count: 200, valid: 20, test: 20}
vocabulary: {kind: word}
classifier: {kind: hashed-ngrams, width: 4, buckets: 50}
phases: [{method: {kind: classification}, steps: 20}]
players: {classifier: {rate: 1.0e-2}}
batch: 20
evaluate: {metrics: [accuracy]}
"""


def test_a_judge_chooses_the_checkpoint_and_its_run_is_named_from_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(parse(JUDGE, "judge.yaml"), tmp_path / "judge", QUIET)
    monkeypatch.chdir(tmp_path)
    recipe = tiny("--evaluate.style_judge", "judge", "--evaluate.select", "transfer")
    report = start(recipe, tmp_path / "run", QUIET)
    figures = {step: evaluation(tmp_path / "run", step) for step in (2, 4, 6)}
    assert report.outcome.best_step in figures
    scores = {step: found["transfer-score"] for step, found in figures.items()}
    assert scores[report.outcome.best_step] == max(scores.values())
    for found in figures.values():  # not the grammar's figure, which has content-kept
        product = found["transfer-accuracy"] * found["source-bleu"]
        assert found["transfer-score"] == pytest.approx(product**0.5) and len(found) == 6
    assert str(tmp_path / "judge") in (tmp_path / "run" / "recipe.yaml").read_text("utf-8")


def test_a_judge_that_is_not_there_leaves_no_run_folder(tmp_path: Path) -> None:
    recipe = tiny("--evaluate.style_judge", str(tmp_path / "nobody"))
    with pytest.raises(UserError, match="nobody"):
        start(recipe, tmp_path / "run", QUIET)
    assert not (tmp_path / "run").exists()


def test_a_batch_may_be_of_each_style(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for style in "abc":
        sentences(tmp_path, [f"{style} {word}" for word in ("one", "two", "three")], f"{style}.txt")
    files = [word for style in "abc" for word in (style, str(tmp_path / f"{style}.txt"))]
    corpus = ["--corpus.kind", "files", "--corpus.styles", *files, "--corpus.valid", "none"]
    changes = [*corpus, "--batch", "4", "--batch_of", "label", "--evaluate.every", "none"]
    seen: list[Batches] = []

    def kept(*given: Any, **named: Any) -> Batches:
        seen.append(Batches(*given, **named))
        return seen[-1]

    monkeypatch.setattr(experiment, "Batches", kept)
    start(tiny(*changes, "--phases.1.steps", "1"), tmp_path / "run", QUIET)
    (batch,) = seen[0].take()
    assert batch.labels.bincount().tolist() == [4, 4, 4]
