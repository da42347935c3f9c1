"""ARPA files: what is written, that it is the same model when read, and damaged files."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from ngram_texts import BEGIN, END, UNKNOWN, zipf_corpus

from seqgen.errors import UserError
from seqgen.ngram_model.model import NgramModel

# A file of another program: no <unk>, back-offs left out, tabs and spaces mixed, Windows lines.
FOREIGN = (
    "\n\\data\\\r\nngram 1=4\r\nngram  2 = 3\r\n\r\n\\1-grams:\r\n0 <s> -0.5\r\n-0.7\t</s>\r\n"
    "-0.3 a\t-0.2\r\n-0.6 b\r\n\r\n\\2-grams:\r\n-0.1 a b\r\n-0.2\t<s> a\r\n-0.4\tb </s>\r\n\r\n"
    "\\end\\\r\n"
)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A model of order 3 of two sentences."""
    path = tmp_path / "lm.arpa"
    NgramModel.train(["a b", "b ü"], 3).save(path)
    return path


def damaged(path: Path, old: str, new: str) -> str:
    """Replace a part of the file once, and return the message of reading it."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(UserError) as problem:
        NgramModel.load(path)
    return str(problem.value)


def test_the_text_of_a_file(tmp_path: Path) -> None:
    NgramModel.train(["a"], 2).save(tmp_path / "lm.arpa")
    # Unigrams: a and END each (1 - 0.5) / 2 and a third of the 1/2 taken; bigrams the same.
    half = math.log10(0.25 + 0.5 / 3)
    below = math.log10(0.5)
    bigram = math.log10(0.5 + 0.5 * (0.25 + 0.5 / 3))
    assert (tmp_path / "lm.arpa").read_text("utf-8") == (
        "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n"
        f"{math.log10(0.5 / 3):.12f}\t<unk>\t0.000000000000\n"
        f"-99.000000000000\t<s>\t{below:.12f}\n"
        f"{half:.12f}\t</s>\t0.000000000000\n"
        f"{half:.12f}\ta\t{below:.12f}\n"
        f"\n\\2-grams:\n{bigram:.12f}\t<s> a\n{bigram:.12f}\ta </s>\n\n\\end\\\n"
    )


@pytest.mark.parametrize("order", [1, 2, 5])
@pytest.mark.parametrize("discounts", [None, 0.0, 0.3])
def test_a_model_read_again_is_the_same(
    tmp_path: Path, order: int, discounts: float | None
) -> None:
    model = NgramModel.train(zipf_corpus(seed=order), order, discounts)
    model.save(tmp_path / "lm.arpa")
    again = NgramModel.load(str(tmp_path / "lm.arpa"))
    texts = [*zipf_corpus(seed=9, sentences=50), "never w0 seen", ""]
    assert np.array_equal(again.score(texts), model.score(texts))
    assert (again.name, again.words.names) == (model.name, model.words.names)
    again.save(tmp_path / "again.arpa")
    assert (tmp_path / "again.arpa").read_bytes() == (tmp_path / "lm.arpa").read_bytes()


def test_contexts_sum_to_one_after_the_round_trip(tmp_path: Path) -> None:
    sentences = zipf_corpus(seed=2, sentences=40)
    NgramModel.train(sentences, 3).save(tmp_path / "lm.arpa")
    model = NgramModel.load(tmp_path / "lm.arpa")
    words = [name for name in model.words.names if name != BEGIN]
    padded = [[BEGIN, *sentence] for sentence in sentences]
    contexts = [["never"], [], *(s[at : at + 2] for s in padded for at in range(len(s)))]
    for context in contexts:
        total = math.fsum(model.probability(word, context) for word in words)
        assert total == pytest.approx(1.0, abs=1e-6), context


def test_a_foreign_file_is_read_as_its_lines_say(tmp_path: Path) -> None:
    path = tmp_path / "foreign.arpa"
    path.write_bytes(FOREIGN.encode())
    model = NgramModel.load(path)
    values = model.score_tokens(["a b", "b"]).values / math.log(10)
    # "<s> b" is none of the bigrams: back-off of <s>, then b alone.
    assert values == pytest.approx([-0.2, -0.1, -0.4, -0.5 - 0.6, -0.4])
    assert model.probability("c") < 1e-90  # no <unk> in the file
    assert model.probability(BEGIN) < 1e-90  # lmplz writes 1
    assert (model.order, model.discounts, model.text) == (2, None, None)


# As some programs write it: unknown words in capitals, also inside longer n-grams.
CAPITALS = (
    "\\data\\\nngram 1=4\nngram 2=2\n\n\\1-grams:\n-1.5 <UNK> -0.25\n-99 <s> -0.5\n-0.7 </s>\n"
    "-0.3 a -0.2\n\n\\2-grams:\n-0.9 a <UNK>\n-0.4 <UNK> a\n\n\\end\\\n"
)


def test_unknown_words_in_capitals_are_unknown_words(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "capitals.arpa"
    path.write_text(CAPITALS, "utf-8")
    model = NgramModel.load(path)
    scored = model.score_tokens(["a never", "never a", "<UNK> <unk>"])
    assert scored.values / math.log(10) == pytest.approx(
        [-0.8, -0.9, -0.25 - 0.7, -0.5 - 1.5, -0.4, -0.2 - 0.7, -0.5 - 1.5, -0.25 - 1.5, -0.95]
    )
    assert (scored.unknown, model.words.names[0], caplog.messages) == (4, UNKNOWN, [])
    assert "<UNK>" not in model.words.names


def test_with_both_spellings_the_capitals_are_a_word(tmp_path: Path) -> None:
    path = tmp_path / "lm.arpa"
    model = NgramModel.train(["a <UNK> a", "<UNK> b"], 2)
    model.save(path)
    again = NgramModel.load(path)
    assert again.name == model.name and "<UNK>" in again.words.names
    assert again.probability("<UNK>") != again.probability("never")


def test_unknown_words_of_a_model_without_them_are_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "foreign.arpa"
    path.write_bytes(FOREIGN.encode())
    model = NgramModel.load(path)
    model.score(["a b", "b"])
    assert caplog.messages == []
    model.score(["a c d"])
    (message,) = caplog.messages
    assert message.startswith(f"2 of the words scored are unknown to {model.name}")
    assert "no <unk>" in message


def test_pruned_models_back_off_by_all_contexts_known(tmp_path: Path) -> None:
    # "b a" is no bigram although "x b a" is a trigram, as pruning leaves it.
    path = tmp_path / "pruned.arpa"
    path.write_text(
        "\\data\\\nngram 1=5\nngram 2=1\nngram 3=1\n\n\\1-grams:\n-99 <s> -0.5\n-0.7 </s>\n"
        "-0.3 a -0.2\n-0.6 b -0.25\n-0.8 x -0.1\n\n\\2-grams:\n-0.2 x b -0.05\n\n"
        "\\3-grams:\n-0.1 x b a\n\n\\end\\\n",
        "utf-8",
    )
    model = NgramModel.load(path)

    def log10(word: str, *context: str) -> float:
        return math.log10(model.probability(word, context))

    assert log10("a", "x", "b") == pytest.approx(-0.1)
    assert log10("a", "b") == pytest.approx(-0.25 - 0.3)
    assert log10("x", "x", "b") == pytest.approx(-0.05 - 0.25 - 0.8)


def test_lines_in_any_order_are_sorted(tmp_path: Path, saved: Path) -> None:
    blocks = saved.read_text("utf-8").split("\n\n")
    for at in (2, 3):
        title, *lines = blocks[at].split("\n")
        blocks[at] = "\n".join([title, *lines[::-1]])
    shuffled = tmp_path / "shuffled.arpa"
    shuffled.write_text("\n\n".join(blocks), "utf-8")
    assert shuffled.read_bytes() != saved.read_bytes()
    assert NgramModel.load(shuffled).name == NgramModel.load(saved).name


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("ngram 2=", "ngram 3=", 3, "'ngram 2=COUNT' expected"),
        ("ngram 2=6", "ngram 2=many", 3, "'ngram 2=COUNT' expected"),
        ("ngram 2=6", "ngram 2=5", 20, r"\3-grams: expected"),
        ("ngram 2=6", "ngram 2=7", 21, "2 words and maybe a back-off expected, found nothing"),
        (
            "ngram 2=6",
            "ngram 2=99999999999999",
            28,
            "the file ends after 14 of 99999999999999 2-grams",
        ),
        ("ngram 1=6", "ngram 1=99999999999999", 13, "1 word and maybe a back-off expected"),
        ("\\1-grams", "\\one-grams", 6, r"\1-grams: expected"),
        ("\tb\t", "\tb b\t", 11, "1 word and maybe a back-off expected"),
        ("\tb\t", "\ta\t", 11, "the word 'a' is there twice"),
        ("\t<s> b ü", "\t<s> b x", 24, "the word 'x' is not among the 1-grams"),
        ("\t<s> b ü", "\t<s> ü b", 24, "its first 2 words are not among the 2-grams"),
        ("\t<s> b ü", "\t<s> a b", 24, "this n-gram is there twice"),
        ("\t<s> b ü", "\tb ü", 24, "3 words expected"),
        ("\\end\\", "", 28, r"\end\ expected, found nothing"),
    ],
)
def test_damaged_files_are_refused_with_the_line(
    saved: Path, old: str, new: str, line: int, words: str
) -> None:
    message = damaged(saved, old, new)
    assert message.startswith(f"{saved}:{line}: "), message
    assert words in message


@pytest.mark.parametrize("value", ["0.5", "nan", "inf", "-inf", "x"])
def test_figures_that_are_no_log_probabilities_are_refused(saved: Path, value: str) -> None:
    text = saved.read_text("utf-8")
    old = next(line for line in text.splitlines() if line.endswith("\t<s> a b"))
    message = damaged(saved, old, f"{value}\t<s> a b")
    assert "a log10 probability, 3 words expected" in message


def test_a_file_cut_anywhere_is_refused(saved: Path, tmp_path: Path) -> None:
    data = saved.read_bytes()
    end = data.index(b"\\end\\") + len(b"\\end\\")
    cut = tmp_path / "cut.arpa"
    for size in range(end):
        cut.write_bytes(data[:size])
        with pytest.raises(UserError):
            NgramModel.load(cut)


def test_what_is_no_arpa_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    for content in (b"", b"a dog runs\n", b"\x1f\x8b\x08packed", b"\xff\xfe\x00"):
        path.write_bytes(content)
        with pytest.raises(UserError, match="is not an ARPA file"):
            NgramModel.load(path)
    path.write_bytes(b"\\data\\\nngram 1=1\n\n\\1-grams:\n-1 \xff\n\n\\end\\\n")
    with pytest.raises(UserError, match=r":5: the word .* is not UTF-8"):
        NgramModel.load(path)
    with pytest.raises(UserError, match=r"missing\.arpa"):
        NgramModel.load(tmp_path / "missing.arpa")
    with pytest.raises(UserError, match="cannot read"):
        NgramModel.load(tmp_path)


def test_words_that_other_scripts_write(tmp_path: Path) -> None:
    sentences = ["猫 が 走る", "naïve \u200bcafé", "e\u0301 é", "# \\end\\ ngram 1=2 -0.5"]
    model = NgramModel.train(sentences, 3)
    model.save(tmp_path / "lm.arpa")
    again = NgramModel.load(tmp_path / "lm.arpa")
    assert again.words.names == model.words.names
    assert np.array_equal(again.score(sentences)[0], model.score(sentences)[0])
    assert {UNKNOWN, END} <= set(again.words.names)
