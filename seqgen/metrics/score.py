"""A number that says how it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass

VERSION = "1"
"""Version of the definitions in this package: raised when any value changes for the same input."""


@dataclass(frozen=True)
class Interval:
    """Between which values a figure lies with this confidence, the sentences being a sample.

    ``method`` says how it was found: ``bootstrap 1000``, ``subsampling 40``. It tells of the
    sentences that were drawn and not of the spread over training seeds.
    """

    low: float
    high: float
    method: str
    confidence: float = 0.95


@dataclass(frozen=True)
class Score:
    """The value of one metric and the settings it depends on.

    ``signature`` is a list of ``key:value`` pairs joined by ``|``, after sacrebleu's ("A Call for
    Clarity in Reporting BLEU Scores", Post 2018, arXiv 1804.08771). Two values may be compared when
    their names and signatures are equal. The ``interval`` is no part of that.
    """

    name: str
    value: float
    signature: str
    interval: Interval | None = None

    def __str__(self) -> str:
        return f"{self.name} {self.value:.4f} ({self.signature})"


def sign(settings: Mapping[str, str | int]) -> str:
    """Return the signature of these settings, in their order, with VERSION at the end.

    Raises ValueError if a key or a value holds one of the separators ``:`` and ``|``.
    """
    pairs = {**settings, "version": VERSION}
    for part in (*pairs, *pairs.values()):
        if ":" in str(part) or "|" in str(part):
            raise ValueError(f"{part!r} given for a signature: it may not contain ':' or '|'")
    return "|".join(f"{key}:{value}" for key, value in pairs.items())
