"""Mistakes in a grammar file are all reported, each with its line."""

import math
import textwrap

import pytest

from seqgen.text import grammar_file
from seqgen.text.grammar import Grammar
from seqgen.text.grammar_file import Fragment, read_rules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no styles; begin with"),
        ("styles: x\n", "line 1: no rules"),
        ("styles: x x\ns\n 1: a", "line 1: the style 'x' stands there twice"),
        ("styles: 2 x\ns\n 1: a", "line 1: '2': a positive weight may follow"),
        ("styles: x -1\ns\n 1: a", "line 1: '-1': a positive weight may follow"),
        ("style: x\ns\n 1: a", "line 1: 'style:' is no setting"),
        ("styles: x\n 1: a", "line 2: an alternative before the first rule"),
        ("styles: x\ns\n a", "line 3: 'a': begin with a positive weight"),
        ("styles: x\ns\n 0: a", "line 3: '0: a': begin with a positive weight"),
        ("styles: x\ns\n inf: a", "line 3: 'inf: a': begin with a positive weight"),
        ("styles: x\ns\n nan: a", "line 3: 'nan: a': begin with a positive weight"),
        ("styles: x\ns\n 1: a /", "line 3: an alternative is missing"),
        ("styles: x\ns\n 1: a | b", "line 3: '|' is no word"),
        ("styles: x\ns\n 1: a {b", "line 3: '{': an unclosed or empty bracket"),
        ("styles: x\ns\n 1: a <>", "line 3: 'a <>': an unclosed or empty bracket"),
        ("styles: x y\ns\n 1: {a | b | c}", "line 3: {a | b | c} has 3 sides; there are 2 styles"),
        ("styles: x y\ns\n 1: {a | a}", "line 3: {a | a}: all sides are the same"),
        ("styles: x\nS\n 1: a", "line 2: 'S' is no rule name"),
        ("styles: x\ns\n 1: a\ns\n 1: b", "line 4: the rule 's' is already on line 2"),
        ("styles: x\ns\n", "line 2: the rule 's' has no alternatives"),
        ("styles: x\ns\n 1: <thin>\nthing\n 1: a", "line 3: there is no rule 'thin'; did you mean"),
        ("styles: x\ns\n 1: a <t>\nt\n 1: b\n 1: <s>", "line 6: the rule 's' leads back to itself"),
        ("styles: x\ns\n 1: a\nt\n 1: b", "line 5: these alternatives of the rule 't' are never"),
        ("styles: x\nscenes: b\ns\n 1: <t b>\nt b\n 1: c\nt *\n 1: d", "the rule 't b' is written"),
    ],
)
def test_mistakes_are_reported_with_their_line(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Grammar.read(text)
    assert message in str(caught.value)


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(ValueError) as caught:
        read_rules("styles: x y\ns\n 1: {a} <t>\n b\n 2: <u>")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == [f"grammar line {n}" for n in (3, 3, 4, 5)]


def test_weights_scenes_and_comments() -> None:
    rules = read_rules(
        "# a comment\nstyles: x 3 y\nscenes: sea town\n\n"
        "s   # the start\n  1: <go sea> / <go town>; 2: {a|} stop\ngo *\n  1: to <place *>\n"
        "place sea\n  1: shore\nplace town\n  1: inn\n"
    )
    assert rules.styles == ("x", "y")
    assert rules.priors == (0.75, 0.25)
    assert rules.start == "s"
    assert [production.probability for production in rules.rules["s"]] == [0.25, 0.25, 0.5]
    assert rules.rules["s"][2].parts == (Fragment((("a",), ())), Fragment((("stop",),) * 2))
    assert rules.rules["go town"][0].parts == (Fragment((("to",),) * 2), "place town")
    assert [production.number for production in rules.productions] == list(range(7))


def test_the_example_of_the_documentation_is_right() -> None:
    example = "\n".join(
        line for line in str(grammar_file.__doc__).splitlines() if line.startswith("    ")
    )
    grammar = Grammar.read(textwrap.dedent(example))
    assert grammar.count() == 2 * (3 + 2)
    expected = 1 / 2 * 3 / 5 * 2 / 5
    assert math.exp(grammar.log_probability("a rather dull pan")) == pytest.approx(expected)
    assert grammar.restyle("a lovely bus at last", "complaining") == "a rather dull bus"
