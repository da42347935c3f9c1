"""Style transfer systems beside human and trivial rewritings, as judges and references see them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

import numpy as np

from seqgen.evaluation.judge_protocols import LanguageJudge
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.evaluation.transfer_notes import (
    HUMAN,
    on_insertions,
    on_judges,
    on_references,
    on_systems,
    paired,
)
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.score import Score
from seqgen.metrics.style_transfer.baselines import baselines
from seqgen.metrics.style_transfer.factors import (
    Task,
    fluency_ceiling,
    known_styles,
    source_styles,
)
from seqgen.metrics.style_transfer.scores import Measured, Setting, Verdicts, measure
from seqgen.metrics.table import Kind, Table
from seqgen.metrics.tokens import Tokenizer


@dataclass(frozen=True)
class How:
    """Settings of a table.

    Attributes:
        tokenizer: of the mean sentence BLEU.
        smoothing: of the mean sentence BLEU.
        lowercase: the judges read everything in lower case; what compares strings always does.
        intervals: whether there are bootstrap intervals.
        seed: of all that is drawn.
        first: what stands first in signatures of mean sentence BLEU, such as a preset.
        human: name of the row of reference 0.
        exact: further scores of predictions, one for each source, where more is known of the task
            than judges can tell.
    """

    tokenizer: Tokenizer = "whitespace"
    smoothing: Smoothing = "none"
    lowercase: bool = False
    intervals: bool = True
    seed: int = 0
    first: Mapping[str, str | int] = field(default_factory=dict)
    human: str = HUMAN
    exact: Callable[[Sequence[str]], Sequence[Score]] | None = None


@dataclass(frozen=True)
class Evaluation:
    """The table, and the figures of each of its rows sentence by sentence, for other tests."""

    table: Table
    measured: Sequence[Measured]


def evaluate_transfer(
    systems: Mapping[str, Sequence[str]],
    task: Task,
    style: StyleJudging | None = None,
    language: LanguageJudge | None = None,
    real: Sequence[str] | None = None,
    how: How | None = None,
) -> Evaluation:
    """Measure systems, the human reference 0 and the baselines.

    Args:
        systems: name -> predictions, one for each source. The first one is compared with each of
            the others by paired tests.
        task: sources, target styles and references.
        style: finds the style of a sentence; without it there is no accuracy and no joint score.
        language: finds how probable a sentence is; without it there is no perplexity and no joint
            score.
        real: real text, for what the language judge says of it; the sources where none is given.
        how: settings, by default `How()`.

    Raises:
        ValueError: another number of predictions than sources, or a target style that the judge
            does not know.
    """
    how = how or How()
    if how.lowercase:
        systems = {name: _lower(predictions) for name, predictions in systems.items()}
        references = [_lower(stream) for stream in task.references]
        task = replace(task, sources=_lower(task.sources), references=references)
        real = None if real is None else _lower(real)
    bench = _Bench.of(task, style, language, real, how)
    plain, left_out = baselines(
        task, bench.styles, None if style is None else style.markers, how.seed
    )
    ours = [bench.measured(name, given, "system") for name, given in systems.items()]
    people = {how.human: task.references[0]} if task.references else {}
    human = [bench.measured(name, given, "real") for name, given in people.items()]
    trivial = [bench.measured(given.name, given.predictions, "baseline") for given in plain]
    labels = [] if style is None else style.judge.labels
    notes = [
        *on_judges(bench.setting, labels, [*human, *trivial]),
        *on_systems(ours),
        *(on_insertions(name, x, task.sources) for name, x in {**systems, **people}.items()),
        *on_references(len(task.references), how.human),
        *(given.note for given in plain),
        *left_out,
        *paired(ours, how.seed),
    ]
    rows = [*ours, *human, *trivial]
    return Evaluation(Table([found.row for found in rows], notes), rows)


@dataclass(frozen=True)
class _Bench:
    """Judges and what they said of the sources, once for all rows."""

    setting: Setting
    style: StyleJudging | None
    language: LanguageJudge | None
    styles: Sequence[str] | None
    how: How

    @classmethod
    def of(
        cls,
        task: Task,
        style: StyleJudging | None,
        language: LanguageJudge | None,
        real: Sequence[str] | None,
        how: How,
    ) -> _Bench:
        styles, ceiling = task.styles, np.inf
        if style is not None and not known_styles(task, style.judge.labels):
            found = style.judge.probabilities(task.sources)
            styles = source_styles(task.targets, found, style.judge.labels)
        spoken = [text for text in (task.sources if real is None else real) if text.strip()]
        if language is not None:
            ceiling = fluency_ceiling(*language.score(spoken))
        setting = Setting(
            task,
            how.tokenizer,
            how.smoothing,
            style=None if style is None else style.judge.name,
            language=None if language is None else language.name,
            ceiling=ceiling,
            real=f"{len(spoken)} {'sources' if real is None else 'real sentences'}",
            digest=sha256("\n".join(spoken).encode()).hexdigest()[:8],
            judged="lower case" if how.lowercase else "as given",
            first=how.first,
        )
        return cls(setting, style, language, styles, how)

    def measured(self, name: str, predictions: Sequence[str], kind: Kind) -> Measured:
        # Reference 0 is not its own reference: the others remain, if there are any.
        others = self.setting.task.references[1:] if kind == "real" else None
        verdicts = self._verdicts(predictions)
        found = measure(
            name, predictions, self.setting, verdicts, kind, others,
            self.how.intervals, self.how.seed,
        )  # fmt: skip
        if self.how.exact is None:
            return found
        scores = [*found.row.scores, *self.how.exact(predictions)]
        return replace(found, row=replace(found.row, scores=scores))

    def _verdicts(self, predictions: Sequence[str]) -> Verdicts:
        task, right, clean, nats, tokens = self.setting.task, None, None, None, None
        if self.style is not None and self.styles is not None:
            right = self.style.right(predictions, task.targets)
            clean = self.style.clean(predictions, task.sources, self.styles)
        if self.language is not None:
            nats, tokens = self.language.score(predictions)
        return Verdicts(right, clean, nats, tokens)


def _lower(sentences: Sequence[str]) -> list[str]:
    return [sentence.lower() for sentence in sentences]
