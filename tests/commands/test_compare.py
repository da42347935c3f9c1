"""seqgen compare as a user meets it, on tiny runs."""

from __future__ import annotations

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from command_runs import MACHINE, SENTENCES, TINY, Call, write_corpus

from seqgen import load
from seqgen.commands.main import main
from seqgen.evaluation import language_scores
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.experiment import compare as comparing
from seqgen.experiment.real_sentences import real_sentences
from seqgen.metrics.bleu_family.bleu import bleu, self_bleu
from seqgen.ngram_model.model import NgramModel
from seqgen.training.run import Run

SHORT = ["--count", "12", "--temperatures", "0.7,1", "--threads", "1"]
LOCAL = "quality bleu-5, diversity self-bleu-5"
GLOBAL = "quality lm-score, diversity reverse-lm-score"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """mle-seed1 and mle-seed2, and wide-seed1 of another width, on one file."""
    folder = tmp_path_factory.mktemp("compared")
    corpus = write_corpus(folder / "captions.txt")
    for name, more in (
        ("mle-seed1", ["--seed", "1"]),
        ("mle-seed2", ["--seed", "2"]),
        ("wide-seed1", ["--generator.hidden", "9"]),
    ):
        arguments = ["text/mle-lstm", *TINY, "--corpus.train", str(corpus), *more, *MACHINE]
        held = ["--corpus.valid", "last:12"]
        assert main(["train", *arguments, *held, "--runs", str(folder), "--name", name]) == 0
    return folder


@pytest.fixture(scope="module")
def record(runs: Path) -> dict[str, Any]:
    out, said, told = runs / "compared", io.StringIO(), io.StringIO()
    sweep = ["--reject-likelihood", "0.5", "--top-k", "5", "--top-p", "0.8", "--sampled-beam", "2"]
    with redirect_stdout(said), redirect_stderr(told):
        assert (
            main(["compare", *map(str, of(runs)), *SHORT, *sweep, "--json", "--out", str(out)]) == 0
        )
    assert "written: " in told.getvalue() and str(out) in told.getvalue()
    found: dict[str, Any] = json.loads(said.getvalue())
    return found


def of(runs: Path) -> list[Path]:
    return [runs / name for name in ("mle-seed1", "mle-seed2", "wide-seed1")]


def test_runs_that_differ_only_in_the_seed_are_one_row_and_one_curve(
    record: dict[str, Any],
) -> None:
    names = [row["name"] for row in record["rows"]]
    assert names == ["mle (2 runs)", "± of 2 runs", "wide-seed1", "real data"]
    assert [row["kind"] for row in record["rows"]] == ["system", "deviation", "system", "real"]
    assert [curve["name"] for curve in record["curves"]] == [names[0], "wide-seed1", "real data"]


def test_every_run_is_measured_on_as_many_sentences_against_the_same_ones(
    record: dict[str, Any], runs: Path
) -> None:
    references = real_sentences(Run.open(runs / "mle-seed1"), "valid")
    values = []
    for folder in of(runs):
        texts = load(folder).generate(12)
        values.append((bleu(texts, references, 5).value, self_bleu(texts, 5).value))
    rows = {row["name"]: {s["name"]: s for s in row["scores"]} for row in record["rows"]}
    mean = [(a + b) / 2 for a, b in zip(*values[:2], strict=True)]
    for name, number in (("bleu-5", 0), ("self-bleu-5", 1)):
        assert rows["mle (2 runs)"][name]["value"] == pytest.approx(mean[number])
        spread = abs(values[0][number] - values[1][number]) / 2**0.5
        assert rows["± of 2 runs"][name]["value"] == pytest.approx(spread)
        assert rows["wide-seed1"][name]["value"] == pytest.approx(values[2][number])
        point = next(p for p in record["curves"][0]["points"] if p["value"] == 1.0)
        assert point["figures"][name] == pytest.approx(mean[number])
        assert point["figures"][f"{name}-deviation"] == pytest.approx(spread)
    assert "hypotheses:12|references:12" in rows["wide-seed1"]["bleu-5"]["signature"]
    # Of several runs the deviation tells more than the interval of each.
    assert rows["wide-seed1"]["bleu-5"]["interval"]["low"] <= values[2][0]
    assert rows["mle (2 runs)"]["bleu-5"]["interval"] is None
    assert "bleu-5" in rows["real data"] and "self-bleu-5" in rows["real data"]


def test_every_setting_is_a_point(record: dict[str, Any], runs: Path) -> None:
    expected = [("temperature", 0.7), ("temperature", 1.0), ("top-k", 5.0), ("top-p", 0.8)]
    expected += [("beam", 2.0), ("reject-likelihood", 0.5)]
    wide = record["curves"][1]["points"]
    assert [(point["family"], point["value"]) for point in wide] == expected
    kept = load(runs / "wide-seed1").generate(12, reject_likelihood=0.5)
    assert wide[-1]["figures"]["self-bleu-5"] == pytest.approx(self_bleu(kept, 5).value)
    assert record["curves"][-1]["points"][0]["family"] == "real"


