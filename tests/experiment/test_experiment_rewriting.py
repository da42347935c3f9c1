"""A run that rewrites, measured: of a generator whose answers are known, every figure is."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from copying_generator import WORDS, copying_model
from test_transferring import WordJudge, real_network

from seqgen import load
from seqgen.commands.main import main
from seqgen.errors import UserError
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer import How
from seqgen.experiment.attention import END, attention
from seqgen.experiment.closing import close_run
from seqgen.experiment.evaluate_rewriting import SHOWN, evaluate_rewriting, rewritten
from seqgen.experiment.reopen import read_run
from seqgen.experiment.rewriting_notes import on_chooser
from seqgen.experiment.rewriting_task import Posed, held_out_task
from seqgen.experiment.transfer_decoding import Rewriting
from seqgen.experiment.transfer_settings import Transfer
from seqgen.experiment.transfer_sources import read_sources
from seqgen.metrics.style_transfer.factors import Task
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.report.record import Record, read_record
from seqgen.text.grammar import Grammar
from seqgen.training.run import Run

NEXT = dict(zip(WORDS, [*WORDS[1:], WORDS[0]], strict=True))
MODEL = copying_model()
SOURCES = ["the food was cold .", "it was bad !", "the waiter was great ."]
MOVED = [" ".join(NEXT[word] for word in source.split()) for source in SOURCES]
TASK = Task(SOURCES * 2, ["plain"] * 3 + ["next"] * 3, [SOURCES + MOVED])
STYLE = StyleJudging(
    WordJudge(MOVED[0].split()), Markers.train({"plain": ["the food"], "next": ["food was"]})
)


def evaluated(folder: Path, task: Task = TASK, seed: int = 0, transfer: str = "") -> Record:
    how = How(intervals=False, seed=seed)
    return evaluate_rewriting(
        folder, MODEL, Posed(task, "made up"), Transfer(transfer), style=STYLE, how=how
    )


def test_each_row_is_rewritten_in_its_own_style_and_in_its_place() -> None:
    mixed = Task(SOURCES * 2, ["next", "plain"] * 3)
    done = rewritten(MODEL, mixed)
    assert [one.source for one in done] == SOURCES * 2
    assert [one.text for one in done] == [
        MOVED[0], SOURCES[1], MOVED[2], SOURCES[0], MOVED[1], SOURCES[2],
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"'nxet' is unknown.* Did you mean 'next'"):
        rewritten(MODEL, Task(SOURCES, ["plain", "plain", "nxet"]))


def test_the_figures_of_known_answers(tmp_path: Path) -> None:
    record = evaluated(tmp_path)
    row = record.table.rows[0]
    assert (row.name, row.kind) == (tmp_path.name, "system")
    reference = row.score("reference-bleu")
    assert reference is not None and reference.value == pytest.approx(100)
    kept = row.score("source-bleu")
    assert kept is not None and kept.value == pytest.approx(50)  # half of them are copies
    assert record.about["decoding"] == "greedy" and record.about["references"] == 1
    assert record.about["style judge"] == "word-judge"
    accepted = STYLE.judge.probabilities(SOURCES + MOVED).argmax(1)
    assert [one.accepted for one in record.rewritings] == [
        bool(found == (place >= 3)) for place, found in enumerate(accepted)
    ]
    assert [one.reference for one in record.rewritings] == SOURCES + MOVED


def test_what_is_written_is_read_again_and_the_same_each_time(tmp_path: Path) -> None:
    record = evaluated(tmp_path)
    first = (tmp_path / "evaluation.json").read_bytes()
    assert read_record(tmp_path) == Record.from_json(record.to_json())
    evaluated(tmp_path)
    assert (tmp_path / "evaluation.json").read_bytes() == first
    found = json.loads(first)
    assert [one["output"] for one in found["rewritings"]] == SOURCES + MOVED
    assert found["samples"][3] == f"{SOURCES[0]} -> {MOVED[0]}"


def test_the_seed_and_not_the_outputs_chooses_what_is_shown(tmp_path: Path) -> None:
    many = [f"{one} {other} it" for one in WORDS for other in WORDS]
    shown = {}
    for seed in (1, 2):
        for target in ("plain", "next"):
            record = evaluated(tmp_path, Task(many, [target] * len(many)), seed)
            shown[seed, target] = [one.source for one in record.rewritings]
            assert len(record.rewritings) == SHOWN == len(set(shown[seed, target]))
            assert sum(one.attention is not None for one in record.rewritings) == 4
    assert shown[1, "plain"] == shown[1, "next"] != shown[2, "next"]
    assert shown[1, "plain"] == sorted(shown[1, "plain"], key=many.index)


def test_what_is_odd_about_the_outputs_is_noted(tmp_path: Path) -> None:
    task = Task(["The zebra, was", "it " * 30, "the food"], ["plain"] * 3)
    notes = "\n".join(evaluated(tmp_path, task).table.notes)
    name = tmp_path.name
    assert f"{name}: 1 of 3 sentences have words that it does not know" in notes
    assert f"{name}: 1 of 3 sentences were longer than it reads, and were cut" in notes
    assert f"1 of 3 sentences to rewrite are not in the form that {name} writes in" in notes
    plain = "\n".join(evaluated(tmp_path).table.notes)
    assert "1 of " not in plain and "the form" not in plain


def test_attention_of_a_model_that_looks_at_the_word_it_writes() -> None:
    found = attention(MODEL, "The zebra was cold", "food zebra great it", "next")
    assert found is not None
    assert found.source == ["the", "zebra", "was", "cold", END]
    assert found.written == ["food", "zebra", "great", "it"]
    assert found.weights == [[float(x == y) for x in range(5)] for y in range(4)]
    assert attention(MODEL, " ", "food", "next") is attention(MODEL, "food", "", "next") is None


def test_attention_of_what_was_read_again_is_that_of_the_decoding() -> None:
    model, compared = real_network(), 0
    sources = read_sources(model.vocabulary, SOURCES, 12)
    decoded = Rewriting(model.generator, model.labels["next"], attended=True)(sources.sentences)
    assert decoded.attention is not None
    outputs = model.transfer(SOURCES, "next")
    for place, (source, output) in enumerate(zip(SOURCES, outputs, strict=True)):
        found = attention(model, source, output, "next")
        if found is None:  # nothing was written
            continue
        rows, columns = len(found.written), len(found.source)
        assert (rows, columns) == (len(output.split()), len(source.split()) + 1)
        expected = decoded.attention[place, 0, :rows, :columns]
        torch.testing.assert_close(torch.tensor(found.weights), expected, atol=6e-4, rtol=0)
        assert torch.tensor(found.weights).sum(1).tolist() == pytest.approx([1.0] * rows, abs=0.01)
        compared += rows
    assert compared > 3


SMALL = shlex.split(
    "--generator.width 8 --generator.heads 2 "
    "--generator.layers 1 --evaluate.samples 8 --no-report --discriminator.width 8 "
    "--discriminator.heads 2 --discriminator.layers 1 --phases.0.steps 1 --phases.1.steps 1 "
    "--save.every 9 --threads 1 --quiet --name run"
)


@pytest.fixture(scope="module")
def captions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of style/quickstart that has learnt nothing."""
    folder = tmp_path_factory.mktemp("captions")
    few = shlex.split("--corpus.count 64 --corpus.valid 12 --corpus.test 40 --batch 4")
    assert main(["train", "style/quickstart", *SMALL, *few, "--runs", str(folder)]) == 0
    return folder / "run"


