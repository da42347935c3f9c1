"""Rewritten sentences beside their sources, as an evaluation keeps them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Attention:
    """Where a model looked while it wrote.

    Attributes:
        source: what it read, word by word, its end among them.
        written: what it wrote.
        weights: a row for each written word: how much of it fell on each word of the source.
    """

    source: Sequence[str]
    written: Sequence[str]
    weights: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Rewriting:
    """A sentence and what became of it.

    Attributes:
        source: the sentence.
        to: the style that was asked for.
        output: what the model wrote.
        reference: how it should read; None where nobody says.
        accepted: whether the output is found in the style; None where nobody judges.
        attention: None where it was not kept.
    """

    source: str
    to: str
    output: str
    reference: str | None = None
    accepted: bool | None = None
    attention: Attention | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts, lists, strings and numbers."""
        return asdict(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Rewriting:
        """Return what `to_json` gave; ValueError, KeyError or TypeError where it is damaged."""
        source, to, output = (given[name] for name in ("source", "to", "output"))
        if not all(isinstance(text, str) for text in (source, to, output)):
            raise ValueError(f"{source!r}, {to!r} and {output!r} are no sentences and a style")
        found = given["attention"]
        attention = None if found is None else Attention(**found)
        if attention is not None and any(
            len(row) != len(attention.source) for row in attention.weights
        ):
            raise ValueError("rows of attention are not as long as their source")
        return cls(source, to, output, given["reference"], given["accepted"], attention)
