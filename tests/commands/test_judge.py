"""seqgen judge train and score as a user meets them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_runs import ROOT, SENTENCES, Call, write_corpus

from seqgen.ngram_model.model import NgramModel


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """48 sentences of the embedded grammar."""
    return write_corpus(tmp_path / "text.txt")


@pytest.fixture
def judge(seqgen: Call, text: Path, tmp_path: Path) -> Path:
    """A trained judge of the text."""
    out = tmp_path / "lm.arpa"
    assert seqgen("judge", "train", text, "--out", out).status == 0
    return out


def test_train_prints_what_the_class_computes(seqgen: Call, text: Path, tmp_path: Path) -> None:
    test = write_corpus(tmp_path / "test.txt", ["the never", "", SENTENCES[0]])
    done = seqgen("judge", "train", text, "--order", 3, "--unknown-below", 2, "--valid-last", 8,
                  "--test", test, "--out", tmp_path / "lm.arpa")  # fmt: skip
    assert done.status == 0, done.err
    model = NgramModel.train(SENTENCES[:-8], 3, unknown_below=2)
    words = sum(len(sentence.split()) for sentence in SENTENCES[:-8])
    assert f"train: 40 sentences, {words} words, order 3\n" in done.out
    assert f"vocabulary: {len(model.words) - 1} with <unk> and </s>\n" in done.out
    assert f"rare words read as <unk>: {model.text.rare}\n" in done.out
    for order, values in enumerate(model.discounts, start=1):
        shown = " ".join(f"{value:.4f}" for value in values)
        assert f"{order}-grams: {len(model.orders[order - 1].keys)}, discounts {shown}" in done.out
    assert f"valid: perplexity {model.perplexity(SENTENCES[-8:]):.3f}, " in done.out
    tested = ["the never", SENTENCES[0]]
    tokens = sum(len(sentence.split()) + 1 for sentence in tested)
    assert f"test: perplexity {model.perplexity(tested):.3f}, {tokens} tokens, " in done.out
    assert f"{model.name}, " in done.out
    assert NgramModel.load(tmp_path / "lm.arpa").name == model.name
    assert "counting n-grams" in done.err and "counting" not in done.out


def test_what_is_left_out_or_replaced_is_told(seqgen: Call, tmp_path: Path) -> None:
    file = write_corpus(tmp_path / "a.txt", ["a <s> b", "", "</s> a", "  "])
    done = seqgen("judge", "train", file, "--quiet")
    assert (done.status, done.err) == (0, "")
    assert "blank lines left out: 2\n" in done.out
    assert "words <s> or </s> read as <unk>: 2\n" in done.out
    assert "the fallback: too little text" in done.out


def test_an_order_that_no_sentence_has_is_told(seqgen: Call, tmp_path: Path) -> None:
    done = seqgen("judge", "train", write_corpus(tmp_path / "a.txt", ["a b", "c"]), "--order", 7)
    assert "order 7 was asked for, but no sentence is that long\n" in done.out
    assert "order 4\n" in done.out
    assert "no file was written" in done.err


def test_several_files_and_standard_input_are_one_text(
    seqgen: Call, text: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.arpa", tmp_path / "second.arpa"
    more = write_corpus(tmp_path / "more.txt", ["a b c", "b"])
    assert seqgen("judge", "train", text, more, "--out", first).status == 0
    given = "".join(f"{line}\n" for line in (*SENTENCES, "a b c", "b")).encode()
    assert seqgen("judge", "train", "-", "--out", second, given=given).status == 0
    assert first.read_bytes() == second.read_bytes()


def test_text_is_cleaned_alike_in_training_and_scoring(seqgen: Call, tmp_path: Path) -> None:
    file = tmp_path / "lines.txt"
    file.write_bytes(b"\xef\xbb\xbfA dog. Ran.\r\na cat .\n\n.\nno period\nwait...\n")
    out, clean = tmp_path / "lm.arpa", ["--lowercase", "--split-final-period"]
    done = seqgen("judge", "train", file, "--out", out, *clean)
    assert "score with --lowercase --split-final-period too" in done.out
    lines = ["a dog. ran .", "a cat .", ".", "no period", "wait..."]
    model = NgramModel.train(lines)
    assert NgramModel.load(out).name == model.name
    scored = seqgen("judge", "score", out, *clean, given=b"A Dog. Ran.\n")
    assert float(scored.out) == pytest.approx(model.score(["a dog. ran ."])[0][0], abs=1e-4)
    # As it stands, it has other words.
    kept = seqgen("judge", "score", out, given=b"A Dog. Ran.\n")
    assert float(kept.out) == pytest.approx(model.score(["A Dog. Ran."])[0][0], abs=1e-4)


def test_cleaning_reads_as_word_vocabularies_with_final_punctuation_do() -> None:
    from seqgen.commands.judge_text import Cleaning
    from seqgen.text.vocabulary import Vocabulary

    lines = ["A dog.", "two dogs ..", "a man and a dog together..", "wait...", "a cat .", "no end"]
    vocabulary = Vocabulary.train(lines, "word", lowercase=True, punctuation="final")
    ids = vocabulary.encode(lines)
    clean = Cleaning(lowercase=True, split_final_period=True)
    assert vocabulary.texts(ids.ids, ids.lengths) == [" ".join(clean(s).split()) for s in lines]


def test_score_is_one_line_out_for_each_line_in(seqgen: Call, judge: Path) -> None:
    given = f"{SENTENCES[0]}\n\n  \r\nnever seen\r\n{SENTENCES[1]}".encode()
    done = seqgen("judge", "score", judge, given=given)
    model = NgramModel.load(judge)
    nats, _ = model.score([SENTENCES[0], "never seen", SENTENCES[1]])
    first, never, last = (f"{value:.4f}" for value in nats)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{first}\n\n\n{never}\n{last}\n"
    assert seqgen("judge", "score", judge).out == ""


def test_summaries_of_all_lines(seqgen: Call, judge: Path) -> None:
    lines = ["the never", "", *SENTENCES[:5]]
    given = "".join(f"{line}\n" for line in lines).encode()
    done = seqgen("judge", "score", judge, "--perplexity", "--positions", 4, given=given)
    spoken = [line for line in lines if line]
    scored = NgramModel.load(judge).score_tokens(spoken)
    summary, *groups = done.out.splitlines()
    assert summary == (
        f"standard input: perplexity {scored.perplexity:.3f}, {len(scored.values)} tokens, "
        f"{scored.unknown_share:.2%} of words unknown"
    )
    assert groups == [
        f"positions {g.first}-{g.last}: {g.tokens} tokens, {g.cost:.4f} nats a token"
        for g in scored.by_position(4)
    ]
    assert done.err == "blank lines left out: 1\n"


def test_an_existing_file_is_only_replaced_on_request(
    seqgen: Call, judge: Path, text: Path
) -> None:
    before = judge.read_bytes()
    refused = seqgen("judge", "train", text, "--order", 2, "--out", judge)
    assert (refused.status, refused.out) == (2, "")
    assert "--overwrite" in refused.err
    assert judge.read_bytes() == before
    assert seqgen("judge", "train", text, "--order", 2, "--out", judge, "--overwrite").status == 0
    assert NgramModel.load(judge).order == 2
    assert [file.name for file in judge.parent.glob(".*")] == []  # no draft is left


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "a verb is missing"),
        ("trian", "no verb 'trian' of judge; the verbs are: train, score, classify"),
        ("train", "text.txt"),
        ("train missing.txt", "missing.txt"),
        ("train blank.txt", "no sentence to train on (2 blank ones given)"),
        ("train latin.txt", "latin.txt:2:2: byte 0xe9 is not UTF-8"),
        ("train a.txt --order 0", "order 0"),
        ("train a.txt --out . --overwrite", "--out .: that is a folder"),
        ("train a.txt --discount 2", "discount 2.0"),
        ("train a.txt --valid-last 2", "--valid-last 2: the text has 2 lines"),
        ("train a.txt --valid-last -1", "--valid-last -1"),
        ("train a.txt --test blank.txt", "--test blank.txt: all its lines are blank"),
        ("train a.txt --test missing.txt", "missing.txt"),
        ("score missing.arpa", "missing.arpa"),
        ("score a.txt", "a.txt is not an ARPA file"),
        ("score cut.arpa", "cut.arpa:2: "),
        ("score lm.arpa --perplexity", "no sentence given"),
        ("score lm.arpa --positions 0", "--positions 0"),
    ],
)
def test_bad_input_is_explained(
    seqgen: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(Path("a.txt"), ["a b", "b"])
    write_corpus(Path("blank.txt"), ["", " "])
    Path("latin.txt").write_bytes("a\ncaf\u00e9\n".encode("latin-1").replace(b"caf", b"ca"))
    Path("cut.arpa").write_text("\\data\\\nngram 1=4\n", "utf-8")
    NgramModel.train(["a b"]).save("lm.arpa")
    done = seqgen("judge", *arguments.split())
    assert (done.status, done.out) == (2, ""), done
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_run_is_no_arpa_file(seqgen: Call, plain: Path) -> None:
    done = seqgen("judge", "score", plain, given=b"a man\n")
    assert (done.status, done.out) == (2, "")
    assert f"seqgen score {plain}" in done.err and f"seqgen judge classify {plain}" in done.err


def test_unknown_words_without_a_probability_are_warned_of(
    seqgen: Call, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    NgramModel.train(["a b"], 2, discounts=0.0).save(tmp_path / "lm.arpa")
    done = seqgen("judge", "score", tmp_path / "lm.arpa", given=b"a never\n")
    assert done.status == 0 and float(done.out) < -200
    assert "1 of the words scored are unknown" in caplog.text


def test_bytes_of_standard_input_that_are_no_text_are_refused(seqgen: Call, judge: Path) -> None:
    done = seqgen("judge", "score", judge, given=b"fine\n\xff\n")
    assert done.status == 2
    assert "standard input:2:0" in done.err


def test_help_lists_the_verbs(seqgen: Call) -> None:
    done = seqgen("judge", "--help")
    assert done.status == 0
    for verb in ("train", "score", "classify"):
        assert f"\n  {verb} " in done.out
    assert "--order" in seqgen("judge", "train", "--help").out


def test_training_and_scoring_load_no_torch(text: Path, tmp_path: Path) -> None:
    out = tmp_path / "lm.arpa"
    code = f"""
import sys
from seqgen.commands.main import main
assert main(["judge", "train", {str(text)!r}, "--out", {str(out)!r}]) == 0
assert main(["judge", "score", {str(out)!r}]) == 0
assert "torch" not in sys.modules and "transformers" not in sys.modules
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, input="the\n", capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert out.exists()


def test_bytes_that_are_no_text_have_an_option(seqgen: Call, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"a b c\na b \xff\nb c a\n")
    done = seqgen("judge", "train", bad, "--order", "2")
    assert done.status == 2 and "(here: --encoding-errors replace)" in done.err
    done = seqgen("judge", "train", bad, "--order", "2", "--encoding-errors", "replace")
    assert done.status == 0, done.err
