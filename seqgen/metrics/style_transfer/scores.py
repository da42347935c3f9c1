"""All scores of one style transfer system, with its figures sentence by sentence.

Rates, BLEU, chrF and the joint score are on the scale 0 to 100, as in the field's tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from seqgen.metrics.arrays import Flags, Floats
from seqgen.metrics.bleu_family.aligned import aligned_settings, sentence_aligned_bleu
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sacrebleu_scores import corpus_bleu, corpus_chrf, sentence_chrf
from seqgen.metrics.bounds import bounded
from seqgen.metrics.score import Interval, Score, sign
from seqgen.metrics.statistics import percentiles, resampled_means
from seqgen.metrics.style_transfer.factors import REAL_SHARE, Factors, Task, fluent
from seqgen.metrics.style_transfer.markers import THRESHOLD
from seqgen.metrics.table import Kind, Row
from seqgen.metrics.tokens import Tokenizer

NAMES = (
    "accuracy",
    "source-bleu",
    "reference-bleu",
    "corpus-source-bleu",
    "corpus-reference-bleu",
    "chrf",
    "judge-perplexity",
    "geometric-mean",
    "harmonic-mean",
    "joint",
)
"""The scores there can be, in the order of the table."""


@dataclass(frozen=True)
class Setting:
    """What all rows of a table have in common.

    Attributes:
        task: what was to be rewritten, and the human rewritings.
        tokenizer: of the mean sentence BLEU; corpus BLEU takes the words between white space.
        smoothing: of the mean sentence BLEU.
        style: name of the style judge, None where there is none.
        language: name of the language judge, None where there is none.
        ceiling: the perplexity that REAL_SHARE percent of real text stays below.
        real: which text that was, without ``:`` and ``|``.
        digest: of that text; texts of one length are not one text.
        judged: in which form the judges read the sentences.
        first: what stands first in signatures of mean sentence BLEU, such as a preset.
    """

    task: Task
    tokenizer: Tokenizer = "whitespace"
    smoothing: Smoothing = "none"
    style: str | None = None
    language: str | None = None
    ceiling: float = np.inf
    real: str = "none"
    digest: str = ""
    judged: str = "as given"
    first: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdicts:
    """What the judges said of a system's sentences, (rows,) each, None where there is no judge.

    ``right`` and ``clean`` as in ``Factors``; ``nats`` summed log-probabilities, END included, over
    ``tokens``.
    """

    right: Flags | None = None
    clean: Flags | None = None
    nats: Floats | None = None
    tokens: Floats | None = None


@dataclass(frozen=True)
class Measured:
    """A row of the table, and the figures of each sentence that its means are of: by name (rows,),
    for intervals and paired tests."""

    row: Row
    sentences: Mapping[str, Floats]


def measure(
    name: str,
    predictions: Sequence[str],
    setting: Setting,
    verdicts: Verdicts,
    kind: Kind = "system",
    references: Sequence[Sequence[str]] | None = None,
    intervals: bool = True,
    seed: int = 0,
) -> Measured:
    """Score the predictions, (rows,); ``references`` takes the place of the task's where given.

    Intervals are bootstraps of the rows, for all scores but those of sacrebleu. Raises ValueError
    for another number of predictions than sources.
    """
    streams = setting.task.references if references is None else references
    sentences = _sentences(predictions, setting, verdicts, streams)
    means = {key: np.asarray(found.mean()) for key, found in sentences.items()}
    against = _averaged_with(setting)
    values = _figures(means, against)
    found: dict[str, Interval | None] = {}
    if intervals and len(predictions) > 1:
        found |= {
            key: bounded(interval, float(values[key]), *_limits(key, len(predictions)))
            for key, interval in _intervals(sentences, against, seed).items()
        }
    signatures = _signatures(predictions, setting, streams)
    scores = [
        Score(key, float(value), signatures[key], found.get(key)) for key, value in values.items()
    ]
    scores += _of_sacrebleu(predictions, setting.task.sources, streams)
    return Measured(Row(name, sorted(scores, key=lambda s: NAMES.index(s.name)), kind), sentences)


def _sentences(
    predictions: Sequence[str],
    setting: Setting,
    verdicts: Verdicts,
    references: Sequence[Sequence[str]],
) -> dict[str, Floats]:
    """Return what means are taken of, (rows,) each."""
    sources = setting.task.sources
    found: dict[str, Floats] = {"source-bleu": _bleu(predictions, [sources], setting)}
    if references:
        found["reference-bleu"] = _bleu(predictions, references, setting)
    if verdicts.right is not None:
        found["accuracy"] = np.where(verdicts.right, 100.0, 0.0)
    if verdicts.nats is not None and verdicts.tokens is not None:
        found |= {"nats": verdicts.nats, "tokens": verdicts.tokens}
    joint = joint_scores(predictions, sources, verdicts, setting.ceiling)
    return found if joint is None else {**found, "joint": joint}


def joint_scores(
    predictions: Sequence[str], sources: Sequence[str], verdicts: Verdicts, ceiling: float
) -> Floats | None:
    """Return the joint score of each prediction, 0 to 100, (rows,); None without both judges.

    ``ceiling`` is the perplexity that fluent sentences stay below.
    """
    right, clean, nats, tokens = verdicts.right, verdicts.clean, verdicts.nats, verdicts.tokens
    if right is None or clean is None or nats is None or tokens is None:
        return None
    kept = sentence_chrf(predictions, [sources], lowercase=True)
    return Factors(right, clean, kept, fluent(nats, tokens, ceiling)).joint()


def _bleu(
    predictions: Sequence[str], references: Sequence[Sequence[str]], setting: Setting
) -> Floats:
    found = sentence_aligned_bleu(
        predictions, references, (4,), setting.smoothing, setting.tokenizer, lowercase=True
    )
    scaled: Floats = found[0] * 100
    return scaled


def _averaged_with(setting: Setting) -> str:
    """Return which BLEU the geometric and the harmonic mean take beside the accuracy."""
    return "reference-bleu" if setting.task.references else "source-bleu"


def _figures(means: Mapping[str, Floats], against: str) -> dict[str, Floats]:
    """Return the scores that follow from means over sentences, (resamples,) or one number each."""
    found = {key: value for key, value in means.items() if key in NAMES}
    if "nats" in means:
        found["judge-perplexity"] = np.exp(-means["nats"] / means["tokens"])
    if "accuracy" in means and against in means:
        accuracy, bleu = means["accuracy"], means[against]
        found["geometric-mean"] = np.sqrt(accuracy * bleu)
        # Where both are 0 the mean is 0 and not 0 / 0.
        found["harmonic-mean"] = 2 * accuracy * bleu / np.maximum(accuracy + bleu, 1e-300)
    return found


def _intervals(sentences: Mapping[str, Floats], against: str, seed: int) -> dict[str, Interval]:
    means = resampled_means(np.stack(list(sentences.values())), seed)
    figures = _figures(dict(zip(sentences, means, strict=True)), against)
    return dict(zip(figures, percentiles(np.stack(list(figures.values()))), strict=True))


def _limits(key: str, rows: int) -> tuple[int | None, float]:
    """Return of how many sentences the score is a mean, if it is one, and its largest value."""
    if key == "judge-perplexity":
        return None, np.inf
    return (None if key.endswith("-mean") else rows), 100.0


def _signatures(
    predictions: Sequence[str], setting: Setting, references: Sequence[Sequence[str]]
) -> dict[str, str]:
    count, style, language = len(predictions), str(setting.style), str(setting.language)
    hypotheses: dict[str, str | int] = {"hypotheses": count}
    scale: dict[str, str | int] = {"scale": 100}
    judged: dict[str, str | int] = {"judged": setting.judged}
    source, reference = (
        aligned_settings(predictions, streams, setting.smoothing, setting.tokenizer, True)
        for streams in ([setting.task.sources], references or [setting.task.sources])
    )
    at = f" @{setting.digest}" if setting.digest else ""
    against = _averaged_with(setting)
    bleu = reference if against == "reference-bleu" else source
    first = dict(setting.first)
    mean = {**first, "of": f"accuracy and {against}", **bleu, "style-judge": style, **judged}
    joint = {
        **hypotheses,
        "style-judge": style,
        "markers": f"log-odds above {THRESHOLD}",
        "kept": "chrF to the source lc",
        "language-judge": language,
        "fluent": f"below {setting.ceiling:.6g}",
        "ceiling": f"{REAL_SHARE} % of {setting.real}{at}",
        **judged,
    }
    return {
        "accuracy": sign({**hypotheses, "style-judge": style, **judged, **scale}),
        "source-bleu": sign({**first, "order": 4, **source, **scale}),
        "reference-bleu": sign({**first, "order": 4, **reference, **scale}),
        "judge-perplexity": sign(
            {**hypotheses, "language-judge": language, "per": "token", **judged}
        ),
        "geometric-mean": sign({**mean, **scale}),
        "harmonic-mean": sign({**mean, **scale}),
        "joint": sign({**joint, **scale}),
    }


def _of_sacrebleu(
    predictions: Sequence[str], sources: Sequence[str], references: Sequence[Sequence[str]]
) -> list[Score]:
    """Return corpus BLEU against sources and references, and chrF to the sources."""
    against = {"corpus-source-bleu": [sources], "corpus-reference-bleu": references}
    found = [
        corpus_bleu(
            predictions, streams, lowercase=True, tokenize="none", smoothing="none", name=name
        )
        for name, streams in against.items()
        if streams
    ]
    return [*found, corpus_chrf(predictions, [sources], lowercase=True)]
