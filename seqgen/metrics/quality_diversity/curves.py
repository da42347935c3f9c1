"""Quality-diversity curves: one model at many decoding settings.

"Language GANs Falling Short" (Caccia et al. 2020, arXiv 1811.02549): a model that trades diversity
for quality looks better at any one temperature, so models are compared by whole curves.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["temperature", "top-k", "top-p", "beam", "reject-likelihood"]
FAMILIES: tuple[Family, ...] = ("temperature", "top-k", "top-p", "beam", "reject-likelihood")
"""What a decoding setting may change, in the order of tables and pictures."""
PLAIN: Mapping[Family, float] = {
    "temperature": 1.0,
    "top-k": 0.0,
    "top-p": 1.0,
    "beam": 1.0,
    "reject-likelihood": 1.0,
}
"""The value at which a family is plain sampling."""
DEVIATION = "-deviation"
"""A figure of this ending is the standard deviation over runs of the figure before it."""


@dataclass(frozen=True)
class Axes:
    """Which two scores span the picture; of both, lower is better as drawn.

    ``quality`` and ``diversity`` name scores; ``negate_quality`` says that the quality grows with
    the score (BLEU), so that its negative is drawn. ``given`` is what the second is called where
    models are compared at equal values of it.
    """

    quality: str
    diversity: str
    negate_quality: bool
    given: str = "diversity"

    def __str__(self) -> str:
        return f"quality {self.quality}, diversity {self.diversity}"


LOCAL = Axes("bleu-5", "self-bleu-5", negate_quality=True)
GLOBAL = Axes("lm-score", "reverse-lm-score", negate_quality=False)
ORACLE = Axes("nll", "oracle-nll", negate_quality=False, given="NLL under the oracle")
"""Of runs on a synthetic oracle: the held-out NLL at equal NLL of the samples under the oracle, for
the latter alone rewards collapse."""


@dataclass(frozen=True)
class Point:
    """One decoding setting of a model: its family (``temperature``, ``top-k``, ``top-p``, ``beam``,
    ``reject-likelihood``; ``real`` for real data), its value, and figures by name."""

    family: Literal[Family, "real"]
    value: float
    figures: Mapping[str, float]

    @property
    def label(self) -> str:
        """Return how the point is labelled: ``temperature 0.8``."""
        return "real data" if self.family == "real" else f"{self.family} {self.value:g}"

    def at(self, axes: Axes) -> tuple[float, float] | None:
        """Return diversity and quality as drawn, lower better; None without finite figures."""
        diversity = self.figures.get(axes.diversity, math.nan)
        quality = self.figures.get(axes.quality, math.nan)
        if not (math.isfinite(diversity) and math.isfinite(quality)):
            return None
        return diversity, -quality if axes.negate_quality else quality


@dataclass(frozen=True)
class Curve:
    """The points of one model, with the signatures of its figures by name.

    ``runs`` are the curves of the runs that the points are means of, where there are several.
    ``parts`` are curves of equal parts of every point's sentences, each measured like the whole:
    how far they are apart tells how far chance moves the points. Neither is kept in JSON.
    """

    name: str
    points: Sequence[Point]
    signatures: Mapping[str, str]
    runs: Sequence["Curve"] = ()
    parts: Sequence["Curve"] = ()

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
