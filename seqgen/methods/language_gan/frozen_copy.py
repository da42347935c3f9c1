"""A network as it was at some moment, kept beside the one that goes on learning."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from seqgen.base_weights import untrained

Network = TypeVar("Network", bound=nn.Module)


class FrozenCopy(Generic[Network]):
    """A copy of a network that no optimizer moves, in evaluation mode.

    It is no module of its method: it belongs to the method's state, so that checkpoints hold it
    beside the weights. What the source does not train (the base of an adapter) is not saved.

    Args:
        source: the network that learns.
    """

    def __init__(self, source: Network) -> None:
        self.source = source
        self._taken: Network | None = None

    @property
    def network(self) -> Network:
        """The copy; the source itself until a copy was taken."""
        return self.source if self._taken is None else self._taken

    def take_once(self) -> None:
        """Copy the source as it is now, unless that was done before."""
        if self._taken is not None:
            return
        self._taken = copy.deepcopy(self.source).eval().requires_grad_(False)
        for part in self._taken.modules():
            if isinstance(part, nn.RNNBase):  # a copied one has lost its single block of weights
                part.flatten_parameters()

    @torch.no_grad()
    def follow(self, decay: float) -> None:
        """copy <- decay x copy + (1 - decay) x source; buffers become the source's."""
        mine, theirs = [], []
        for own, present in self._parameter_pairs():
            mine.append(own)
            theirs.append(present.detach())
        torch._foreach_lerp_(mine, theirs, 1 - decay)
        for own, present in zip(self.network.buffers(), self.source.buffers(), strict=True):
            own.copy_(present)

    def state_dict(self) -> dict[str, Any]:
        """The tensors of the copy that may differ from the source's; nothing before it is taken."""
        return {} if self._taken is None else dict(self._saved(self._taken))

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore what `state_dict` gave.

        Raises:
            ValueError: the state is that of another network.
        """
        if not state:
            self._taken = None
            return
        self.take_once()
        own = dict(self._saved(self.network))
        if own.keys() != state.keys():
            raise ValueError(
                f"the saved copy has tensors {sorted(state)[:5]}, the network "
                f"{sorted(own)[:5]}: it is of another network; build the one the run was made with"
            )
        for name, tensor in own.items():
            tensor.copy_(state[name])

    def _saved(self, network: Network) -> Iterator[tuple[str, Tensor]]:
        fixed = untrained(self.source)
        return ((n, t) for n, t in network.state_dict().items() if n not in fixed)

    def _parameter_pairs(self) -> Iterator[tuple[Tensor, Tensor]]:
        pairs = zip(self.network.parameters(), self.source.parameters(), strict=True)
        return ((own, present) for own, present in pairs if present.requires_grad)
