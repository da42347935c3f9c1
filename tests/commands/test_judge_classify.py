"""seqgen judge classify: one line out for each line in; the judge's own accuracy first."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest
from command_runs import MACHINE, Call

from seqgen.commands.main import main
from seqgen.experiment.style_judge import open_judge

TINY = shlex.split(
    "judge/linear --corpus.count 200 --corpus.valid 20 --corpus.test 40 --batch 16 "
    "--phases.0.steps 40 --evaluate.every 20 --classifier.width 8 --classifier.buckets 500"
)
GIVEN = "a lovely day\n\na grumpy day\r\n  \nsomething  else \u2028 here"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    assert main(["train", *TINY, *MACHINE, "--runs", str(folder), "--name", "run"]) == 0
    return folder / "run"


def test_a_label_and_its_probability_a_line(seqgen: Call, judge: Path) -> None:
    done = seqgen("judge", "classify", judge, given=GIVEN.encode())
    assert done.status == 0
    assert done.err == f"seqgen: {open_judge(judge).about()}\n"
    assert "test accuracy" in done.err and "of 40 sentences" in done.err
    found = open_judge(judge)
    expected = []
    for line in GIVEN.replace("\r", "").split("\n"):
        (row,) = found.probabilities([line])
        shown = f"{found.labels[row.argmax()]}\t{row.max():.4f}"
        expected.append(shown if line.strip() else "")
    assert done.out == "".join(f"{line}\n" for line in expected)
    assert [bool(line) for line in expected] == [True, False, True, False, True]


def test_objects(seqgen: Call, judge: Path) -> None:
    done = seqgen("judge", "classify", judge, "--json", "--quiet", given=GIVEN.encode())
    assert (done.status, done.err) == (0, "")
    found = [json.loads(line) for line in done.out.splitlines()]
    assert len(found) == 5
    assert found[1] == {"label": None, "probabilities": {"admiring": 0.5, "complaining": 0.5}}
    for number in (0, 2, 4):
        each = found[number]["probabilities"]
        assert sum(each.values()) == pytest.approx(1, abs=1e-5)
        assert found[number]["label"] == max(each, key=each.__getitem__)


def test_nothing_in_is_nothing_out(seqgen: Call, judge: Path) -> None:
    done = seqgen("judge", "classify", judge, "--quiet")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_the_end_of_training_tells_the_accuracy_even_if_quiet(seqgen: Call, judge: Path) -> None:
    done = seqgen("train", "--resume", judge, *MACHINE)
    assert done.status == 0
    assert "\ntest accuracy " in done.out and "of 40 sentences (admiring" in done.out
    assert "seqgen judge classify" in done.out and "real data" not in done.out
    assert "sentences of step" not in done.out and "seqgen generate" not in done.out


@pytest.mark.parametrize("verb", [["generate"], ["score"], ["export", "there"]])
def test_a_judge_writes_no_sentences(seqgen: Call, judge: Path, verb: list[str]) -> None:
    done = seqgen(verb[0], judge, *verb[1:])
    assert (done.status, done.out) == (2, "")
    assert "is a judge" in done.err and f"seqgen judge classify {judge}" in done.err


def test_a_generator_is_no_judge(seqgen: Call, plain: Path) -> None:
    done = seqgen("judge", "classify", plain, given=b"a man\n")
    assert (done.status, done.out) == (2, "")
    assert "is no judge" in done.err and "seqgen train judge/linear" in done.err


def test_an_n_gram_model_is_no_judge_of_labels(seqgen: Call, tmp_path: Path) -> None:
    (tmp_path / "lm.arpa").write_text("\\data\\\n", "utf-8")
    done = seqgen("judge", "classify", tmp_path / "lm.arpa", given=b"a man\n")
    assert (done.status, done.out) == (2, "")
    assert f"seqgen judge score {tmp_path / 'lm.arpa'}" in done.err


def test_bytes_that_are_no_text_are_told(seqgen: Call, judge: Path) -> None:
    done = seqgen("judge", "classify", judge, "--quiet", given=b"a day\nab \xff\n")
    assert done.status == 2 and "standard input:2:3" in done.err
