"""seqgen evaluate RUN of a run that rewrites: what it measures is what seqgen transfer writes."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from command_runs import MACHINE, SENTENCES, Call, write_corpus

from seqgen.commands.main import main
from seqgen.metrics.bleu_family.aligned import sentence_aligned_bleu
from seqgen.text.grammar import Grammar

UNSEEN = pytest.mark.usefixtures("no_page")
FEW = ["--no-intervals", *MACHINE]
JUDGE = shlex.split(
    "judge/linear --corpus.count 400 --corpus.valid 20 --corpus.test 40 --batch 32 "
    "--phases.0.steps 60 --evaluate.every 60 --classifier.width 8 --classifier.buckets 2000"
)
GRAMMAR = Grammar.default()
ADMIRING = [text for text in SENTENCES if GRAMMAR.style_of(text) == "admiring"][:6]
COMPLAINING = [text for text in SENTENCES if GRAMMAR.style_of(text) == "complaining"][:6]


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report is drawn: it is not the subject."""
    monkeypatch.setattr("seqgen.report.write_report", lambda folder: Path(folder) / "report.html")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A judge of the two styles of captions."""
    folder = tmp_path_factory.mktemp("judge")
    assert main(["train", *JUDGE, *MACHINE, "--runs", str(folder), "--name", "judge"]) == 0
    return folder / "judge"


@pytest.fixture
def run(styled: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be written to."""
    return shutil.copytree(styled, tmp_path / "mine")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two directions of sources and references, and outputs of another system, which copies."""
    folder = tmp_path / "files"
    folder.mkdir()
    for number, (source, other) in enumerate([(COMPLAINING, ADMIRING), (ADMIRING, COMPLAINING)]):
        for name, lines in {"in": source, "r0": other, "r1": other[::-1], "copies": source}.items():
            write_corpus(folder / f"{name}.{number}", lines)
    return folder


def directions(files: Path, references: bool = True) -> list[str]:
    found = []
    for number, label in enumerate(("admiring", "complaining")):
        found += ["--sources", f"{files}/in.{number}", "--to", label]
        if references:
            found += ["--aligned-references", f"{files}/r0.{number}", f"{files}/r1.{number}"]
    return found


def figures(given: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Row -> score -> value."""
    return {
        row["name"]: {score["name"]: score["value"] for score in row["scores"]}
        for row in given["rows"]
    }


def test_both_directions_are_rewritten_measured_kept_and_shown(
    seqgen: Call, run: Path, files: Path, judge: Path
) -> None:
    copies = ["--compare-with", f"{files}/copies.0", f"{files}/copies.1"]
    options = [*directions(files), *copies, "--style-judge", judge, "--json", *FEW]
    done = seqgen("evaluate", run, *options)
    assert (done.status, done.err) == (0, "")
    rows = figures(json.loads(done.out))
    assert list(rows) == [
        "mine", "copies", "human (reference 0)", "copy-source", "random-target", "copy-plus-phrase",
    ]  # fmt: skip
    assert rows["copies"] == rows["copy-source"]
    record = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert figures(record["table"]) == rows
    assert record["about"]["sources"] == "in.0, in.1" and record["about"]["sentences"] == 12
    assert record["about"]["style judge"].startswith("judge@")
    notes = "\n".join(record["table"]["notes"])
    assert "style judge judge@" in notes and "mine against copies: accuracy" in notes
    assert "mine inserts" in notes and "copies inserts no word" in notes
    page = (run / "report.html").read_text("utf-8")
    assert 'id="rewritings"' in page and 'class="attention"' in page


