"""Corpora of every kind and format through recipes."""

from __future__ import annotations

import gzip
import io
import json
import logging
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from experiment_runs import QUIET, SENTENCES, same, sentences, tiny, trained, weights

from seqgen.errors import UserError
from seqgen.evaluation.truth import GrammarTruth, OracleTruth
from seqgen.experiment import start as start_module
from seqgen.experiment.corpora import Corpora, open_corpora
from seqgen.experiment.experiment import Experiment
from seqgen.experiment.real_sentences import real_sentences
from seqgen.experiment.reopen import load, read_run
from seqgen.experiment.start import resume, start
from seqgen.recipe.data import GrammarCorpus
from seqgen.recipe.files import parse
from seqgen.text.encoded import Encoded
from seqgen.text.grammar_names import open_grammar
from seqgen.training.run import Run

ALL = ("--corpus.valid", "none", "--evaluate.select", "none")


def texts(corpora: Corpora, split: str = "train") -> list[str]:
    data = corpora.splits[split]
    batch = data.select(torch.arange(len(data)))
    return corpora.vocabulary.texts(batch.ids, batch.lengths)


def rows(separator: str) -> str:
    lines = [f"label{separator}text"]
    lines += [f"{'animal' if 'dog' in t else 'other'}{separator}{t}" for t in SENTENCES]
    return "\n".join(lines) + "\n"


