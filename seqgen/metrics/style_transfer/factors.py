"""Style transfer, sentence by sentence: what a rewriting must do, and the one score of all of it.

From strings and from what judges said of them, as arrays; the judges themselves are called by
``seqgen.evaluation.transfer``. All comparisons of strings are in lower case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from seqgen.metrics.arrays import Flags, Floats, Integers
from seqgen.metrics.style_transfer.markers import Markers, words

REAL_SHARE = 95
"""A sentence is fluent when its perplexity is below this percentile of real text's."""


@dataclass(frozen=True)
class Task:
    """Sentences to rewrite, (rows,): the ``sources``, the label each is to have afterwards
    (``targets``), ``references``, streams of human rewritings with one sentence a row each, and
    ``styles``, the label each source has now, where that is known.

    Raises ValueError where they are not of one length, or without a row.
    """

    sources: Sequence[str]
    targets: Sequence[str]
    references: Sequence[Sequence[str]] = ()
    styles: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if not self.sources:
            raise ValueError("no sources given: at least 1 sentence to rewrite is needed")
        known = [] if self.styles is None else [("styles", self.styles)]
        for what, given in [("targets", self.targets), *self._streams(), *known]:
            if len(given) != len(self.sources):
                raise ValueError(f"{len(self.sources)} sources, but {len(given)} {what} given")

    def _streams(self) -> list[tuple[str, Sequence[str]]]:
        return [(f"references {k}", stream) for k, stream in enumerate(self.references)]


@dataclass(frozen=True)
class Factors:
    """What the joint score multiplies, (rows,) each.

    Attributes:
        right: the style judge finds the target style most probable.
        clean: no marker of the source's style in the source stands in the prediction too.
        kept: chrF of the prediction to the source, 0 to 100.
        fluent: the language judge's perplexity is below that of REAL_SHARE percent of real text.
    """

    right: Flags
    clean: Flags
    kept: Floats
    fluent: Flags

    def joint(self) -> Floats:
        """Return the joint score of each row, 0 to 100; a system's is the mean.

        Each factor alone is won by a system without any skill: ``right`` by any sentence of the
        target style, ``kept`` and ``fluent`` by a copy, and the three together by a copy with a
        phrase of the target style appended, which only ``clean`` refuses. A product of means would
        let one half of the sentences pay for the other ("Reformulating Unsupervised Style Transfer
        as Paraphrase Generation", Krishna et al. 2020, arXiv 2010.05700).
        """
        joint: Floats = (self.right & self.clean & self.fluent) * self.kept
        return joint


def judged_right(
    predictions: Sequence[str],
    targets: Sequence[str],
    probabilities: Floats,
    labels: Sequence[str],
) -> Flags:
    """Return where the most probable label is the target, (rows,); never for a blank sentence.

    ``probabilities`` (rows, labels). Raises ValueError for a target that is no label.
    """
    wanted = _columns(targets, labels)
    spoken = np.array([bool(prediction.strip()) for prediction in predictions])
    right: Flags = spoken & (probabilities.argmax(axis=1) == wanted)
    return right


def known_styles(task: Task, labels: Sequence[str]) -> bool:
    """Return whether the style of each source is known and a label of the judge."""
    return task.styles is not None and set(task.styles) <= set(labels)


def source_styles(
    targets: Sequence[str], probabilities: Floats, labels: Sequence[str]
) -> list[str]:
    """Return the style of each source, (rows,): of two labels the one that is not the target, of
    more the most probable one that is not, by the judge's probabilities of the sources.

    Raises ValueError for a target that is no label.
    """
    columns = _columns(targets, labels)
    others = probabilities.copy()
    others[np.arange(len(others)), columns] = -1
    return [labels[column] for column in others.argmax(axis=1)]


def free_of_markers(
    predictions: Sequence[str], sources: Sequence[str], styles: Sequence[str], markers: Markers
) -> Flags:
    """Return where no marker of the source's style stands in both source and prediction, (rows,).

    ``styles`` (rows,) are the styles of the sources.
    """
    known = {style: markers.of(style) for style in set(styles)}
    rows = zip(predictions, sources, styles, strict=True)
    return np.array(
        [
            known[style].isdisjoint(set(words(source)).intersection(words(prediction)))
            for prediction, source, style in rows
        ],
        bool,
    )


def fluency_ceiling(nats: Floats, tokens: Floats) -> float:
    """Return the perplexity of a token that REAL_SHARE percent of real sentences stay below.

    ``nats`` (sentences,) are summed log-probabilities, ``tokens`` (sentences,) what they are summed
    over.
    """
    return float(np.percentile(np.exp(-nats / tokens), REAL_SHARE))


def fluent(nats: Floats, tokens: Floats, ceiling: float) -> Flags:
    """Return where the perplexity of a token is below the ceiling, (rows,)."""
    below: Flags = np.exp(-nats / tokens) < ceiling
    return below


def _columns(targets: Sequence[str], labels: Sequence[str]) -> Integers:
    places = {label: column for column, label in enumerate(labels)}
    unknown = sorted(set(targets) - set(places))
    if unknown:
        raise ValueError(
            f"target {unknown[0]!r} given: the style judge tells apart {', '.join(labels)}"
        )
    return np.array([places[target] for target in targets], np.int64)
