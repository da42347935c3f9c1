from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

import numpy
import pytest
import torch

from seqgen.randomness import Stream
from seqgen.training import randomness
from seqgen.training.checkpoint import read_state, state_writer


def draws() -> list[float]:
    return [
        random.random(),
        random.gauss(0, 1),
        float(numpy.random.rand()),
        float(numpy.random.randn()),
        float(torch.rand(()).item()),
    ]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with randomness.preserved():
        yield


def test_the_same_seed_gives_the_same_numbers_everywhere() -> None:
    randomness.seed_process(3)
    first = draws()
    randomness.seed_process(4)
    other = draws()
    randomness.seed_process(3)
    assert draws() == first and not set(first) & set(other)


def test_a_state_saved_and_read_back_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    randomness.seed_process(1)
    draws()
    state_writer(randomness.capture())(tmp_path / "random.pt")
    expected = draws()
    randomness.seed_process(2)
    randomness.restore(read_state(tmp_path, "random.pt"))
    assert draws() == expected


def test_what_is_drawn_inside_leaves_no_trace() -> None:
    randomness.seed_process(1)
    expected = draws()
    randomness.seed_process(1)
    with pytest.raises(KeyError), randomness.preserved():
        draws()
        raise KeyError
    assert draws() == expected


def test_seeding_from_a_stream_is_seeding_by_its_key() -> None:
    stream = Stream.of(1, "x")
    randomness.seed_torch(stream)
    found = torch.rand(3)
    torch.manual_seed(stream.key & (2**63 - 1))
    assert torch.equal(found, torch.rand(3))


def test_deterministic_arithmetic_is_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    try:
        randomness.be_deterministic()
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
        with pytest.raises(RuntimeError, match="deterministic"):
            # One of the operations that have no deterministic kernel.
            torch.nn.functional.max_unpool1d(
                torch.ones(1, 1, 2), torch.tensor([[[0, 2]]]), kernel_size=2
            )
    finally:
        torch.use_deterministic_algorithms(False)
