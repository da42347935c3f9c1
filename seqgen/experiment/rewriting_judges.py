"""The judges that a recipe names for its rewritten validation sentences, opened."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from seqgen.errors import UserError
from seqgen.evaluation.judged_rewriting import RewritingJudges
from seqgen.experiment.language_judge import open_language_judge
from seqgen.experiment.style_judge import open_judge
from seqgen.recipe.recipe import Evaluation


def open_rewriting_judges(
    settings: Evaluation, labels: Sequence[str], device: torch.device | str = "cpu"
) -> RewritingJudges | None:
    """Open the judges of a recipe; None where it names none.

    Args:
        settings: those of the evaluation.
        labels: the styles of the corpus, by number.
        device: where a judge that is a network runs.

    Raises:
        UserError: no such judge, or one that does not know the styles of the corpus.
    """
    if settings.style_judge is None:
        return None
    judge = open_judge(settings.style_judge, device=device)
    named = settings.language_judge
    language = None if named is None else open_language_judge(named, device)
    try:
        return RewritingJudges(judge.judging(), labels, language)
    except ValueError as problem:
        raise UserError(f"evaluate.style_judge {settings.style_judge}: {problem}") from problem
