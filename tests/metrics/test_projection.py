import os
import subprocess
import sys

import numpy as np
import pytest

from seqgen.metrics.frechet import frechet_distance
from seqgen.metrics.projection import AT_ONCE, NgramProjection

TEXTS = ["the cat sat on the mat", "a dog ran", "", "cat", "the mat sat on the cat", "é 一"]


def test_rows_have_length_one_and_do_not_depend_on_the_others() -> None:
    encoder = NgramProjection(width=100)
    found = encoder.features(TEXTS)
    assert found.shape == (6, 100)
    assert np.linalg.norm(found, axis=1) == pytest.approx([1, 1, 0, 1, 1, 1])
    many = encoder.features([*TEXTS * (AT_ONCE // 6), *reversed(TEXTS)])
    assert np.array_equal(many[-6:][::-1], found)


def test_another_process_finds_the_same_vectors() -> None:
    code = (
        "from seqgen.metrics.projection import NgramProjection as N\n"
        f"print(N(width=70, seed=3).features({TEXTS!r}).tobytes().hex())"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONIOENCODING": "utf-8"}
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == NgramProjection(width=70, seed=3).features(TEXTS).tobytes().hex()


def test_angles_are_those_of_the_bags_of_ngrams() -> None:
    a, b = "the food is good", "the food is bad"  # 4 words and 3 pairs each, 3 and 2 shared
    found = NgramProjection(width=20_000, weighting="binary").features([a, b])
    assert found[0] @ found[1] == pytest.approx(5 / 7, abs=0.02)


def test_repeated_words_weigh_by_the_logarithm_of_their_count() -> None:
    texts = ["a . a . a", "a"]
    log, binary = (
        NgramProjection(width=20_000, weighting=weighting).features(texts)
        for weighting in ("log", "binary")
    )
    counts = np.log1p([3, 2, 2, 2])  # a, ., "a .", ". a"
    assert log[0] @ log[1] == pytest.approx(counts[0] / np.linalg.norm(counts), abs=0.02)
    assert binary[0] @ binary[1] == pytest.approx(1 / 2, abs=0.02)


def test_order_and_seed_change_the_vectors() -> None:
    encoder = NgramProjection()
    swapped = encoder.features(["cat dog", "dog cat"])
    assert not np.allclose(swapped[0], swapped[1])
    assert not np.allclose(swapped, NgramProjection(seed=1).features(["cat dog", "dog cat"]))


def test_it_tells_texts_apart_where_equal_ones_are_near() -> None:
    drawn = np.random.default_rng(0)
    words = np.array([*"abcdefghijklm"])
    make = lambda share: [" ".join(drawn.choice(words, 8, p=share)) for _ in range(600)]  # noqa: E731
    even, skewed = np.full(13, 1 / 13), np.arange(1, 14) / 91
    features = [NgramProjection(64).features(make(share)) for share in (even, even, skewed)]
    assert frechet_distance(*features[:2]) * 3 < frechet_distance(features[0], features[2])


def test_the_name_says_what_decides_the_vectors() -> None:
    names = {
        NgramProjection(width, weighting, seed).name
        for width in (64, 128)
        for weighting in ("log", "binary")
        for seed in (0, 1)
    }
    assert len(names) == 8
    assert not any(":" in name or "|" in name for name in names)


def test_wrong_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="width 0"):
        NgramProjection(width=0)
    with pytest.raises(ValueError, match="'idf' given"):
        NgramProjection(weighting="idf")
    with pytest.raises(TypeError, match="one string"):
        NgramProjection().features("a b")
