"""A Kullback-Leibler anchor: the policy pays for going away from the model it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor

from seqgen.generators.decoding import teacher_force
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Generator
from seqgen.methods.language_gan.frozen_copy import FrozenCopy
from seqgen.methods.protocol import Term
from seqgen.text.sentences import Sentences

Reference = Callable[[], AbstractContextManager[Generator]]


class Anchor:
    """weight x KL(policy || reference) of the next token, exact over the vocabulary, averaged over
    the tokens of drawn sentences.

    Source: Jaques et al., "Sequence Tutor: Conservative Fine-Tuning of Sequence Generation Models
    with KL-control", 2017, arXiv 1611.02796. The prefixes are taken as they were drawn: no gradient
    goes through how likely the policy makes them.

    Args:
        generator: the policy.
        weight: of the divergence in the loss.
        reference: opens the reference for reading and gives it; within, the policy's own output
            layer must be unchanged. For an adapter: the same network with the adapter off. None: a
            copy of the policy, frozen before its first update and kept in the method's state.
    """

    def __init__(
        self, generator: Generator, weight: float, reference: Reference | None = None
    ) -> None:
        if not weight > 0:
            raise ValueError(f"anchor {weight}: the weight must be above 0; leave the anchor out")
        self.generator, self.weight = generator, weight
        self._copy = FrozenCopy(generator) if reference is None else None
        self._reference = self._frozen if reference is None else reference

    def freeze(self) -> None:
        """Take the reference, unless it was taken before."""
        if self._copy is not None:
            self._copy.take_once()

    def term(self, hidden: Tensor, sentences: Sentences) -> Term:
        """The divergence at the real tokens of sentences, whose hidden vectors under the policy are
        given flat, (tokens, width), row after row."""
        mask = sentences.mask
        with self._reference() as reference:
            with torch.no_grad(), evaluating(reference):
                given = teacher_force(reference, sentences).hidden[mask]
            weights = torch.ones(len(hidden), device=hidden.device)
            total = self.generator.head.divergence(hidden, weights, reference.head, given)
        return Term(total, len(hidden), self.weight)

    def state_dict(self) -> dict[str, Any]:
        """The frozen copy."""
        return {} if self._copy is None else self._copy.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        if self._copy is not None:
            self._copy.load_state_dict(state)

    @contextmanager
    def _frozen(self) -> Iterator[Generator]:
        assert self._copy is not None
        yield self._copy.network
