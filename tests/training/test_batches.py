from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from training_toys import Batch, Vectors

from seqgen.training.batches import Batches, Endless


def taken(batches: Batches, count: int) -> list[list[int]]:
    return [torch.cat([part.indices for part in batches.take()]).tolist() for _ in range(count)]


def test_every_epoch_holds_every_row_once_and_is_shuffled_anew() -> None:
    batches = Batches(Vectors(13), 5, seed=1)
    stream = [row for batch in taken(batches, 13) for row in batch]
    epochs = [stream[start : start + 13] for start in range(0, 65, 13)]
    assert all(sorted(epoch) == list(range(13)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 5


def test_seek_gives_the_same_batch_as_walking() -> None:
    walked = taken(Batches(Vectors(13), 5, seed=1), 9)
    batches = Batches(Vectors(13), 5, seed=1)
    for position in (8, 3, 0, 7):
        batches.seek(position)
        assert taken(batches, 1)[0] == walked[position]
        assert batches.position == position + 1


def test_other_seeds_give_other_orders() -> None:
    assert taken(Batches(Vectors(), 13, 1), 1) != taken(Batches(Vectors(), 13, 2), 1)


def test_a_corpus_smaller_than_a_batch_is_used_several_times() -> None:
    batches = Batches(Vectors(1), 4)
    assert taken(batches, 2) == [[0] * 4] * 2
    batch = taken(Batches(Vectors(3), 8, seed=2), 1)[0]
    assert sorted(Counter(batch).values()) == [2, 3, 3]


@settings(max_examples=40)
@given(
    rows=st.integers(1, 30),
    each=st.integers(1, 4),
    world=st.integers(1, 3),
    accumulation=st.integers(1, 3),
    extra=st.integers(0, 2),
)
def test_processes_and_micro_batches_share_the_global_batch(
    rows: int, each: int, world: int, accumulation: int, extra: int
) -> None:
    size = each * world * accumulation + extra
    alone = Batches(Vectors(rows), size, 7)
    shared = [Batches(Vectors(rows), size, 7, accumulation, rank, world) for rank in range(world)]
    for _ in range(3):
        (whole,) = alone.take()
        assert whole.rows.tolist() == list(range(size))
        parts: list[list[Batch]] = [batches.take() for batches in shared]
        for rank, mine in enumerate(parts):
            assert len(mine) == accumulation
            assert sorted(r for part in mine for r in part.rows.tolist()) == list(
                range(rank, size, world)
            )
            counts = [len(part.rows) for part in mine]
            assert min(counts) >= 1 and max(counts) - min(counts) <= 1
        for part in (part for mine in parts for part in mine):
            assert torch.equal(part.indices, whole.indices[part.rows])


def test_batches_by_label_hold_equally_many_rows_of_each_and_reshuffle_each_label() -> None:
    data = Vectors(13)
    data.labels = torch.tensor([0] * 9 + [5] * 3 + [2])
    batches = Batches(data, 12, seed=3, accumulation=2, by_label=True)
    seen: dict[int, list[int]] = {0: [], 5: [], 2: []}
    for _ in range(9):
        for part in batches.take():
            labels = data.labels[part.indices]
            assert Counter(labels.tolist()) == {0: 2, 5: 2, 2: 2}
        batches.position -= 1
        batch = torch.cat([part.indices for part in Batches.take(batches)])
        for index in batch.tolist():
            seen[int(data.labels[index])].append(index)
    assert all(sorted(seen[0][start : start + 9]) == list(range(9)) for start in (0, 9, 18, 27))
    assert Counter(seen[5]) == {9: 12, 10: 12, 11: 12}


def test_a_row_by_label_keeps_its_number_with_several_processes() -> None:
    (whole,) = Batches(Vectors(), 8, 1, by_label=True).take()
    for rank in range(2):
        for part in Batches(Vectors(), 8, 1, 2, rank, 2, by_label=True).take():
            assert torch.equal(part.indices, whole.indices[part.rows])
            assert Counter(Vectors().labels[part.indices].tolist()) == {0: 1, 1: 1}


def test_an_order_of_ten_million_rows_is_small() -> None:
    endless = Endless(10_000_000, seed=1)
    endless.at(torch.arange(9_999_990, 10_000_010))
    endless.at(torch.arange(29_999_990, 30_000_010))
    held = sum(order.numel() * order.element_size() for order in endless._orders.values())
    assert held == 80_000_000


def test_impossible_batches_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="0 rows"):
        Batches(Vectors(0), 4)
    with pytest.raises(ValueError, match="at least 6"):
        Batches(Vectors(), 5, accumulation=3, world=2)
    with pytest.raises(ValueError, match="multiple of 4"):
        Batches(Vectors(), 6, accumulation=2, by_label=True)
    with pytest.raises(ValueError, match=r"must be one of 0 \.\. 0"):
        Batches(Vectors(), 6, rank=1)
    with pytest.raises(ValueError, match="negative"):
        Batches(Vectors(), 6).seek(-1)
    unlabelled = Vectors()
    del unlabelled.labels
    with pytest.raises(ValueError, match="with labels"):
        Batches(unlabelled, 6, by_label=True)
