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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqgen.generators.choose import Choice, Sample
from seqgen.generators.completions import Completions
from seqgen.generators.decoding import styled
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.steps import (
    DROPPED_AT,
    FEWEST_ROWS,
    asks,
    choose_in_blocks,
    logits_buffer,
)
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

CPU_CHUNK = 4096  # completions in flight whose memory stays in the cache
GPU_CHUNK = 16_384  # enough to keep a device busy


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
        temperature: of the draws.
        condition: what the generator is conditioned on, instead of the labels.
        stride: complete only the prefixes of 1, 1 + stride, 1 + 2 x stride, ... tokens.
        chunk: the most completions in flight together, which bounds the memory; None for a default.
            The prefixes of one sentence are not cut. The result does not depend on it.

    Raises:
        ValueError: a number out of range, or a sentence longer than the limit.
    """
    _check(generator, sentences, copies, limit, stride, chunk)
    device = generator.device
    condition = styled(generator, sentences, condition)
    condition = None if condition is None else condition.to(device)
    sentences = sentences.to(device)
    chunk = chunk or (GPU_CHUNK if device.type == "cuda" else CPU_CHUNK)
    pairs = _Pairs(sentences.lengths.cpu(), limit, stride)
    ids = torch.empty(len(pairs.rows), copies, limit, dtype=torch.int64, device=device)
    lengths = torch.empty(len(pairs.rows), copies, dtype=torch.int64, device=device)
    pool = _Pool(generator, sentences, condition, limit, Sample(temperature), stream)
    with evaluating(generator):
        for part in pairs.parts(copies, chunk):
            place, some = part.pairs.to(device), slice(part.copies.start, part.copies.stop)
            ids[place, some], lengths[place, some] = pool.complete(part)
    return Completions(sentences, pairs.rows.to(device), pairs.prefixes.to(device), ids, lengths)


@dataclass(frozen=True)
class _Part:
    """Some sentences, longest first, and some of their copies: what is in flight together.

    `counts[i]` says how many of the sentences have the prefix `prefixes[i]`: they are the first.
    The completions have slots: by prefix, then sentence, then copy. `pairs` (pairs,) are the
    numbers of the part's pairs among all, in the order of the slots.
    """

    rows: Tensor
    copies: range
    prefixes: Sequence[int]
    counts: Sequence[int]
    pairs: Tensor

    @property
    def slots(self) -> int:
        """How many completions."""
        return sum(self.counts) * len(self.copies)


class _Pairs:
    """The pairs of a sentence and a prefix, in the order of the prefixes, and how to cut them up.

    Attributes:
        rows: (pairs,), which sentence.
        prefixes: (pairs,), how many of its tokens.
    """

    def __init__(self, lengths: Tensor, limit: int, stride: int) -> None:
        prefixes = torch.arange(1, limit, stride)
        self._order = lengths.argsort(descending=True, stable=True)
        self._kept = prefixes.unsqueeze(1) < lengths  # (prefixes, rows)
        self._number = self._kept.flatten().cumsum(0).view_as(self._kept) - 1
        places, self.rows = self._kept.nonzero(as_tuple=True)
        self.prefixes, self._prefixes = prefixes[places], prefixes.tolist()

    def parts(self, copies: int, chunk: int) -> Iterator[_Part]:
        """Cut the sentences, and where one alone is too much, its copies."""
        for rows in self._groups(chunk // copies):
            kept = self._kept[:, rows]
            counts = [count for count in kept.sum(1).tolist() if count]
            pairs = self._number[:, rows][kept]
            together = max(min(copies, chunk // len(pairs)), 1)
            for first in range(0, copies, together):
                some = range(first, min(first + together, copies))
                yield _Part(rows, some, self._prefixes[: len(counts)], counts, pairs)

    def _groups(self, most: int) -> Iterator[Tensor]:
        """Sentences with together at most so many prefixes, at least one; longest first."""
        counts = self._kept.sum(0)[self._order]
        order, begin, total = self._order[counts > 0], 0, 0
        for end, count in enumerate(counts[counts > 0].tolist()):
            if end > begin and total + count > most:
                yield order[begin:end]
                begin, total = end, 0
            total += count
        if begin < len(order):
            yield order[begin:]


class _Draws:
    """A draw by random numbers that are laid out already, (steps, slots)."""

    soft, blockwise = False, True

    def __init__(self, sample: Sample, numbers: Tensor) -> None:
        self._sample, self._numbers = sample, numbers

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Nothing is left to prepare."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Draw one id a row; `rows` are slots."""
        ids = self._sample.ids(logits, self._numbers[step].index_select(0, rows))
        return Choice(ids, ids)


