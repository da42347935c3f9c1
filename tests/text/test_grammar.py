"""The figures of small grammars, checked by writing out every sentence or by hand."""

import math
from collections import Counter

import pytest

from seqgen.text.grammar import Grammar

TINY = """
styles: glad 3 sad 1
caption
  2: <a fine> <thing>; 1: the <thing> is {very good | bad}
a fine
  3: a {lovely | rather dull}; 1: {an ideal | a broken}
thing
  1: dog / red cat / -
"""


def tiny() -> Grammar:
    return Grammar.read(TINY)


def tiny_sentences() -> dict[str, tuple[str, float]]:
    """Return all sentences of TINY with style and probability, written out by hand."""
    fine = {
        "glad": {"a lovely": 3 / 4, "an ideal": 1 / 4},
        "sad": {"a rather dull": 3 / 4, "a broken": 1 / 4},
    }
    good = {"glad": "very good", "sad": "bad"}
    found: dict[str, tuple[str, float]] = {}
    for style, prior in (("glad", 3 / 4), ("sad", 1 / 4)):
        for thing in ("dog", "red cat", ""):
            for first, share in fine[style].items():
                found[f"{first} {thing}".strip()] = style, prior * 2 / 3 * share / 3
            text = " ".join(f"the {thing} is {good[style]}".split())
            found[text] = style, prior * 1 / 3 / 3
    return found


def test_probabilities_equal_those_written_out_and_sum_to_one() -> None:
    grammar, written = tiny(), tiny_sentences()
    assert sum(mass for _, mass in written.values()) == pytest.approx(1, abs=1e-12)
    for text, (style, mass) in written.items():
        assert grammar.contains(text)
        assert grammar.style_of(text) == style
        assert grammar.log_probability(text) == pytest.approx(math.log(mass), abs=1e-12)
        prior = {"glad": 3 / 4, "sad": 1 / 4}[style]
        within = grammar.log_probability(text, style)
        assert within == pytest.approx(math.log(mass / prior), abs=1e-12)
        other = "sad" if style == "glad" else "glad"
        assert grammar.log_probability(text, other) == -math.inf


def test_count_entropy_lengths_and_shares_equal_those_written_out() -> None:
    grammar, written = tiny(), tiny_sentences()
    masses = [mass for _, mass in written.values()]
    assert grammar.count() == len(written) == 18
    assert grammar.entropy() == pytest.approx(-sum(m * math.log(m) for m in masses), abs=1e-12)
    lengths: Counter[int] = Counter()
    for text, (_, mass) in written.items():
        lengths[len(text.split())] += mass  # type: ignore[assignment]
    assert list(grammar.lengths()) == sorted(lengths)
    assert grammar.lengths() == pytest.approx(dict(lengths), abs=1e-12)
    assert grammar.words() == sorted({word for text in written for word in text.split()})


def test_entropy_by_hand() -> None:
    grammar = Grammar.read("styles: one\ns\n 3: a <t>; 1: b\nt\n 1: c / d")
    expected = -(3 / 4 * math.log(3 / 8) + 1 / 4 * math.log(1 / 4))
    assert grammar.entropy() == pytest.approx(expected, abs=1e-15)
    assert grammar.entropy("one") == pytest.approx(expected, abs=1e-15)


def test_style_figures_by_hand() -> None:
    grammar = Grammar.read(
        "styles: x 3 y 1\ns\n 1: {a | b c} {d | e} f <t>\nt\n 2: g {|h}; 1: {i | } g {k l | m}"
    )
    # x: a d f g (2 of 4 words, 1 place), a d f i g k l (5 of 7, 3);
    # y: b c e f g h (4 of 6, 2 places), b c e f g m (4 of 6, 2)
    styled = 3 / 4 * (2 * 2 + 5) / 3 + 1 / 4 * 4
    words = 3 / 4 * (2 * 4 + 7) / 3 + 1 / 4 * 6
    assert grammar.style_share() == pytest.approx(styled / words, abs=1e-12)
    assert grammar.style_places() == pytest.approx({1: 1 / 2, 2: 1 / 4, 3: 1 / 4}, abs=1e-12)


