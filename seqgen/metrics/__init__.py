"""Metrics: strings or lists of tokens in, numbers out; no torch, nothing else of seqgen.

``evaluate`` measures everything at once, ``evaluate_preset`` what one body of literature measured;
the rest are the single metrics. Every Score carries a signature: two values may be compared when
their names and signatures are equal.

    from seqgen.metrics import bleu, self_bleu
    print(bleu(predictions=generated, references=real), self_bleu(generated))

As ``bleu`` and ``sentence_bleu`` name both a function and the module it stands in, import from the
modules by ``from seqgen.metrics.bleu_family.bleu import ...``.
"""

from seqgen.metrics.bleu_family.aligned import aligned_bleu_orders, sentence_aligned_bleu
from seqgen.metrics.bleu_family.bleu import (
    backward_bleu,
    backward_bleu_orders,
    bleu,
    bleu_orders,
    harmonic_bleu,
    harmonic_bleu_orders,
    self_bleu,
    self_bleu_orders,
)
from seqgen.metrics.bleu_family.preset_table import evaluate_preset
from seqgen.metrics.bleu_family.presets import PRESETS, Preset
from seqgen.metrics.bleu_family.sacrebleu_scores import corpus_bleu, corpus_chrf, sentence_chrf
from seqgen.metrics.bleu_family.sentence_bleu import (
    sentence_bleu,
    sentence_bleu_both_ways,
    sentence_self_bleu,
)
from seqgen.metrics.diversity import (
    distinct,
    entropy,
    expected_distinct,
    lengths,
    novel_share,
    repetition,
    unique_share,
)
from seqgen.metrics.frechet import frechet_distance, frechet_score
from seqgen.metrics.mauve import mauve_score
from seqgen.metrics.overlap import coverage, ms_jaccard
from seqgen.metrics.projection import NgramProjection
from seqgen.metrics.quality_diversity.curves import Axes, Curve, Point
from seqgen.metrics.score import Interval, Score
from seqgen.metrics.statistics import (
    approximate_randomisation,
    bootstrap,
    paired_bootstrap,
    subsampling,
)
from seqgen.metrics.style_transfer.markers import Markers
from seqgen.metrics.suite import evaluate
from seqgen.metrics.table import Row, Table

__all__ = [
    "PRESETS",
    "Axes",
    "Curve",
    "Interval",
    "Markers",
    "NgramProjection",
    "Point",
    "Preset",
    "Row",
    "Score",
    "Table",
    "aligned_bleu_orders",
    "approximate_randomisation",
    "backward_bleu",
    "backward_bleu_orders",
    "bleu",
    "bleu_orders",
    "bootstrap",
    "corpus_bleu",
    "corpus_chrf",
    "coverage",
    "distinct",
    "entropy",
    "evaluate",
    "evaluate_preset",
    "expected_distinct",
    "frechet_distance",
    "frechet_score",
    "harmonic_bleu",
    "harmonic_bleu_orders",
    "lengths",
    "mauve_score",
    "ms_jaccard",
    "novel_share",
    "paired_bootstrap",
    "repetition",
    "self_bleu",
    "self_bleu_orders",
    "sentence_aligned_bleu",
    "sentence_bleu",
    "sentence_bleu_both_ways",
    "sentence_chrf",
    "sentence_self_bleu",
    "subsampling",
    "unique_share",
]
