"""Figures of rewritten sentences: what the grammar knows, and BLEU with the source."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from copying_generator import Copying
from torch import Tensor

from seqgen.evaluation.rewriting import (
    RewritingMeasure,
    Rewritten,
    by_direction,
    grammar_figures,
    rewrite,
    source_figures,
)
from seqgen.evaluation.truth import GrammarTruth
from seqgen.generators.protocol import Specials
from seqgen.generators.style_transformer import StyleTransformer
from seqgen.randomness import Stream
from seqgen.text.grammar import Grammar
from seqgen.text.sentences import Sentences
from seqgen.text.vocabulary import Vocabulary

GRAMMAR = Grammar.read("""
styles: glad sad
caption
  2: <a fine> <thing>; 1: the <thing> is {very good | bad} today
a fine
  3: a {lovely | rather dull}; 1: {an ideal | a broken}
thing
  1: dog / red cat
""")


def found(*pairs: tuple[str, str], wanted: int = 1) -> dict[str, float]:
    sources, texts = zip(*pairs, strict=True)
    return grammar_figures(GRAMMAR, Rewritten(sources, texts, [wanted] * len(pairs)))


def test_the_right_answer_has_all_figures() -> None:
    sources = [text for text, _ in GRAMMAR.sample(30, seed=1, style="glad")]
    answers = [(source, GRAMMAR.restyle(source, "sad") or "") for source in sources]
    assert set(found(*answers).values()) == {1.0}


def test_a_copy_keeps_the_content_and_has_no_style() -> None:
    assert found(("the dog is very good today", "the dog is very good today")) == {
        "transfer-accuracy": 0.0,
        "content-kept": 1.0,
        "transfer-grammatical": 1.0,
        "transfer-score": 0.0,
    }


def test_figures_by_hand() -> None:
    figures = found(
        ("the dog is very good today", "the dog is bad today"),  # all 4 kept
        ("a lovely red cat", "a broken dog"),  # of a, red, cat: a is kept
        ("a lovely dog", "rather dull dog dog"),  # ungrammatical, sad by its words; 1 of 2
        ("an ideal dog", "a lovely broken dog"),  # words of both styles; 1 of 1
    )
    assert figures["transfer-accuracy"] == 3 / 4
    assert figures["content-kept"] == (4 + 1 + 1 + 1) / (4 + 3 + 2 + 1)
    assert figures["transfer-grammatical"] == 2 / 4
    assert figures["transfer-score"] == pytest.approx((0.75 * 0.7 * 0.5) ** (1 / 3))


def test_bleu_with_the_source_and_copies() -> None:
    figures = source_figures(Rewritten(["a b c d e", "a b c d e"], ["a b c d e", "v w x y z"], [0]))
    assert figures == {"source-bleu": 0.5, "copied": 0.5}


@dataclass(frozen=True)
class Corpus:
    """A batch as a corpus."""

    batch: Sentences

    def __len__(self) -> int:
        return len(self.batch)

    def select(self, indices: Tensor, rows: Tensor | None = None) -> Sentences:
        return self.batch.select(indices)


def small(styles: int = 2) -> tuple[StyleTransformer, Vocabulary, Sentences]:
    texts = [text for text, _ in GRAMMAR.sample(12, seed=2)]
    vocabulary = Vocabulary.train(texts, "word")
    torch.manual_seed(0)
    specials = Specials(vocabulary.begin, vocabulary.end, vocabulary.pad)  # type: ignore[arg-type]
    sizes = {"width": 8, "heads": 2, "layers": 1}
    generator = StyleTransformer(len(vocabulary), specials, styles=styles, **sizes)
    labels = [number % styles for number in range(12)]
    return generator, vocabulary, vocabulary.encode(texts, labels=labels)


def test_every_sentence_is_rewritten_in_the_style_behind_its_own() -> None:
    generator, vocabulary, data = small()
    rewritten = rewrite(generator, vocabulary, Corpus(data), limit=7, size=5)
    assert list(rewritten.sources) == vocabulary.texts(data.ids, data.lengths)
    assert list(rewritten.styles) == [1, 0] * 6
    assert len(rewritten.texts) == 12 and generator.training


def test_of_three_styles_every_sentence_is_rewritten_in_both_others() -> None:
    generator, vocabulary, data = small(3)
    rewritten = rewrite(generator, vocabulary, Corpus(data), limit=7, size=5)
    texts = vocabulary.texts(data.ids, data.lengths)
    assert list(rewritten.sources) == [text for text in texts for _ in range(2)]
    assert list(rewritten.own) == [0, 0, 1, 1, 2, 2] * 4
    assert list(rewritten.styles) == [1, 2, 2, 0, 0, 1] * 4


def test_directions_are_told_apart() -> None:
    whole = Rewritten(list("abcde"), list("ABCDE"), [1, 2, 0, 1, 1], [0, 0, 2, 0, 2])
    assert by_direction(whole) == {
        (0, 1): Rewritten(["a", "d"], ["A", "D"], [1, 1], [0, 0]),
        (0, 2): Rewritten(["b"], ["B"], [2], [0]),
        (2, 0): Rewritten(["c"], ["C"], [0], [2]),
        (2, 1): Rewritten(["e"], ["E"], [1], [2]),
    }


def test_test_sentences_of_three_styles_have_figures_of_six_directions() -> None:
    grammar = Grammar.read("styles: glad sad cross\ncaption\n  1: {fine | bad | mean}\n")
    vocabulary = Vocabulary.train(["fine fine fine fine bad bad bad mean mean so"], "word")
    data = vocabulary.encode(["fine", "bad", "mean"] * 2, labels=[0, 1, 2] * 2)
    measure = RewritingMeasure(
        Copying(vocabulary), vocabulary, 8, ["transfer"], None, GrammarTruth(grammar),
        labels=grammar.styles,
    )  # fmt: skip
    figures = measure.test(Corpus(data))
    # The style's number moves a word as far: fine to bad and mean, but bad to bad and so.
    right = {
        name: (figures[f"transfer-accuracy ({name})"], figures[f"transfer-grammatical ({name})"])
        for name in [f"{a} to {b}" for a in grammar.styles for b in grammar.styles if a != b]
    }
    assert right == {
        "glad to sad": (1.0, 1.0), "glad to cross": (1.0, 1.0), "sad to glad": (0.0, 1.0),
        "sad to cross": (0.0, 0.0), "cross to glad": (0.0, 1.0), "cross to sad": (0.0, 0.0),
    }  # fmt: skip
    assert (figures["transfer-accuracy"], figures["copied"]) == (2 / 6, 2 / 6)
    assert sum("(" in name for name in figures) == 3 * 6


def test_the_measure_spreads_its_samples_over_the_sentences() -> None:
    generator, vocabulary, data = small()
    measure = RewritingMeasure(
        generator,
        vocabulary,
        7,
        ["likelihood", "transfer"],
        Corpus(data),
        GrammarTruth(GRAMMAR),
        samples=4,
    )
    figures, lines = measure(Stream.of(0))
    assert figures.keys() == {
        "nll", "perplexity", "source-bleu", "copied",
        "transfer-accuracy", "content-kept", "transfer-grammatical", "transfer-score",
    }  # fmt: skip
    texts = vocabulary.texts(data.ids, data.lengths)
    assert [line.split(" -> ")[0] for line in lines] == [texts[i] for i in (0, 3, 6, 9)]
    assert measure.real(Stream.of(0)) == {}
