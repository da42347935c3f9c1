"""What decoding gives, and how it is collected from the steps of the loop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import torch
from torch import Tensor, nn

from seqgen.generators.protocol import Generator
from seqgen.generators.steps import Step, ends
from seqgen.text.sentences import Sentences


@dataclass(frozen=True)
class Decoded:
    """Decoded rows.

    Attributes:
        tokens: ids (rows, time), PAD after END; or soft tokens (rows, time, vocabulary), one-hot
            PAD after END. With a graph, or soft, time may end with the longest row.
        lengths: (rows,) int64, END included; a row that never ended has all `time` tokens.
        ended: (rows,) bool, False where the limit cut the row.
        fed: what was fed back, like tokens; another thing than what was kept in scheduled sampling.
        hidden: (rows, time, width) or None; 0 after END.
        extras: further outputs of the generator (rows, time, ...).
    """

    tokens: Tensor
    lengths: Tensor
    ended: Tensor
    fed: Tensor
    hidden: Tensor | None = None
    extras: dict[str, Tensor] | None = None

    @property
    def mask(self) -> Tensor:
        """(rows, time) bool, True up to and including END."""
        steps = torch.arange(self.tokens.shape[1], device=self.tokens.device)
        return steps < self.lengths.unsqueeze(1)

    def sentences(self, like: Sentences | None = None) -> Sentences:
        """As a batch of sentences, with the labels and global row numbers of another batch."""
        labels, rows = (None, None) if like is None else (like.labels, like.rows)
        ids = self.tokens.argmax(-1) if self.tokens.is_floating_point() else self.tokens
        return Sentences(ids, self.lengths, labels, rows)


class Collector:
    """Collects pools from which rows drop out: where rows end, and the outputs up to there. What
    tokens are is for those to say who derive from it.

    Args:
        generator: what is decoded from.
        count: number of rows.
        time: the most tokens a row.
        hidden: whether hidden vectors and extras are wanted.
    """

    def __init__(self, generator: Generator, count: int, time: int, hidden: bool) -> None:
        self.device, (_, self.end, self.pad) = generator.device, generator.specials
        self.lengths = torch.full((count,), time, device=self.device)
        self.ended = torch.zeros(count, dtype=torch.bool, device=self.device)
        self.count, self.time, self.wanted = count, time, hidden
        self.outputs: dict[str, Tensor] = {}

    def store(self, step: Step) -> None:
        """Keep the tokens of a step."""
        raise NotImplementedError

    def decoded(self) -> Decoded:
        """What was collected."""
        raise NotImplementedError

    def add(self, step: Step) -> None:
        """Write a step; dead rows write the blanks that stand there already."""
        self.store(step)
        rows, live = step.rows, step.live
        if self.end is not None:
            ended = live & ends(step.choice.kept, self.end)
            self.ended[rows] |= ended
            self.lengths[rows] = torch.where(ended, step.number + 1, self.lengths[rows])
        for name, values in _outputs(step) if self.wanted else ():
            if name not in self.outputs:
                self.outputs[name] = values.new_zeros(self.count, self.time, *values.shape[2:])
            blank = live.view(-1, *[1] * (values.dim() - 2))
            self.outputs[name][rows, step.number] = torch.where(blank, values[:, 0], 0.0)


class IdCollector(Collector):
    """Collects ids; its arguments are those of Collector."""

    def __init__(self, generator: Generator, count: int, time: int, hidden: bool) -> None:
        super().__init__(generator, count, time, hidden)
        self.kept = torch.full((count, time), self.pad, device=self.device)
        self.fed = self.kept.clone()

    def store(self, step: Step) -> None:
        """Dead rows keep PAD."""
        rows, number, live, choice = step.rows, step.number, step.live, step.choice
        self.kept[rows, number] = torch.where(live, choice.kept, self.pad)
        self.fed[rows, number] = torch.where(live, choice.fed, self.pad)

    def decoded(self) -> Decoded:
        """What was collected."""
        extras = dict(self.outputs)
        return Decoded(self.kept, self.lengths, self.ended, self.fed, extras.pop("", None), extras)


def collect_with_graph(generator: Generator, loop: Iterator[Step], hidden: bool) -> Decoded:
    """Collect by stacking, so that gradients flow; rows are all there at every step.

    On the CPU time ends with the longest row.
    """
    taken = list(takewhile(_goes_on, loop))
    live = torch.stack([s.live for s in taken], 1)
    kept = _stacked([s.choice.kept for s in taken], live, generator)
    alike = all(s.choice.fed is s.choice.kept for s in taken)  # soft tokens are large: copy once
    fed = kept if alike else _stacked([s.choice.fed for s in taken], live, generator)
    ended = torch.zeros_like(live[:, 0])
    if generator.specials.end is not None:
        ended = ~live[:, -1] | ends(taken[-1].choice.kept, generator.specials.end)
    outputs: dict[str, Tensor] = {}
    for named in zip(*map(_outputs, taken), strict=True) if hidden else ():
        values = torch.cat([value for _, value in named], 1)
        blank = live.view(*live.shape, *[1] * (values.dim() - 2))
        outputs[named[0][0]] = torch.where(blank, values, 0.0)
    return Decoded(kept, live.sum(1), ended, fed, outputs.pop("", None), outputs)


def _goes_on(step: Step) -> bool:
    """Whether any row lives; where asking makes the host wait for the GPU, nobody asks."""
    return step.number == 0 or step.live.is_cuda or bool(step.live.any())


def _stacked(tokens: list[Tensor], live: Tensor, generator: Generator) -> Tensor:
    """Tokens of the steps in a row, PAD where a sentence is over: ids (rows, time) or soft tokens
    (rows, time, vocabulary)."""
    stacked, pad = torch.stack(tokens, 1), generator.specials.pad
    if not stacked.is_floating_point():
        return stacked.masked_fill(~live, pad)
    if generator.specials.end is None:
        return stacked  # no sentence is over before the last step
    blank = nn.functional.one_hot(torch.tensor(pad, device=stacked.device), stacked.shape[-1])
    return torch.where(live.unsqueeze(-1), stacked, blank.to(stacked.dtype))


def _outputs(step: Step) -> list[tuple[str, Tensor]]:
    """The hidden vectors, under the empty name, and the extras of a step."""
    return [("", step.forced.hidden), *step.forced.extras.items()]
