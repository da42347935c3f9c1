"""One turn of one player: modes, random seeds, and its gradients from all micro-batches."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal

import torch

from seqgen.kernels import one_backward_pass
from seqgen.methods.protocol import Method, Moment
from seqgen.training import distributed
from seqgen.training.batches import Batches
from seqgen.training.player import Player
from seqgen.training.randomness import seed_torch

Precision = Literal["float32", "bfloat16"]


def check_batches(batches: Batches, precision: str) -> None:
    """Refuse batches meant for other processes than there are, and unknown precisions."""
    if batches.world != distributed.world() or batches.rank != distributed.rank():
        raise ValueError(
            f"the batches are for process {batches.rank} of {batches.world}, but this is process "
            f"{distributed.rank()} of {distributed.world()}; give Batches the same rank and world"
        )
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision {precision!r} is unknown; allowed are 'float32', 'bfloat16'")


def collect(
    method: Method,
    name: str,
    player: Player,
    batches: Batches,
    moment: Moment,
    precision: Precision,
) -> None:
    """Have the player's gradients of the next batch gathered, up to the point where it may step."""
    set_modes(method, name)
    rank = batches.rank
    # Dropout and the networks' own draws come from torch's global generators: they are seeded from
    # the position too, so nothing that was drawn before, an evaluation say, can change them.
    seed_torch(moment.stream.child("begin", rank))
    with _arithmetic(player, precision):
        method.begin(name, moment)
    whole = batches.accumulation == 1 and batches.world == 1
    for number, batch in enumerate(batches.take()):
        seed_torch(moment.stream.child("batch", rank, number))
        with _arithmetic(player, precision), one_backward_pass(whole):
            loss = method.loss(name, batch, moment)
        if loss is not None:
            player.add(loss, whole)


def set_modes(method: Method, name: str) -> None:
    """The player's own modules train, all others of the method do not."""
    own = method.players[name]
    for module_name, module in method.modules.items():
        if module_name not in own:
            module.eval()
    for module_name in own:
        method.modules[module_name].train()


def share_buffers(method: Method, name: str) -> None:
    """Running statistics follow each process's own rows; all go on with the main process's."""
    if distributed.world() > 1:
        for module_name in method.players[name]:
            distributed.share_tensors(method.modules[module_name].buffers())


def _arithmetic(player: Player, precision: Precision) -> AbstractContextManager[object]:
    if precision == "float32":
        return nullcontext()
    return torch.autocast(player.parameters[0].device.type, dtype=torch.bfloat16)
