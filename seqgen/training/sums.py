"""Terms of a loss added up over micro-batches and processes before anything is divided.

A mean of means is wrong when micro-batches hold unequal numbers of tokens, so totals, weights and
(where the weight is not known yet) the gradients of each term are kept apart until the whole batch
has been seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import torch
from torch import Tensor

from seqgen.methods.protocol import Loss, Term
from seqgen.training import distributed

Gradients = list[Tensor | None]


class Sums:
    """Totals, weights, factors and gradients by term name, and totals and weights of the numbers
    for the log.
    """

    def __init__(self) -> None:
        self.factors: dict[str, float] = {}
        self.totals: dict[str, Tensor] = {}
        self.weights: dict[str, Tensor] = {}
        self.gradients: dict[str, Gradients] = {}

    def add(self, loss: Loss) -> None:
        """Add the totals and weights of one micro-batch."""
        if not loss.terms:
            raise ValueError("the loss has no terms; to skip a micro-batch a method returns None")
        shared = set(loss.terms) & set(loss.numbers)
        if shared:
            raise ValueError(
                f"these names are both a term and a number of the loss: {sorted(shared)}"
            )
        for name, term in loss.terms.items():
            if self.factors.setdefault(name, term.factor) != term.factor:
                raise ValueError(
                    f"the factor of term {name!r} changed within one update from "
                    f"{self.factors[name]} to {term.factor}; it must be the same throughout"
                )
            self._add(name, term)
        for name, number in loss.numbers.items():
            self._add(name, number)

    def add_gradients(self, name: str, gradients: Sequence[Tensor | None]) -> None:
        """Add the gradients of one term's total."""
        kept = self.gradients.get(name)
        # Captured CUDA graphs give the same memory again for the next gradients.
        own = [g.clone() if g is not None and g.is_cuda else g for g in gradients]
        self.gradients[name] = own if kept is None else _added(kept, own)

    def agree(self) -> bool:
        """Sum totals and weights over processes; False where no process has seen any loss.

        A process that skipped all of its micro-batches, or some terms, takes part with zeros.
        """
        if distributed.world() > 1:
            device = distributed.collective_device()
            mark = self._mark()
            seen = torch.tensor([int(bool(self.totals)), mark, -mark], device=device)
            some, high, low = distributed.largest(seen).tolist()
            if some and high != -low:
                self._learn_names(device)
            if some:
                self._reduce()
            return bool(some)
        return bool(self.totals)

    def averages(self) -> dict[str, Tensor]:
        """total / weight by name, terms first; 0 where the weight is 0."""
        return {name: divide(self.totals[name], self.weights[name]) for name in self.totals}

    def scales(self) -> dict[str, Tensor]:
        """factor / weight of each term: what its gradient is multiplied by; 0 where the weight is
        0.
        """
        return {
            name: divide(torch.full_like(self.weights[name], factor), self.weights[name])
            for name, factor in self.factors.items()
        }

    def scaled_gradients(self, parameters: Sequence[Tensor]) -> Gradients:
        """The divided loss's gradient on this process's share of the batch; None where unused."""
        result: Gradients = [None] * len(parameters)
        for name, scale in self.scales().items():
            given = self.gradients.get(name)
            if given is not None:
                result = _added(result, [None if g is None else g * scale for g in given])
        return result

    def _add(self, name: str, term: Term) -> None:
        total = term.total.detach().to(torch.promote_types(term.total.dtype, torch.float32))
        weight = torch.as_tensor(term.weight, dtype=total.dtype, device=total.device).detach()
        if name in self.totals:
            total, weight = self.totals[name] + total, self.weights[name] + weight
        self.totals[name], self.weights[name] = total, weight

    def _mark(self) -> int:
        names = repr((list(self.factors.items()), list(self.totals)))
        return int.from_bytes(blake2b(names.encode(), digest_size=7).digest(), "little")

    def _learn_names(self, device: torch.device) -> None:
        mine = (self.factors, list(self.totals))
        everything = distributed.gather(mine)
        names = dict.fromkeys(name for _, totals in everything for name in totals)
        for factors, _ in everything:
            self.factors.update(factors)
        zero = torch.zeros((), device=device)
        self.totals = {name: self.totals.get(name, zero) for name in names}
        self.weights = {name: self.weights.get(name, zero) for name in names}

    def _reduce(self) -> None:
        flat = torch.stack([*self.totals.values(), *self.weights.values()])
        flat = distributed.add_up(flat)
        names = list(self.totals)
        self.totals = dict(zip(names, flat[: len(names)], strict=True))
        self.weights = dict(zip(names, flat[len(names) :], strict=True))


def divide(total: Tensor, weight: Tensor) -> Tensor:
    """total / weight, and 0 where nothing was counted."""
    counted = weight != 0
    # The quotient not taken must be finite: its gradient is multiplied by 0, and 0 x inf is NaN.
    return torch.where(counted, total / torch.where(counted, weight, 1.0), torch.zeros_like(total))


def reduce_gradients(gradients: Gradients, parameters: Sequence[Tensor]) -> Gradients:
    """Sum gradients over processes in one exchange; None stays None where no process used the
    parameter.
    """
    if distributed.world() == 1:
        return gradients
    filled = [
        torch.zeros_like(parameter) if gradient is None else gradient
        for gradient, parameter in zip(gradients, parameters, strict=True)
    ]
    used = torch.tensor([float(gradient is not None) for gradient in gradients])
    flat = torch.cat([*(gradient.reshape(-1) for gradient in filled), used.to(filled[0].device)])
    flat = distributed.add_up(flat)
    pieces = torch.split(flat, [*(gradient.numel() for gradient in filled), len(filled)])
    return [
        piece.view_as(parameter).to(parameter.dtype) if times else None
        for piece, parameter, times in zip(pieces, parameters, pieces[-1].tolist(), strict=False)
    ]


def weighted_loss(terms: Mapping[str, Term]) -> Tensor:
    """The scalar whose gradient is the update's, for a batch that is whole in one micro-batch."""
    parts = []
    for term in terms.values():
        weight = torch.as_tensor(term.weight, device=term.total.device).detach()
        parts.append(divide(term.factor * term.total, weight))
    return torch.stack(parts).sum()


def _added(left: Gradients, right: Sequence[Tensor | None]) -> Gradients:
    return [b if a is None else a if b is None else a + b for a, b in zip(left, right, strict=True)]
