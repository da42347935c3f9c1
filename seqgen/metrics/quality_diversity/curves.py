"""Quality-diversity curves: one model at many decoding settings, and which curve lies below which.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549): a model that trades diversity
for quality looks better at any one temperature, so models are compared by whole curves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Axes:
    """Which two scores span the picture; of both, lower is better as drawn.

    ``quality`` and ``diversity`` name scores; ``negate_quality`` says that the quality grows with
    the score (BLEU), so that its negative is drawn.
    """

    quality: str
    diversity: str
    negate_quality: bool


LOCAL = Axes("bleu-5", "self-bleu-5", negate_quality=True)
GLOBAL = Axes("lm-score", "reverse-lm-score", negate_quality=False)


@dataclass(frozen=True)
class Point:
    """One decoding setting of a model: its family (``temperature``, ``top-k``, ``top-p``, ``beam``,
    ``reject-likelihood``; ``real`` for real data), its value, and figures by name."""

    family: Literal["temperature", "top-k", "top-p", "beam", "reject-likelihood", "real"]
    value: float
    figures: Mapping[str, float]

    @property
    def label(self) -> str:
        """Return how the point is labelled: ``temperature 0.8``."""
        return "real data" if self.family == "real" else f"{self.family} {self.value:g}"


@dataclass(frozen=True)
class Curve:
    """The points of one model, with the signatures of its figures by name."""

    name: str
    points: Sequence[Point]
    signatures: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, dicts, strings and numbers."""
        points = [
            {"family": p.family, "value": p.value, "figures": dict(p.figures)} for p in self.points
        ]
        return {"name": self.name, "points": points, "signatures": dict(self.signatures)}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> "Curve":
        """Return what ``to_json`` gave; KeyError or TypeError where something is missing."""
        points = [Point(p["family"], p["value"], p["figures"]) for p in given["points"]]
        return cls(given["name"], points, given["signatures"])
