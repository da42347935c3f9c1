"""Every small generator, and sentences for them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from small_generators import GENERATORS, SPECIALS, VOCABULARY, make

from seqgen.generators.protocol import Generator
from seqgen.text.sentences import Sentences

TIME, ROWS = 13, 7


@pytest.fixture(params=GENERATORS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def generator(name: str) -> Generator:
    return make(name)


@pytest.fixture
def sentences() -> Sentences:
    """Sentences of unequal length with labels: END last, then PAD."""
    drawn = torch.Generator().manual_seed(1)
    ids = torch.randint(3, VOCABULARY, (ROWS, TIME), generator=drawn)
    lengths = torch.tensor([TIME, 1, 4, TIME, 9, 2, 6])
    steps = torch.arange(TIME)
    ids = torch.where(steps < lengths[:, None], ids, SPECIALS.pad)
    ids[torch.arange(ROWS), lengths - 1] = SPECIALS.end
    return Sentences(ids, lengths, labels=torch.arange(ROWS) % 3)


@pytest.fixture
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
