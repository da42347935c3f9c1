"""The one decoding loop, and its plain users: decode and teacher forcing.

Finished rows are dropped as decoding goes on. Kernels round a product of few rows differently from
one of many, so the pool never falls below 64 rows (dead rows fill it up): with that, dropping
changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from seqgen.generators.choose import Choice, Choose
from seqgen.generators.protocol import Condition, Forced, Generator
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

FEWEST_ROWS = 64  # fewer rows in a product, and kernels round differently
POOL_ROWS = 1024  # rows decoded together from start to end when no gradient is kept
BLOCK_ROWS = 256  # rows whose logits are made and used up at a time on the CPU (128: 5 % slower)


class Step(NamedTuple):
    """What one step of the loop gives for the pool it ran on.

    `rows` (pool,) are positions among the decoded rows, `live` (pool,) tells which of them are not
    finished before this step; the others are there to fill the pool and mean nothing.
    """

    number: int
    rows: Tensor
    live: Tensor
    choice: Choice
    forced: Forced


@dataclass(frozen=True)
class Decoded:
    """Decoded rows.

    Attributes:
        tokens: ids (rows, time), PAD after END; or soft tokens (rows, time, vocabulary), one-hot
            PAD after END.
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


def steps(
    generator: Generator,
    state: Any,
    first: Tensor,
    choose: Choose,
    rows: Tensor,
    count: int,
    drop: bool,
) -> Iterator[Step]:
    """Advance, choose, feed back: `count` times or until every row has kept END.

    Args:
        generator: the network.
        state: its state, of len(rows) rows.
        first: the tokens to feed first, ids (rows,).
        choose: how to choose; prepared already.
        rows: positions among the prepared rows, (rows,) int64.
        count: the most steps.
        drop: whether finished rows may leave the pool (needs a choice without gradients).
    """
    end, fed = generator.specials.end, first
    live = torch.ones(len(rows), dtype=torch.bool, device=rows.device)
    buffer = _buffer(generator, choose, len(rows))
    for number in range(count):
        forced, state = generator.advance(fed.unsqueeze(1), state)
        choice = _choose(generator, choose, number, forced.hidden[:, 0], rows, buffer)
        yield Step(number, rows, live, choice, forced)
        if number + 1 == count:
            return
        fed = choice.fed
        if choice.select is not None:
            state, rows, live = (
                state.select(choice.select),
                rows[choice.select],
                live[choice.select],
            )
        if end is None:
            continue
        kept = choice.kept.argmax(-1) if choice.kept.is_floating_point() else choice.kept
        live = live & (kept != end)
        if not drop:
            continue
        if rows.is_cuda and number % 8:
            continue  # asking how many rows live makes the host wait for the GPU: ask seldom
        keep = _keep(live)
        if keep is None:
            continue
        if not len(keep):
            return
        state, rows, live, fed = state.select(keep), rows[keep], live[keep], fed[keep]


def decode(
    generator: Generator,
    choose: Choose,
    count: int,
    time: int,
    *,
    stream: Stream | None = None,
    rows: Tensor | None = None,
    condition: Condition | None = None,
    gradient: bool = False,
    hidden: bool = False,
    drop: bool = True,
    pool: int = POOL_ROWS,
) -> Decoded:
    """Decode `count` rows of at most `time` tokens.

    Args:
        generator: the network, in the mode (train or eval) it is in.
        choose: how tokens are chosen.
        count: number of rows.
        time: the most tokens a row.
        stream: random numbers, for choices that draw.
        rows: global row numbers (count,), which the random numbers belong to; 0..count-1 when None.
        condition: what the generator is conditioned on.
        gradient: keep the graph, for losses on the tokens or the hidden vectors; rows are then
            neither cut into pools nor dropped.
        hidden: also return the hidden vectors and extras.
        drop: let finished rows leave; False computes them to the end, with the same result.
        pool: rows decoded together.

    Raises:
        ValueError: more tokens than the generator can read, or nothing to decode.
    """
    if count < 1 or time < 1:
        raise ValueError(f"decode {count} rows of {time} tokens: both must be at least 1")
    if generator.limit is not None and time > generator.limit:
        raise ValueError(f"{time} tokens asked for, the generator reads at most {generator.limit}")
    device = generator.device
    rows = torch.arange(count, device=device) if rows is None else rows.to(device)
    choose.prepare(rows, time, generator.head.weight.shape[0], stream)

    def loop(part: Tensor, drop: bool) -> Iterator[Step]:
        begun = generator.start(len(part), condition.select(part) if condition else None)
        first = torch.full((len(part),), generator.specials.begin, device=device)
        return steps(generator, begun, first, choose, part, time, drop)

    if gradient or choose.soft:
        with nullcontext() if gradient else torch.no_grad():
            return _decode_with_graph(
                generator, loop(torch.arange(count, device=device), False), hidden
            )
    with torch.no_grad():
        collected = _Ids(generator, count, time, hidden)
        for part in _parts(count, pool, device):
            for step in loop(part, drop):
                collected.add(step)
    return collected.decoded()


def teacher_force(
    generator: Generator, sentences: Sentences, condition: Condition | None = None
) -> Forced:
    """Read BEGIN and the gold tokens in one parallel pass: hidden (rows, time, width) that predict
    ids (rows, time).

    Labels of the sentences condition a generator that has styles, unless a condition is given.
    """
    ids = sentences.ids
    condition = styled(generator, sentences, condition)
    begin = ids.new_full((len(ids), 1), generator.specials.begin)
    state = generator.start(len(ids), condition)
    return generator.advance(torch.cat((begin, ids[:, :-1]), 1), state)[0]


