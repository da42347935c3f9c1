"""What must be said of sentences that a run rewrote, beside their figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqgen.evaluation.judge_protocols import StyleJudge
from seqgen.evaluation.style_judging import StyleJudging
from seqgen.experiment.transferring import Transferred
from seqgen.recipe.recipe import Recipe
from seqgen.text.normalised import normalised
from seqgen.text.vocabulary import Vocabulary


def rewriting_notes(
    name: str,
    done: Sequence[Transferred],
    vocabulary: Vocabulary,
    style: StyleJudging | None,
    rerank: StyleJudge | None,
) -> list[str]:
    """Notes on a run's outputs; none where nothing is odd.

    Args:
        name: of the run.
        done: what became of each source.
        vocabulary: of the run.
        style: who judges.
        rerank: who chose among candidates.
    """
    of = f"of {len(done)} sentences"
    unknown = sum(any(c.unknown for c in one.candidates[:1]) for one in done)
    cut = sum(one.cut for one in done)
    form = _other_form(vocabulary, [one.source for one in done])
    notes = []
    if unknown:
        notes.append(f"{name}: {unknown} {of} have words that it does not know")
    if cut:
        notes.append(f"{name}: {cut} {of} were longer than it reads, and were cut")
    if form:
        notes.append(
            f"{form} {of} to rewrite are not in the form that {name} writes in (spaces, "
            "punctuation): overlap with them, and with references like them, comes out too low"
        )
    if style is not None and rerank is not None and style.judge.name == rerank.name:
        notes.append(
            f"warning: {rerank.name} chose among the candidates of {name} and judges them too: its "
            "accuracy here is no measurement; give another judge"
        )
    return notes


def on_chooser(recipe: Recipe, style: StyleJudging | None) -> list[str]:
    """Whether the style judge has chosen the checkpoint too, by its name in the recipe."""
    chose = recipe.evaluate.style_judge
    if style is None or chose is None:
        return []
    if style.judge.name.rpartition("@")[0] != Path(chose).expanduser().resolve().name:
        return []
    return [
        f"{style.judge.name} has the name of the judge that chose the best checkpoint: for it, its "
        "accuracy is a little too good, which that of another judge is not"
    ]


def _other_form(vocabulary: Vocabulary, sources: Sequence[str]) -> int:
    """How many sentences a model would write otherwise if it copied them; case does not count."""
    forms = normalised(vocabulary, sources)
    pairs = zip(forms, sources, strict=True)
    return sum(form.lower().split() != source.lower().split() for form, source in pairs)
