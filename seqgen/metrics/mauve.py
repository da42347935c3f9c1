"""MAUVE of two sets of sentence vectors, through the package of its authors.

"MAUVE: Measuring the Gap Between Neural Text and Human Text using Divergence Frontiers", Pillutla
et al. 2021 (arXiv 2102.01454). Values depend on the encoder, the number of sentences and the seed
of a clustering; over single seeds they spread as far as differences between papers.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np

from seqgen.metrics.arrays import Floats

FIRST_SEED = 25
"""The seed of the package's own default; the others follow it."""


def mauve_score(features_a: Floats, features_b: Floats, seeds: int = 5) -> float:
    """Return MAUVE, 0 to 1, of two samples, (rows, width) each, the mean over clustering seeds.

    Raises ValueError for a number of seeds below 1, different widths, and where the package is not
    installed.
    """
    if seeds < 1:
        raise ValueError(f"seeds {seeds} given: the mean is over at least 1")
    if features_a.ndim != 2 or features_a.shape[1:] != features_b.shape[1:]:
        raise ValueError(
            f"features of shapes {features_a.shape} and {features_b.shape} given: (rows, width) "
            "each, of one encoder"
        )
    compute = _package().compute_mauve
    found = [
        compute(
            p_features=features_a, q_features=features_b, seed=FIRST_SEED + number, verbose=False
        ).mauve
        for number in range(seeds)
    ]
    return float(np.mean(found))


def _package() -> Any:
    try:
        return import_module("mauve")
    except ImportError as problem:
        raise ValueError(
            "MAUVE was asked for and the package 'mauve-text' is not installed. seqgen does not "
            "install it, because its licence is the GPL: install it with `pip install mauve-text`, "
            f"or leave MAUVE out ({problem})"
        ) from problem