def test_sentences_outside() -> None:
    grammar = tiny()
    for text in ("", "a", "a lovely dog dog", "an lovely dog", "a lovely cat", "the dog is good"):
        assert not grammar.contains(text)
        assert grammar.style_of(text) is None
        assert grammar.restyle(text, "sad") is None
        assert grammar.log_probability(text) == -math.inf
    assert grammar.contains(" a  lovely\tred cat\n")


def test_restyle_by_hand() -> None:
    grammar = tiny()
    assert grammar.restyle("an ideal red cat", "sad") == "a broken red cat"
    assert grammar.restyle("a rather dull", "glad") == "a lovely"
    assert grammar.restyle("the dog is bad", "sad") == "the dog is bad"


def test_coverage_by_hand() -> None:
    grammar = Grammar.read("styles: x y\ns\n 3: {a | b} <t>; 1: {c | d}\nt\n 1: e / f\n")
    # Uses in a sentence: 1 of s, 3/4 of t; half of them in each style.
    assert grammar.coverage([]) == 0
    assert grammar.coverage(["no such words"]) == 0
    assert grammar.coverage(["a e"]) == pytest.approx((3 / 8 + 3 / 16) / (7 / 4))
    assert grammar.coverage(["a e", "a e", "d"]) == pytest.approx((3 / 8 + 3 / 16 + 1 / 8) * 4 / 7)
    assert grammar.coverage(["a e", "a f", "c", "b e", "b f", "d"]) == pytest.approx(1)


def test_sampling_follows_the_probabilities() -> None:
    grammar, written, count = tiny(), tiny_sentences(), 40_000
    drawn = Counter(grammar.sample(count, seed=5))
    assert set(drawn) <= {(text, style) for text, (style, _) in written.items()}
    expected = {(text, style): mass * count for text, (style, mass) in written.items()}
    chi_square = sum((drawn[key] - value) ** 2 / value for key, value in expected.items())
    assert chi_square < 40.8  # 17 degrees of freedom, exceeded once in 1,000 seeds


def test_sampling_is_a_function_of_its_arguments() -> None:
    grammar = tiny()
    drawn = grammar.sample(200, seed=1)
    assert drawn == tiny().sample(200, seed=1)
    assert drawn[:50] == grammar.sample(50, seed=1)
    assert drawn != grammar.sample(200, seed=2)
    assert drawn != grammar.sample(200, seed=-1)
    assert {style for _, style in grammar.sample(200, seed=1, style="sad")} == {"sad"}


@pytest.mark.parametrize(
    ("text", "examples"),
    [
        ("styles: x\ns\n 1: a <t> / <u> b\nt\n 1: b\nu\n 1: a", {"a b"}),
        ("styles: x\ns\n 1: a / a", {"a"}),
        ("styles: x\ns\n 1: <t> <t>\nt\n 1: a / -", {"a"}),
        ("styles: x\ns\n 1: <t> c <t>\nt\n 1: a / a c a", {"a c a c a"}),
        ("styles: x y\ns\n 1: a / {b | c}", {"a"}),
        ("styles: x y\ns\n 1: {a | b} c / {d | a} c", {"a c"}),
        ("styles: x y\ns\n 1: <t> / {a b | c d}\nt\n 2: {e | f}; 1: {g | c} d", {"c d"}),
    ],
)
def test_ambiguity_is_detected(text: str, examples: set[str]) -> None:
    with pytest.raises(ValueError, match="the grammar is ambiguous") as caught:
        Grammar.read(text)
    assert str(caught.value).split("'")[1] in examples


def test_unknown_style() -> None:
    for ask in (
        lambda: tiny().sample(1, 1, style="angry"),
        lambda: tiny().restyle("a lovely dog", "angry"),
        lambda: tiny().log_probability("a lovely dog", "angry"),
        lambda: tiny().entropy("angry"),
    ):
        with pytest.raises(ValueError, match="unknown style 'angry'; the styles are glad, sad"):
            ask()
