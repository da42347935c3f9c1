"""LSTM and GRU language models: embedding, recurrent layers, vocabulary."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from seqgen.generators.embedding import TokenEmbedding
from seqgen.generators.head import Head
from seqgen.generators.protocol import Condition, Forced, Generator, Specials


@dataclass(frozen=True)
class RecurrentState:
    """Memory of the layers, each tensor (layers, rows, hidden), and the style of the rows."""

    memory: tuple[Tensor, ...]
    style: Tensor | None = None

    def select(self, rows: Tensor) -> RecurrentState:
        """Repeat, reorder or drop rows."""
        style = None if self.style is None else self.style[rows]
        return RecurrentState(tuple(m.index_select(1, rows) for m in self.memory), style)


class Recurrent(Generator):
    """An LSTM (Hochreiter and Schmidhuber, 1997) or GRU (Cho et al., 2014, arXiv 1406.1078)
    language model.

    Args:
        vocabulary: number of ids.
        specials: begin, end and pad ids.
        cell: "lstm" or "gru".
        width: size of the token vectors.
        hidden: size of the recurrent layers.
        layers: how many.
        dropout: on the token vectors, between layers and before the head (Zaremba et al., 2014,
            arXiv 1409.2329).
        tie: share the token vectors with the head; with width != hidden a linear map stands
            between.
        initial: standard deviation of N(0, initial) for every parameter, as SeqGAN does; None for
            torch's defaults.
        styles: number of labels it can be conditioned on.

    Raises:
        ValueError: an unknown cell.
    """

    capturable = True

    def __init__(
        self,
        vocabulary: int,
        specials: Specials,
        *,
        cell: str = "lstm",
        width: int = 32,
        hidden: int = 32,
        layers: int = 1,
        dropout: float = 0.0,
        tie: bool = False,
        initial: float | None = None,
        styles: int = 0,
    ) -> None:
        super().__init__(specials)
        if cell not in ("lstm", "gru"):
            raise ValueError(f"cell {cell!r}: must be 'lstm' or 'gru'")
        self.styles, self._memories = styles, 2 if cell == "lstm" else 1
        self.embedding = TokenEmbedding(vocabulary, width, styles)
        network = nn.LSTM if cell == "lstm" else nn.GRU
        between = dropout if layers > 1 else 0.0
        self.network = network(width, hidden, layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Linear(hidden, width, bias=False) if tie and width != hidden else None
        self.head = Head(
            width if tie else hidden, vocabulary, self.embedding.weight if tie else None
        )
        if initial is not None:
            for parameter in self.parameters():
                nn.init.normal_(parameter, 0.0, initial)

    def start(self, count: int, condition: Condition | None = None) -> RecurrentState:
        """Zero memory."""
        shape = (self.network.num_layers, count, self.network.hidden_size)
        memory = self.embedding.weight.new_zeros(shape)
        return RecurrentState(
            (memory,) * self._memories, None if condition is None else condition.style
        )

    def advance(self, tokens: Tensor, state: RecurrentState) -> tuple[Forced, RecurrentState]:
        """Read tokens; one call for a whole sentence or for one step."""
        vectors = self.dropout(self.embedding(tokens, state.style))
        memory = state.memory if self._memories == 2 else state.memory[0]
        output, memory = self.network(vectors, memory)
        hidden = self.dropout(output)
        if self.project is not None:
            hidden = self.project(hidden)
        after = (memory,) if isinstance(memory, Tensor) else tuple(memory)
        return Forced(hidden), RecurrentState(after, state.style)
