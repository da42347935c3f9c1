"""How a body of literature measured BLEU: which sentences, how cut, how smoothed, against what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from seqgen.metrics.arrays import Floats
from seqgen.metrics.bleu_family.aligned import sentence_aligned_bleu
from seqgen.metrics.bleu_family.bleu import harmonic_mean
from seqgen.metrics.bleu_family.formula import Smoothing
from seqgen.metrics.bleu_family.sentence_bleu import ORDERS, sentence_bleu, sentence_self_bleu
from seqgen.metrics.bleu_family.signatures import bleu_settings, signed_orders
from seqgen.metrics.score import Score
from seqgen.metrics.tokens import Tokenized, Tokenizer

Sentences = list[list[str]]
Scheme = Literal["leave-one-out", "all others", "disjoint", "itself included"]
"""Of self-BLEU of the first so many sentences: each against the rest of these; against all other
sentences, these and the following; against the following only; or, a bug, against all sentences and
itself among them, which makes it 1."""


@dataclass(frozen=True)
class SelfBleu:
    """Self-BLEU of the ``first`` so many predictions, all when None."""

    scheme: Scheme
    first: int | None = None


@dataclass(frozen=True)
class Backward:
    """Backward BLEU of the first so many ``references`` against the first so many ``predictions``,
    all when None; BLEU-HA comes with it."""

    references: int | None
    predictions: int | None


@dataclass(frozen=True)
class Protocol:
    """How many predictions and references (the first so many, all when None), how cut and smoothed.

    ``aligned``: row i of the references belongs to prediction i alone, and values are times 100.
    ``decimals`` rounds the values. Without ``self_bleu`` or ``backward`` these are not measured.
    """

    tokenizer: Tokenizer
    lowercase: bool = False
    smoothing: Smoothing = "method1"
    predictions: int | None = None
    references: int | None = None
    self_bleu: SelfBleu | None = None
    backward: Backward | None = None
    orders: Sequence[int] = ORDERS
    aligned: bool = False
    decimals: int | None = None


@dataclass(frozen=True)
class Measured:
    """The values of one metric by order, and of how many sentences against how many; ``backward``
    has these numbers of the other way, for the harmonic mean."""

    name: str
    values: Sequence[float]
    hypotheses: int
    references: int
    left_out: bool | str = False
    backward: tuple[int, int] | None = None


def measure(protocol: Protocol, asked: Tokenized, known: Tokenized) -> list[Measured]:
    """Return what the protocol measures of cut predictions and references.

    Raises ValueError where there are too few sentences or, row by row, not equally many.
    """
    found = _aligned if protocol.aligned else _shared
    return found(protocol, asked.sentences, known.sentences)


def scores(
    protocol: Protocol, measured: Measured, tokenizer: str, first: Mapping[str, str | int]
) -> list[Score]:
    """Return the values as scores, signed by what is to stand ``first`` and all that the protocol
    prescribes."""
    values = [
        value if protocol.decimals is None else round(value, protocol.decimals)
        for value in measured.values
    ]
    settings = bleu_settings(
        measured.hypotheses,
        f"{measured.references} aligned" if protocol.aligned else measured.references,
        protocol.smoothing,
        tokenizer,
        None if protocol.aligned else measured.left_out,
        measured.backward,
    )
    if protocol.aligned:
        settings["scale"] = 100
    if protocol.decimals is not None:
        settings["decimals"] = protocol.decimals
    return signed_orders(measured.name, values, protocol.orders, settings, first)


def _shared(protocol: Protocol, asked: Sentences, known: Sentences) -> list[Measured]:
    first, references = asked[: protocol.predictions], known[: protocol.references]
    values = sentence_bleu(first, references, protocol.orders, protocol.smoothing)
    forward = Measured("bleu", _means(values), len(first), len(references))
    backward = [] if protocol.backward is None else _backward(protocol, forward, asked, known)
    itself = [] if protocol.self_bleu is None else [_self_bleu(protocol, asked)]
    return [forward, *backward, *itself]


def _backward(
    protocol: Protocol, forward: Measured, asked: Sentences, known: Sentences
) -> list[Measured]:
    """Return backward BLEU, and BLEU-HA of both ways."""
    assert protocol.backward is not None
    real = known[: protocol.backward.references]
    generated = asked[: protocol.backward.predictions]
    values = _means(sentence_bleu(real, generated, protocol.orders, protocol.smoothing))
    both = [harmonic_mean(f, b) for f, b in zip(forward.values, values, strict=True)]
    return [
        Measured("backward-bleu", values, len(generated), len(real)),
        Measured(
            "bleu-ha",
            both,
            forward.hypotheses,
            forward.references,
            backward=(len(generated), len(real)),
        ),
    ]


def _self_bleu(protocol: Protocol, asked: Sentences) -> Measured:
    assert protocol.self_bleu is not None
    scheme, count = protocol.self_bleu.scheme, protocol.self_bleu.first
    orders, smoothing = protocol.orders, protocol.smoothing
    first, rest = asked[:count], asked[len(asked[:count]) :]
    if scheme == "leave-one-out":
        values, others = sentence_self_bleu(first, orders, smoothing), len(first) - 1
    elif scheme == "all others":
        values, others = sentence_self_bleu(asked, orders, smoothing), len(asked) - 1
        values = values[:, : len(first)]
    elif scheme == "itself included":
        values, others = sentence_bleu(first, asked, orders, smoothing), len(asked)
    else:
        if not rest:
            raise ValueError(
                f"{len(asked)} sentences given: self-BLEU of the first {count} is measured "
                "against those that follow, so give more"
            )
        values, others = sentence_bleu(first, rest, orders, smoothing), len(rest)
    return Measured("self-bleu", _means(values), len(first), others, _LEFT_OUT[scheme])


def _aligned(protocol: Protocol, asked: Sentences, known: Sentences) -> list[Measured]:
    values = sentence_aligned_bleu(asked, [known], protocol.orders, protocol.smoothing)
    means = [100 * value for value in _means(values)]
    return [Measured("aligned-bleu", means, len(asked), 1)]


def _means(values: Floats) -> list[float]:
    return [float(value) for value in values.mean(axis=1)]


_LEFT_OUT: dict[Scheme, bool | str] = {
    "leave-one-out": True,
    "all others": True,
    "disjoint": False,
    "itself included": "no, itself included",
}
