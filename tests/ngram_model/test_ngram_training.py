"""What training does with a text: words, blank sentences, markers, rare words, settings."""

from __future__ import annotations

import math

import numpy as np
import pytest
import real_data
from ngram_texts import BEGIN, END, UNKNOWN, zipf_corpus

from seqgen.errors import UserError
from seqgen.ngram_model.discounts import FALLBACK, modified
from seqgen.ngram_model.model import NgramModel
from seqgen.ngram_model.words import TrainingText

CAPTIONS = real_data.DATA / "coco_texygen"


def test_discounts_by_hand() -> None:
    counts = [1, 1, 1, 1, 2, 2, 3, 4]  # 4, 2, 1, 1 n-grams of count 1, 2, 3, 4: Y = 4 / (4 + 4)
    assert modified(np.array(counts)) == pytest.approx((0.5, 1.25, 1.0))
    assert modified(np.array([1, 2, 9])) == FALLBACK  # no count 3
    # Discount 3 would be 3 - 4 * (1/3) * 9 / 1 < 0.
    assert modified(np.array([1, 2, 3] + [4] * 9)) == FALLBACK


def test_strings_and_token_lists_are_the_same_text() -> None:
    sentences = zipf_corpus(seed=1)
    texts = [" \t".join(sentence) + "\n" for sentence in sentences]
    model = NgramModel.train(sentences, 3)
    assert NgramModel.train(iter(texts), 3).name == model.name
    assert np.array_equal(model.score(texts), model.score(sentences))


def test_blank_sentences_are_left_out_and_counted() -> None:
    model = NgramModel.train(["a b", "", " \t", "b", []], 2)
    assert model.text == TrainingText(sentences=2, words=3, blank=3, markers=0, rare=0)
    assert model.name == NgramModel.train(["a b", "b"], 2).name


def test_words_that_look_like_markers_become_unknown_and_are_counted() -> None:
    model = NgramModel.train(["a <s> b", "</s> b", "<unk> a"], 3)
    assert model.text == TrainingText(sentences=3, words=7, blank=0, markers=2, rare=0)
    assert model.name == NgramModel.train([f"a {UNKNOWN} b", f"{UNKNOWN} b", "<unk> a"], 3).name
    marked, unknown = model.score_tokens(["a </s> <s>"]), model.score_tokens(["a <unk> new"])
    assert np.array_equal(marked.values, unknown.values)
    assert marked.unknown == unknown.unknown == 2
    # Where a caller names a context, they are what they are.
    assert model.probability(UNKNOWN, [BEGIN]) != model.probability(UNKNOWN, [UNKNOWN])


def test_rare_words_become_unknown() -> None:
    model = NgramModel.train(["a b", "a c c", "d"], 2, unknown_below=2)
    assert model.text == TrainingText(sentences=3, words=6, blank=0, markers=0, rare=2)
    assert model.words.names == (UNKNOWN, BEGIN, END, "a", "c")
    # The words come in another order, so the names differ, but not the probabilities.
    same = NgramModel.train([f"a {UNKNOWN}", "a c c", UNKNOWN], 2)
    assert np.array_equal(model.score(["c a d", "b"]), same.score(["c a d", "b"]))
    assert NgramModel.train(["a b", "a"], 2, unknown_below=1).text.rare == 0


def test_words_of_a_given_vocabulary_are_known() -> None:
    sentences = ["a b", "a c c", "d"]
    model = NgramModel.train(sentences, 2, unknown_below=2, vocabulary=["e", "d", "a", "f", "e"])
    assert model.words.names == (UNKNOWN, BEGIN, END, "a", "c", "d", "e", "f")
    assert model.text.rare == 1  # only b
    assert model.score_tokens(["a b c d e f"]).unknown == 1
    assert model.probability("e") == pytest.approx(model.probability("f"))
    predictable = [name for name in model.words.names if name != BEGIN]
    for context in ([], ["a"], ["e"], [BEGIN]):
        total = sum(model.probability(word, context) for word in predictable)
        assert total == pytest.approx(1.0)
    # V is 7: UNKNOWN, END and five words. Counts <unk> 1, d 1, a 2, c 2, </s> 3: discounts 1/3,
    # 3/2, 3 of 9 are shared out.
    single = NgramModel.train([f"a {UNKNOWN}", "a c c", "d"], 1, vocabulary=["e", "f"])
    assert single.probability("e") == pytest.approx((2 / 3 + 3 + 3) / 9 / 7)
    with pytest.raises(UserError, match="'e f'"):
        NgramModel.train(sentences, vocabulary=["e f"])


