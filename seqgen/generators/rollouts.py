"""Rollouts: every prefix of every sentence completed several times, in one pool.

At every step all rows in flight have read equally many tokens, so one pool holds the given
sentences and all their unfinished completions: a step advances it once, forks the copies of a
prefix off the sentence that has just read it, drops what has ended, and draws. No prefix is read
twice.

The random number of a draw depends on the stream, the global row, the prefix, the copy and the step
alone, and no product has fewer than 64 rows: the drawn ids are the same bit for bit however the
work is cut up.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor

from seqgen.generators.completions import Completions
from seqgen.generators.decoding import styled
from seqgen.generators.drawing import LOG2E, draw_gumbel, draw_powers
from seqgen.generators.flight import Flight
from seqgen.generators.graphs import capturable, replay
from seqgen.generators.modes import evaluating
from seqgen.generators.prefixes import Part, Prefixes
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.static_drawing import put_together, taken_apart
from seqgen.generators.steps import BLOCK_ROWS, FEWEST_ROWS, logits_buffer
from seqgen.randomness import Stream, bits, to_uniform
from seqgen.text.sentences import Sentences

CPU_CHUNK = 4096  # completions in flight whose memory stays in the cache
GPU_CHUNK = 32_768  # enough to keep a device busy
GPU_LOGITS = 2**25  # logits made at a time on a GPU, 128 MiB
STATIC_TIME = 8  # static shapes are for sentences whose longest is a multiple of so many tokens


@torch.no_grad()
def complete(
    generator: Generator,
    sentences: Sentences,
    copies: int,
    *,
    limit: int,
    stream: Stream,
    temperature: float = 1.0,
    condition: Condition | None = None,
    stride: int = 1,
    chunk: int | None = None,
) -> Completions:
    """Complete the prefixes of sentences by draws from the generator, without dropout.

    A sentence of n tokens has prefixes of 1 to n - 1 tokens. A completion goes on to END, or to
    `limit` tokens.

    Args:
        generator: the network; it keeps its mode and gets no gradient.
        sentences: ids (rows, time); their labels condition a generator that has styles, their row
            numbers choose the random numbers.
        copies: completions of every prefix.
        limit: the most tokens of a completion, its prefix included.
        stream: random numbers, a pure function of (stream, global row, prefix, copy, step).
        temperature: of the draws, above 0.
        condition: what the generator is conditioned on, instead of the labels.
        stride: complete only the prefixes of 1, 1 + stride, 1 + 2 x stride, ... tokens.
        chunk: the most completions in flight together, which bounds the memory; None for a default.
            The prefixes of one sentence are not cut. The result does not depend on it.

    Raises:
        ValueError: a number out of range, or a sentence longer than the limit.
    """
    _check(generator, sentences, copies, limit, stride, chunk, temperature)
    device = generator.device
    condition = styled(generator, sentences, condition)
    condition = None if condition is None else condition.to(device)
    sentences = sentences.to(device)
    chunk = chunk or (GPU_CHUNK if device.type == "cuda" else CPU_CHUNK)
    with evaluating(generator):
        static, long = capturable(generator, limit), sentences.lengths.cpu()
        prefixes = Prefixes(_same_lengths(long, limit) if static else long, limit, stride)
        ids = torch.empty(len(prefixes.rows), copies, limit, dtype=torch.int64, device=device)
        lengths = torch.empty(len(prefixes.rows), copies, dtype=torch.int64, device=device)
        pool = _Pool(generator, sentences, condition, limit, temperature, stream, static)
        for part in prefixes.parts(copies, chunk):
            place, some = part.pairs.to(device), slice(part.copies.start, part.copies.stop)
            ids[place, some], lengths[place, some] = pool.complete(part)
    rows, read = prefixes.rows, prefixes.lengths
    if static and not (there := read < long[rows]).all():
        rows, read = rows[there], read[there]
        ids, lengths = ids[there.to(device)], lengths[there.to(device)]
    return Completions(sentences, rows.to(device), read.to(device), ids, lengths)


def _same_lengths(lengths: Tensor, limit: int) -> Tensor:
    """Lengths as if all sentences were as long as the longest, rounded up: few different shapes."""
    longest = int(lengths.max()) if len(lengths) else 0
    return torch.full_like(lengths, min(-(-longest // STATIC_TIME) * STATIC_TIME, limit))


class _Pool:
    """Completes one part after another; in static shapes no row is dropped and the loop is captured
    as a CUDA graph."""

    def __init__(
        self,
        generator: Generator,
        sentences: Sentences,
        condition: Condition | None,
        limit: int,
        temperature: float,
        stream: Stream,
        static: bool,
    ) -> None:
        self.generator, self.sentences, self.condition = generator, sentences, condition
        self.limit, self.stream, self.static = limit, stream, static
        self.draws = _Draws(generator, temperature)

    def complete(self, part: Part) -> tuple[Tensor, Tensor]:
        """Ids (pairs, copies, limit) and lengths (pairs, copies) of a part."""
        rows = part.rows.to(self.generator.device)
        gold, numbers = self._padded(rows), self._numbers(part, rows)
        everyone = torch.cat((rows, rows[:1].expand(FEWEST_ROWS)))
        condition = None if self.condition is None else self.condition.select(everyone)
        names, values = taken_apart(condition)

        def walk(gold: Tensor, numbers: Tensor, *values: Tensor) -> tuple[Tensor, ...]:
            return (self._walk(part, gold, numbers, put_together(names, values)),)

        if self.static:
            plan = (len(rows), part.copies, tuple(part.prefixes), tuple(part.counts), names)
            key = ("complete", self.limit, self.draws.temperature, *plan)
            (kept,) = replay(self.generator, key, walk, gold, numbers, *values)
        else:
            (kept,) = walk(gold, numbers, *values)
        return self._collected(part, gold, kept[:, :-1].t())

    def _walk(
        self, part: Part, gold: Tensor, numbers: Tensor, condition: Condition | None
    ) -> Tensor:
        """What was drawn at each step for each slot, and rubbish in the last column: (limit, slots
        + 1)."""
        end, pad = self.generator.specials.end, self.generator.specials.pad
        flight = Flight(part, gold.device, self.static)
        kept = torch.full((self.limit, part.slots + 1), pad, device=gold.device)
        count = len(gold) + FEWEST_ROWS  # as many dead rows as a pool needs
        fed = torch.full((count,), self.generator.specials.begin, device=gold.device)
        state = self.generator.start(count, condition)
        for step in range(self.limit):
            forced, state = self.generator.advance(fed.unsqueeze(1), state)
            hidden, owners, move = forced.hidden[:, 0], None, flight.move(step)
            if flight.finished:
                break
            if move is None:
                hidden = hidden[flight.trunk :]
            else:
                hidden, owners = hidden.index_select(0, move.heads), move.owners
                if step + 1 < self.limit:
                    state = state.select(move.rows)
            ids = self.draws(hidden, numbers[step].index_select(0, flight.slots), owners)
            kept[step].index_copy_(0, flight.slots, torch.where(flight.live, ids, pad))
            if end is not None:
                flight.live &= ids != end
            fed = torch.cat((gold[: flight.trunk, step], ids)) if flight.trunk else ids
        return kept

    def _padded(self, rows: Tensor) -> Tensor:
        """The given sentences, (rows, time); in static shapes the time is the limit."""
        gold = self.sentences.ids[rows]
        missing = max(self.limit - gold.shape[1], 0) if self.static else 0
        return torch.nn.functional.pad(gold, (0, missing), value=self.generator.specials.pad)

    def _numbers(self, part: Part, rows: Tensor) -> Tensor:
        """Uniform numbers (CPU) or seeds (GPU) of every step and slot: (limit, slots + 1)."""
        if self.static:
            return self._static_numbers(part, rows)
        numbers, laid = self.sentences.numbers[rows], 0
        kind = torch.int64 if rows.is_cuda else torch.float32
        table = torch.zeros(self.limit, part.slots + 1, dtype=kind, device=rows.device)
        for prefix, count in zip(part.prefixes, part.counts, strict=True):
            stream = self.stream.child("prefix", prefix)
            draws = stream.bits if rows.is_cuda else stream.uniform
            made = draws(numbers[:count], self.limit - prefix, part.copies.stop)
            made = made[:, part.copies.start :].flatten(0, 1)
            table[prefix:, laid : laid + len(made)] = made.t()
            laid += len(made)
        return table

    def _static_numbers(self, part: Part, rows: Tensor) -> Tensor:
        """The same for all prefixes at once, where every sentence has all of them."""
        keys = [self.stream.child("prefix", prefix).key for prefix in part.prefixes]
        made = bits(
            torch.tensor(keys, device=rows.device).unsqueeze(1) ^ self.sentences.numbers[rows],
            self.limit,
            part.copies.stop,
        )[:, :, part.copies.start :]  # (prefixes, rows, copies, limit), from the prefix on
        steps = torch.arange(self.limit, device=rows.device)
        since = (steps - torch.tensor(part.prefixes, device=rows.device).unsqueeze(1)).clamp(min=0)
        table = made.gather(3, since[:, None, None].expand_as(made)).flatten(0, 2).t()
        table = torch.nn.functional.pad(table, (0, 1))
        return table if rows.is_cuda else to_uniform(table)

    def _collected(self, part: Part, gold: Tensor, kept: Tensor) -> tuple[Tensor, Tensor]:
        """The prefixes in front of what was drawn, (slots, limit), and the lengths."""
        device, end = kept.device, self.generator.specials.end
        prefixes = torch.tensor(part.prefixes).repeat_interleave(torch.tensor(part.counts))
        rows = torch.cat([torch.arange(count) for count in part.counts])
        inside = torch.arange(self.limit, device=device) < prefixes.to(device).unsqueeze(1)
        given = torch.nn.functional.pad(gold, (0, max(self.limit - gold.shape[1], 0)))
        given = given[:, : self.limit][rows.to(device)]
        kept = kept.reshape(len(prefixes), len(part.copies), self.limit)
        ids = torch.where(inside.unsqueeze(1), given.unsqueeze(1), kept)
        lengths = torch.full(ids.shape[:2], self.limit, device=device)
        if end is not None:
            ended = ids == end
            lengths = torch.where(ended.any(-1), ended.int().argmax(-1) + 1, lengths)
        return ids, lengths


class _Draws:
    """Draws from next-token distributions, in blocks of rows.

    On a CPU the logits of a block stay in the cache, and are made in powers of two at once.
    """

    def __init__(self, generator: Generator, temperature: float) -> None:
        self.generator, self.temperature = generator, temperature
        self._buffer = logits_buffer(generator) if generator.device.type == "cpu" else None

    def __call__(self, hidden: Tensor, numbers: Tensor, owners: Tensor | None) -> Tensor:
        """Ids (draws,).

        Args:
            hidden: (rows, width), at least 64 rows.
            numbers: uniform numbers or seeds, (draws,).
            owners: which row to draw from, (draws,) int64 ascending; None: one draw from each.
        """
        if self._buffer is None:
            return self._by_noise(hidden if owners is None else hidden[owners], numbers)
        if owners is None:
            owners = torch.arange(len(hidden))
        count = -(-len(hidden) // BLOCK_ROWS)
        rows = [len(hidden) * block // count for block in range(count + 1)]
        draws = torch.searchsorted(owners, torch.tensor(rows)).tolist()
        blocks = zip(pairwise(rows), pairwise(draws), strict=True)
        drawn = [
            self._block(self._buffer, hidden[a:b], numbers[c:d], owners[c:d] - a)
            for (a, b), (c, d) in blocks
        ]
        return torch.cat(drawn)

    def _block(self, buffer: Tensor, hidden: Tensor, numbers: Tensor, rows: Tensor) -> Tensor:
        scale, out = LOG2E / self.temperature, buffer[: len(hidden)]
        return draw_powers(lambda: self.generator.logits(hidden, out, scale), numbers, rows)

    def _by_noise(self, hidden: Tensor, seeds: Tensor) -> Tensor:
        """On a GPU, blocks keep the noise small."""
        size = max(GPU_LOGITS // len(self.generator.head.weight), FEWEST_ROWS)
        parts = zip(torch.split(hidden, size), torch.split(seeds, size), strict=True)
        scale = 1 / self.temperature
        drawn = [draw_gumbel(self.generator.logits(h, None, scale), s) for h, s in parts]
        return torch.cat(drawn)


def _check(
    generator: Generator,
    sentences: Sentences,
    copies: int,
    limit: int,
    stride: int,
    chunk: int | None,
    temperature: float,
) -> None:
    for name, value in (("copies", copies), ("limit", limit), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk {chunk}: must be at least 1, or None for a default")
    if not temperature > 0:
        raise ValueError(f"temperature {temperature}: must be above 0")
    if generator.limit is not None and limit > generator.limit:
        raise ValueError(f"limit {limit}: the generator reads at most {generator.limit} tokens")
    longest = int(sentences.lengths.max()) if len(sentences) else 0
    if longest > limit:
        raise ValueError(
            f"a sentence of {longest} tokens cannot be completed to at most {limit}: "
            "raise the limit to that of the sentences"
        )
