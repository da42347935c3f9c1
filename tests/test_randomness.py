"""Random numbers are uniform, independent, and a pure function of where they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from scipy import stats
from torch import Tensor

from seqgen.randomness import Stream, mix, spread, to_uniform

STREAM = Stream.of(3, "test", 1)


def p_value(numbers: Tensor, cells: int = 256) -> float:
    counts = torch.histc(numbers.double(), cells, 0, 1)
    return float(stats.chisquare(counts.numpy()).pvalue)


def correlation(first: Tensor, second: Tensor) -> float:
    """Correlation in standard deviations of its own: a normal number when independent."""
    pair = torch.corrcoef(torch.stack((first.flatten(), second.flatten())).double())
    return float(pair[0, 1]) * first.numel() ** 0.5


def split_mix(value: int) -> int:
    """SplitMix64's output for a counter, in whole numbers."""
    value = value * 0x9E3779B97F4A7C15 % 2**64
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
    return value ^ (value >> 31)


def test_mix_is_split_mix() -> None:
    counters = [0, 1, 2, 77, 2**63 - 1, 2**64 - 1, 2**63 + 12345]
    signed = torch.tensor([c - 2**64 if c >= 2**63 else c for c in counters])
    assert [v % 2**64 for v in mix(signed).tolist()] == [split_mix(c) for c in counters]
    # The first two numbers of the published generator with seed 0.
    assert [split_mix(1), split_mix(2)] == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4]


def test_uniform_numbers_lie_in_zero_to_one() -> None:
    ends = to_uniform(torch.tensor([0, -1, (1 << 40) - 1, 1 << 40]))
    assert ends.dtype == torch.float32
    assert ends.tolist() == [0.0, 1 - 2.0**-24, 0.0, 2.0**-24]


@pytest.mark.parametrize("shape", [(200_000, 1, None), (1, 200_000, None), (500, 20, 20)])
def test_numbers_are_uniform_along_every_axis(shape: tuple[int, int, int | None]) -> None:
    rows, steps, copies = shape
    assert p_value(STREAM.uniform(torch.arange(rows), steps, copies)) > 1e-3


def test_spread_noise_is_uniform() -> None:
    seeds = STREAM.bits(torch.arange(100), 2)
    noise = spread(seeds, 1000)
    assert noise.shape == (100, 2, 1000)
    assert p_value(noise) > 1e-3
    assert abs(correlation(noise[:, 0], noise[:, 1])) < 4
    assert abs(correlation(noise[..., 1:], noise[..., :-1])) < 4


def test_neighbours_are_independent() -> None:
    numbers = STREAM.uniform(torch.arange(400), 25, 20)
    assert abs(correlation(numbers[1:], numbers[:-1])) < 4
    assert abs(correlation(numbers[:, 1:], numbers[:, :-1])) < 4
    assert abs(correlation(numbers[:, :, 1:], numbers[:, :, :-1])) < 4
    # Pairs of neighbours fill the square evenly, not only on average.
    pairs = (numbers[1:].mul(16).floor() * 16 + numbers[:-1].mul(16).floor()).flatten() / 256
    assert p_value(pairs + 1 / 512) > 1e-3


@pytest.mark.parametrize(
    "other",
    [
        Stream.of(4, "test", 1),
        Stream.of(3, "test", 2),
        Stream.of(3, "test", "1"),
        Stream.of(3, "tes", 1),
        STREAM.child("x"),
        STREAM.child(0),
    ],
)
def test_streams_are_independent(other: Stream) -> None:
    rows = torch.arange(4000)
    ours, theirs = STREAM.uniform(rows, 25), other.uniform(rows, 25)
    assert (ours == theirs).double().mean() < 1e-4
    assert abs(correlation(ours, theirs)) < 4


def test_a_number_depends_on_its_row_copy_and_step_only() -> None:
    rows = torch.tensor([7, 2, 2**40, 0])
    whole = STREAM.bits(torch.arange(10), 6)
    assert torch.equal(STREAM.bits(rows, 6)[[0, 1, 3]], whole[[7, 2, 0]])
    assert torch.equal(STREAM.bits(rows, 3), STREAM.bits(rows, 6)[:, :3])
    copies = STREAM.bits(rows, 6, 4)
    assert torch.equal(STREAM.bits(rows[1:], 5, 2), copies[1:, :2, :5])
    assert copies.unique().numel() == copies.numel()


def test_streams_are_the_same_in_every_process() -> None:
    code = (
        "import torch; from seqgen.randomness import Stream;"
        "print(Stream.of(3, 'test', 1).bits(torch.arange(3), 2).tolist())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert out.stdout.strip() == str(STREAM.bits(torch.arange(3), 2).tolist())


def test_generators_of_a_stream_repeat() -> None:
    first, again = (torch.rand(3, generator=STREAM.generator()) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(torch.rand(3, generator=STREAM.child("a").generator()), first)
