"""The Frechet distance between two sets of sentence vectors, in numpy.

"GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium", Heusel et al.
2017 (arXiv 1706.08500), of sentence embeddings as in "Training Language GANs from Scratch",
d'Autume et al. 2019 (arXiv 1905.09922). Both sets are taken for Gaussian.

The distance between two samples of one distribution is above 0 and falls with their size: about
4.4 for 500 and 0.2 for 10,000 vectors of a standard Gaussian in 64 dimensions, 13 for 10,000 in
512. Compare only equal encoders, widths and numbers of sentences; the signature holds all three.
"""

from __future__ import annotations

import numpy as np

from seqgen.metrics.arrays import Floats
from seqgen.metrics.score import Score, sign


def frechet_score(features_a: Floats, features_b: Floats, encoder: str) -> Score:
    """Return ``frechet_distance`` as a Score that names the encoder, the width and both counts.

    ``features_a`` are of the generated sentences, ``features_b`` of the real ones; ``encoder`` is
    the encoder's name, without ``:`` and ``|``. Raises ValueError as ``frechet_distance`` does.
    """
    value = frechet_distance(features_a, features_b)
    settings: dict[str, str | int] = {
        "hypotheses": len(features_a),
        "references": len(features_b),
        "encoder": encoder,
        "width": features_a.shape[1],
    }
    return Score("frechet", value, sign(settings))


def frechet_distance(features_a: Floats, features_b: Floats) -> float:
    """Return the squared Frechet distance of two samples, (rows, width) each.

    Covariances are divided by rows - 1. Raises ValueError for fewer than two rows, different widths
    or values that are not finite.
    """
    _check(features_a, features_b)
    return gaussian_frechet_distance(
        features_a.mean(axis=0), _covariance(features_a), features_b.mean(axis=0),
        _covariance(features_b),
    )  # fmt: skip


def gaussian_frechet_distance(
    mean_a: Floats, covariance_a: Floats, mean_b: Floats, covariance_b: Floats
) -> float:
    """Return the squared Frechet distance of two Gaussians, means (width,), covariances (width,
    width): ``|a - b|^2 + trace(A + B - 2 sqrt(A B))``.

    The trace of sqrt(A B) is the sum of the roots of the eigenvalues of sqrt(A) B sqrt(A), which is
    symmetric: no complex numbers, and singular covariances need no addition to their diagonals.
    """
    values, vectors = np.linalg.eigh(covariance_a)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    product = root @ covariance_b @ root
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh((product + product.T) / 2), 0))
    difference = mean_a - mean_b
    traces = np.trace(covariance_a) + np.trace(covariance_b)
    # Rounding can leave a distance of equal sets a little below 0.
    return max(0.0, float(difference @ difference + traces - 2 * roots.sum()))


def _covariance(features: Floats) -> Floats:
    centred = features - features.mean(axis=0)
    product: Floats = centred.T @ centred / (len(features) - 1)
    return product


def _check(features_a: Floats, features_b: Floats) -> None:
    for features in (features_a, features_b):
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"features of shape {features.shape} given: (rows, width), 2 rows up")
        if not np.isfinite(features).all():
            raise ValueError("features that are not finite given: every value must be a number")
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(
            f"features of widths {features_a.shape[1]} and {features_b.shape[1]} given: both must "
            "come from one encoder"
        )
