"""The plain users of the decoding loop: decode, and teacher forcing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import torch
from torch import Tensor

from seqgen.generators.choose import Choose, Sample
from seqgen.generators.decoded import Collector, Decoded, IdCollector, collect_with_graph
from seqgen.generators.graphs import capturable
from seqgen.generators.protocol import Condition, Forced, Generator
from seqgen.generators.soft_collector import SoftCollector
from seqgen.generators.static_drawing import draw_static
from seqgen.generators.steps import BLOCK_ROWS, FEWEST_ROWS, Step, steps
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

POOL_ROWS = 1024  # rows decoded together from start to end when no gradient is kept


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

    if gradient or (choose.soft and device.type != "cpu"):
        with nullcontext() if gradient else torch.no_grad():
            return collect_with_graph(
                generator, loop(torch.arange(count, device=device), False), hidden
            )
    with torch.no_grad():
        # A choice of one's own that is derived from Sample may choose otherwise.
        plain = choose if type(choose) is Sample and choose.plain and not hidden else None
        if plain is not None and capturable(generator, time):
            return _by_graphs(generator, plain, rows, condition, pool)
        made = (generator, count, time, hidden)
        collected: Collector = SoftCollector(*made) if choose.soft else IdCollector(*made)
        pool = min(pool, BLOCK_ROWS) if choose.soft else pool
        for part in _parts(count, pool, device):
            for step in loop(part, drop):
                collected.add(step)
    return collected.decoded()


def _by_graphs(
    generator: Generator, choose: Sample, rows: Tensor, condition: Condition | None, pool: int
) -> Decoded:
    """Plain draws on a GPU, pool by pool; `choose` is prepared."""
    drawn = [
        draw_static(
            generator,
            choose.numbers[:, part],
            choose.temperature,
            condition.select(part) if condition else None,
        )
        for part in _parts(len(rows), pool, rows.device)
    ]
    tokens, lengths, ended = (
        torch.cat([getattr(part, name) for part in drawn])[: len(rows)]
        for name in ("tokens", "lengths", "ended")
    )
    return Decoded(tokens, lengths, ended, tokens)


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
    """The condition of a batch: the one given, else its labels where the generator knows styles,
    and the sentences themselves where it reads a source, which it then reconstructs."""
    if condition is None and generator.reads_source:
        return Condition(sentences.ids, sentences.mask, sentences.labels)
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
