import pytest
import torch

from seqgen.text.sentences import Sentences, padded

IDS = torch.tensor([[5, 6, 2, 0], [7, 2, 0, 0], [5, 2, 0, 0]])


def batch() -> Sentences:
    return Sentences(IDS, torch.tensor([3, 2, 2]), labels=torch.tensor([1, 0, 1]))


def test_mask_covers_the_end_token_and_no_padding() -> None:
    assert batch().mask.tolist() == [
        [True, True, True, False],
        [True, True, False, False],
        [True, True, False, False],
    ]


def test_mask_goes_by_length_where_end_is_also_the_padding() -> None:
    same = Sentences(torch.full((2, 3), 9), torch.tensor([1, 3]))
    assert same.mask.sum(1).tolist() == [1, 3]


def test_select_repeats_reorders_and_drops_and_keeps_row_numbers() -> None:
    chosen = batch().select(torch.tensor([2, 0, 2]))
    assert chosen.ids.tolist() == IDS[[2, 0, 2]].tolist()
    assert chosen.lengths.tolist() == [2, 3, 2]
    assert chosen.labels is not None and chosen.labels.tolist() == [1, 1, 1]
    assert chosen.numbers.tolist() == [2, 0, 2]
    again = chosen.select(torch.tensor([False, True, True]))
    assert again.numbers.tolist() == [0, 2]


def test_numbers_are_those_given_or_count_from_zero() -> None:
    assert batch().numbers.tolist() == [0, 1, 2]
    given = Sentences(IDS, torch.tensor([3, 2, 2]), rows=torch.tensor([8, 4, 6]))
    assert given.numbers.tolist() == [8, 4, 6]
    assert given.select(torch.tensor([1])).numbers.tolist() == [4]


def test_trim_cuts_the_tail_that_is_padding_in_all_rows() -> None:
    trimmed = batch().trim()
    assert trimmed.ids.tolist() == IDS[:, :3].tolist()
    empty = batch().select(torch.zeros(0, dtype=torch.int64)).trim()
    assert empty.ids.shape == (0, 0) and len(empty) == 0


def test_to_moves_every_field() -> None:
    given = Sentences(IDS, torch.tensor([3, 2, 2]), torch.tensor([1, 0, 1]), torch.arange(3))
    moved = given.to("meta")
    fields = (moved.ids, moved.lengths, moved.labels, moved.rows)
    assert [f.device.type for f in fields if f is not None] == ["meta"] * 4


@pytest.mark.parametrize(
    ("ids", "lengths", "labels", "name"),
    [
        (IDS[0], torch.tensor([3]), None, "ids"),
        (IDS.int(), torch.tensor([3, 2, 2]), None, "ids"),
        (IDS, torch.tensor([3, 2]), None, "lengths"),
        (IDS, torch.tensor([3.0, 2, 2]), None, "lengths"),
        (IDS, torch.tensor([3, 2, 2]), torch.tensor([1]), "labels"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    ids: torch.Tensor, lengths: torch.Tensor, labels: torch.Tensor | None, name: str
) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be int64"):
        Sentences(ids, lengths, labels)


def test_padded_gathers_rows_of_any_order_and_length() -> None:
    flat = torch.tensor([1, 2, 3, 4, 5, 6], dtype=torch.int32)
    rows = padded(flat, torch.tensor([3, 0, 5]), torch.tensor([3, 1, 0]), pad=9)
    assert rows.tolist() == [[4, 5, 6], [1, 9, 9], [9, 9, 9]]
    assert rows.dtype == torch.int64
    nothing = padded(flat[:0], torch.tensor([0, 0]), torch.tensor([0, 0]), pad=9)
    assert nothing.shape == (2, 0)