def test_all_unknown_words_are_one_word() -> None:
    model = NgramModel.train(zipf_corpus(seed=7), 3)
    known = model.score_tokens(["w1 <unk> w0"])
    assert np.array_equal(model.score_tokens(["w1 never w0"]).values, known.values)


def test_an_order_longer_than_all_sentences_changes_nothing() -> None:
    sentences = ["a b", "b", "a"]
    longest, longer = NgramModel.train(sentences, 4), NgramModel.train(sentences, 9)
    assert (longest.order, longer.order) == (4, 4)
    assert longer.name == longest.name
    assert NgramModel.train(sentences, 9, discounts=[0.5] * 9).discounts == ((0.5,) * 3,) * 4


def test_the_name_tells_models_apart_and_fits_a_signature() -> None:
    sentences = zipf_corpus(seed=1)
    models = [
        NgramModel.train(sentences, 3),
        NgramModel.train(sentences, 2),
        NgramModel.train(sentences[1:], 3),
        NgramModel.train(sentences, 3, discounts=0.75),
        NgramModel.train([s[::-1] for s in sentences], 3),
    ]
    names = [model.name for model in models]
    assert len(set(names)) == len(names)
    assert names[0].startswith("ngram-3@")
    assert not any(mark in name for name in names for mark in ":|")


@pytest.mark.parametrize(
    ("sentences", "settings", "words"),
    [
        ([], {}, "no sentence"),
        (["", " "], {}, "2 blank ones"),
        (["a"], {"order": 0}, "order 0"),
        (["a"], {"discounts": 1.5}, "discount 1.5"),
        (["a"], {"discounts": float("nan")}, "discount nan"),
        (["a"], {"order": 3, "discounts": [0.1, 0.2]}, "2 discounts given for order 3"),
        ([["a b"]], {}, "'a b'"),
        ([["a", ""]], {}, "''"),
        ([["\ud800"]], {}, "no valid Unicode"),
    ],
)
def test_what_cannot_be_trained_on_is_refused(sentences, settings, words) -> None:
    with pytest.raises(UserError) as problem:
        NgramModel.train(sentences, **settings)
    assert words in str(problem.value)


def test_wrong_types_are_refused() -> None:
    with pytest.raises(TypeError, match="one string"):
        NgramModel.train("a dog")
    with pytest.raises(TypeError, match="one string"):
        NgramModel.train(["a"]).score("a dog")
    with pytest.raises(TypeError, match="token 3 is a int"):
        NgramModel.train([[3, 4]])


def test_captions_give_the_known_perplexities() -> None:
    if not CAPTIONS.exists():
        pytest.skip("no caption data beside the repository")

    def lines(name: str) -> list[str]:
        text = (CAPTIONS / name).read_text("utf-8").lower().splitlines()
        glued = (line.endswith(".") and line[-2:-1] not in "  ." for line in text)
        return [f"{s[:-1]} ." if split else s for s, split in zip(text, glued, strict=True)]

    train = lines("train.txt")
    model = NgramModel.train(train[:-500], unknown_below=2)
    # What an implementation with dictionaries gave, which these arrays replaced.
    assert model.perplexity(lines("test.txt")) == pytest.approx(43.814, abs=5e-4)
    assert model.perplexity(train[-500:]) == pytest.approx(32.644, abs=5e-4)
    assert math.isfinite(model.perplexity([""]))