JSON = "".join(json.dumps({"text": t, "id": n}) + "\n" for n, t in enumerate(SENTENCES))
FORMATS = {
    "plain.txt": "".join(f"{t}\n" for t in SENTENCES),
    "rows.jsonl": JSON,
    "table.csv": rows(","),
    "table.tsv": rows("\t"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_formats_hold_the_same_sentences(name: str, packed: bool, tmp_path: Path) -> None:
    data = FORMATS[name].encode()
    file = tmp_path / (f"{name}.gz" if packed else name)
    file.write_bytes(gzip.compress(data) if packed else data)
    corpora = open_corpora(tiny(tmp_path, *ALL, train=file), None)
    assert texts(corpora) == SENTENCES
    assert corpora.labels == {} and corpora.train.labels is None


def test_several_files_are_read_one_after_another(tmp_path: Path) -> None:
    files = [sentences(tmp_path, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    corpora = open_corpora(tiny(tmp_path, *ALL, "--corpus.train", *map(str, files)), None)
    assert texts(corpora) == SENTENCES[0::2] + SENTENCES[1::2]


def test_a_column_labels_the_sentences(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(rows(","), "utf-8")
    column = ("--corpus.label", "label", *ALL)
    corpora = open_corpora(tiny(tmp_path, *column, train=tmp_path / "table.csv"), None)
    assert corpora.labels == {"animal": 0, "other": 1}
    expected = [0 if "dog" in text else 1 for text in SENTENCES]
    assert corpora.train.labels is not None and corpora.train.labels.tolist() == expected


def test_one_file_a_label_makes_a_model_of_labels(tmp_path: Path) -> None:
    files = [sentences(tmp_path, SENTENCES[n::2], f"{n}.txt") for n in (0, 1)]
    styles = ("--corpus.styles", "polite", str(files[0]), "blunt", str(files[1]))
    changes = ("--corpus.train", "none", *styles, "--by_label")
    recipe = tiny(tmp_path, *changes)
    corpora = open_corpora(recipe, None)
    assert corpora.labels == {"blunt": 0, "polite": 1}
    for split in ("train", "valid"):  # each label is split by itself
        labels = corpora.splits[split].labels
        assert labels is not None
        counts = labels.bincount().tolist()
        assert counts[0] == counts[1]
    run = start(recipe, tmp_path / "run", QUIET).folder
    model = load(run)
    assert model.labels == corpora.labels and model.generator.styles == 2
    assert model.generate(50, label="blunt", seed=1) != model.generate(50, label="polite", seed=1)
    assert resume(run, QUIET).outcome.steps == 4


def test_an_empty_label_cell_is_told(tmp_path: Path) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text('{"text": "a man", "label": "x"}\n{"text": "a dog", "label": null}\n', "utf-8")
    with pytest.raises(UserError, match=r"rows\.jsonl:2"):
        open_corpora(tiny(tmp_path, "--corpus.label", "label", train=file), None)


CHINESE = ["我喜欢猫", "你喜欢狗", "他不喜欢猫和狗", "我们都喜欢你", "猫喜欢鱼", "狗不喜欢鱼"] * 2


def test_chinese_without_spaces_works_as_characters(tmp_path: Path) -> None:
    file = sentences(tmp_path, CHINESE, "chinese.txt")
    characters = ("--vocabulary.kind", "character")
    corpora = open_corpora(tiny(tmp_path, *characters, *ALL, train=file), None)
    assert texts(corpora) == CHINESE
    assert corpora.train.lengths.tolist() == [len(text) + 1 for text in CHINESE]
    run = trained(tmp_path, *characters, train=file).folder
    model = load(run)
    drawn = model.generate(20, seed=2)
    assert all(" " not in text for text in drawn)
    assert set("".join(drawn).replace("<unk>", "")) <= set("".join(CHINESE))
    assert all(text.startswith("猫喜") for text in model.generate(5, prefix="猫喜"))
    assert all(score < 0 for score in model.score(CHINESE))


def test_subwords_spell_every_text(tmp_path: Path) -> None:
    subword = ("--vocabulary.kind", "subword", "--vocabulary.size", "270")
    corpora = open_corpora(tiny(tmp_path, *subword, *ALL, "--corpus.limit", "64"), None)
    assert texts(corpora) == SENTENCES
    run = trained(tmp_path, *subword, "--corpus.limit", "64").folder
    model = load(run)
    assert all(score < 0 for score in model.score(["größer, 猫!", "a man"]))
    assert all(text.startswith("größer") for text in model.generate(3, prefix="größer"))


def test_settings_of_the_vocabulary_are_followed(tmp_path: Path) -> None:
    file = sentences(tmp_path, ["The Man runs.", "the man Runs.", "A dog!"] * 2, "mixed.txt")
    changes = ("--vocabulary.lowercase", "--vocabulary.punctuation", "final")
    rare = ("--vocabulary.minimum", "3")
    assert texts(open_corpora(tiny(tmp_path, *ALL, *changes, *rare, train=file), None))[:3] == [
        "the man runs .",
        "the man runs .",
        "<unk> <unk>",
    ]


def test_longer_sentences_are_cut_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        corpora = open_corpora(tiny(tmp_path, *ALL, "--corpus.limit", "5"), None)
    assert int(corpora.train.lengths.max()) == 5 == corpora.limit
    long = sum(len(text.split()) > 4 for text in SENTENCES)
    assert f"{long} of 16 sentences were cut to 5 tokens" in caplog.text


def test_a_number_of_rows_is_held_out_by_the_seed_of_the_corpus(tmp_path: Path) -> None:
    file = sentences(tmp_path)

    def held(*more: str) -> str:
        corpora = open_corpora(tiny(tmp_path, "--corpus.valid", "5", *more, train=file), None)
        assert {name: len(split) for name, split in corpora.splits.items()} == {
            "train": 11,
            "valid": 5,
        }
        ids = corpora.splits["valid"].select(torch.arange(5))
        return " | ".join(corpora.vocabulary.texts(ids.ids, ids.lengths))

    assert held() == held("--seed", "2") != held("--corpus.seed", "3")


@pytest.mark.parametrize("valid", ["0.25", "5", "last:3"])
def test_blank_lines_are_told_once(
    valid: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = sentences(tmp_path, [*SENTENCES[:8], "", "  ", *SENTENCES[8:], ""])
    with caplog.at_level(logging.WARNING):
        corpora = open_corpora(tiny(tmp_path, "--corpus.valid", valid, train=file), None)
    assert caplog.text.count("blank lines") == 1 and "3 blank lines were dropped" in caplog.text
    assert sum(map(len, corpora.splits.values())) == 16


def test_standard_input_is_kept_for_the_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO("".join(f"{t}\n" for t in SENTENCES).encode()))
    monkeypatch.setattr(sys, "stdin", given)
    run = trained(tmp_path, "--corpus.train", "-").folder
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"something else\n")))
    assert resume(run, QUIET).outcome.steps == 4


def test_a_failed_start_leaves_no_corpus_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for data in (b"\n \n", b"a man\na dog\ntwo dogs\nthe man\n"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        if data.strip():
            assert trained(tmp_path, "--corpus.train", "-").outcome.steps == 4
        else:
            with pytest.raises(UserError, match="0 sentences"):
                trained(tmp_path, "--corpus.train", "-")


def test_a_corpus_that_is_refused_leaves_no_folder_and_takes_none_away(tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n", encoding="utf-8")
    with pytest.raises(UserError, match="0 sentences"):
        trained(tmp_path, "--corpus.train", str(empty))
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    for name in (".lock", "mine.txt"):
        (tmp_path / "run" / name).write_text("1", encoding="utf-8")
    with pytest.raises(UserError, match="0 sentences"):
        trained(tmp_path, "--corpus.train", str(empty))
    assert (tmp_path / "run" / "mine.txt").exists()


def test_a_training_that_fails_after_its_start_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Experiment, "train", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained(tmp_path)
    assert (tmp_path / "run" / "recipe.yaml").exists()


def test_what_was_piped_is_kept_when_the_run_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    text = b"a man\na dog\ntwo dogs\nthe man\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    monkeypatch.setattr(start_module, "Experiment", lambda *given, **more: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained(tmp_path, "--corpus.train", "-")
    kept = tmp_path / "run" / "corpus" / "standard-input.txt"
    assert kept.read_bytes() == text and str(kept) in caplog.text


def test_large_corpora_lie_in_the_run_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained(tmp_path, name="plain").folder
    assert not (plain / "corpus").exists()
    monkeypatch.setattr(Encoded, "build", partial(Encoded.build, threshold=0))
    mapped = trained(tmp_path, name="mapped").folder
    names = {path.name for path in (mapped / "corpus").iterdir()}
    assert names == {"train", "valid"}
    assert len(Encoded.open(mapped / "corpus" / "train")) == 12
    assert same(weights(mapped, 4), weights(plain, 4))
    assert resume(mapped, QUIET).outcome.steps == 4


GRAMMAR = """
about: the grammar
corpus: {kind: grammar, count: 40, valid: 10, test: 8}
vocabulary: {kind: word}
generator: {kind: gru, width: 6, hidden: 8}
phases: [{method: {kind: teacher-forcing}, steps: 2}]
batch: 6
evaluate: {every: 2, samples: 8, metrics: [likelihood, truth]}
"""


def test_the_grammar_is_labelled_by_style(tmp_path: Path) -> None:
    recipe = parse(GRAMMAR, "grammar.yaml")
    corpora = open_corpora(recipe, None)
    assert {name: len(data) for name, data in corpora.splits.items()} == {
        "train": 40, "valid": 10, "test": 8,
    }  # fmt: skip
    assert isinstance(corpora.truth, GrammarTruth)
    grammar = corpora.truth.grammar
    assert list(corpora.labels) == list(grammar.styles)
    names, labels = list(corpora.labels), corpora.train.labels
    assert labels is not None
    for text, label in zip(texts(corpora), labels.tolist(), strict=True):
        assert grammar.style_of(text) == names[label]
    report = start(recipe, tmp_path / "run", QUIET)
    assert {"grammatical", "grammar-nll", "grammar-coverage"} <= set(report.outcome.metrics)
    assert report.outcome.metrics["forward-kl-unread"] > 0  # so few words are known
    assert report.real["grammatical"] == 1.0
    assert report.test["nll"] > 0
    assert load(report.folder).generator.styles == len(grammar.styles)


def test_one_style_of_the_grammar_has_no_labels() -> None:
    name = next(iter(open_corpora(parse(GRAMMAR, "g"), None).labels))
    recipe = parse(GRAMMAR.replace("valid: 10", f"valid: 10, style: {name}"), "g")
    corpora = open_corpora(recipe, None)
    assert corpora.labels == {}
    assert isinstance(corpora.truth, GrammarTruth)
    assert {corpora.truth.grammar.style_of(text) for text in texts(corpora)} == {name}
    with pytest.raises(UserError, match="style 'rude' is unknown"):
        open_corpora(parse(GRAMMAR.replace("valid: 10", "valid: 10, style: rude"), "g"), None)


def test_a_corpus_names_its_grammar() -> None:
    moods = open_corpora(parse(GRAMMAR.replace("grammar,", "grammar, grammar: moods,"), "g"), None)
    assert list(moods.labels) == ["joyful", "gloomy", "angry"]
    assert isinstance(moods.truth, GrammarTruth)
    assert all(map(moods.truth.grammar.contains, texts(moods)))
    with pytest.raises(UserError, match=r"corpus.grammar: .* 'mood'; did you mean 'moods'\?"):
        open_corpora(parse(GRAMMAR.replace("grammar,", "grammar, grammar: mood,"), "g"), None)


def test_a_grammar_of_one_s_own_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "captions").mkdir()  # a name stays a name
    (tmp_path / "own.grammar").write_text(
        "styles: x y z\ns\n  1: the <t> is {a | b | c} today\nt\n  1: dog / cat / sea / sun\n"
    )
    monkeypatch.chdir(tmp_path)
    start(parse(GRAMMAR, "g"), tmp_path / "named", QUIET)
    kept = read_run(Run.open(tmp_path / "named"))[0].corpus
    assert isinstance(kept, GrammarCorpus) and kept.grammar == "captions"
    recipe = parse(GRAMMAR.replace("grammar,", "grammar, grammar: own.grammar,"), "g")
    report = start(recipe, tmp_path / "run", QUIET)
    assert report.real["grammatical"] == 1.0
    grammar = open_grammar("own.grammar")
    monkeypatch.chdir("captions")
    assert all(map(grammar.contains, real_sentences(Run.open(report.folder), "test")))
    assert resume(report.folder, QUIET).outcome.steps == 2


ORACLE = """
about: the oracle
corpus: {kind: oracle, parameters: 3, vocabulary: 40, length: 6, count: 50, valid: 20, seed: 5}
generator: {kind: lstm, width: 6, hidden: 8}
phases: [{method: {kind: scheduled-sampling}, steps: 2}]
batch: 10
evaluate: {every: 2, samples: 20, metrics: [likelihood, truth], select: likelihood}
"""


def test_an_oracle_draws_sentences_of_one_length(tmp_path: Path) -> None:
    recipe = parse(ORACLE, "oracle.yaml")
    corpora = open_corpora(recipe, None)
    assert (corpora.train.lengths == 6).all() and len(corpora.train) == 50
    assert len(corpora.splits["valid"]) == 20 and corpora.limit == 6
    assert isinstance(corpora.truth, OracleTruth)
    again = open_corpora(recipe, None)
    assert again.identity() == corpora.identity()
    other = open_corpora(parse(ORACLE.replace("seed: 5", "seed: 6"), "o"), None)
    assert other.identity() != corpora.identity()
    report = start(recipe, tmp_path / "run", QUIET)
    assert {"nll", "oracle-nll"} <= set(report.outcome.metrics)
    model = load(report.folder)
    assert model.vocabulary.end is None
    drawn = model.generate(5, seed=1)
    assert all(len(text.split()) == 6 for text in drawn)
    assert all(0 <= int(word) < 40 for text in drawn for word in text.split())
    assert model.generate(2, prefix="7 3")[0].startswith("7 3 ")
    assert resume(report.folder, QUIET).outcome.steps == 2


def test_a_missing_oracle_is_told() -> None:
    with pytest.raises(UserError, match=r"no file nowhere\.npz"):
        open_corpora(parse(ORACLE.replace("parameters: 3", "parameters: nowhere.npz"), "o"), None)
