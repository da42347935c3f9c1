"""Corpus BLEU and chrF as sacrebleu computes them, with sacrebleu's signature in ours.

"A Call for Clarity in Reporting BLEU Scores", Post 2018 (arXiv 1804.08771). Both are on the scale 0
to 100. References are streams, as in ``seqgen.metrics.bleu_family.aligned``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from seqgen.metrics.arrays import Floats
from seqgen.metrics.bleu_family.aligned import check_streams
from seqgen.metrics.score import Score, sign


def corpus_bleu(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    lowercase: bool = False,
    tokenize: str = "13a",
    smoothing: str = "exp",
    name: str = "corpus-bleu",
) -> Score:
    """Return sacrebleu's corpus BLEU-4, 0 to 100.

    ``tokenize`` and ``smoothing`` are sacrebleu's ``tokenize`` and ``smooth_method``; ``none`` of
    each for text that is already split into tokens. Raises ValueError without predictions, for a
    stream of another length, or a name that sacrebleu does not know.
    """
    from sacrebleu.metrics.bleu import BLEU

    _check(predictions, references)
    known = {"tokenize": (tokenize, BLEU.TOKENIZERS), "smoothing": (smoothing, _SMOOTHINGS)}
    for what, (given, allowed) in known.items():
        if given not in allowed:
            raise ValueError(f"{what} {given!r} given: it may be {', '.join(sorted(allowed))}")
    # force: text in tokens is what is asked for here, sacrebleu need not warn of it.
    metric = BLEU(lowercase=lowercase, tokenize=tokenize, smooth_method=smoothing, force=True)
    return _score(metric, name, predictions, references)


def corpus_chrf(
    predictions: Sequence[str],
    references: Sequence[Sequence[str]],
    *,
    lowercase: bool = False,
    name: str = "chrf",
) -> Score:
    """Return sacrebleu's corpus chrF (characters up to order 6, beta 2), 0 to 100.

    "chrF: character n-gram F-score for automatic MT evaluation", Popovic 2015. Raises ValueError as
    ``corpus_bleu`` does.
    """
    from sacrebleu.metrics.chrf import CHRF

    _check(predictions, references)
    return _score(CHRF(lowercase=lowercase), name, predictions, references)


def sentence_chrf(
    predictions: Sequence[str], references: Sequence[Sequence[str]], *, lowercase: bool = False
) -> Floats:
    """Return sacrebleu's chrF of each row against its references, (rows,), 0 to 100.

    Raises ValueError as ``corpus_bleu`` does.
    """
    from sacrebleu.metrics.chrf import CHRF

    _check(predictions, references)
    metric = CHRF(lowercase=lowercase)
    rows = zip(predictions, zip(*references, strict=True), strict=True)
    return np.array([metric.sentence_score(given, list(known)).score for given, known in rows])


_SMOOTHINGS = ("add-k", "exp", "floor", "none")


def _score(
    metric: Any, name: str, predictions: Sequence[str], references: Sequence[Sequence[str]]
) -> Score:
    found = metric.corpus_score(list(predictions), [list(stream) for stream in references])
    pairs = dict(pair.split(":", 1) for pair in str(metric.get_signature()).split("|"))
    version = pairs.pop("version")
    settings = {"hypotheses": str(len(predictions)), **pairs, "sacrebleu": version}
    return Score(name, float(found.score), sign(settings))


def _check(predictions: Sequence[str], references: Sequence[Sequence[str]]) -> None:
    check_streams(predictions, references)
    wrong = [s for given in (predictions, *references) for s in given if not isinstance(s, str)]
    if wrong:
        raise TypeError(f"{wrong[0]!r} given as a sentence: sacrebleu takes strings, not tokens")
