"""A player: one optimizer over the parameters it owns, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from seqgen.methods.protocol import Loss
from seqgen.training.errors import NonFiniteError
from seqgen.training.sums import Sums, reduce_gradients, weighted_loss


class Player:
    """Gradients into own parameters only, exact averages, a check that all is finite, clipping, a
    step.

    `schedule` gives the factor on the optimizer's own rates at each of this player's updates,
    `clip` the largest Euclidean norm of the whole gradient.

    Examples:
        >>> model = torch.nn.Linear(2, 1)
        >>> player = Player(torch.optim.SGD(model.parameters(), lr=0.1), clip=5.0)
        >>> player.add(Loss({"error": Term(model(torch.ones(3, 2)).square().sum(), 3.0)}))
        >>> sorted(player.step())
        ['error', 'gradient-norm', 'loss']
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        schedule: Callable[[int], float] | None = None,
        clip: float | None = None,
    ) -> None:
        if clip is not None and not clip > 0:
            raise ValueError(f"clip {clip} must be above 0; leave it out to clip nothing")
        self.optimizer, self.schedule, self.clip = optimizer, schedule, clip
        self.updates = 0
        self._rates = [float(group["lr"]) for group in optimizer.param_groups]
        self._sums = Sums()
        self._whole = False

    @property
    def parameters(self) -> list[Tensor]:
        """The trainable tensors this player owns, in the optimizer's order."""
        groups = self.optimizer.param_groups
        return [tensor for group in groups for tensor in group["params"] if tensor.requires_grad]

    @property
    def rate(self) -> float:
        """The learning rate of the next update (of the first parameter group)."""
        return self._rates[0] * self._multiplier()

    def add(self, loss: Loss, whole: bool = False) -> None:
        """Take the gradients of one micro-batch's loss into own parameters; the opponent gets none.

        `whole` says that this is all of the update's batch, in all processes: then all weights are
        known and one backward pass serves all terms. Otherwise a loss of k terms takes k backward
        passes.
        """
        if self._whole:
            raise ValueError("a whole batch was added already; call step() before adding more")
        self._sums.add(loss)
        self._whole = whole
        if not any(term.total.requires_grad for term in loss.terms.values()):
            raise ValueError(
                f"no term of the loss has a gradient: {sorted(loss.terms)}; it must be computed "
                "from the player's own parameters with gradients on; to skip, a method returns None"
            )
        if whole:
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(weighted_loss(loss.terms), inputs=self.parameters)
        else:
            self._add_terms(loss)

    def step(self, where: str = "") -> Mapping[str, Tensor] | None:
        """Update the parameters; None, and nothing happens, when every micro-batch of every process
        was skipped.

        Returns the averaged terms and numbers, their weighted sum "loss" and the "gradient-norm"
        before clipping, as scalar tensors that were not waited for.

        Raises:
            NonFiniteError: before the parameters are touched; `where` opens its message. On CUDA
                the check runs on the device and surfaces as an assertion when the results are next
                needed.
        """
        sums, whole = self._sums, self._whole
        self._sums, self._whole = Sums(), False
        if not sums.agree():
            return None
        if not whole:
            self._set_gradients(sums)
        averages = sums.averages()
        losses = {name: averages[name] * factor for name, factor in sums.factors.items()}
        averages.setdefault("loss", torch.stack(list(losses.values())).sum())
        averages["gradient-norm"] = norm = self._norm()
        require_finite({**losses, "gradient-norm": norm}, where)
        self._move(norm)
        return averages

    def state_dict(self) -> dict[str, Any]:
        """The optimizer's state and the number of updates."""
        return {"optimizer": self.optimizer.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave; tensors move to the parameters' devices."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.updates = int(state["updates"])

    def _add_terms(self, loss: Loss) -> None:
        terms = {name: term for name, term in loss.terms.items() if term.total.requires_grad}
        parameters, last = self.parameters, list(terms)[-1]
        for name, term in terms.items():
            gradients = torch.autograd.grad(
                term.total, parameters, retain_graph=name != last, allow_unused=True
            )
            self._sums.add_gradients(name, gradients)

    def _set_gradients(self, sums: Sums) -> None:
        parameters = self.parameters
        self.optimizer.zero_grad(set_to_none=True)
        gradients = reduce_gradients(sums.scaled_gradients(parameters), parameters)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient

    def _norm(self) -> Tensor:
        gradients = [tensor.grad for tensor in self.parameters if tensor.grad is not None]
        return get_total_norm(gradients)

    def _move(self, norm: Tensor) -> None:
        used = [tensor for tensor in self.parameters if tensor.grad is not None]
        if self.clip is not None:
            clip_grads_with_norm_(used, self.clip, norm)
        if self.schedule is not None:
            for group, rate in zip(self.optimizer.param_groups, self._rates, strict=True):
                group["lr"] = rate * self._multiplier()
        self.optimizer.step()
        # The gradients go at once: nobody can mistake them for his own, and the memory is free
        # during the next turn.
        self.optimizer.zero_grad(set_to_none=True)
        self.updates += 1

    def _multiplier(self) -> float:
        return 1.0 if self.schedule is None else self.schedule(self.updates)


def require_finite(values: Mapping[str, Tensor], where: str = "") -> None:
    """Stop unless all scalars are finite: at once on the CPU, by an assertion on the device on
    CUDA.
    """
    names, scalars = list(values), list(values.values())
    if scalars[0].is_cuda:
        for name, scalar in values.items():
            torch._assert_async(torch.isfinite(scalar), _not_finite([name], where))
        return
    finite = torch.isfinite(torch.stack([scalar.to(torch.float32) for scalar in scalars])).tolist()
    bad = [
        f"{n} = {v.item()}" for n, v, good in zip(names, scalars, finite, strict=True) if not good
    ]
    if bad:
        raise NonFiniteError(_not_finite(bad, where))


def _not_finite(names: Sequence[str], where: str) -> str:
    return (
        f"{where}{': ' if where else ''}not finite: {', '.join(names)}; the parameters were not "
        "touched. Lower the learning rate, clip the gradient, or look at the batch of this step"
    )
