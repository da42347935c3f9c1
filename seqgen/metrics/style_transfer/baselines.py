"""Rewritings that need no skill: what every style transfer system stands beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from seqgen.metrics.style_transfer.factors import Task
from seqgen.metrics.style_transfer.markers import Markers


class Baseline(NamedTuple):
    """Predictions of a baseline, (rows,), and how they were made, for a note."""

    name: str
    predictions: list[str]
    note: str


def baselines(
    task: Task, styles: Sequence[str] | None, markers: Markers | None, seed: int = 0
) -> tuple[list[Baseline], list[str]]:
    """Return copy-source, random-target and copy-plus-phrase, and notes on those left out.

    ``styles`` (rows,) are the styles of the sources and ``markers`` those of the judge's training
    text. Without a judge both are None, and found in the task where it has two targets.
    """
    styles = _styles_of_two(task) if styles is None else styles
    found = [copied(task), random_target(task, styles, seed), phrase_added(task, styles, markers)]
    kept = [baseline for baseline in found if isinstance(baseline, Baseline)]
    return kept, [missing for missing in found if isinstance(missing, str)]


def copied(task: Task) -> Baseline:
    """Return the sources as they are: keeps all, changes nothing."""
    return Baseline("copy-source", list(task.sources), "copy-source: the sources unchanged")


def random_target(task: Task, styles: Sequence[str] | None, seed: int = 0) -> Baseline | str:
    """Return a random real sentence of the target style for each row, or why there is none.

    Drawn with replacement from the sources of the target style, that is of the other directions;
    where a target has none, from reference 0 of the other rows.
    """
    pools = _sources_by_target(task, styles)
    origin = "the sources of that style"
    if pools is None:
        pools, origin = _references_by_target(task), "reference 0 of the other rows"
    if pools is None:
        return "no random-target row: there is neither a second direction nor a reference"
    draws = np.random.default_rng(seed)
    texts = [_of_another_row(pools[target], row, draws) for row, target in enumerate(task.targets)]
    note = f"random-target: sentences of the target style, drawn from {origin} with seed {seed}"
    return Baseline("random-target", texts, note)


def phrase_added(
    task: Task, styles: Sequence[str] | None, markers: Markers | None
) -> Baseline | str:
    """Return the sources with one constant phrase of the target style appended, or why not.

    The phrase is ``markers.phrase`` of the target, which no output of a system has any part in.
    """
    origin = "of the judge's training text"
    if markers is None:
        markers, origin = _own_markers(task, styles), "in these sentences, for want of a judge"
    phrases = {
        target: markers.phrase(target) if markers and target in markers.labels else ""
        for target in dict.fromkeys(task.targets)
    }
    missing = [target for target, phrase in phrases.items() if not phrase]
    if missing:
        return f"no copy-plus-phrase row: no word is known to mark the style {missing[0]}"
    texts = [
        f"{source} {phrases[target]}"
        for source, target in zip(task.sources, task.targets, strict=True)
    ]
    shown = ", ".join(f"{phrase!r} for {target}" for target, phrase in phrases.items())
    note = f"copy-plus-phrase: the sources and {shown}, the weightiest markers {origin}"
    return Baseline("copy-plus-phrase", texts, note)


Pools = dict[str, list[tuple[int, str]]]  # target -> rows and their sentences


def _sources_by_target(task: Task, styles: Sequence[str] | None) -> Pools | None:
    return None if styles is None else _pools(task, task.sources, styles)


def _references_by_target(task: Task) -> Pools | None:
    return _pools(task, task.references[0], task.targets) if task.references else None


def _pools(task: Task, sentences: Sequence[str], styles: Sequence[str]) -> Pools | None:
    """Return the sentences by style, or None where a row has none of its target but its own."""
    found: Pools = {target: [] for target in task.targets}
    for row, (sentence, style) in enumerate(zip(sentences, styles, strict=True)):
        if style in found and sentence.strip():
            found[style].append((row, sentence))
    alone = {style: pool[0][0] for style, pool in found.items() if len(pool) == 1}
    own = any(alone.get(target) == row for row, target in enumerate(task.targets))
    return found if all(found.values()) and not own else None


def _of_another_row(pool: list[tuple[int, str]], row: int, draws: np.random.Generator) -> str:
    while True:  # at least half of the draws are of another row
        place, sentence = pool[draws.integers(len(pool))]
        if place != row:
            return sentence


def _styles_of_two(task: Task) -> list[str] | None:
    """Return the style of each source where the task goes from one of two styles to the other."""
    targets = list(dict.fromkeys(task.targets))
    if len(targets) != 2:
        return None
    return [targets[1] if target == targets[0] else targets[0] for target in task.targets]


def _own_markers(task: Task, styles: Sequence[str] | None) -> Markers | None:
    """Find markers in the sources of two styles, or in references against sources."""
    texts: dict[str, list[str]] = {}
    sentences = [*zip(styles or [""] * len(task.sources), task.sources, strict=True)]
    if styles is None and task.references:
        sentences += zip(task.targets, task.references[0], strict=True)
    for style, sentence in sentences:
        if sentence.strip():
            texts.setdefault(style, []).append(sentence)
    return Markers.train(texts) if len(texts) > 1 else None
