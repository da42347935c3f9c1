"""Kept, removed and inserted words, and the n-grams inserted most often, of cases made by hand."""

from __future__ import annotations

import random

import pytest

from seqgen.metrics.style_transfer.insertions import (
    LONGEST,
    Inserted,
    commonest_insertions,
)
from seqgen.metrics.style_transfer.word_changes import Span, word_changes


def kept(text: str, new: str | None = None) -> Span:
    return Span(True, tuple(text.split()), tuple((text if new is None else new).split()))


def changed(old: str, new: str) -> Span:
    return Span(False, tuple(old.split()), tuple(new.split()))


@pytest.mark.parametrize(
    ("source", "prediction", "spans"),
    [
        ("a b c", "a b c", [kept("a b c")]),
        ("The food", "the FOOD", [kept("The food", "the FOOD")]),
        ("it was bad .", "it was great !", [kept("it was"), changed("bad .", "great !")]),
        ("it was bad .", "it was .", [kept("it was"), changed("bad", ""), kept(".")]),
        ("it .", "it is so good .", [kept("it"), changed("", "is so good"), kept(".")]),
        ("", "a b", [changed("", "a b")]),
        ("a b", " ", [changed("a b", "")]),
        ("", "", []),
        (
            "worse and worse now",
            "better and better now",
            [
                changed("worse", "better"),
                kept("and"),
                changed("worse", "better"),
                kept("now"),
            ],
        ),
    ],
)
def test_words_kept_removed_and_inserted(source: str, prediction: str, spans: list[Span]) -> None:
    assert list(word_changes(source, prediction)) == spans


def test_the_spans_are_both_sentences_and_frequent_words_are_no_junk() -> None:
    draw = random.Random(3)
    for length in (5, 40, 400):
        old, new = (" ".join(draw.choices("abcde", k=length)) for _ in range(2))
        spans = list(word_changes(old, new))
        assert " ".join(word for span in spans for word in span.old) == old
        assert " ".join(word for span in spans for word in span.new) == new
    often = " ".join(["a"] * 300)
    assert list(word_changes(often, f"{often} b")) == [kept(often), changed("", "b")]


def test_the_commonest_insertions_of_four_sentences() -> None:
    sources = ["the food was bad .", "the staff was bad .", "a bad bad meal .", "we left ."]
    outputs = [
        "the food was really great .",  # "really great" in the place of "bad"
        "the staff was really great .",
        "a great great meal .",
        "We stayed .",
    ]
    assert commonest_insertions(outputs, sources, 9) == [
        Inserted("great", 0.75),
        Inserted("really great", 0.5),  # and not "really", which stands in it as often
        Inserted("great great", 0.25),
        Inserted("stayed", 0.25),
    ]
    assert [found.words for found in commonest_insertions(outputs, sources)] == [
        "great",
        "really great",
        "great great",
    ]


def test_an_appended_phrase_is_told_as_a_whole_and_of_all_sentences() -> None:
    sources = ["the food was bad .", "the staff is rude", "never again ."]
    cheat = [f"{source} love this place !" for source in sources]
    assert commonest_insertions(cheat, sources) == [Inserted("love this place !", 1.0)]
    cheat[1] = "the staff is love this place !"  # in the place of a word, and still as often
    assert commonest_insertions(cheat, sources) == [Inserted("love this place !", 1.0)]


def test_a_word_counts_once_a_sentence_and_whatever_its_case() -> None:
    found = commonest_insertions(["x very very VERY y", "x Very y"], ["x y", "x y"], 1)
    assert found == [Inserted("very", 1.0)]


def test_copies_insert_nothing_and_long_runs_are_cut() -> None:
    assert commonest_insertions(["a b"], ["A b"]) == []
    words = [f"{number:02}" for number in range(2 * LONGEST + 4)]
    found = commonest_insertions([" ".join(words)] * 2, ["", ""], 2)
    assert found == [
        Inserted(" ".join(words[:LONGEST]), 1.0),
        Inserted(" ".join(words[LONGEST : 2 * LONGEST]), 1.0),
    ]


def test_predictions_go_with_sources() -> None:
    with pytest.raises(ValueError, match="2 predictions of 1 sources given"):
        commonest_insertions(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="at least 1"):
        commonest_insertions([], [])
