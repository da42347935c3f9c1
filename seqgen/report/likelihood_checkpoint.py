"""The checkpoint of likelihood that adversarial training began with."""

from __future__ import annotations

from collections.abc import Mapping

from seqgen.report.history import History, Line

LIKELIHOOD = ("teacher-forcing", "scheduled-sampling", "data-as-demonstrator")
"""Methods whose phases at the beginning are pretraining by likelihood."""


def likelihood_checkpoint(
    history: History, methods: Mapping[str, str], source: str | None = None
) -> Line | None:
    """The evaluation that all that follows is to be held against; None where there is none.

    It is the last one of the likelihood phases a run begins with, or, of a run that began with the
    weights another one got by likelihood, that of step 0; after it there must be an evaluation of
    another method.

    Args:
        history: the figures of the run.
        methods: kinds of methods by the names of the phases.
        source: the kind of method that made the weights the run began with, where they are another
            run's.
    """
    found: Line | None = None
    for line in history.evaluations:
        if line.step == 0:
            likelihood = source in LIKELIHOOD
        else:
            likelihood = methods.get(line.phase, line.phase) in LIKELIHOOD
        if likelihood:
            found = line
        elif found is not None or line.step:
            return found
    return None