@UNSEEN
@pytest.mark.parametrize("how", [[], ["--temperature", "1", "--seed", "4"], ["--beam", "3"]])
def test_what_is_measured_is_what_transfer_writes(
    seqgen: Call, run: Path, files: Path, how: list[str]
) -> None:
    done = seqgen("evaluate", run, *directions(files), *how, "--json", *FEW)
    assert done.status == 0, done.err
    written = []
    for number, label in enumerate(("admiring", "complaining")):
        given = (files / f"in.{number}").read_bytes()
        out = seqgen("transfer", run, "--to", label, *how, *MACHINE, given=given).out
        written += out.splitlines()
        write_corpus(files / f"out.{number}", out.splitlines())
    sources = [*COMPLAINING, *ADMIRING]
    record = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert [one["source"] for one in record["rewritings"]] == sources
    assert [one["output"] for one in record["rewritings"]] == written
    expected = sentence_aligned_bleu(written, [sources])[0].mean() * 100
    assert figures(json.loads(done.out))["mine"]["source-bleu"] == pytest.approx(expected)
    grouped = directions(files)
    for number in (1, 0):
        place = grouped.index("--sources", 0 if number == 0 else 1)
        grouped[place:place] = ["--hypotheses", f"{files}/out.{number}"]
    by_files = seqgen("evaluate", *grouped, "--json", "--no-intervals", *how[2:])
    assert by_files.status == 0, by_files.err
    assert list(figures(json.loads(by_files.out)).values()) == list(
        figures(json.loads(done.out)).values()
    )


@UNSEEN
def test_alone_it_rewrites_held_out_sentences_which_the_grammar_judges(
    seqgen: Call, run: Path
) -> None:
    done = seqgen("evaluate", run, "--json", *FEW)
    assert (done.status, done.err) == (0, "")
    rows = figures(json.loads(done.out))
    right = rows["the grammar's answer"]
    assert (right["transfer-accuracy"], right["content-kept"]) == (1.0, 1.0)
    assert rows["copy-source"]["transfer-accuracy"] == 0.0
    assert 0 <= rows["mine"]["transfer-score"] < 1
    record = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert record["about"]["sources"] == "8 of 8 test sentences"
    shown = record["rewritings"]
    assert [one["reference"] for one in shown] == [
        GRAMMAR.restyle(one["source"], one["to"]) for one in shown
    ]
    assert [one["accepted"] for one in shown] == [
        GRAMMAR.style_of(one["output"]) == one["to"] for one in shown
    ]
    fewer = seqgen("evaluate", run, "--count", "3", "--seed", "2", "--json", *FEW)
    assert fewer.status == 0
    assert json.loads((run / "evaluation.json").read_text("utf-8"))["about"]["sentences"] == 3


@UNSEEN
def test_pairs_and_their_hypotheses_as_another_system(
    seqgen: Call, run: Path, files: Path, tmp_path: Path
) -> None:
    targets = ["admiring"] * 6 + ["complaining"] * 6
    sources, others = [*COMPLAINING, *ADMIRING], [*ADMIRING, *COMPLAINING]
    rows = [
        {"source": source, "to": to, "references": [other, other], "hypothesis": source}
        for source, to, other in zip(sources, targets, others, strict=True)
    ]
    pairs = tmp_path / "rows.jsonl"
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = seqgen("evaluate", run, "--pairs", pairs, "--json", *FEW)
    assert done.status == 0, done.err
    found = figures(json.loads(done.out))
    assert list(found)[:2] == ["mine", "rows.jsonl"]
    assert found["rows.jsonl"]["source-bleu"] == pytest.approx(100)
    for row in rows:
        del row["hypothesis"]
    pairs.write_text("".join(json.dumps(row) + "\n" for row in rows))
    alone = seqgen("evaluate", run, "--pairs", pairs, "--json", *FEW)
    assert list(figures(json.loads(alone.out)))[:2] == ["mine", "human (reference 0)"]
    by_files = seqgen("evaluate", run, *directions(files, references=False), "--json", *FEW)
    source_bleu = figures(json.loads(by_files.out))["mine"]["source-bleu"]
    assert figures(json.loads(alone.out))["mine"]["source-bleu"] == source_bleu


