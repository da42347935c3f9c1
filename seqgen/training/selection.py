"""Which evaluation was the best, and when to stop waiting for a better one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Selection:
    """Judge by `metric`; the best checkpoint is kept, and a phase ends after `patience` evaluations
    without a better one.
    """

    metric: str
    lower_is_better: bool = True
    patience: int | None = None

    def __post_init__(self) -> None:
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience {self.patience} must be at least 1 evaluation, or None")


class Selector:
    """Follows a `Selection` through a training. Patience is counted within a phase, the best over
    all of it.
    """

    def __init__(self, rule: Selection) -> None:
        self.rule = rule
        self.best: float | None = None
        self.best_step: int | None = None
        self._best_of_phase: float | None = None
        self._waited = 0

    @property
    def exhausted(self) -> bool:
        """Whether the present phase has waited long enough."""
        return self.rule.patience is not None and self._waited >= self.rule.patience

    def enter_phase(self) -> None:
        """Count patience from nothing."""
        self._best_of_phase, self._waited = None, 0

    def judge(self, metrics: Mapping[str, float], step: int) -> bool:
        """Take an evaluation in; True if it is the best so far. Figures that are not finite are
        never better.

        Raises:
            ValueError: the metric is not among those evaluated.
        """
        if self.rule.metric not in metrics:
            raise ValueError(
                f"the best model is to be selected by {self.rule.metric!r}, but the evaluation "
                f"gave {sorted(metrics)}"
            )
        value = float(metrics[self.rule.metric])
        if self._better(value, self._best_of_phase):
            self._best_of_phase, self._waited = value, 0
        else:
            self._waited += 1
        if self._better(value, self.best):
            self.best, self.best_step = value, step
            return True
        return False

    def state_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "best": self.best,
            "best_step": self.best_step,
            "best_of_phase": self._best_of_phase,
            "waited": self._waited,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self.best, self.best_step = state["best"], state["best_step"]
        self._best_of_phase, self._waited = state["best_of_phase"], state["waited"]

    def _better(self, value: float, than: float | None) -> bool:
        if not math.isfinite(value):
            return False
        if than is None:
            return True
        return value < than if self.rule.lower_is_better else value > than
