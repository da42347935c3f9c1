"""Punctuation cut as corpora in the manner of the Penn Treebank have it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_data import DATA

from seqgen.text.detokenize import detokenize
from seqgen.text.errors import CorpusError
from seqgen.text.normalised import normalised, text_form
from seqgen.text.vocabulary import Vocabulary

VOCABULARY = Vocabulary.train(["a"], "word", lowercase=True, punctuation="treebank")


def cut(text: str) -> str:
    return normalised(VOCABULARY, [text])[0]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The food was GREAT!", "the food was great !"),
        ("Don't go; it's awful (really).", "do n't go ; it 's awful ( really ) ."),
        ("I can’t, they’re we've he'd I'll I'm", "i ca n't , they 're we 've he 'd i 'll i 'm"),
        ('He said "go." and "no" ("yes").', "he said `` go . '' and `` no '' ( `` yes '' ) ."),
        ("At 5.30 p.m. for $5,000.50, 10%!", "at 5.30 p.m. for $ 5,000.50 , 10 % !"),
        ("well-known o'clock w/o -- and/or...", "well-known o'clock w/o -- and/or ..."),
        ("the boys' room", "the boys ' room"),
        ("_num_ stars, u.s.a.", "_num_ stars , u.s.a."),
        ("So do I. Dr. B. agrees.", "so do i . dr. b. agrees ."),
        ("I said no.", "i said no ."),
        ("wow!!!", "wow ! ! !"),
    ],
)
def test_raw_text_is_cut(text: str, tokens: str) -> None:
    assert cut(text) == tokens
    assert cut(tokens) == tokens


WORDS = (
    "don't it's great boys' b. i. p.m. 5.30 1,000 n't 's `` '' -- well-known o'clock $5 rock'n'roll"
)
BEFORE, AFTER = st.text('(["`*', max_size=3), st.text("!?,;:.)]\"'*%", max_size=4)


@given(st.lists(st.tuples(BEFORE, st.sampled_from(WORDS.split()), AFTER), max_size=5))
def test_what_was_cut_stays(pieces: list[tuple[str, str, str]]) -> None:
    once = cut(" ".join(before + word + after for before, word, after in pieces))
    assert cut(once) == once


def test_encoding_cuts_alike_also_after_saving(tmp_path: Path) -> None:
    vocabulary = Vocabulary.train(["it 's great !"], "word", lowercase=True, punctuation="treebank")
    vocabulary.save(tmp_path)
    for one in (vocabulary, Vocabulary.open(tmp_path)):
        assert one.texts(one.encode(["It's GREAT!"]).ids) == ["it 's great !"]
        assert text_form(one) == "lowercase+treebank"
    assert text_form(Vocabulary.train(["a"], "word", punctuation="split")) == "split"


def test_it_is_for_words() -> None:
    with pytest.raises(CorpusError, match='"treebank" is for words'):
        Vocabulary.train(["a b"], "subword", punctuation="treebank")


@pytest.mark.parametrize("text", ["Don't go, it's awful (really).", "It cost $5, I'm told!"])
def test_detokenize_undoes_it(text: str) -> None:
    assert detokenize(cut(text), capitals=True) == text


@pytest.mark.skipif(not (DATA / "yelp_style").is_dir(), reason="the Yelp sentences are not here")
def test_yelp_stays_as_it_is() -> None:
    for name in ("test.0", "test.1", "reference0.0", "reference0.1"):
        lines = (DATA / "yelp_style" / name).read_text("utf-8").splitlines()
        assert [cut(line) for line in lines] == [" ".join(line.split()) for line in lines]
