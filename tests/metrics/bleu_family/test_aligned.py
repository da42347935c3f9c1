import random
import warnings
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu

from seqgen.metrics.bleu_family.aligned import aligned_bleu_orders, sentence_aligned_bleu

ORDERS = (1, 2, 3, 4, 5)
sentence = st.lists(st.sampled_from(["a", "b", "c", "the", "é", "一"]), max_size=9)


def by_nltk(
    predictions: Sequence[Sequence[str]], streams: Sequence[Sequence[Sequence[str]]], smoothing: str
) -> np.ndarray:
    method = SmoothingFunction().method1 if smoothing == "method1" else None
    weights = [(1 / n,) * n for n in ORDERS]
    rows = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i, prediction in enumerate(predictions):
            own = [list(stream[i]) for stream in streams]
            found = sentence_bleu(own, list(prediction), weights, method)
            rows.append(found if isinstance(found, list) else [found] * len(ORDERS))
    return np.array(rows, float).T


@settings(max_examples=150)
@given(
    st.integers(1, 3).flatmap(
        lambda streams: st.lists(st.tuples(*[sentence] * (streams + 1)), min_size=1, max_size=5)
    ),
    st.sampled_from(["method1", "none"]),
)
def test_every_row_equals_nltk(rows: list[tuple[list[str], ...]], smoothing: str) -> None:
    predictions, *streams = ([row[k] for row in rows] for k in range(len(rows[0])))
    ours = sentence_aligned_bleu(predictions, streams, ORDERS, smoothing)
    assert np.abs(ours - by_nltk(predictions, streams, smoothing)).max() < 1e-12


@pytest.mark.parametrize("smoothing", ["method1", "none"])
def test_many_rows_equal_nltk(smoothing: str) -> None:
    drawn = random.Random(1)
    words = ["the", "a", "food", "place", "great", "awful", "is", "was", ".", "not", "here"]
    make = lambda: [drawn.choice(words) for _ in range(drawn.randint(0, 14))]  # noqa: E731
    predictions = [make() for _ in range(2000)]
    streams = [[s if drawn.random() < 0.3 else make() for s in predictions] for _ in range(3)]
    ours = sentence_aligned_bleu(predictions, streams, ORDERS, smoothing)
    assert np.abs(ours - by_nltk(predictions, streams, smoothing)).max() < 1e-12
    assert (ours > 0.5).sum() > 300


def test_rows_see_only_their_own_references() -> None:
    predictions = ["a b c d", "e f g h"]
    assert sentence_aligned_bleu(predictions, [predictions[::-1]], (4,)).tolist() == [[0, 0]]
    assert sentence_aligned_bleu(predictions, [predictions], (4,)).tolist() == [[1, 1]]


def test_the_signature_names_streams_tokenizer_and_smoothing() -> None:
    (score,) = aligned_bleu_orders(["a b c d", "e"], [["a b c d", "f"], ["x", "y"]])
    assert (score.name, score.value) == ("aligned-bleu-4", 0.5)
    for part in ("order:4", "hypotheses:2", "references:2 aligned", "smoothing:none"):
        assert part in score.signature.split("|")
    assert "tokenizer:whitespace" in score.signature


def test_tokenizer_and_case_are_asked_for_by_name() -> None:
    (score,) = aligned_bleu_orders(
        ["It's Fine."], [["it ' s fine ."]], (1,), tokenizer="nltk", lowercase=True
    )
    assert score.value == pytest.approx(3 / 4 * np.exp(1 - 5 / 4))  # it 's fine .
    assert "tokenizer:nltk+lowercase" in score.signature


@pytest.mark.parametrize(
    ("references", "error", "message"),
    [
        ([["a b"]], ValueError, "2 predictions, but 1 sentences in reference stream 0"),
        ([["a", "b"], ["a", "b", "c"]], ValueError, "but 3 sentences in reference stream 1"),
        (["a b", "c d"], TypeError, "give a list of streams"),
        ([], ValueError, "no references given"),
    ],
)
def test_wrong_references_are_refused(
    references: list[object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        sentence_aligned_bleu(["a b", "c d"], references)


def test_wrong_orders_and_smoothing_are_refused() -> None:
    with pytest.raises(ValueError, match="each at least 1"):
        sentence_aligned_bleu(["a"], [["a"]], (0, 4))
    with pytest.raises(ValueError, match="'exp' given"):
        sentence_aligned_bleu(["a"], [["a"]], smoothing="exp")
    with pytest.raises(ValueError, match="no predictions"):
        sentence_aligned_bleu([], [[]])
