import numpy as np
import pytest

from seqgen.metrics.frechet import frechet_distance, frechet_score, gaussian_frechet_distance


def test_diagonal_gaussians_have_a_closed_form() -> None:
    mean = np.array([1.0, -2.0, 0.5])
    a, b = np.array([4.0, 1.0, 0.0]), np.array([1.0, 9.0, 4.0])
    expected = mean @ mean + ((np.sqrt(a) - np.sqrt(b)) ** 2).sum()
    found = gaussian_frechet_distance(np.zeros(3), np.diag(a), mean, np.diag(b))
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_value_by_the_matrix_root_of_the_product(seed: int) -> None:
    linalg = pytest.importorskip("scipy.linalg")
    drawn = np.random.default_rng(seed)
    mixing = drawn.normal(size=(2, 6, 6))
    a = drawn.normal(size=(50, 6)) @ mixing[0] + 1
    b = drawn.normal(size=(80, 6)) @ mixing[1]
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    difference = a.mean(axis=0) - b.mean(axis=0)
    root = np.real(linalg.sqrtm(covariances[0] @ covariances[1]))
    expected = difference @ difference + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-8)


def test_turning_both_sets_changes_nothing() -> None:
    drawn = np.random.default_rng(0)
    a, b = drawn.normal(size=(2, 40, 5)) * np.arange(1, 6)
    turn = np.linalg.qr(drawn.normal(size=(5, 5)))[0]
    assert frechet_distance(a @ turn, b @ turn) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_fewer_sentences_than_dimensions_still_have_a_distance() -> None:
    drawn = np.random.default_rng(0)
    features = drawn.normal(size=(5, 20))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features + 2) == pytest.approx(80, rel=1e-6)


def test_the_bias_falls_with_the_number_of_sentences() -> None:
    drawn = np.random.default_rng(0)
    few, many = (frechet_distance(*drawn.normal(size=(2, n, 64))) for n in (500, 5000))
    assert 4 < few < 5
    assert 0.4 < many < 0.5


def test_the_score_names_encoder_width_and_both_counts() -> None:
    drawn = np.random.default_rng(0)
    score = frechet_score(drawn.normal(size=(9, 3)), drawn.normal(size=(7, 3)), "ngrams")
    assert score.name == "frechet"
    assert score.signature == "hypotheses:9|references:7|encoder:ngrams|width:3|version:1"


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (np.ones((1, 3)), np.ones((4, 3)), r"shape \(1, 3\)"),
        (np.ones((4, 2)), np.ones((4, 3)), "widths 2 and 3"),
        (np.full((4, 3), np.nan), np.ones((4, 3)), "not finite"),
    ],
)
def test_wrong_features_are_refused(a: np.ndarray, b: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)