class _Flight:
    """The rows in flight: first sentences that will be forked again, then completions.

    Attributes:
        trunk: how many sentences.
        slots: (completions,) int64; rows that only fill the pool have the slot behind the last.
        live: (completions,) bool, False where a row has ended or only fills the pool.
        finished: whether nothing will ever be drawn again.
    """

    def __init__(self, part: _Part, device: torch.device) -> None:
        self._part, self._place, self._born = part, 0, 0
        self.trunk, self.finished = len(part.rows), False
        self.slots = torch.full((FEWEST_ROWS,), part.slots, device=device)
        self.live = torch.zeros(FEWEST_ROWS, dtype=torch.bool, device=device)

    def regroup(self, step: int) -> Tensor | None:
        """Fork the prefixes of `step` tokens and drop the rows that are no longer needed.

        The rows to go on with, (some,) int64, or None to leave the pool alone.
        """
        part, device = self._part, self.live.device
        forks = 0
        if self._place < len(part.counts) and part.prefixes[self._place] == step:
            forks, self._place = part.counts[self._place], self._place + 1
        trunk = part.counts[self._place] if self._place < len(part.counts) else 0
        alive = torch.arange(len(self.live), device=device)
        if asks(step, device):
            alive = alive[self.live]
        same = not forks and trunk == self.trunk
        self.finished = not len(alive) and not forks and not trunk
        if self.finished or (same and len(alive) > DROPPED_AT * len(self.live)):
            return None
        new = torch.arange(forks * len(part.copies), device=device)
        fill = new.new_zeros(max(FEWEST_ROWS - len(alive) - len(new), 0))
        parents = new.div(len(part.copies), rounding_mode="floor")
        stay = torch.arange(trunk, device=device)
        rows = torch.cat((stay, alive + self.trunk, parents, fill))
        self.slots = torch.cat((self.slots[alive], new + self._born, fill + part.slots))
        self.live = torch.cat((self.live[alive], new >= 0, fill > 0))
        self.trunk, self._born = trunk, self._born + len(new)
        return rows


class _Pool:
    """Completes one part after another."""

    def __init__(
        self,
        generator: Generator,
        sentences: Sentences,
        condition: Condition | None,
        limit: int,
        sample: Sample,
        stream: Stream,
    ) -> None:
        self.generator, self.sentences, self.condition = generator, sentences, condition
        self.limit, self.sample, self.stream = limit, sample, stream
        self.buffer = logits_buffer(generator, sample, CPU_CHUNK)

    def complete(self, part: _Part) -> tuple[Tensor, Tensor]:
        """Ids (pairs, copies, limit) and lengths (pairs, copies) of a part."""
        end, pad = self.generator.specials.end, self.generator.specials.pad
        rows = part.rows.to(self.generator.device)
        gold, flight = self.sentences.ids[rows], _Flight(part, rows.device)
        drawn = torch.full((self.limit, part.slots + 1), pad, device=rows.device)
        choose = _Draws(self.sample, self._numbers(part, rows))
        fed, state = self._start(rows)
        for step in range(self.limit):
            forced, state = self.generator.advance(fed.unsqueeze(1), state)
            hidden, moved = forced.hidden[:, 0], flight.regroup(step)
            if flight.finished:
                break
            if moved is not None:
                hidden = hidden.index_select(0, moved)
                if step + 1 < self.limit:
                    state = state.select(moved)
            trunk, slots, buffer = flight.trunk, flight.slots, self.buffer
            ids = choose_in_blocks(self.generator, choose, step, hidden[trunk:], slots, buffer).kept
            drawn[step].index_copy_(0, slots, torch.where(flight.live, ids, pad))
            if end is not None:
                flight.live &= ids != end
            fed = torch.cat((gold[:trunk, step], ids)) if trunk else ids
        return self._collected(part, gold, drawn[:, :-1].t())

    def _start(self, rows: Tensor) -> tuple[Tensor, object]:
        """BEGIN and a state for the sentences and as many dead rows as a pool needs."""
        everyone = torch.cat((rows, rows[:1].expand(FEWEST_ROWS)))
        condition = None if self.condition is None else self.condition.select(everyone)
        begin = torch.full_like(everyone, self.generator.specials.begin)
        return begin, self.generator.start(len(everyone), condition)

    def _numbers(self, part: _Part, rows: Tensor) -> Tensor:
        """Uniform numbers (CPU) or seeds (GPU) of every step and slot: (limit, slots + 1)."""
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

    def _collected(self, part: _Part, gold: Tensor, drawn: Tensor) -> tuple[Tensor, Tensor]:
        """Prefixes in front of what was drawn (slots, limit), and the lengths."""
        device, end = drawn.device, self.generator.specials.end
        counts = torch.tensor(part.counts)
        prefixes = torch.tensor(part.prefixes).repeat_interleave(counts)
        rows = torch.cat([torch.arange(count) for count in part.counts])
        kept = torch.arange(self.limit, device=device) < prefixes.to(device).unsqueeze(1)
        given = torch.nn.functional.pad(gold, (0, max(self.limit - gold.shape[1], 0)))
        given, kept = given[:, : self.limit][rows.to(device)].unsqueeze(1), kept.unsqueeze(1)
        drawn = drawn.reshape(len(prefixes), len(part.copies), self.limit)
        ids = torch.where(kept, given, drawn)
        lengths = torch.full(ids.shape[:2], self.limit, device=device)
        if end is not None:
            ended = ids == end
            lengths = torch.where(ended.any(-1), ended.int().argmax(-1) + 1, lengths)
        return ids, lengths


def _check(
    generator: Generator,
    sentences: Sentences,
    copies: int,
    limit: int,
    stride: int,
    chunk: int | None,
) -> None:
    for name, value in (("copies", copies), ("limit", limit), ("stride", stride)):
        if value < 1:
            raise ValueError(f"{name} {value}: must be at least 1")
    if chunk is not None and chunk < 1:
        raise ValueError(f"chunk {chunk}: must be at least 1, or None for a default")
    if generator.limit is not None and limit > generator.limit:
        raise ValueError(f"limit {limit}: the generator reads at most {generator.limit} tokens")
    longest = int(sentences.lengths.max()) if len(sentences) else 0
    if longest > limit:
        raise ValueError(
            f"a sentence of {longest} tokens cannot be completed to at most {limit}: "
            "raise the limit to that of the sentences"
        )
