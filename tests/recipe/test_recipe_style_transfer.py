"""Recipes of style transfer: what does not go together is refused, with the way out."""

from __future__ import annotations

import shlex

import pytest

from seqgen.recipe.files import parse
from seqgen.recipe.overrides import override
from seqgen.recipe.problems import RecipeError
from seqgen.recipe.style_transfer import StyleTransformer

RECIPE = parse(
    """
about: a style transformer
corpus: {kind: grammar, limit: 21}
vocabulary: {kind: word}
generator: {kind: style-transformer, width: 8}
discriminator: {kind: style, width: 8}
phases:
  - {method: {kind: style-transformer}, steps: 10}
players: {generator: {}, discriminator: {}}
evaluate: {metrics: [likelihood, transfer], select: transfer}
""",
    "a recipe",
)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--generator.kind lstm --evaluate.metrics likelihood --evaluate.select none",
         "lstm does not suit style-transformer .*: it writes from nothing; take style-transformer"),
        ("--phases.0.method.kind teacher-forcing --discriminator none --evaluate.select none",
         "style-transformer does not suit teacher-forcing .*: it rewrites a source sentence"),
        ("--discriminator.kind transformer", "transformer does not suit .*; it takes style"),
        ("--corpus.labels false", "no labels, and style-transformer"),
        ("--corpus.limit 40", "32 is below the longest sentence of the corpus, 40"),
        ("--generator.width 6", "no multiple of heads 4"),
        ("--discriminator.width 6", "no multiple of heads 4"),
        ("--phases.0.method.reconstruction 0 --phases.0.method.cycle 0 --phases.0.method.style 0",
         "nothing is learned"),
        ("--phases.0.method.word_drop.start 1.0", "less than 1"),
        ("--evaluate.metrics likelihood bleu --evaluate.select none", "bleu: is of sentences writ"),
        ("--corpus.kind files --corpus.styles a x b y", "transfer: only a grammar or a judge"),
        ("--evaluate.metrics likelihood --evaluate.select none --evaluate.style_judge runs/judge",
         "it judges rewritten sentences; add transfer"),
        ("--evaluate.language_judge lm.arpa", "says nothing of styles; give evaluate.style_judge"),
    ],
)  # fmt: skip
def test_a_contradiction_is_told(flags: str, words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        override(RECIPE, shlex.split(flags))


def test_a_judge_may_choose_where_no_grammar_does() -> None:
    flags = "--corpus.kind files --corpus.styles a x b y --evaluate.style_judge runs/judge"
    assert override(RECIPE, shlex.split(flags)).evaluate.select == "transfer"


def test_transfer_is_a_figure_of_generators_that_rewrite() -> None:
    text = """
about: a language model
corpus: {kind: grammar}
vocabulary: {kind: word}
generator: {kind: lstm}
phases: [{method: {kind: teacher-forcing}, steps: 10}]
evaluate: {metrics: [transfer]}
"""
    with pytest.raises(RecipeError, match="transfer: only a generator of kind style-transformer"):
        parse(text, "a recipe")


def test_turns_are_those_of_the_method() -> None:
    settings = StyleTransformer(discriminator_steps=2, generator_steps=3)
    assert settings.turns(64) == ("discriminator",) * 2 + ("generator",) * 3