def test_held_out_captions_have_the_grammar_s_answer(captions: Path) -> None:
    posed = held_out_task(Run.open(captions))
    grammar, task = Grammar.default(), posed.task
    assert len(task.sources) == 40 and posed.origin == "40 of 40 test sentences"
    styles = [grammar.style_of(source) for source in task.sources]
    assert set(styles) == set(task.targets) == set(grammar.styles)
    assert all(own != target for own, target in zip(styles, task.targets, strict=True))
    assert posed.exact is not None
    right = {score.name: score.value for score in posed.exact(task.references[0])}
    assert right == {
        "transfer-accuracy": 1.0, "content-kept": 1.0, "transfer-grammatical": 1.0,
        "transfer-score": 1.0,
    }  # fmt: skip
    copied = {score.name: score.value for score in posed.exact(task.sources)}
    assert (copied["transfer-accuracy"], copied["content-kept"]) == (0.0, 1.0)


def test_fewer_of_them_are_drawn_by_the_seed_in_their_order(captions: Path) -> None:
    run = Run.open(captions)
    all_of_them = list(held_out_task(run).task.sources)
    first, again, other = (held_out_task(run, 9, seed).task.sources for seed in (1, 1, 2))
    assert len(first) == 9 and first == again != other
    places = [all_of_them.index(source) for source in first]
    assert places == sorted(places)


def test_a_training_ends_with_held_out_captions_side_by_side(
    captions: Path, tmp_path: Path
) -> None:
    run = shutil.copytree(captions, tmp_path / "run")
    page = close_run(run, "cpu")
    assert page is not None and 'id="rewritings"' in page.read_text("utf-8")
    record = read_record(run)
    assert record is not None and record.about["sources"] == "8 of 40 test sentences"
    assert [row.name for row in record.table.rows[:2]] == ["run", "the grammar's answer"]


def test_a_judge_that_chose_the_checkpoint_is_told(captions: Path) -> None:
    recipe, _ = read_run(Run.open(captions))
    style = replace(STYLE, judge=replace(WordJudge(["was"]), name="mine@12"))
    assert on_chooser(recipe, style) == []
    for folder, told in (("runs/mine", 1), ("runs/other", 0)):
        settings = recipe.evaluate.model_copy(update={"style_judge": folder})
        chosen = recipe.model_copy(update={"evaluate": settings})
        assert len(on_chooser(chosen, style)) == told
        assert on_chooser(chosen, None) == []


def test_held_out_sentences_of_files_have_each_other_style_and_no_reference(tmp_path: Path) -> None:
    for style in "abc":
        lines = "".join(f"the {thing} {style}\n" for thing in ("dog", "cat", "sea", "sun"))
        (tmp_path / f"{style}.txt").write_text(lines)
    styles = [word for style in "abc" for word in (style, str(tmp_path / f"{style}.txt"))]
    words = ["--corpus.kind", "files", "--corpus.styles", *styles, "--corpus.valid", "2"]
    words += ["--vocabulary.minimum", "1", "--batch", "6", "--evaluate.select", "likelihood"]
    train = ["train", "style/quickstart", *SMALL, *words]
    assert main([*train, "--runs", str(tmp_path / "runs")]) == 0
    run = tmp_path / "runs" / "run"
    posed = held_out_task(Run.open(run))
    assert posed.exact is None and not posed.task.references
    asked = zip((source[-1] for source in posed.task.sources), posed.task.targets, strict=True)
    assert sorted(asked) == [(one, to) for one in "abc" for to in "abc" if one != to]
    record = evaluate_rewriting(run, load(run), posed, how=How(intervals=False))
    assert [one.accepted for one in record.rewritings] == [None] * 6
    assert record.about["sources"] == "6 of 6 valid sentences"
    (tmp_path / "b.txt").unlink()
    with pytest.raises(UserError, match=r"cannot be read again.*--sources FILE --to STYLE"):
        held_out_task(Run.open(run))
