"""BLEU of references against subsets equals BLEU against these sentences alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.metrics.bleu_family.backward import BackwardBleu
from seqgen.metrics.bleu_family.sentence_bleu import sentence_bleu

ORDERS = (1, 2, 3, 5)
corpus = st.lists(st.lists(st.sampled_from("abc"), max_size=8), min_size=1, max_size=7)


@given(corpus, corpus, st.sampled_from(["method1", "none"]), st.data())
def test_every_subset_equals_measuring_it_alone(sentences, references, smoothing, data):
    measure = BackwardBleu(sentences, references, ORDERS, smoothing)
    rows = st.lists(st.integers(0, len(sentences) - 1), min_size=1, unique=True)
    for _ in range(3):
        chosen = sorted(data.draw(rows))
        expected = sentence_bleu(references, [sentences[r] for r in chosen], ORDERS, smoothing)
        found = measure(np.array(chosen))
        assert found.shape == (4, len(references))
        assert found == pytest.approx(expected, abs=1e-14)


def test_nothing_in_common_and_nothing_at_all():
    assert not BackwardBleu([["a"]], [["b"], []], (2,), "method1")(np.array([0])).any()
    assert not BackwardBleu([[]], [[]], (2,), "method1")(np.array([0])).any()


def test_wrong_orders():
    with pytest.raises(ValueError, match="at least 1"):
        BackwardBleu([["a"]], [["a"]], (0,), "method1")
