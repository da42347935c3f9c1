"""A run evaluated: against the parts it is made of, on any corpus, at the end of training."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import pytest
from experiment_runs import SENTENCES, sentences, tiny, trained

from seqgen.errors import RunFailure, UserError
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.likelihood import likelihood
from seqgen.experiment import closing
from seqgen.experiment.encoder import open_encoder
from seqgen.experiment.evaluate import evaluate_run
from seqgen.experiment.experiment import Machine
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.real_sentences import real_sentences
from seqgen.experiment.reopen import load
from seqgen.experiment.start import resume, start
from seqgen.metrics.bleu_family.bleu import bleu, self_bleu
from seqgen.metrics.table import Row
from seqgen.report.record import Record, read_record
from seqgen.text.grammar import Grammar
from seqgen.training.run import Run

TEXTS = [f"{text} {where}" for text in SENTENCES for where in ("here", "there", "again", "now")]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("evaluated")
    return trained(made, "--vocabulary.minimum", "2", train=sentences(made, TEXTS)).folder


def value(row: Row, name: str) -> float:
    score = row.score(name)
    assert score is not None, name
    return score.value


def test_every_figure_is_that_of_its_own_function(folder: Path) -> None:
    record = evaluate_run(folder, count=24, seed=3, intervals=False)
    system, real = record.table.rows
    assert (system.name, system.kind, real.name, real.kind) == (
        "run", "system", "real data", "real",
    )  # fmt: skip
    run, model = Run.open(folder), load(folder)
    texts = model.generate(24, seed=3)
    references, training = real_sentences(run, "valid"), real_sentences(run, "train")
    assert value(system, "bleu-3") == pytest.approx(bleu(texts, references, 3).value, abs=1e-12)
    assert value(system, "self-bleu-2") == pytest.approx(self_bleu(texts, 2).value, abs=1e-12)
    scores = LanguageScores(training, references)
    assert value(system, "lm-score") == pytest.approx(scores.lm_score(texts).value)
    reverse = scores.reverse_lm_score(texts)
    assert value(system, "reverse-lm-score") == pytest.approx(reverse.value)
    held_out = model.vocabulary.encode(references, model.limit)
    by_hand = likelihood(model.generator, _Rows(held_out))
    assert value(system, "nll") == pytest.approx(by_hand.nats, abs=1e-6)
    assert value(system, "perplexity") == pytest.approx(by_hand.perplexity, rel=1e-5)
    assert "sentences:valid|count:16|cut:none|vocabulary:" in system.score("nll").signature  # type: ignore[union-attr]
    # The judge has learned the training sentences: real data is held-out ones there.
    assert value(real, "lm-score") == pytest.approx(scores.lm_score(references).value)
    assert real.score("nll") is None and value(real, "frechet") > 0
    assert record.about["step"] == 4 and record.about["references"] == "16 valid sentences"
    assert list(record.samples) == texts[:20]


class _Rows:
    def __init__(self, given: object) -> None:
        self.given = given

    def __len__(self) -> int:
        return len(self.given)  # type: ignore[arg-type]

    def select(self, indices: object, rows: object = None) -> object:
        return self.given.select(indices)  # type: ignore[attr-defined]


def test_the_same_call_writes_the_same_bytes(folder: Path) -> None:
    sweep = [Decoding(temperature=0.7), Decoding(), Decoding(reject_likelihood=0.5)]
    written = []
    for _ in range(2):
        given = evaluate_run(folder, count=20, sweep=sweep, seed=1)
        written.append((folder / "evaluation.json").read_bytes())
        assert read_record(folder) == Record.from_json(given.to_json())
    assert written[0] == written[1]
    json.loads(written[0], parse_constant=lambda name: pytest.fail(name))
    other = evaluate_run(folder, count=20, seed=2)
    assert other.samples != given.samples


def test_a_lesser_evaluation_keeps_the_curves_of_its_checkpoint(tmp_path: Path) -> None:
    folder = trained(tmp_path, train=sentences(tmp_path, TEXTS)).folder
    full = evaluate_run(folder, count=16, sweep=[Decoding()], intervals=False)
    for count in (4, 5):
        lesser = evaluate_run(folder, count=count, intervals=False)
        assert [c.to_json() for c in lesser.curves] == [c.to_json() for c in full.curves]
        assert lesser.about["sentences"] == count
        assert lesser.about["curves"] == "kept from an evaluation of 16 sentences"
        assert read_record(folder) == Record.from_json(lesser.to_json())
    assert not evaluate_run(folder, count=4, checkpoint=2, intervals=False).curves
    anew = evaluate_run(folder, count=4, sweep=[Decoding()], intervals=False)
    assert "curves" not in anew.about and list(anew.curves) != list(full.curves)


def test_what_replaces_a_damaged_or_newer_record_is_whole(folder: Path) -> None:
    for damage in ("{", '{"format": 99}'):
        (folder / "evaluation.json").write_text(damage)
        with pytest.raises(RunFailure, match="is damaged"):
            read_record(folder)
        evaluate_run(folder, count=4, intervals=False)
        assert read_record(folder) is not None


def test_text_that_changed_since_the_training_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    valid = sentences(tmp_path, TEXTS[:9], "valid.txt")
    train = sentences(tmp_path, TEXTS[9:])
    folder = trained(tmp_path, "--corpus.valid", str(valid), train=train).folder

    def said() -> list[str]:
        caplog.clear()
        notes = evaluate_run(folder, count=4, intervals=False).table.notes
        found = [note for note in notes if "this run was trained with" in note]
        assert len([r for r in caplog.records if "was trained with" in r.message]) == len(found)
        return found

    assert said() == []
    sentences(tmp_path, [*TEXTS[9:-1], "a dog stands on the grass"])
    assert [note.split(" is not")[0] for note in said()] == ["warning: the training text"]
    sentences(tmp_path, TEXTS[:8], "valid.txt")
    assert [note.split(" is not")[0] for note in said()] == [
        "warning: the valid text", "warning: the training text",
    ]  # fmt: skip


def test_the_curve_and_the_table_agree(folder: Path) -> None:
    sweep = [Decoding(temperature=0.5), Decoding(), Decoding(reject_likelihood=0.5)]
    record = evaluate_run(folder, count=16, sweep=sweep, intervals=True)  # as many as held out
    own, star = record.curves
    assert [(point.family, point.value) for point in own.points] == [
        ("temperature", 0.5), ("temperature", 1.0), ("reject-likelihood", 0.5),
    ]  # fmt: skip
    system, real = record.table.rows
    for name in ("bleu-5", "self-bleu-5", "lm-score", "reverse-lm-score"):
        assert own.points[1].figures[name] == pytest.approx(value(system, name), abs=1e-12)
        assert star.points[0].figures[name] == pytest.approx(value(real, name), abs=1e-12), name
        assert own.signatures[name] == star.signatures[name], name
    assert star.points[0].family == "real"
    score = system.score("lm-score")
    assert score is not None and score.interval is not None
    assert score.interval.low < score.value < score.interval.high


def test_judges_and_encoders_are_named(folder: Path, tmp_path: Path) -> None:
    record = evaluate_run(folder, count=16, judge=folder, encoder=folder, intervals=False)
    system = record.table.rows[0]
    judged, distance = system.score("lm-score"), system.score("frechet")
    assert judged is not None and judged.signature.startswith("judge:run@")
    assert distance is not None and "encoder:run@" in distance.signature
    assert "width:8" in distance.signature
    model = load(folder)
    texts = model.generate(16)
    words = sum(len(text.split()) + 1 for text in texts)
    assert judged.value == pytest.approx(-sum(model.score(texts)) / words, rel=1e-5)
    for wrong in (tmp_path, tmp_path / "none.arpa"):
        with pytest.raises(UserError, match="ARPA file, a run folder"):
            evaluate_run(folder, count=4, judge=wrong)
    with pytest.raises(UserError, match="ngrams, a run folder"):
        evaluate_run(folder, count=4, encoder=tmp_path)


@pytest.mark.parametrize("given", ["gpt2", "./mine/model", "runs/mle", "a/b/c", "of/words.arpa"])
def test_what_is_neither_here_nor_named_as_on_the_hub_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    (tmp_path / "runs" / "mlee").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("huggingface_hub.HfApi.model_info", lambda *_, **__: pytest.fail("asked"))
    for opened in (open_encoder, open_language_judge):
        with pytest.raises(UserError, match=f"there is no {given}") as told:
            opened(given)
        assert ("(is it runs/mlee?)" in str(told.value)) is (given == "runs/mle")


def test_text_of_the_user_takes_the_place_of_the_runs(tmp_path: Path) -> None:
    folder = trained(tmp_path, train=sentences(tmp_path, TEXTS)).folder
    (tmp_path / "train.txt").unlink()
    with pytest.raises(UserError, match="--references FILE"):
        evaluate_run(folder, count=8)
    record = evaluate_run(folder, count=8, references=[*TEXTS[:9], " "], intervals=False)
    system = record.table.rows[0]
    assert system.score("lm-score") is None and system.score("novel") is None
    assert any("without training sentences" in note for note in record.table.notes)
    assert value(system, "nll") > 0 and record.about["references"] == "9 given sentences"
    full = evaluate_run(folder, count=8, references=TEXTS[:9], training=TEXTS[9:])
    assert value(full.table.rows[0], "novel") <= 1 and value(full.table.rows[0], "lm-score") > 0


@pytest.mark.parametrize("count", [1, 301])
def test_any_number_of_references_has_a_likelihood(tmp_path: Path, count: int) -> None:
    """One, and one so long that it is a batch of its own behind 300 short ones."""
    held_out = [*["a dog runs"] * (count - 1), " ".join(["the grass is green and"] * 20)]
    test = sentences(tmp_path, held_out, "test.txt")
    changes = ("--corpus.test", str(test), "--corpus.limit", "120")
    folder = trained(tmp_path, *changes, train=sentences(tmp_path, TEXTS)).folder
    model = load(folder)
    for encoder in ("ngrams", folder):
        system = evaluate_run(folder, count=8, encoder=encoder, intervals=False).table.rows[0]
        tokens = sum(len(text.split()) + 1 for text in held_out)
        assert value(system, "nll") == pytest.approx(-sum(model.score(held_out)) / tokens, rel=1e-5)


def test_cut_sentences_are_told_and_signed(tmp_path: Path) -> None:
    changes = ("--corpus.limit", "6")
    record = evaluate_run(trained(tmp_path, *changes).folder, count=8, intervals=False)
    assert "|cut:6|" in record.table.rows[0].score("nll").signature  # type: ignore[union-attr]
    assert any("valid sentences were cut to 6 tokens" in note for note in record.table.notes)


def test_labels_and_held_out_figures_are_told(tmp_path: Path) -> None:
    corpus = ("--corpus", "{kind: grammar, count: 60, valid: 10, test: 12}")
    folder = trained(tmp_path, *corpus).folder
    record = evaluate_run(folder, count=8, intervals=False)
    assert "|given:label|" in record.table.rows[0].score("nll").signature  # type: ignore[union-attr]
    (note,) = [note for note in record.table.notes if "held-out" in note]
    assert note.startswith("lm-score, ") and "grammatical" in note and "of 8 held-out" in note
    given = evaluate_run(folder, count=8, references=real_sentences(Run.open(folder), "test"))
    assert "|given:any label|" in given.table.rows[0].score("nll").signature  # type: ignore[union-attr]


def test_nothing_held_out_is_told(tmp_path: Path) -> None:
    changes = ("--corpus.valid", "none", "--evaluate.select", "none")
    folder = trained(tmp_path, *changes).folder
    with pytest.raises(UserError, match=r"holds no sentences out.*--references FILE"):
        evaluate_run(folder)


def test_characters_are_words_of_a_vocabulary_of_characters(tmp_path: Path) -> None:
    changes = ("--vocabulary.kind", "character", "--corpus.limit", "60")
    folder = trained(tmp_path, *changes, train=sentences(tmp_path, TEXTS)).folder
    system, real = evaluate_run(folder, count=12, intervals=False).table.rows
    assert "tokenizer:character" in system.score("bleu-2").signature  # type: ignore[union-attr]
    assert "per:character+end" in system.score("lm-score").signature  # type: ignore[union-attr]
    assert value(real, "lm-score") < value(system, "lm-score")


def test_a_grammar_knows_what_is_grammatical(tmp_path: Path) -> None:
    grammar = ("--corpus", "{kind: grammar, count: 60, valid: 10, test: 12}")
    record = evaluate_run(trained(tmp_path, *grammar).folder, count=12)
    system, real = record.table.rows
    assert value(real, "grammatical") == 1.0 > value(system, "grammatical")
    assert value(real, "grammar-coverage") > value(system, "grammar-coverage")
    assert 0 < value(system, "forward-kl-unread") <= 1  # of 60 sentences few words are known
    assert real.score("forward-kl") is None


def test_a_grammar_knows_how_far_a_model_is_from_it(tmp_path: Path) -> None:
    corpus = ("--corpus", "{kind: grammar, count: 600, valid: 10, test: 12, labels: false}")
    folder = trained(tmp_path, *corpus, "--phases.0.steps", "200", "--evaluate.every", "200").folder
    record = evaluate_run(folder, count=30)
    (system, *_) = record.table.rows
    model, grammar = load(folder), Grammar.default()
    held_out = [
        text
        for text in real_sentences(Run.open(folder), "test")
        if not model.vocabulary.unknown_words(text)
    ]
    gaps = [grammar.log_probability(t) - q for t, q in zip(held_out, model.score(held_out),
                                                           strict=True)]  # fmt: skip
    assert value(system, "forward-kl") == pytest.approx(sum(gaps) / len(gaps), rel=1e-5)
    drawn = [text for text in model.generate(30) if grammar.contains(text)]
    if drawn:
        back = [q - grammar.log_probability(t) for t, q in zip(drawn, model.score(drawn),
                                                               strict=True)]  # fmt: skip
        assert value(system, "reverse-kl") == pytest.approx(sum(back) / len(back), rel=1e-5)
    else:
        assert system.score("reverse-kl") is None
    cold = evaluate_run(folder, count=12, decoding=Decoding(temperature=0.5)).table.rows[0]
    assert cold.score("reverse-kl") is None and cold.score("forward-kl") is not None
    assert math.isfinite(value(system, "nll")) and record.about["references"].startswith("12 test")


def test_an_oracle_says_how_probable_sentences_are(tmp_path: Path) -> None:
    oracle = ("--corpus", "{kind: oracle, vocabulary: 30, length: 6, count: 60, valid: 40}",
              "--vocabulary", "none")  # fmt: skip
    folder = trained(tmp_path, *oracle).folder
    system, real = evaluate_run(folder, intervals=False).table.rows
    assert value(real, "oracle-nll") < value(system, "oracle-nll")
    assert "truth:oracle@" in system.score("oracle-nll").signature  # type: ignore[union-attr]
    assert "|hypotheses:60|" in system.score("oracle-nll").signature  # type: ignore[union-attr]
    assert value(system, "length-mean") == 6


def test_a_training_ends_with_its_evaluation_and_a_page(tmp_path: Path) -> None:
    recipe = tiny(tmp_path, "--seed", "5")
    report = start(recipe, tmp_path / "run", Machine(quiet=True))
    folder = report.folder
    assert report.page == folder / "report.html" and "bleu-4" in report.page.read_text("utf-8")
    written = (folder / "evaluation.json").read_bytes()
    evaluate_run(folder, count=8, seed=5)
    assert (folder / "evaluation.json").read_bytes() == written
    for name in ("evaluation.json", "report.html"):
        (folder / name).unlink()
    resume(folder, Machine(quiet=True))  # a finished run: nothing is trained
    assert (folder / "evaluation.json").read_bytes() == written
    assert (folder / "report.html").is_file()


def test_a_report_that_fails_does_not_fail_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(folder: Path) -> Path:
        raise RuntimeError("no font")

    monkeypatch.setattr(closing, "write_report", broken)
    with caplog.at_level(logging.WARNING, "seqgen"):
        report = start(tiny(tmp_path), tmp_path / "run", Machine(quiet=True))
    assert report.page is None and report.outcome.steps == 4
    assert "the training ended well" in caplog.text and "RuntimeError: no font" in caplog.text


def test_the_journal_keeps_signatures_and_real_figures(tmp_path: Path) -> None:
    folder = trained(tmp_path).folder
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    (signatures,) = [line for line in lines if line["event"] == "signatures"]
    (real,) = [line for line in lines if line["event"] == "real"]
    evaluations = [line for line in lines if line["event"] == "evaluation"]
    assert signatures["distinct-2"].startswith("order:2|hypotheses:8|")
    assert set(real) - {"event"} <= set(evaluations[0])
    assert lines.index(signatures) < lines.index(evaluations[0]) and lines[-1] == real
