"""CUDA graphs: a function of tensors is captured once and replayed by one launch.

A step of a small network is a dozen kernels that run for a few microseconds each, and starting them
one by one takes the host longer than they run. What is captured must have the same shapes every
time and must never make the host wait.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from seqgen.generators.protocol import Generator

MOST = 16  # graphs kept for a network; beyond, the one that was not used for longest goes
WARM_UPS = 2  # runs before the capture, in which kernels are chosen and compiled
MOST_STEPS = 128  # of sentences that may end, longer ones stop early without a graph

Function = Callable[..., tuple[Tensor, ...]]

_kept: WeakKeyDictionary[nn.Module, dict[Hashable, Captured]] = WeakKeyDictionary()


class Captured:
    """A function that was captured; calls copy their tensors in and give copies of the results.

    Args:
        function: of tensors on a CUDA device, without gradients, to a tuple of tensors.
        inputs: an example; calls must have the same shapes and types.
    """

    def __init__(self, function: Function, inputs: tuple[Tensor, ...]) -> None:
        self._inputs = tuple(tensor.clone() for tensor in inputs)
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(WARM_UPS):
                function(*self._inputs)
        torch.cuda.current_stream().wait_stream(beside)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=_pool(inputs[0].device)):
            self._outputs = function(*self._inputs)

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """The results for other tensors."""
        for place, tensor in zip(self._inputs, inputs, strict=True):
            place.copy_(tensor)
        self._graph.replay()
        return tuple(tensor.clone() for tensor in self._outputs)


@cache
def _pool(device: torch.device) -> Any:
    """One piece of memory for all graphs of a device: no two of them run at a time, and nothing but
    their results, which no other one overwrites, is read afterwards."""
    return torch.cuda.graph_pool_handle()


def capturable(generator: Generator, steps: int) -> bool:
    """Whether draws of so many steps can be captured now: on CUDA, in evaluation mode, without
    gradients, by a network that says so itself."""
    return (
        vars(type(generator)).get("capturable", False)
        and generator.device.type == "cuda"
        and not generator.training
        and not torch.is_grad_enabled()
        and (steps <= MOST_STEPS or generator.specials.end is None)
        and not torch.cuda.is_current_stream_capturing()
    )


def replay(
    network: nn.Module, key: Hashable, function: Function, *inputs: Tensor
) -> tuple[Tensor, ...]:
    """`function(*inputs)`, captured at the first call and replayed from then on.

    Args:
        network: whose parameters the function reads: graphs are kept as long as it lives, and made
            anew where its parameters have moved.
        key: all that the function depends on besides the inputs' values, their shapes and the
            network's parameters.
        function: called while it is captured only; see `Captured`.
        inputs: tensors on the network's device.
    """
    kind = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
    places = tuple(parameter.data_ptr() for parameter in network.parameters())
    shapes = tuple((tensor.shape, tensor.dtype) for tensor in inputs)
    whole, graphs = (key, shapes, kind, places), _kept.setdefault(network, {})
    if whole not in graphs and len(graphs) >= MOST:
        graphs.pop(next(iter(graphs)))
    with (
        torch.cuda.device(inputs[0].device),
        torch.inference_mode(False),  # what is kept must serve outside of it too
        torch.no_grad(),
        # Rounded weights that autocast keeps would be those of the capture for ever.
        torch.autocast("cuda", dtype=kind, enabled=kind is not None, cache_enabled=False),
    ):
        captured = graphs.pop(whole) if whole in graphs else Captured(function, inputs)
        graphs[whole] = captured  # the last now
        return captured(*inputs)
