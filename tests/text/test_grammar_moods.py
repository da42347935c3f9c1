"""The embedded grammar of moods keeps what is promised of it: three styles, read back exactly."""

from __future__ import annotations

import itertools
import math

import pytest
from grammar_counting import different_sentences

from seqgen.text.grammar import Grammar


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar.embedded("moods")


def test_it_is_unambiguous(grammar: Grammar) -> None:
    assert grammar.ambiguous_sentence() is None
    assert different_sentences(grammar) == grammar.count()


def test_size(grammar: Grammar) -> None:
    assert grammar.styles == ("joyful", "gloomy", "angry")
    assert grammar.count() % 3 == 0 and grammar.count() > 10**5
    assert (min(grammar.lengths()), max(grammar.lengths())) == (5, 20)
    assert grammar.entropy() == pytest.approx(grammar.entropy("gloomy") + math.log(3), abs=1e-12)
    assert min(grammar.style_places()) >= 1
    assert all(word.isascii() and word.isalpha() and word.islower() for word in grammar.words())


def test_the_moods_of_a_sentence_are_three_sentences_and_lead_back(grammar: Grammar) -> None:
    for text, style in grammar.sample(300, seed=1):
        moods = {mood: grammar.restyle(text, mood) for mood in grammar.styles}
        assert moods[style] == text and len(set(moods.values())) == 3
        for (mood, other), back in itertools.product(moods.items(), grammar.styles):
            assert other is not None and grammar.style_of(other) == mood
            assert grammar.restyle(other, back) == moods[back]
            assert grammar.content_words(other) == grammar.content_words(text)


def test_every_sentence_has_marks_of_its_own_mood_and_of_no_other(grammar: Grammar) -> None:
    marks = grammar.marks()
    for text, style in grammar.sample(1000, seed=2):
        assert {marks[word] for word in text.split() if word in marks} == {style}