def test_what_the_curves_say_is_grouped_by_axes(record: dict[str, Any]) -> None:
    assert list(record["sentences"]) == [LOCAL, GLOBAL]
    for own in record["sentences"].values():
        assert "mle (2 runs)" in own[0] and "wide-seed1" in own[0]
        assert any("rejecting by likelihood" in sentence for sentence in own)
        assert sum("eal data " in sentence for sentence in own[:-1]) == 2
        assert "chance over the runs of mle (2 runs). One run each of wide-seed1" in own[-1]


def test_the_page_and_the_pictures_are_written(record: dict[str, Any], runs: Path) -> None:
    page = (runs / "compared" / "comparison.html").read_text("utf-8")
    assert LOCAL in page and record["sentences"][LOCAL][0] in page and "mle (2 runs)" in page
    assert (runs / "compared" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (runs / "compared" / "comparison.svg").read_text("utf-8")


def test_without_json_there_is_a_table_and_the_sentences(
    seqgen: Call, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = seqgen("compare", *of(runs)[:2], *SHORT, "--quiet")
    assert done.status == 0 and done.err == ""
    assert "mle (2 runs)" in done.out and "real data" in done.out
    assert f"\n{LOCAL}\n  " in done.out and f"\n{GLOBAL}\n  " in done.out
    assert all(len(line) <= 110 for line in done.out.partition(LOCAL)[2].splitlines())
    assert (tmp_path / "comparison" / "comparison.html").is_file()


def test_runs_of_other_text_are_refused_unless_references_are_given(
    seqgen: Call, runs: Path, tmp_path: Path
) -> None:
    corpus = write_corpus(tmp_path / "other.txt", SENTENCES[::-1])
    arguments = ["text/mle-lstm", *TINY, "--corpus.train", str(corpus), *MACHINE]
    held = ["--corpus.valid", "last:12"]
    assert main(["train", *arguments, *held, "--runs", str(tmp_path), "--name", "other"]) == 0
    pair = (runs / "mle-seed1", tmp_path / "other")
    done = seqgen("compare", *pair, *SHORT, "--out", tmp_path / "out")
    assert done.status == 2 and done.out == "" and not (tmp_path / "out").exists()
    assert "hold out different real sentences (valid, beginning '" in done.err
    assert "mle-seed1 and " in done.err and "--references FILE" in done.err
    more = ["--references", corpus, "--out", tmp_path / "out"]
    done = seqgen("compare", *pair, *SHORT, *more)
    assert done.status == 0, done.err
    assert "note: the runs were trained on different text" in done.out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "1 run given"),
        (["mle-seed1"], "is given twice; give each run once"),
        (["nothing"], "no run folder"),
        (["mle-seed2", "--count", "0"], "--count: '0': a whole number of at least 1"),
        (["mle-seed2", "--seed", "-1"], "--seed: '-1': a whole number of at least 0"),
        (["mle-seed2", "--count", "1"], "--count 1: self-BLEU needs at least 2"),
        (["mle-seed2", "--temperatures", "1,x"], "--temperatures: '1,x': numbers separated"),
        (["mle-seed2", "--top-k", "1.5"], "--top-k: '1.5': whole numbers separated by commas"),
        (["mle-seed2", "--reject-likelihood", "0"], "reject-likelihood 0.0: the share"),
        (["mle-seed2", "--temperatures", "-1"], "temperature -1.0"),
        (["mle-seed2", "--seed", "-1"], "--seed: '-1': a whole number of at least 0"),
    ],
)
def test_mistakes_are_told_in_words(seqgen: Call, runs: Path, more: list[str], words: str) -> None:
    given = [runs / one if one in ("mle-seed1", "mle-seed2", "nothing") else one for one in more]
    done = seqgen("compare", runs / "mle-seed1", *given, "--out", runs / "none")
    assert done.status == 2 and done.out == "" and words in done.err
    assert not (runs / "none").exists()


def test_another_vocabulary_of_the_same_text_is_no_other_text(
    seqgen: Call, runs: Path, tmp_path: Path
) -> None:
    corpus, held = runs / "captions.txt", ["--corpus.valid", "last:12"]
    for name, more in (
        ("rare", ["--vocabulary.minimum", "3"]),
        ("char", ["--vocabulary.kind", "character", "--vocabulary.punctuation", "keep"]),
    ):
        arguments = ["text/mle-lstm", *TINY, "--corpus.train", str(corpus), *more, *held, *MACHINE]
        assert main(["train", *arguments, "--runs", str(tmp_path), "--name", name]) == 0
    options = [*SHORT, "--out", tmp_path / "out", "--quiet"]
    done = seqgen("compare", runs / "mle-seed1", tmp_path / "rare", *options)
    assert done.status == 0 and "different" not in done.out, done.err
    done = seqgen("compare", runs / "mle-seed1", tmp_path / "char", *options)
    assert done.status == 2 and "char is a model of characters" in done.err