def styled(
    generator: Generator, sentences: Sentences, condition: Condition | None = None
) -> Condition | None:
    """The condition of a batch: the one given, else its labels where the generator knows styles."""
    if condition is None and generator.styles and sentences.labels is not None:
        return Condition(style=sentences.labels)
    return condition


def _parts(count: int, pool: int, device: torch.device) -> list[Tensor]:
    """Positions of each pool, of nearly equal size; a short one repeats its last row up to the
    fewest rows."""
    positions = torch.arange(count, device=device)
    if count < FEWEST_ROWS:
        return [torch.cat((positions, positions[-1:].expand(FEWEST_ROWS - count)))]
    return list(positions.tensor_split(-(-count // max(pool, 2 * FEWEST_ROWS))))


def _keep(live: Tensor) -> Tensor | None:
    """The rows to go on with once a quarter has finished, filled up with dead rows; None leaves the
    pool alone."""
    alive = int(live.sum())
    wanted = max(alive, FEWEST_ROWS) if alive else 0
    if wanted > 0.75 * len(live):
        return None
    order = live.logical_not().to(torch.uint8).argsort(stable=True)
    return order[:wanted].sort().values


def _choose(
    generator: Generator,
    choose: Choose,
    number: int,
    hidden: Tensor,
    rows: Tensor,
    buffer: Tensor | None,
) -> Choice:
    """Logits and choice, in blocks whose logits stay in the cache."""
    if buffer is None:
        return choose(number, generator.logits(hidden), rows)
    count = -(-len(hidden) // len(buffer))
    choices = [
        choose(number, generator.logits(part, buffer[: len(part)]), some)
        for part, some in zip(hidden.tensor_split(count), rows.tensor_split(count), strict=True)
    ]
    if count == 1:
        return choices[0]
    return Choice(torch.cat([c.fed for c in choices]), torch.cat([c.kept for c in choices]))


def _buffer(generator: Generator, choose: Choose, rows: int) -> Tensor | None:
    """Room for the logits of one block, on the CPU without gradients: fresh pages would cost more
    than the softmax."""
    if (
        choose.soft
        or not choose.blockwise
        or torch.is_grad_enabled()
        or generator.device.type != "cpu"
    ):
        return None
    return torch.empty(min(rows, BLOCK_ROWS), generator.head.weight.shape[0])


class _Ids:
    """Collects ids of pools from which rows drop out."""

    def __init__(self, generator: Generator, count: int, time: int, hidden: bool) -> None:
        device, (_, self.end, self.pad) = generator.device, generator.specials
        self.kept = torch.full((count, time), self.pad, device=device)
        self.fed, self.lengths = self.kept.clone(), torch.full((count,), time, device=device)
        self.ended = torch.zeros(count, dtype=torch.bool, device=device)
        self.time, self.wanted = time, hidden
        self.outputs: dict[str, Tensor] = {}

    def add(self, step: Step) -> None:
        """Write a step; dead rows write the blanks that stand there already."""
        number, rows, live = step.number, step.rows, step.live
        choice = step.choice
        self.kept[rows, number] = torch.where(live, choice.kept, self.pad)
        self.fed[rows, number] = torch.where(live, choice.fed, self.pad)
        if self.end is not None:
            ended = live & (choice.kept == self.end)
            self.ended[rows] |= ended
            self.lengths[rows] = torch.where(ended, number + 1, self.lengths[rows])
        for name, values in _outputs(step) if self.wanted else ():
            if name not in self.outputs:
                self.outputs[name] = values.new_zeros(len(self.kept), self.time, *values.shape[2:])
            blank = live.view(-1, *[1] * (values.dim() - 2))
            self.outputs[name][rows, number] = torch.where(blank, values[:, 0], 0.0)

    def decoded(self) -> Decoded:
        """What was collected."""
        extras = dict(self.outputs)
        return Decoded(self.kept, self.lengths, self.ended, self.fed, extras.pop("", None), extras)


def _outputs(step: Step) -> list[tuple[str, Tensor]]:
    """The hidden vectors, under the empty name, and the extras of a step."""
    return [("", step.forced.hidden), *step.forced.extras.items()]


def _decode_with_graph(generator: Generator, loop: Iterator[Step], hidden: bool) -> Decoded:
    """Collect by stacking, so that gradients flow; rows are all there at every step."""
    taken = list(loop)
    live = torch.stack([s.live for s in taken], 1)
    kept, fed = (torch.stack([getattr(s.choice, n) for s in taken], 1) for n in ("kept", "fed"))
    pad = generator.specials.pad
    if kept.is_floating_point():
        blank = nn.functional.one_hot(torch.tensor(pad, device=kept.device), kept.shape[-1]).to(
            kept.dtype
        )
        ids = kept.argmax(-1)
        kept, fed = (torch.where(live.unsqueeze(-1), tokens, blank) for tokens in (kept, fed))
    else:
        ids = kept
        kept, fed = kept.masked_fill(~live, pad), fed.masked_fill(~live, pad)
    ended = (
        torch.zeros_like(live[:, 0])
        if generator.specials.end is None
        else ((ids == generator.specials.end) & live).any(1)
    )
    outputs: dict[str, Tensor] = {}
    for named in zip(*map(_outputs, taken), strict=True) if hidden else ():
        values = torch.cat([value for _, value in named], 1)
        blank = live.view(*live.shape, *[1] * (values.dim() - 2))
        outputs[named[0][0]] = torch.where(blank, values, 0.0)
    return Decoded(kept, live.sum(1), ended, fed, outputs.pop("", None), outputs)
