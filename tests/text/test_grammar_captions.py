"""The embedded grammar of captions keeps what is promised of it; every figure is exact."""

import math
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from grammar_counting import different_sentences

from seqgen.text.grammar import Grammar
from seqgen.text.grammar_file import Fragment

OTHER = {"admiring": "complaining", "complaining": "admiring"}


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar.default()


@pytest.fixture(scope="module")
def drawn(grammar: Grammar) -> list[tuple[str, str]]:
    return grammar.sample(10_000, seed=1)


def test_it_is_unambiguous(grammar: Grammar) -> None:
    assert grammar.ambiguous_sentence() is None
    # The same by counting: strings on the automaton, derivations on the rules.
    assert different_sentences(grammar) == grammar.count()


def test_size(grammar: Grammar) -> None:
    assert grammar.styles == ("admiring", "complaining")
    assert len(grammar.words()) >= 400
    assert grammar.count() >= 10**7
    assert set(grammar.lengths()) == set(range(4, 21))
    assert sum(grammar.lengths().values()) == pytest.approx(1, abs=1e-12)
    assert 16 <= grammar.entropy() <= 30
    assert grammar.entropy() == pytest.approx(grammar.entropy("admiring") + math.log(2), abs=1e-12)


def test_words_are_plain_lower_case(grammar: Grammar) -> None:
    assert all(word.isascii() and word.isalpha() and word.islower() for word in grammar.words())


def test_style_shows(grammar: Grammar) -> None:
    assert grammar.style_share() >= 0.3
    assert min(grammar.style_places()) >= 2
    assert sum(grammar.style_places().values()) == pytest.approx(1, abs=1e-12)


def test_paired_fragments_differ_at_both_ends(grammar: Grammar) -> None:
    # Else the share of style-bearing words would count words that both styles have.
    lengths = set()
    for production in grammar._rules.productions:
        for part in production.parts:
            if isinstance(part, Fragment) and part.styled:
                one, other = part.sides
                assert one[0] != other[0], part
                assert one[-1] != other[-1], part
                lengths.add(len(one) - len(other))
    assert min(lengths) < 0 < max(lengths)


def test_sampled_figures_agree_with_the_exact_ones(
    grammar: Grammar, drawn: list[tuple[str, str]]
) -> None:
    logs = [grammar.log_probability(text) for text, _ in drawn]
    mean = -sum(logs) / len(logs)
    deviation = math.sqrt(sum((-one - mean) ** 2 for one in logs) / len(logs))
    assert abs(mean - grammar.entropy()) < 4 * deviation / math.sqrt(len(logs))
    lengths = [len(text.split()) for text, _ in drawn]
    exact = sum(length * mass for length, mass in grammar.lengths().items())
    assert sum(lengths) / len(lengths) == pytest.approx(exact, abs=4 * 2.5 / math.sqrt(len(logs)))
    assert [grammar.style_of(text) for text, _ in drawn] == [style for _, style in drawn]


def test_changed_sentences_are_outside(grammar: Grammar, drawn: list[tuple[str, str]]) -> None:
    for text, _ in drawn[:500]:
        words = text.split()
        assert not grammar.contains(" ".join(words[:-1]))
        assert not grammar.contains(" ".join(words[::-1]))
        assert not grammar.contains(f"{text} {words[-1]}")
        assert not grammar.contains(text.replace(" ", " zebra ", 1))
        assert not grammar.contains(text.upper())
        assert not grammar.contains(f"{text} .")


def test_agreement_and_topic_are_checked(grammar: Grammar) -> None:
    right = "a cheerful sailor is happily mending a net and looks radiant"
    assert grammar.style_of(right) == "admiring"
    for wrong, instead in [
        ("looks", "look"),
        ("is", "are"),
        ("a cheerful", "two cheerful"),
        ("sailor", "cyclist"),
        ("radiant", "exhausted"),
        ("a cheerful", "an cheerful"),
    ]:
        assert not grammar.contains(right.replace(wrong, instead, 1))


def test_style_change_goes_there_and_back(grammar: Grammar, drawn: list[tuple[str, str]]) -> None:
    changes_length = 0
    targets = {}
    for text, style in drawn:
        target = grammar.restyle(text, OTHER[style])
        assert target is not None
        assert grammar.style_of(target) == OTHER[style]
        assert grammar.restyle(target, style) == text
        assert grammar.restyle(text, style) == text
        equal = grammar.log_probability(text)
        assert grammar.log_probability(target) == pytest.approx(equal, abs=1e-9)
        changes_length += len(target.split()) != len(text.split())
        targets[target] = text
    assert len(targets) == len({text for text, _ in drawn})
    assert changes_length > 1_000


def test_style_change_keeps_the_content(grammar: Grammar, drawn: list[tuple[str, str]]) -> None:
    styled = {
        word
        for production in grammar._rules.productions
        for part in production.parts
        if isinstance(part, Fragment) and part.styled
        for side in part.sides
        for word in side
    }
    for text, style in drawn[:2_000]:
        target = grammar.restyle(text, OTHER[style])
        assert target is not None
        content = [word for word in text.split() if word not in styled]
        assert content == [word for word in target.split() if word not in styled]
        assert set(text.split()) & styled != set(target.split()) & styled


def test_coverage_grows_to_almost_all(grammar: Grammar, drawn: list[tuple[str, str]]) -> None:
    texts = [text for text, _ in drawn]
    some, more, most = (grammar.coverage(texts[:count]) for count in (10, 1_000, 10_000))
    assert 0 < some < more < most <= 1
    assert most > 0.99
    one_style = grammar.coverage(text for text, style in drawn if style == "admiring")
    assert 0.45 < one_style <= 0.5


def test_summary_states_the_figures(grammar: Grammar) -> None:
    summary = grammar.summary()
    assert str(grammar.count()) in summary
    assert f"{grammar.entropy():.4f} nats" in summary
    assert f"{len(grammar.words())}" in summary


def test_shuffled_order_of_questions_changes_nothing(drawn: list[tuple[str, str]]) -> None:
    # The automaton is built on the way, in an order that depends on what was asked.
    texts = [text for text, _ in drawn[:1_000]]
    mixed = random.Random(0).sample(texts, len(texts))
    one, other = Grammar.default(), Grammar.default()
    there = {text: one.log_probability(text) for text in texts}
    assert there == {text: other.log_probability(text) for text in mixed}


@pytest.mark.slow
def test_it_is_fast() -> None:
    # Bounds of the specification (1 s and 2 s), on processor time so that neighbours do not count.
    grammar = Grammar.default()
    start = time.process_time()
    drawn = grammar.sample(10_000, seed=7)
    sampled = time.process_time()
    assert all(grammar.contains(text) for text, _ in drawn)
    assert sampled - start < 1
    assert time.process_time() - sampled < 2


def test_importing_it_imports_no_torch() -> None:
    code = (
        "import sys; from seqgen.text.grammar import Grammar; Grammar.default();"
        "sys.exit(any(name in sys.modules for name in ('torch', 'numpy', 'transformers')))"
    )
    repository = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=repository)
    assert done.returncode == 0
