"""Words of a grammar that show the style, and those that do not."""

from __future__ import annotations

from seqgen.text.grammar import Grammar

GRAMMAR = Grammar.read("""
styles: glad sad
caption
  1: a {good | bad} <thing> is {very good | so bad} today
thing
  1: dog / red cat
""")


def test_content_is_what_the_styles_share() -> None:
    kept = ["a", "red", "cat", "is", "today"]
    assert GRAMMAR.content_words("a bad red cat is so bad today") == kept
    assert GRAMMAR.content_words("a bad dog is very good today") is None


def test_a_restyled_caption_has_the_same_content() -> None:
    grammar = Grammar.default()
    for text, style in grammar.sample(50, seed=4):
        other = next(name for name in grammar.styles if name != style)
        answer = grammar.restyle(text, other)
        assert answer is not None and answer != text
        assert grammar.content_words(answer) == grammar.content_words(text)


def test_marks_are_the_words_of_one_style_alone() -> None:
    assert GRAMMAR.marks() == {"good": "glad", "very": "glad", "bad": "sad", "so": "sad"}
    marks = Grammar.default().marks()
    assert marks["lovely"] == "admiring" and marks["dreary"] == "complaining"
    assert "morning" not in marks  # in "fresh as morning dew", and in what both say


def test_every_caption_has_marks_of_its_own_style_and_of_no_other() -> None:
    grammar = Grammar.default()
    marks = grammar.marks()
    for text, style in grammar.sample(200, seed=5):
        assert {marks[word] for word in text.split() if word in marks} == {style}
