"""Judges from recipes: what they are trained and tested on, what the run keeps, how it opens."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from experiment_runs import QUIET, sentences, tiny

from seqgen import load
from seqgen.errors import UserError
from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.evaluation.network_names import fingerprint
from seqgen.experiment.corpora import open_corpora
from seqgen.experiment.start import resume, start
from seqgen.experiment.style_judge import open_judge
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.recipe.files import parse
from seqgen.recipe.overrides import override
from seqgen.recipe.recipe import Recipe

GOOD = ["a Good dog.", "the nice horse", "good men ride", "a nice day", "the good grass"] * 4
BAD = ["a bad dog.", "the ugly horse", "bad men ride", "an ugly day", "the bad grass"] * 4
JUDGE = """
about: a tiny judge for a test
corpus:
  styles: {{good: '{0}/good.txt', bad: '{0}/bad.txt'}}
  valid: {{bad: '{0}/bad.valid', good: '{0}/good.valid'}}
  test: {{good: '{0}/good.test', bad: '{0}/bad.test'}}
  limit: 6
vocabulary: {{kind: word, lowercase: true, punctuation: final}}
classifier: {{kind: hashed-ngrams, width: 6, buckets: 50, dropout: 0.1}}
phases: [{{method: {{kind: classification}}, steps: 30}}]
players: {{classifier: {{rate: 5.0e-2}}}}
batch: 8
evaluate: {{every: 10, metrics: [accuracy], select: accuracy}}
"""


def judged(folder: Path, *changes: str) -> Recipe:
    """The recipe, and its six files."""
    sentences(folder, GOOD, "good.txt")
    sentences(folder, BAD, "bad.txt")
    for split in ("valid", "test"):
        sentences(folder, ["a good man", "the nice man"], f"good.{split}")
        sentences(folder, ["a bad man", "the ugly man", "bad grass"], f"bad.{split}")
    return override(parse(JUDGE.format(folder), "judge.yaml"), changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    return start(judged(folder), folder / "run", QUIET).folder


def test_validation_and_test_are_a_file_a_label(tmp_path: Path) -> None:
    corpora = open_corpora(judged(tmp_path), None)
    assert corpora.labels == {"bad": 0, "good": 1}
    assert {name: len(split) for name, split in corpora.splits.items()} == {
        "train": 40, "valid": 5, "test": 5,
    }  # fmt: skip
    for split in ("valid", "test"):
        data = corpora.splits[split]
        assert data.labels is not None
        batch = data.select(torch.arange(5))
        texts = corpora.vocabulary.texts(batch.ids, batch.lengths)
        wrong = [t for t, n in zip(texts, data.labels.tolist(), strict=True) if ("good" in t) > n]
        assert wrong == [] and data.labels.sum() == 2


def test_standard_input_cannot_be_one_of_the_labels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="standard input"):
        open_corpora(judged(tmp_path, "--corpus.test", "good", "-", "bad", "x"), None)


def test_a_missing_file_of_a_label_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.txt"):
        open_corpora(judged(tmp_path, "--corpus.valid", "good", "nowhere.txt", "bad", "x"), None)


def test_the_labels_of_a_column_meet_files_by_label(tmp_path: Path) -> None:
    recipe = judged(tmp_path)
    rows = [{"text": t, "label": "good"} for t in GOOD] + [{"text": t, "label": "bad"} for t in BAD]
    file = tmp_path / "rows.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    column = ("--corpus.styles", "none", "--corpus.train", str(file), "--corpus.label", "label")
    assert open_corpora(override(recipe, column), None).labels == {"bad": 0, "good": 1}
    other = (*column, "--corpus.test", "fine", str(tmp_path / "good.test"))
    with pytest.raises(UserError, match="there is no label 'fine'; the labels are: bad, good"):
        open_corpora(override(recipe, other), None)


def test_the_run_keeps_what_its_judge_is_worth(run: Path) -> None:
    kept = json.loads((run / "judge.json").read_text("utf-8"))
    judge = open_judge(run)
    assert (
        (kept["split"], kept["sentences"])
        == ("test", 5)
        == (
            judge.tested_on,
            judge.test_sentences,
        )
    )
    guessed = judge.classify(["a good man", "the nice man", "a bad man", "the ugly man"])
    guessed += judge.classify(["bad grass"])
    truth = ["good"] * 2 + ["bad"] * 3
    right = [a == b for a, b in zip(guessed, truth, strict=True)]
    assert judge.test_accuracy == kept["test_accuracy"] == pytest.approx(sum(right) / 5)
    assert judge.per_label == pytest.approx({"bad": sum(right[2:]) / 3, "good": sum(right[:2]) / 2})
    assert judge.test_accuracy == 1.0  # the words give the labels away
    assert not (run / "samples").exists()


def test_the_markers_are_those_of_the_training_words(run: Path) -> None:
    judge = open_judge(run)
    lower = {"good": [t.lower().replace(".", " .") for t in GOOD], "bad": [t.lower() for t in BAD]}
    lower["bad"] = [text.replace(".", " .") for text in lower["bad"]]
    assert judge.markers == Markers.from_json(Markers.train(lower).to_json())
    assert {"good", "nice"} <= judge.markers.of("good") and "bad" in judge.markers.of("bad")
    assert "dog" not in judge.markers.of("good")


def test_a_judge_is_a_style_judge(run: Path) -> None:
    judge: StyleJudge = open_judge(run)
    assert list(judge.labels) == ["bad", "good"]
    found = judge.probabilities(["a good man", "", "a bad man", "\t", "man " * 300])
    assert found.shape == (5, 2) and found.dtype == np.float64
    assert found.sum(1) == pytest.approx(np.ones(5))
    assert found[0, 1] > 0.5 > found[2, 1]
    assert found[[1, 3]].tolist() == [[0.5, 0.5]] * 2  # nothing is said, nothing is known
    assert judge.probabilities([]).shape == (0, 2)
    texts = ["the bad horse", "a nice nice day", "", "ugly"] * 50
    alone = np.concatenate([judge.probabilities([text]) for text in texts])
    assert judge.probabilities(texts) == pytest.approx(alone)
    assert open_judge(run).classify(["", "a good man"]) == ["", "good"]


def test_the_name_is_that_of_the_weights(run: Path) -> None:
    judge = open_judge(run)
    assert judge.name == f"run@{fingerprint(judge.classifier)}"
    assert open_judge(run).name == judge.name
    with torch.no_grad():
        judge.classifier.linear.bias[0] += 1e-3
    assert fingerprint(judge.classifier) not in judge.name


def test_the_accuracy_is_that_of_the_tested_checkpoint_alone(run: Path, tmp_path: Path) -> None:
    kept = json.loads((run / "judge.json").read_text("utf-8"))["step"]
    assert open_judge(run, kept).test_accuracy == open_judge(run, "best").test_accuracy == 1.0
    assert kept < 30  # the first of equally good ones
    latest = open_judge(run, "latest")
    assert latest.test_accuracy is None and latest.test_sentences == 0
    assert "not measured" in latest.about() and latest.name != open_judge(run).name


def test_without_test_sentences_the_validation_sentences_speak(tmp_path: Path) -> None:
    report = start(judged(tmp_path, "--corpus.test", "none"), tmp_path / "run", QUIET)
    assert report.judged_on == "valid" and report.accuracy is not None and report.test == {}
    assert report.accuracy.overall == report.outcome.best
    judge = open_judge(report.folder)
    assert (
        judge.tested_on == "valid" and "validation (there are no test sentences)" in judge.about()
    )


def test_without_either_the_accuracy_is_unknown(tmp_path: Path) -> None:
    none = ("--corpus.test", "none", "--corpus.valid", "none", "--evaluate.select", "none")
    report = start(judged(tmp_path, *none), tmp_path / "run", QUIET)
    assert report.accuracy is None and report.judged_on is None
    judge = open_judge(report.folder)
    assert judge.test_accuracy is None and judge.classify(["a good man"]) == ["good"]
    with pytest.raises(UserError, match="accuracy needs validation sentences"):
        start(judged(tmp_path, *none[:4]), tmp_path / "other", QUIET)


def test_a_convolution_is_judged_alike_and_resumed(tmp_path: Path) -> None:
    changes = ("--classifier.kind", "convolution", "--classifier.width", "8")
    more = ("--classifier.channels", "20", "--classifier.dropout", "0")
    report = start(judged(tmp_path, *changes, *more), tmp_path / "run", QUIET)
    judge = open_judge(report.folder)
    assert judge.name.startswith("run@") and judge.test_accuracy == 1.0
    assert judge.classify(["good"]) == ["good"]
    (report.folder / "judge.json").unlink()
    again = resume(report.folder, QUIET)
    assert again.accuracy == report.accuracy
    assert open_judge(report.folder).name == judge.name


def test_what_is_no_judge_and_what_is_not_yet_one(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is a judge: .*seqgen judge classify"):
        load(run)
    generator = start(tiny(tmp_path), tmp_path / "generator", QUIET).folder
    with pytest.raises(UserError, match=r"is no judge: .*seqgen train judge/linear"):
        open_judge(generator)
    with pytest.raises(UserError, match="labels"):
        start(judged(tmp_path), tmp_path / "from", QUIET, init=generator)
    copy = shutil.copytree(run, tmp_path / "copy")
    (copy / "judge.json").write_text('{"format": 1, "markers": 3}')
    with pytest.raises(UserError, match=r"judge\.json is damaged"):
        open_judge(copy)
    (copy / "judge.json").unlink()
    with pytest.raises(UserError, match=r"has not come to its end .*--resume"):
        open_judge(copy)


def test_training_starts_from_another_judge(run: Path, tmp_path: Path) -> None:
    one_step = judged(tmp_path, "--phases.0.steps", "1", "--players.classifier.rate", "1e-9")
    report = start(one_step, tmp_path / "next", QUIET, init=run)
    assert report.accuracy is not None and report.accuracy.overall == 1.0


def test_one_label_is_nothing_to_tell_apart(tmp_path: Path) -> None:
    file = str(sentences(tmp_path, GOOD, "one.txt"))
    recipe = judged(tmp_path, "--corpus.valid", "none", "--corpus.test", "none")
    recipe = override(recipe, ["--evaluate.select", "none", "--corpus.styles", "good", file])
    with pytest.raises(UserError, match="two labels or more; the corpus has 1"):
        start(recipe, tmp_path / "run", QUIET)
