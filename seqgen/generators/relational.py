"""Relational memory: a recurrent network whose memory slots attend to each other and the input."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials


@dataclass(frozen=True)
class RelationalState:
    """The memory (rows, slots, width of the memory) and the style of the rows, (rows,)."""

    memory: Tensor
    style: Tensor | None = None

    def select(self, rows: Tensor) -> RelationalState:
        """Repeat, reorder or drop rows."""
        style = None if self.style is None else self.style[rows]
        return RelationalState(self.memory.index_select(0, rows), style)


class SlotAttention(nn.Module):
    """Attention between slots, then a perceptron on each; both are added to what came in, normed.

    Args:
        heads: attention heads.
        head_size: width of a head; a slot is heads x head_size wide.
        layers: of the perceptron.
    """

    def __init__(self, heads: int, head_size: int, layers: int) -> None:
        super().__init__()
        self.heads, width = heads, heads * head_size
        self.attention = nn.Linear(width, 3 * width)
        self.norm = nn.LayerNorm(3 * width)
        self.attention_norm = nn.LayerNorm(width)
        linear = [nn.Linear(width, width) for _ in range(layers)]
        between = [module for first in linear for module in (first, nn.ReLU())][:-1]
        self.perceptron = nn.Sequential(*between)
        self.perceptron_norm = nn.LayerNorm(width)

    def forward(self, slots: Tensor, wanted: int) -> Tensor:
        """What the first `wanted` slots become: (rows, slots, width) -> (rows, wanted, width)."""
        # (rows, slots, 3 x width) -> (3, rows, heads, slots, size)
        parts = self.norm(self.attention(slots)).unflatten(-1, (3, self.heads, -1))
        queries, keys, values = parts.permute(2, 0, 3, 1, 4)
        attended = nn.functional.scaled_dot_product_attention(queries[:, :, :wanted], keys, values)
        mixed = self.attention_norm(slots[:, :wanted] + attended.transpose(1, 2).flatten(-2))
        normed: Tensor = self.perceptron_norm(mixed + self.perceptron(mixed))
        return normed


class RelationalCell(nn.Module):
    """One step of the relational memory core, with a gate for every unit.

    What the input slot reads in the last block is never used, so it is not computed.

    Args:
        heads: attention heads.
        head_size: width of a head.
        blocks: attention blocks a step.
        layers: of the perceptron in a block.
        forget_bias: added to the forget gate, so that the memory is kept at first.
    """

    def __init__(
        self, heads: int, head_size: int, blocks: int, layers: int, forget_bias: float = 1.0
    ) -> None:
        super().__init__()
        width, self.forget_bias = heads * head_size, forget_bias
        self.blocks = nn.ModuleList(SlotAttention(heads, head_size, layers) for _ in range(blocks))
        self.input_gates = nn.Linear(width, 2 * width)
        self.memory_gates = nn.Linear(width, 2 * width)

    def forward(self, inputs: Tensor, gates: Tensor, memory: Tensor) -> Tensor:
        """The next memory (rows, slots, width).

        Args:
            inputs: (rows, width).
            gates: `input_gates` of the inputs, (rows, 2 x width).
            memory: (rows, slots, width).
        """
        slots, kept = torch.cat((memory, inputs.unsqueeze(1)), 1), memory.shape[1]
        for number, block in enumerate(self.blocks):
            last = number + 1 == len(self.blocks)
            slots = block(slots, kept if last else kept + 1)
        accept, keep = (self.memory_gates(memory.tanh()) + gates.unsqueeze(1)).chunk(2, -1)
        after: Tensor = (
            accept.sigmoid() * slots.tanh() + (keep + self.forget_bias).sigmoid() * memory
        )
        return after


class Relational(Generator):
    """The relational memory core, the generator of RelGAN (Nie, Narodytska and Patel, 2019).

    Santoro et al., "Relational recurrent neural networks", 2018, arXiv 1806.01822.

    Args:
        vocabulary: number of ids.
        specials: begin, end and pad ids.
        width: size of the token vectors.
        slots: of the memory.
        heads: attention heads.
        head_size: width of a head; hidden vectors are slots x heads x head_size wide.
        blocks: attention blocks a step.
        layers: of the perceptron behind the attention.
        tie: share the token vectors with the head; a linear map stands between.
        styles: number of labels it can be conditioned on.

    Raises:
        ValueError: a number below 1.
    """

    capturable = True

    def __init__(
        self,
        vocabulary: int,
        specials: Specials,
        *,
        width: int = 32,
        slots: int = 1,
        heads: int = 2,
        head_size: int = 256,
        blocks: int = 1,
        layers: int = 2,
        tie: bool = False,
        styles: int = 0,
    ) -> None:
        super().__init__(specials)
        if min(slots, heads, head_size, blocks, layers) < 1:
            raise ValueError("slots, heads, head_size, blocks and layers must each be at least 1")
        self.styles, self.slots, memory = styles, slots, heads * head_size
        self.embedding = TokenEmbedding(vocabulary, width, styles)
        self.input = nn.Linear(width, memory)
        self.cell = RelationalCell(heads, head_size, blocks, layers)
        self.project = nn.Linear(slots * memory, width, bias=False) if tie else None
        shared = self.embedding.weight if tie else None
        self.head = Head(width if tie else slots * memory, vocabulary, shared)

    def start(self, count: int, condition: Condition | None = None) -> RelationalState:
        """Slot i holds a one-hot vector of unit i, so that the slots differ."""
        weight = self.input.weight
        memory = torch.eye(self.slots, len(weight), dtype=weight.dtype, device=weight.device)
        style = None if condition is None else condition.style
        return RelationalState(memory.expand(count, -1, -1), style)

    def advance(self, tokens: Tensor, state: RelationalState) -> tuple[Forced, RelationalState]:
        """Read tokens; what depends on the inputs alone is one product for all steps."""
        inputs = self.input(self.embedding(tokens, state.style))
        gates = self.cell.input_gates(inputs)
        memory, outputs = state.memory, []
        for some, some_gates in zip(inputs.unbind(1), gates.unbind(1), strict=True):
            memory = self.cell(some, some_gates, memory)
            outputs.append(memory.flatten(1))
        hidden = torch.stack(outputs, 1)
        if self.project is not None:
            hidden = self.project(hidden)
        return Forced(hidden), RelationalState(memory, state.style)
