"""MS-Jaccard and coverage against golden values and plain counting."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.overlap import coverage, ms_jaccard

REFERENCES = [
    "the cat sat on the mat",
    "a dog ran in the park",
    "the dog sat on a mat",
    "birds fly over the park today",
]
HYPOTHESES = ["the cat sat on a mat", "a dog ran in the house", "fish swim"]
corpus = st.lists(st.lists(st.sampled_from("abc"), max_size=6), min_size=1, max_size=6)


def counted(sentences, order):
    grams = (tuple(s[at : at + order]) for s in sentences for at in range(len(s) - order + 1))
    return Counter(grams)


def plain_jaccard(predictions, references, order):
    a, b = counted(predictions, order), counted(references, order)
    pairs = [(a[g] / len(predictions), b[g] / len(references)) for g in a | b]
    return sum(map(min, pairs)) / sum(map(max, pairs)) if pairs else 1.0


def test_golden_value():
    assert ms_jaccard(HYPOTHESES, REFERENCES, 3).value == pytest.approx(
        0.3858887410712109, abs=1e-15
    )


@given(corpus, corpus, st.integers(1, 4))
def test_ms_jaccard_equals_plain_counting(predictions, references, order):
    parts = [plain_jaccard(predictions, references, n) for n in range(1, order + 1)]
    expected = math.prod(parts) ** (1 / order)
    assert ms_jaccard(predictions, references, order).value == pytest.approx(expected, abs=1e-12)
    assert ms_jaccard(references, predictions, order).value == pytest.approx(expected, abs=1e-12)


@given(corpus, corpus, st.integers(1, 4))
def test_coverage_equals_plain_counting(predictions, references, order):
    wanted = set(counted(references, order))
    found = wanted & set(counted(predictions, order))
    expected = len(found) / len(wanted) if wanted else 0.0
    assert coverage(predictions, references, order).value == expected


def test_the_ends_of_the_scale():
    assert ms_jaccard(REFERENCES, REFERENCES).value == 1
    assert ms_jaccard(REFERENCES * 3, REFERENCES).value == pytest.approx(1)
    assert ms_jaccard(["x y z"], REFERENCES, 2).value == 0
    assert coverage(REFERENCES[:2] + REFERENCES, REFERENCES, 3).value == 1
    assert coverage(["x y", ""], REFERENCES, 1).value == 0


def test_names_signatures_and_tokenizers():
    score = ms_jaccard(["The cat"], ["the CAT", "a dog"], 2, lowercase=True)
    assert score.name == "ms-jaccard-2" and score.value > 0
    assert score.signature.startswith("order:2|hypotheses:1|references:2|tokenizer:whitespace+low")
    score = coverage(["ab"], ["abc"], 2, tokenizer="character")
    assert (score.name, score.value) == ("coverage-2", 0.5)
    assert "tokenizer:character" in score.signature


@pytest.mark.parametrize("measure", [ms_jaccard, coverage])
def test_wrong_arguments(measure):
    with pytest.raises(ValueError, match="order 0"):
        measure(REFERENCES, REFERENCES, 0)
    with pytest.raises(ValueError, match="0 sentences"):
        measure([], REFERENCES)
    with pytest.raises(ValueError, match="0 sentences"):
        measure(REFERENCES, [])
