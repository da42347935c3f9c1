"""A model measured at many decoding settings: its quality-diversity curve.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549): one setting compares models
that stand at different places of the same trade-off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from seqgen.evaluation.decoding_settings import Decoding, setting
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.metrics.bleu_family.bleu import bleu_orders, self_bleu_orders
from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.score import Score
from seqgen.metrics.tokens import Tokenizer

ORDER = 5  # of the BLEU and self-BLEU that span the local axes
PARTS = 4  # of a point's sentences, where chance is to be told: how far they are apart

Draw = Callable[[int, Decoding], list[str]]
Scores = Mapping[str, Score]


def sweep(
    name: str,
    draw: Draw,
    measure: Callable[[list[str]], Scores],
    decodings: Sequence[Decoding],
    count: int,
    progress: Progress | None = None,
    parts: int = 0,
) -> Curve:
    """Draw `count` sentences at each setting, and measure them.

    Args:
        name: of the curve.
        draw: gives sentences; the same random numbers for each setting make the curve smoother.
        measure: scores by name, measured alike for each setting.
        decodings: the settings, as `decodings` gives them.
        count: the same for each point: BLEU and self-BLEU depend on it.
        progress: told of every point.
        parts: into how many the sentences of each point are divided too, each measured alike; for
            verdicts, which need to know chance. 0: not at all.

    Raises:
        UserError: a setting that belongs to no curve.
        ValueError: a setting gave another number of sentences, or was measured otherwise.
    """
    points: list[Point] = []
    signatures: dict[str, str] = {}
    divided: list[list[Point]] = [[] for _ in range(parts)]
    for decoding in decodings:
        family, value = setting(decoding)
        texts = draw(count, decoding)
        if len(texts) != count:
            raise ValueError(f"{family} {value:g}: {len(texts)} sentences instead of {count}")
        scores = measure(texts)
        for key, score in scores.items():
            if signatures.setdefault(key, score.signature) != score.signature:
                known = signatures[key]
                raise ValueError(f"{key}: {score.signature} beside {known} cannot be compared")
        points.append(Point(family, value, _figures(scores)))
        for number, part in enumerate(divided):
            part.append(Point(family, value, _figures(measure(texts[number::parts]))))
        if progress is not None:
            progress.advance(cost(decoding, count, parts), f"{name}, {points[-1].label}")
    return Curve(name, points, signatures, parts=[Curve(name, part, {}) for part in divided])


def _figures(scores: Scores) -> dict[str, float]:
    return {name: score.value for name, score in scores.items()}


def cost(decoding: Decoding, count: int, parts: int = 0) -> float:
    """How much work a point is, in sentences drawn; measuring counts as much as drawing, and so
    does measuring all parts."""
    measured = 2 if parts else 1
    return count * (measured + decoding.sampled_beam / decoding.reject_likelihood)


def measuring(
    references: Sequence[str],
    language: LanguageScores | None = None,
    tokenizer: Tokenizer = "whitespace",
) -> Callable[[Sequence[str]], dict[str, Score]]:
    """What measures the points of a curve: bleu-5 and self-bleu-5, and with `language` lm-score and
    reverse-lm-score."""

    def measure(texts: Sequence[str]) -> dict[str, Score]:
        scores = bleu_orders(texts, references, (ORDER,), tokenizer=tokenizer)
        scores += self_bleu_orders(texts, (ORDER,), tokenizer=tokenizer)
        if language is not None:
            scores += [language.lm_score(texts), language.reverse_lm_score(texts)]
        return {score.name: score for score in scores}

    return measure
