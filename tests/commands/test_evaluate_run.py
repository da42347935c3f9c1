"""seqgen evaluate RUN as a user calls it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_runs import MACHINE, SENTENCES, Call, write_corpus

UNSEEN = pytest.mark.usefixtures("no_page")
FEW = ["--count", "8", "--temperatures", "0.7,1", *MACHINE]


@pytest.fixture
def no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report is drawn, which takes longer than all the rest: it is not the subject."""
    monkeypatch.setattr("seqgen.report.write_report", lambda folder: Path(folder) / "report.html")


def test_a_run_is_measured_and_its_page_written(seqgen: Call, copy: Path) -> None:
    done = seqgen("evaluate", copy, *FEW)
    assert (done.status, done.err) == (0, "")
    for name in ("nll", "bleu-5", "self-bleu-5", "lm-score", "reverse-lm-score", "frechet"):
        assert f"\n{name} " in done.out, name
    first = done.out.splitlines()[0].split()
    assert first == ["copied", "real", "data"]
    found = json.loads((copy / "evaluation.json").read_text("utf-8"))
    assert [row["kind"] for row in found["table"]["rows"]] == ["system", "real"]
    assert [point["value"] for point in found["curves"][0]["points"]] == [0.7, 1.0, 0.5, 0.25]
    assert (copy / "report.html").is_file() and list((copy / "pictures").glob("*.svg"))


@UNSEEN
def test_what_is_replaced_is_told(seqgen: Call, copy: Path) -> None:
    loud = [option for option in MACHINE if option != "--quiet"]
    for count, replaced in ((6, ""), (4, "it replaces an evaluation of 6 sentences\n")):
        done = seqgen("evaluate", copy, "--count", str(count), "--no-sweep", *loud)
        assert done.status == 0 and done.err.endswith(f"report.html\n{replaced}")
    seqgen("evaluate", copy, *FEW)
    done = seqgen("evaluate", copy, "--count", "4", "--no-sweep", *loud)
    assert done.err.endswith("of 8 sentences; its curves are kept\n")


@UNSEEN
def test_json_is_one_object_and_the_same_each_time(seqgen: Call, copy: Path) -> None:
    calls = [seqgen("evaluate", copy, *FEW, "--json", "--seed", "3") for _ in range(2)]
    assert calls[0] == calls[1] and calls[0].status == 0
    found = json.loads(calls[0].out)
    assert found["rows"][0]["name"] == "copied" and len(found["curves"]) == 2


@UNSEEN
def test_text_and_judge_of_the_user(seqgen: Call, copy: Path, tmp_path: Path) -> None:
    text = write_corpus(tmp_path / "real.txt", SENTENCES[:20])
    arpa = tmp_path / "lm.arpa"
    assert seqgen("judge", "train", text, "--order", "3", "--out", arpa).status == 0
    few = ["--count", "8", "--no-sweep", *MACHINE]
    done = seqgen("evaluate", copy, *few, "--references", text, "--train", text,
                  "--language-judge", arpa, "--encoder", copy, "--json")  # fmt: skip
    assert (done.status, done.err) == (0, "")
    scores = {score["name"]: score for score in json.loads(done.out)["rows"][0]["scores"]}
    assert "judge:ngram-3@" in scores["lm-score"]["signature"]
    assert "encoder:copied@" in scores["frechet"]["signature"]
    assert "sentences:given|count:20" in scores["nll"]["signature"]


@UNSEEN
def test_a_network_can_be_the_model_of_the_reverse_score(seqgen: Call, copy: Path) -> None:
    done = seqgen("evaluate", copy, *FEW, "--reverse-judge", copy, "--json")
    assert done.status == 0
    own, real = (
        {score["name"]: score for score in row["scores"]} for row in json.loads(done.out)["rows"]
    )
    # Of the run itself, as if it had learned from its own sentences: its likelihood a word.
    reverse, nll = own["reverse-lm-score"], own["nll"]
    assert "judge:copied@" in reverse["signature"]
    assert reverse["value"] == pytest.approx(nll["value"], rel=1e-4)
    assert "reverse-lm-score" not in real


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--encoder", "no/such/thing"], "there is no no/such/thing"),
        (["--language-judge", "missing.arpa"], "there is no missing.arpa"),
        (["--checkpoint", "77"], "has no checkpoint of step 77; it has 0, 2, 4, 6"),
        (["--temperature", "-1"], "temperature -1"),
        (["--temperatures", "0.5,-1"], "temperature -1"),
        (["--beam", "3", "--temperature", "0.5"], "beam 3"),
        (["--references", "nothing.txt"], "nothing.txt"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(
    seqgen: Call, copy: Path, wrong: list[str], said: str
) -> None:
    done = seqgen("evaluate", copy, *FEW, *wrong)
    assert done.status == 2 and said in done.err and done.out == ""
    assert "Traceback" not in done.err and not (copy / "evaluation.json").exists()


def test_a_run_without_checkpoints_is_told(seqgen: Call, copy: Path) -> None:
    shutil.rmtree(copy / "checkpoints")
    done = seqgen("evaluate", copy, *FEW)
    assert done.status == 2 and "has no checkpoint: its training ended before" in done.err


def test_a_folder_that_is_no_run_is_refused(seqgen: Call, tmp_path: Path) -> None:
    done = seqgen("evaluate", tmp_path, *MACHINE)
    assert done.status == 2 and "is not a run" in done.err


@UNSEEN
def test_beams_draw_nothing_and_are_measured(seqgen: Call, copy: Path) -> None:
    done = seqgen("evaluate", copy, "--beam", "4", "--no-sweep", "--json", *MACHINE)
    assert done.status == 0
    scores = {score["name"]: score for score in json.loads(done.out)["rows"][0]["scores"]}
    assert "hypotheses:4|" in scores["bleu-2"]["signature"]