def test_another_form_of_the_text_is_told_and_gets_no_verdict(
    seqgen: Call, runs: Path, tmp_path: Path
) -> None:
    corpus, held = write_corpus(tmp_path / "c.txt"), ["--corpus.valid", "last:12"]
    form = ["--vocabulary.lowercase", "false", "--vocabulary.punctuation", "keep"]
    arguments = ["text/mle-lstm", *TINY, "--corpus.train", str(corpus), *form, *held, *MACHINE]
    assert main(["train", *arguments, "--runs", str(tmp_path), "--name", "raw"]) == 0
    for more in ([], ["--references", corpus]):
        options = [*SHORT, *more, "--out", tmp_path / "out", "--quiet", "--json"]
        done = seqgen("compare", runs / "mle-seed1", tmp_path / "raw", *options)
        assert done.status == 0, done.err
        found = json.loads(done.out)
        for own in found["sentences"].values():
            assert "mle-seed1 and raw: not measured alike, no verdict." in own
        assert any("different forms" in note and "raw: as it is" in note for note in found["notes"])
        signatures = [s["signature"] for s in found["rows"][0]["scores"] if s["name"] == "bleu-5"]
        assert signatures[0].startswith("text:lowercase+final|")


def test_where_the_page_goes_is_looked_at_first(seqgen: Call, runs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("mine")
    pair = (runs / "mle-seed1", runs / "mle-seed2")
    for out, words in (
        (other, "it holds other files and no comparison.html"),
        (other / "thesis.txt", "is a file; name a folder"),
        (other / "thesis.txt" / "below", "is a file; name a folder"),
    ):
        done = seqgen("compare", *pair, *SHORT, "--out", out)
        assert done.status == 2 and done.out == "" and f"--out {out}" in done.err
        assert words in done.err
    assert [path.name for path in other.iterdir()] == ["thesis.txt"]


def test_runs_of_one_corpus_share_what_learned_from_it(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, read = [], []
    monkeypatch.setattr(language_scores.NgramModel, "train", counting(NgramModel.train, trained))
    monkeypatch.setattr(comparing, "real_text", counting(comparing.real_text, read))
    comparing.compare(of(runs), count=12, sweep=[Decoding()])
    judges = [given for given in trained if "vocabulary" not in given]
    assert len(judges) == 1 and len(read) == 1


def counting(call: Any, calls: list[Any]) -> Any:
    def counted(*given: Any, **named: Any) -> Any:
        calls.append(named)
        return call(*given, **named)

    return counted


def test_a_judge_has_no_sentences_to_compare(seqgen: Call, runs: Path, tmp_path: Path) -> None:
    files = [write_corpus(tmp_path / f"{n}.txt", SENTENCES[n::2]) for n in (0, 1)]
    styles = ["--corpus.styles", "a", str(files[0]), "b", str(files[1])]
    small = ["--phases.0.steps", "2", "--evaluate.every", "2", "--batch", "8"]
    arguments = ["judge/linear", *styles, *small, *MACHINE, "--runs", str(tmp_path)]
    assert main(["train", *arguments, "--name", "judge", "--no-report"]) == 0
    done = seqgen("compare", runs / "mle-seed1", tmp_path / "judge", *SHORT)
    assert done.status == 2 and "is a judge" in done.err


def test_a_copy_of_a_run_is_a_model_of_its_own(seqgen: Call, runs: Path, tmp_path: Path) -> None:
    twin = shutil.copytree(runs / "mle-seed1", tmp_path / "twin")
    done = seqgen("compare", runs / "mle-seed1", twin, *SHORT, "--out", tmp_path / "out", "--json")
    found = json.loads(done.out)
    one, other, _ = found["rows"]
    assert (one["name"], other["name"]) == ("mle-seed1", "twin")
    assert one["scores"] == other["scores"]
    for own in found["sentences"].values():
        assert own[0].startswith("mle-seed1 and twin cannot be "), own
    # 5 settings can be compared, and the same sentences are not told apart.
    more = ["--temperatures", "0.6,0.7,0.8,0.9,1", "--count", "12", "--threads", "1"]
    done = seqgen("compare", runs / "mle-seed1", twin, *more, "--out", tmp_path / "out", "--json")
    for own in json.loads(done.out)["sentences"].values():
        assert own[0] == "mle-seed1 and twin cannot be told apart.", own
        assert own[-1].startswith("Taken into account: one run each")
