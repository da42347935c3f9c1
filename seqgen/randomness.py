"""Random numbers that are a pure function of where they are used.

A number depends on (seed, name of the stream, global row, copy, step) and on nothing else: not on
the chunk size, not on which rows are still alive, not on how many processes share a batch. That
makes resuming, sharding and dropping of finished rows exact without saving any generator state. The
mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom
Number Generators", 2014), applied to a counter.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

_INCREMENT = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit integer
_FIRST = -4658895280553007687  # 0xBF58476D1CE4E5B9
_SECOND = -7723592293110705685  # 0x94D049BB133111EB
_CACHED = 2**16  # numbers made at a time: their 64 bits fit the second-level cache


def _shift(values: Tensor, bits: int) -> Tensor:
    """Logical right shift; torch's own is arithmetic on signed integers."""
    return (values >> bits).bitwise_and_((1 << (64 - bits)) - 1)


def mix(values: Tensor) -> Tensor:
    """Scramble 64-bit integers so that neighbouring counters give unrelated results; any shape,
    int64 in and out."""
    values = values * _INCREMENT
    # In place: a fresh page for every result would cost more than the arithmetic.
    for bits, factor in ((30, _FIRST), (27, _SECOND)):
        values.bitwise_xor_(_shift(values, bits)).mul_(factor)
    return values.bitwise_xor_(_shift(values, 31))


def to_uniform(bits: Tensor) -> Tensor:
    """Map 64 random bits to float32 in [0, 1): the top 24 bits, the most a float32 holds without
    rounding up to 1."""
    return _shift(bits, 40).to(torch.float32).mul_(2.0**-24)


def bits(keys: Tensor, steps: int, copies: int | None = None) -> Tensor:
    """`Stream.bits` of streams and rows at once: keys (...) are those of the streams, each xor a
    row's number -> int64 (..., steps) or (..., copies, steps)."""
    state = mix(keys)
    for size in ([] if copies is None else [copies]) + [steps]:
        counter = torch.arange(1, size + 1, device=keys.device, dtype=torch.int64)
        state = mix(state.unsqueeze(-1) + counter * _INCREMENT)
    return state


@dataclass(frozen=True)
class Stream:
    """A named source of random numbers; `child` makes independent streams below it.

    Examples:
        >>> stream = Stream.of(3, "generator", 17)
        >>> stream.uniform(torch.arange(2), 5).shape
        torch.Size([2, 5])
    """

    key: int

    @classmethod
    def of(cls, seed: int, *path: str | int) -> Stream:
        """The stream of a seed and a path of names and numbers, such as (seed, "teacher-forcing",
        12)."""
        return cls(_digest(seed, *path))

    def child(self, *path: str | int) -> Stream:
        """An independent stream below this one."""
        return Stream(_digest(self.key, *path))

    def bits(self, rows: Tensor, steps: int, copies: int | None = None) -> Tensor:
        """64 random bits per cell: int64 (rows, steps), or (rows, copies, steps) where `copies` is
        given.

        `rows` holds global row numbers (int64); a row's numbers do not depend on which other rows
        are asked for.
        """
        return bits(rows.to(torch.int64) ^ self.key, steps, copies)

    def uniform(self, rows: Tensor, steps: int, copies: int | None = None) -> Tensor:
        """Uniform float32 numbers in [0, 1), shaped like `bits`."""
        return to_uniform(self.bits(rows, steps, copies))

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A torch generator seeded by this stream, for draws that belong to no row (shuffling,
        initialisation)."""
        return torch.Generator(device=device).manual_seed(self.key & (2**63 - 1))


def spread(seeds: Tensor, width: int) -> Tensor:
    """Uniform float32 noise (..., width) in [0, 1) from one 64-bit seed a row: (...,) int64 ->
    (..., width)."""
    counter = torch.arange(1, width + 1, device=seeds.device, dtype=torch.int64) * _INCREMENT
    rows = seeds.reshape(-1, 1)
    if rows.device.type != "cpu" or rows.numel() * width <= 2 * _CACHED:
        return to_uniform(mix(rows + counter)).view(*seeds.shape, width)
    noise = torch.empty(len(rows), width)
    block = max(_CACHED // width, 1)
    for some, place in zip(torch.split(rows, block), torch.split(noise, block), strict=True):
        place.copy_(to_uniform(mix(some + counter)))
    return noise.view(*seeds.shape, width)


def _digest(*parts: str | int) -> int:
    # repr keeps 1 and "1" apart; blake2b is stable across processes and versions, unlike hash().
    data = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(data, "little", signed=True)