@UNSEEN
def test_a_judge_that_chose_is_told_from_one_that_measures(
    seqgen: Call, run: Path, files: Path, judge: Path
) -> None:
    options = [*directions(files), "--rerank", judge, "--json", *FEW]
    plain = seqgen("evaluate", run, *options)
    assert plain.status == 0, plain.err
    assert "is no measurement" not in plain.out
    record = json.loads((run / "evaluation.json").read_text("utf-8"))
    assert record["about"]["decoding"].startswith("beam 5, 5 candidates ranked by judge@")
    double = seqgen("evaluate", run, *options, "--style-judge", judge)
    assert "its accuracy here is no measurement" in double.out


@UNSEEN
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"admiring": "admirin"}, "style 'admirin' is unknown; there are: admiring, complaining."
                                  " Did you mean 'admiring'?"),
        ({"{files}/r1.1": "{files}/short"}, "short has 1 lines, but its sources"),
        ({"{files}/in.1": "{files}/nothing.txt"}, "nothing.txt"),
        ({"--to": "--beam 0 --to"}, "beam 0: must be at least 1"),
        ({"--to": "--beam 2 --temperature 1 --to"}, "draws nothing"),
        ({"--to": "--checkpoint 77 --to"}, "has no checkpoint of step 77"),
        ({"--to": "--style-judge {files} --to"}, "is not a run"),
    ],
)  # fmt: skip
def test_mistakes_are_told_and_nothing_is_written(
    seqgen: Call, run: Path, files: Path, changes: dict[str, str], message: str
) -> None:
    write_corpus(files / "short", ["one line"])
    changes = {key.format(files=files): value.format(files=files) for key, value in changes.items()}
    words = [
        part for word in directions(files) for part in (changes.get(word, word)).split(" ")
    ]  # no path of a test has a space
    done = seqgen("evaluate", run, *words, *FEW)
    assert (done.status, done.out) == (2, "") and message in done.err
    assert "Traceback" not in done.err and not (run / "evaluation.json").exists()


@UNSEEN
def test_a_judge_that_lacks_the_style_is_refused(
    seqgen: Call, run: Path, files: Path, tmp_path: Path
) -> None:
    styles = ["admirin", str(files / "in.1"), "sad", str(files / "in.0")]
    less = ["--phases.0.steps", "2", "--batch", "4", "--evaluate.every", "2", "--no-report"]
    train = ["train", "judge/linear", "--corpus.styles", *styles, *less, *MACHINE]
    assert main([*train, "--runs", str(tmp_path), "--name", "other"]) == 0
    lacking = ["--style-judge", tmp_path / "other"]
    done = seqgen("evaluate", run, *directions(files), *lacking, *FEW)
    assert (done.status, done.out) == (2, "")
    said = "other tells apart admirin, sad; did you mean 'admirin'?"
    assert "--to admiring: " in done.err and said in done.err
    alone = seqgen("evaluate", run, *lacking, *FEW)
    assert alone.status == 2 and "style complaining: " in alone.err
    chosen = seqgen("evaluate", run, *directions(files), "--rerank", tmp_path / "other", *FEW)
    assert chosen.status == 2 and "cannot say what is 'admiring'" in chosen.err
    assert not (run / "evaluation.json").exists()


def test_a_run_that_writes_from_nothing_is_refused(
    seqgen: Call, labelled: Path, judge: Path, files: Path
) -> None:
    for more in (directions(files), ["--style-judge", str(judge)]):
        done = seqgen("evaluate", labelled, *more, *MACHINE)
        assert (done.status, done.out) == (2, "")
        assert "this model cannot transfer: it writes sentences without reading" in done.err


@UNSEEN
@pytest.mark.parametrize(
    ("option", "form"), [("--top-k 5", "run"), ("--references f", "files or run")]
)
def test_options_of_models_that_write_from_nothing_are_refused(
    seqgen: Call, run: Path, option: str, form: str
) -> None:
    done = seqgen("evaluate", run, *option.split(), *FEW)
    assert (done.status, done.out) == (2, "")
    assert f"{option.split()[0]} has no meaning here" in done.err
    assert f"belongs to the form {form}" in done.err
