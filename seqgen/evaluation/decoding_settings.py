"""How sentences are decoded from a trained model, as one value that can be swept over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from seqgen.errors import UserError
from seqgen.metrics.quality_diversity import curves
from seqgen.metrics.quality_diversity.curves import Family

TEMPERATURES = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5)


@dataclass(frozen=True)
class Decoding:
    """Decoding settings; the default draws from the whole distribution at temperature 1.

    Attributes:
        temperature: above 0; below 1 sharpens. 0 means greedy.
        top_k: draw from the k likeliest tokens; 0 from all.
        top_p: draw from the smallest set of tokens that holds this mass; 1 from all.
        beam: above 1, the best sentences of a beam search of this width; nothing is drawn.
        length_penalty: exponent of the length that beam scores are divided by.
        reject_likelihood: the share of the drawn sentences that is kept, the likeliest under the
            generator itself; 1 keeps all, 0.5 draws twice as many as it gives.
        sampled_beam: above 1, each sentence is the best of a beam of its own of this width, whose
            continuations are drawn; it gives any number of sentences.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    beam: int = 1
    length_penalty: float = 1.0
    reject_likelihood: float = 1.0
    sampled_beam: int = 1

    def check(self) -> None:
        """Raise UserError for values out of range or that do not go together."""
        if not self.temperature >= 0:
            raise UserError(
                f"temperature {self.temperature}: 0 (always the likeliest token) is the least"
            )
        if self.top_k < 0:
            raise UserError(f"top-k {self.top_k}: must be 0 (all tokens) or more")
        if not 0 < self.top_p <= 1:
            raise UserError(f"top-p {self.top_p}: must be above 0 and at most 1 (all tokens)")
        if self.beam < 1:
            raise UserError(f"beam {self.beam}: must be 1 (no beam search) or more")
        drawn = (self.temperature, self.top_k, self.top_p, self.reject_likelihood)
        if self.beam > 1 and drawn != (1.0, 0, 1.0, 1.0):
            raise UserError(
                f"beam {self.beam} with temperature {self.temperature}, top-k {self.top_k}, top-p "
                f"{self.top_p}, reject-likelihood {self.reject_likelihood}: a beam search draws "
                "nothing; leave these out, or the beam"
            )
        if self.sampled_beam < 1:
            raise UserError(f"sampled-beam {self.sampled_beam}: must be 1 (no beam) or more")
        if self.sampled_beam > 1 and (self.beam, *drawn) != (1, 1.0, 0, 1.0, 1.0):
            raise UserError(
                f"sampled-beam {self.sampled_beam} with beam, temperature, top-k, top-p or "
                "reject-likelihood: its draws are at temperature 1; leave the others out"
            )
        if not 0 < self.reject_likelihood <= 1:
            raise UserError(
                f"reject-likelihood {self.reject_likelihood}: the share of sentences to keep, "
                "above 0 and at most 1"
            )


PLAIN = Decoding()
"""Draws from the whole distribution."""


def decodings(
    temperatures: Sequence[float] = TEMPERATURES,
    top_k: Sequence[int] = (),
    top_p: Sequence[float] = (),
    beam: Sequence[int] = (),
    reject_likelihood: Sequence[float] = (),
) -> list[Decoding]:
    """One setting after the other, each changing one thing, checked and none twice.

    Args:
        temperatures: of plain draws.
        top_k: draws from the k likeliest tokens.
        top_p: draws from the likeliest tokens of this mass.
        beam: widths of sampled beams, one for each sentence: a beam search draws nothing, and
            cannot give as many sentences as the other settings do.
        reject_likelihood: shares that are kept of the draws.

    Raises:
        UserError: a value out of range.
    """
    found = [
        *(Decoding(temperature=value) for value in temperatures),
        *(Decoding(top_k=value) for value in top_k),
        *(Decoding(top_p=value) for value in top_p),
        *(Decoding(sampled_beam=value) for value in beam),
        *(Decoding(reject_likelihood=value) for value in reject_likelihood),
    ]
    for decoding in found:
        decoding.check()
    return list(dict.fromkeys(found))


def setting(decoding: Decoding) -> tuple[Family, float]:
    """What a decoding changes, and to which value; nothing: temperature 1.

    Raises:
        UserError: it changes several things, and belongs to no curve.
    """
    values: dict[Family, float] = {
        "temperature": decoding.temperature,
        "top-k": decoding.top_k,
        "top-p": decoding.top_p,
        "beam": decoding.sampled_beam,
        "reject-likelihood": decoding.reject_likelihood,
    }
    changed = [(name, float(v)) for name, v in values.items() if v != curves.PLAIN[name]]
    if len(changed) > 1 or decoding.beam > 1:
        raise UserError(f"{decoding}: a point of a curve changes one setting, and draws")
    return changed[0] if changed else ("temperature", curves.PLAIN["temperature"])
