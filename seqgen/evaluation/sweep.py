"""A model measured at many decoding settings: its quality-diversity curve.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549): one setting compares models
that stand at different places of the same trade-off.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from seqgen.errors import UserError
from seqgen.evaluation.decoding_settings import Decoding
from seqgen.evaluation.language_scores import LanguageScores
from seqgen.evaluation.progress import Progress
from seqgen.metrics.bleu_family.bleu import bleu_orders, self_bleu_orders
from seqgen.metrics.quality_diversity.curves import Curve, Point
from seqgen.metrics.score import Score

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)
ORDER = 5  # of the BLEU and self-BLEU that span the local axes

Family = Literal["temperature", "top-k", "top-p", "beam", "reject-likelihood"]
Draw = Callable[[int, Decoding], list[str]]
Scores = Mapping[str, Score]


def decodings(
    temperatures: Sequence[float] = TEMPERATURES,
    top_k: Sequence[int] = (),
    top_p: Sequence[float] = (),
    beam: Sequence[int] = (),
    reject_likelihood: Sequence[float] = (),
) -> list[Decoding]:
    """One setting after the other, each changing one thing, checked and none twice.

    Args:
        temperatures: of plain draws.
        top_k: draws from the k likeliest tokens.
        top_p: draws from the likeliest tokens of this mass.
        beam: widths of sampled beams, one for each sentence: a beam search draws nothing, and
            cannot give as many sentences as the other settings do.
        reject_likelihood: shares that are kept of the draws.

    Raises:
        UserError: a value out of range.
    """
    found = [
        *(Decoding(temperature=value) for value in temperatures),
        *(Decoding(top_k=value) for value in top_k),
        *(Decoding(top_p=value) for value in top_p),
        *(Decoding(sampled_beam=value) for value in beam),
        *(Decoding(reject_likelihood=value) for value in reject_likelihood),
    ]
    for decoding in found:
        decoding.check()
    return list(dict.fromkeys(found))


def setting(decoding: Decoding) -> tuple[Family, float]:
    """What a decoding changes, and to which value; nothing: temperature 1.

    Raises:
        UserError: it changes several things, and belongs to no curve.
    """
    plain = Decoding()
    values: dict[Family, tuple[float, float]] = {
        "temperature": (decoding.temperature, plain.temperature),
        "top-k": (decoding.top_k, plain.top_k),
        "top-p": (decoding.top_p, plain.top_p),
        "beam": (decoding.sampled_beam, plain.sampled_beam),
        "reject-likelihood": (decoding.reject_likelihood, plain.reject_likelihood),
    }
    changed = [(name, float(value)) for name, (value, usual) in values.items() if value != usual]
    if len(changed) > 1 or decoding.beam > 1:
        raise UserError(f"{decoding}: a point of a curve changes one setting, and draws")
    return changed[0] if changed else ("temperature", 1.0)


def sweep(
    name: str,
    draw: Draw,
    measure: Callable[[list[str]], Scores],
    decodings: Sequence[Decoding],
    count: int,
    progress: Progress | None = None,
) -> Curve:
    """Draw `count` sentences at each setting, and measure them.

    Args:
        name: of the curve.
        draw: gives sentences; the same random numbers for each setting make the curve smoother.
        measure: scores by name, measured alike for each setting.
        decodings: the settings, as `decodings` gives them.
        count: the same for each point: BLEU and self-BLEU depend on it.
        progress: told of every point.

    Raises:
        UserError: a setting that belongs to no curve.
        ValueError: a setting gave another number of sentences, or was measured otherwise.
    """
    points: list[Point] = []
    signatures: dict[str, str] = {}
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
        points.append(Point(family, value, {key: score.value for key, score in scores.items()}))
        if progress is not None:
            progress.advance(cost(decoding, count), f"{name}, {points[-1].label}")
    return Curve(name, points, signatures)


def cost(decoding: Decoding, count: int) -> float:
    """How much work a point is, in sentences drawn; measuring counts as much as drawing."""
    return count * (1 + decoding.sampled_beam / decoding.reject_likelihood)


def measuring(
    references: Sequence[str], language: LanguageScores | None = None
) -> Callable[[list[str]], Scores]:
    """What measures the points of a curve: bleu-5 and self-bleu-5, and with `language` lm-score and
    reverse-lm-score."""

    def measure(texts: list[str]) -> Scores:
        scores = [*bleu_orders(texts, references, (ORDER,)), *self_bleu_orders(texts, (ORDER,))]
        if language is not None:
            scores += [language.lm_score(texts), language.reverse_lm_score(texts)]
        return {score.name: score for score in scores}

    return measure
