"""How metrics cut sentences, and what they refuse."""

import pytest
from nltk.tokenize.destructive import NLTKWordTokenizer

from seqgen.metrics.tokens import common_tokenizer, tokenize

TEXT = "A cat's toys, don't  touch."


@pytest.mark.parametrize(
    ("tokenizer", "expected"),
    [
        ("whitespace", ["A", "cat's", "toys,", "don't", "touch."]),
        ("nltk", ["A", "cat", "'s", "toys", ",", "do", "n't", "touch", "."]),
        ("character", list(TEXT)),
    ],
)
def test_a_tokenizer_cuts_and_is_named(tokenizer, expected):
    assert tokenize([TEXT], tokenizer) == ([expected], tokenizer)


def test_lowercase_comes_first_and_is_named():
    found = tokenize(["A Cat.", ["A", "Cat"]], "nltk", lowercase=True)
    assert found == ([["a", "cat", "."], ["a", "cat"]], "mixed+lowercase")
    assert tokenize([["A"]], "nltk", lowercase=True) == ([["a"]], "given+lowercase")
    assert tokenize(["A"], lowercase=True).tokenizer == "whitespace+lowercase"


def test_nltk_is_the_class_that_needs_no_download():
    assert tokenize([TEXT], "nltk").sentences == [NLTKWordTokenizer().tokenize(TEXT)]


def test_tokens_pass_through():
    assert tokenize([["a", "b"], ("c",), []]) == ([["a", "b"], ["c"], []], "given")
    assert tokenize([[" ", "a", " the"]]).sentences == [[" ", "a", " the"]]
    assert tokenize([]) == ([], "none")


def test_the_common_name_ignores_empty_lists():
    assert common_tokenizer(tokenize(["a"]), tokenize([])) == "whitespace"
    assert common_tokenizer(tokenize(["a"]), tokenize([["a"]])) == "mixed"


@pytest.mark.parametrize(
    ("sentences", "error", "problem"),
    [
        ("the cat", TypeError, "list of sentences"),
        ([["the cat sat"]], ValueError, r"'the cat sat' given as one token.*by itself"),
        ([["a", "b"], ["ok", "the cat sat"]], ValueError, "'the cat sat'"),
        ([[["the", "cat"], ["a", "cat"]]], ValueError, "list within a list"),
        ([None], TypeError, "NoneType"),
        (["a", 3], TypeError, "int"),
        ([b"a b"], TypeError, "bytes"),
        ([[1, 2, 3]], TypeError, "tokens of type int"),
    ],
)
def test_what_is_no_sentence_is_refused(sentences, error, problem):
    with pytest.raises(error, match=problem):
        tokenize(sentences)


def test_too_few_sentences_and_unknown_tokenizers_are_refused():
    with pytest.raises(ValueError, match="1 sentences given: at least 2"):
        tokenize(["a"], at_least=2)
    with pytest.raises(ValueError, match=r"'13a'.*'whitespace', 'nltk', 'character'"):
        tokenize(["a"], "13a")
