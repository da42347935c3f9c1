"""A new run: its folder, its report, its checkpoints, and what is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, SENTENCES, same, sentences, tiny, trained, weights

from seqgen.errors import UserError
from seqgen.evaluation.likelihood import likelihood
from seqgen.experiment.build import build_modules
from seqgen.experiment.corpora import open_corpora
from seqgen.experiment.plan import build_phases
from seqgen.experiment.reopen import load
from seqgen.experiment.start import start
from seqgen.recipe.files import parse, read, write
from seqgen.text.vocabulary import Vocabulary


def journal(run: Path, event: str) -> list[dict[str, float]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text("utf-8").splitlines())
    return [line for line in lines if line["event"] == event]


def test_the_run_folder_holds_all_of_the_run(tmp_path: Path) -> None:
    recipe = tiny(tmp_path)
    report = start(recipe, tmp_path / "run", QUIET)
    run = report.folder
    assert run == tmp_path / "run"
    assert read(str(run / "recipe.yaml")) == recipe
    vocabulary, facts = Vocabulary.open(run), json.loads((run / "corpus.json").read_text("utf-8"))
    assert (facts["size"], facts["vocabulary"]) == (len(vocabulary), vocabulary.checksum)
    assert {"train", "valid"} <= set(facts) and facts["labels"] == {}
    names = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert names == ["best", "latest", "step-00000002", "step-00000004"]
    for name in names[2:]:
        files = {path.name for path in (run / "checkpoints" / name).iterdir()}
        assert files == {"generator.safetensors", "trainer.pt", "manifest.json"}
    for step in (2, 4):
        lines = (run / "samples" / f"step-{step:08d}.txt").read_text("utf-8").splitlines()
        assert len(lines) == 8
    assert [line["step"] for line in journal(run, "evaluation")] == [2, 4]
    assert journal(run, "training")[-1]["step"] == 4


def test_the_report_has_the_figures_of_the_run(tmp_path: Path) -> None:
    test = sentences(tmp_path, SENTENCES[:5], "test.txt")
    report = trained(tmp_path, "--corpus.test", str(test))
    outcome, last = report.outcome, journal(report.folder, "evaluation")[-1]
    assert (outcome.steps, outcome.rounds, outcome.stopped_early) == (4, 4, False)
    assert set(outcome.metrics) == {"nll", "perplexity", "distinct-2", "unique"}
    assert {name: last[name] for name in outcome.metrics} == outcome.metrics
    assert report.best["nll"] == outcome.best
    assert set(report.real) == {"distinct-2", "unique"}
    assert (
        list(report.samples)
        == ((report.folder / "samples" / "step-00000004.txt").read_text("utf-8").splitlines()[:8])
    )
    # The test sentences are scored under the checkpoint that load takes.
    corpora = open_corpora(tiny(tmp_path, "--corpus.test", str(test)), None)
    expected = likelihood(load(report.folder).generator, corpora.splits["test"])
    assert report.test["nll"] == pytest.approx(expected.nats, rel=1e-6)


def test_without_a_validation_file_a_share_is_held_out(tmp_path: Path) -> None:
    corpora = open_corpora(tiny(tmp_path), None)
    train, valid = (
        corpora.vocabulary.texts(corpora.splits[name].select(torch.arange(n)).ids)
        for name, n in (("train", 12), ("valid", 4))
    )
    assert len(corpora.splits["train"]) == 12 and len(corpora.splits["valid"]) == 4
    assert set(train) <= set(SENTENCES)
    assert not set(train) & set(valid)


def test_the_last_sentences_or_none_may_validate(tmp_path: Path) -> None:
    corpora = open_corpora(tiny(tmp_path, "--corpus.valid", "last:3"), None)
    valid = corpora.splits["valid"].select(torch.arange(3))
    words = " ".join(SENTENCES[-3:]).split()
    known = corpora.vocabulary.texts(valid.ids)
    assert [len(text.split()) for text in known] == [len(text.split()) for text in SENTENCES[-3:]]
    assert set(" ".join(known).split()) <= {*words, "<unk>"}
    changes = ("--corpus.valid", "none", "--evaluate.select", "none")
    assert set(open_corpora(tiny(tmp_path, *changes), None).splits) == {"train"}
    assert set(trained(tmp_path, *changes).outcome.metrics) == {"distinct-2", "unique"}


@pytest.mark.parametrize("select", ["likelihood", "bleu"])
def test_selecting_by_held_out_sentences_needs_some(tmp_path: Path, select: str) -> None:
    changes = ("--corpus.valid", "none", "--evaluate.metrics", "likelihood", "bleu")
    with pytest.raises(UserError, match=r"corpus\.valid"):
        trained(tmp_path, *changes, "--evaluate.select", select)


def test_evaluating_changes_no_parameter(tmp_path: Path) -> None:
    often = ("--evaluate.every", "1", "--evaluate.samples", "70")
    metrics = ("--evaluate.metrics", "likelihood", "bleu", "self-bleu", "distinct", "novelty")
    off = (
        "--evaluate.every",
        "none",
        "--evaluate.select",
        "none",
        "--evaluate.metrics",
        "distinct",
    )
    for name, changes in (("often", often + metrics), ("off", off), ("plain", ())):
        trained(tmp_path, *changes, name=name)
    expected = weights(tmp_path / "plain", 4)
    assert same(weights(tmp_path / "often", 4), expected)
    assert same(weights(tmp_path / "off", 4), expected)
    trained(tmp_path, "--seed", "2", name="other")
    assert not same(weights(tmp_path / "other", 4), expected)


DIVERGING = ("--players.generator.rate", "0.7", "--phases.0.steps", "8", "--evaluate.every", "1")


def test_the_best_checkpoint_is_kept_and_used(tmp_path: Path) -> None:
    report = trained(tmp_path, *DIVERGING, "--save.keep", "1")
    run, best = report.folder, report.outcome.best_step
    figures = {line["step"]: line["nll"] for line in journal(run, "evaluation")}
    assert best == min(figures, key=figures.__getitem__) and best < 8
    assert report.best["nll"] == figures[best] < report.outcome.metrics["nll"]
    for which, step in ((None, best), ("best", best), ("latest", 8), (8, 8), (best, best)):
        state = load(run, which).generator.state_dict()
        assert all(torch.equal(state[k], v) for k, v in weights(run, step).items()), which
    valid = open_corpora(tiny(tmp_path), None).splits["valid"]
    assert likelihood(load(run).generator, valid).nats == pytest.approx(figures[best], rel=1e-6)


def test_training_stops_when_the_figure_gets_no_better(tmp_path: Path) -> None:
    report = trained(tmp_path, *DIVERGING, "--evaluate.patience", "2")
    assert report.outcome.stopped_early
    assert report.outcome.steps == report.outcome.best_step + 2 < 8


def test_the_running_average_is_kept_beside_and_used(tmp_path: Path) -> None:
    report = trained(tmp_path, "--average", "0.5")
    run = report.folder
    plain, average = weights(run, 4), weights(run, 4, "generator.average")
    assert not same(plain, average)
    state = load(run, "latest").generator.state_dict()
    assert all(torch.equal(state[name], value) for name, value in average.items())
    valid = open_corpora(tiny(tmp_path), None).splits["valid"]
    last = journal(run, "evaluation")[-1]["nll"]
    assert likelihood(load(run, "latest").generator, valid).nats == pytest.approx(last, rel=1e-6)
    # The average is only looked at: training goes the same way without it.
    trained(tmp_path, name="without")
    assert same(weights(tmp_path / "without", 4), plain)


def test_a_taken_folder_is_refused(tmp_path: Path) -> None:
    trained(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match="exists already"):
        trained(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_after_a_mistake_the_folder_can_be_used(tmp_path: Path) -> None:
    missing = ("--corpus.train", str(tmp_path / "nowhere.txt"))
    with pytest.raises(UserError, match=r"nowhere\.txt"):
        trained(tmp_path, *missing)
    with pytest.raises(UserError, match="at most 8"):
        configuration = "{model_type: gpt2, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 8}"
        trained(
            tmp_path, "--generator.kind", "pretrained", "--generator.configuration", configuration
        )
    assert trained(tmp_path).outcome.steps == 4


def test_a_recipe_without_sentences_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--corpus\.train"):
        trained(tmp_path, "--corpus.train", "none")


@pytest.mark.parametrize("kind", ["cosine", "linear", "inverse-root", "constant"])
def test_a_schedule_spans_the_updates_of_its_player(tmp_path: Path, kind: str) -> None:
    schedule = ("--players.generator.schedule.kind", kind)
    warm = ("--players.generator.schedule.warmup", "2", "--evaluate.every", "1")
    report = trained(tmp_path, *schedule, *warm)
    rates = [line["generator/rate"] for line in journal(report.folder, "training")]
    # Each line has the rate of the update that comes next: of updates 1, 2, 3 and 4.
    expected = {
        "cosine": [0.02, 0.02, 0.01, 0.0],
        "linear": [0.02, 0.02, 0.01, 0.0],
        "inverse-root": [
            0.02,
            0.02 * math.sqrt(2 / 3),
            0.02 * math.sqrt(2 / 4),
            0.02 * math.sqrt(2 / 5),
        ],
        "constant": [0.02, 0.02, 0.02, 0.02],
    }
    assert rates == pytest.approx(expected[kind], abs=1e-9)


def test_another_seed_holds_out_the_same_sentences(tmp_path: Path) -> None:
    sums = []
    for seed in ("1", "2"):
        recipe = tiny(tmp_path, "--seed", seed)
        sums.append(open_corpora(recipe, None).splits["valid"].checksum)
    assert sums[0] == sums[1]
    other = open_corpora(tiny(tmp_path, "--corpus.seed", "5"), None).splits["valid"].checksum
    assert other != sums[0]


def test_a_schedule_of_a_phase_in_a_group_spans_all_its_repeats(tmp_path: Path) -> None:
    change = "{generator: {schedule: {kind: linear}}}"
    recipe = tiny(tmp_path)
    text = write(recipe).split("phases:")[0] + (
        "phases:\n- repeat: 3\n  phases:\n"
        f"  - {{method: {{kind: teacher-forcing}}, steps: 4, players: {change}}}\n"
        "players: {generator: {rate: 1.0}}\nbatch: 6\n"
    )
    recipe = parse(text, "a group")
    corpora = open_corpora(recipe, None)
    modules = build_modules(recipe, corpora.vocabulary, 0)
    (group,) = build_phases(recipe, modules, corpora.train)
    player = group.phases[0].players["generator"]
    assert [player.schedule(update) for update in (0, 6, 11)] == pytest.approx([1, 0.5, 1 / 12])


def test_checkpoints_are_written_with_every_evaluation(tmp_path: Path) -> None:
    run = trained(tmp_path, "--save.keep", "9", "--evaluate.select", "none").folder
    found = sorted(path.name for path in (run / "checkpoints").glob("step-*"))
    assert found == ["step-00000000", "step-00000002", "step-00000004"]


def test_two_sentences_are_enough(tmp_path: Path) -> None:
    few = sentences(tmp_path, SENTENCES[:2], "few.txt")
    changes = ("--corpus.valid", "none", "--evaluate.select", "none")
    metrics = ("--evaluate.metrics", "self-bleu", "distinct", "--batch", "2")
    report = trained(tmp_path, *changes, *metrics, train=few)
    assert report.outcome.steps == 4
