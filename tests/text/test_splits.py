from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.text.reading import CorpusError, Example, read
from seqgen.text.splits import Rule, Split


def rows(count: int, labels: int = 1) -> list[Example]:
    return [Example(str(n), str(n % labels) if labels > 1 else None) for n in range(count)]


def held(count: int, rule: float | str, seed: int = 1) -> list[int]:
    return [int(e.text) for e in Split(lambda: iter(rows(count)), rule, seed).valid()]


def test_rules() -> None:
    assert Rule.parse(0.05) == Rule.parse("0.05") == Rule(share=0.05)
    assert Rule.parse(500) == Rule.parse("500") == Rule(number=500)
    assert Rule.parse("last:500") == Rule(last=500)
    for bad in (0, -1, 1.0, 1.5, 0.0, "last:0", "last:0.5", "last:", "first:3", "nan", "valid.txt"):
        with pytest.raises(CorpusError, match="does not say which rows"):
            Rule.parse(bad)


@settings(max_examples=60)
@given(
    st.integers(9, 400),
    st.sampled_from([0.01, 0.05, 0.1, 0.29, 0.5, 0.9, 1, 7, "last:3"]),
    st.integers(0, 5),
)
def test_the_two_sides_are_disjoint_complete_and_in_order(
    count: int, rule: float | str, seed: int
) -> None:
    split = Split(lambda: iter(rows(count)), rule, seed)
    train, valid = ([int(e.text) for e in side()] for side in (split.train, split.valid))
    assert sorted(train + valid) == list(range(count))
    assert train == sorted(train) and valid == sorted(valid)


@pytest.mark.parametrize("share", [0.01, 0.05, 0.07, 0.1, 0.29, 1 / 3, 0.5, 0.9])
def test_a_share_is_exact_to_a_row_and_spread_evenly(share: float) -> None:
    chosen = held(10_000, share)
    assert abs(len(chosen) - 10_000 * share) <= 1.01
    for first in range(0, 10_000, 1000):
        inside = sum(first <= row < first + 1000 for row in chosen)
        assert abs(inside - 1000 * share) <= 2


def test_which_rows_a_share_takes_is_random_within_its_block() -> None:
    chosen = held(20_000, 0.05)
    counts = [sum(row % 20 == place for row in chosen) for place in range(20)]
    assert min(counts) > 20 and max(counts) < 85  # 50 expected, standard deviation 7


def test_a_share_does_not_depend_on_how_many_rows_follow() -> None:
    long = held(150_000, 0.05)  # more than one chunk of rows
    assert [row for row in long if row < 980] == [row for row in held(1000, 0.05) if row < 980]


@pytest.mark.parametrize("rule", [0.05, 50])
def test_the_same_seed_holds_out_the_same_rows_and_another_one_others(rule: float) -> None:
    assert held(1000, rule, seed=1) == held(1000, rule, seed=1)
    assert held(1000, rule, seed=1) != held(1000, rule, seed=2)


def test_a_known_draw_stays_as_it_is() -> None:
    """A run that is resumed with a later version must hold out the same rows."""
    assert held(60, 0.1, seed=3) == KNOWN_SHARE
    assert held(60, 4, seed=3) == KNOWN_NUMBER


def test_a_number_is_exact_and_drawn_from_everywhere() -> None:
    chosen = held(1000, 100)
    assert len(chosen) == len(set(chosen)) == 100
    assert 30 <= sum(row < 500 for row in chosen) <= 70


def test_last_takes_the_end() -> None:
    assert held(100, "last:3") == [97, 98, 99]
    split = Split(lambda: iter(rows(10)), "last:3", 0)
    assert [int(e.text) for e in split.train()] == list(range(7))


def test_labels_are_split_each_by_itself() -> None:
    examples = rows(400, labels=2) + [Example("x", "rare")] * 40
    for rule, expected in ((0.1, [20, 20, 4]), (5, [5, 5, 5]), ("last:5", [5, 5, 5])):
        valid = list(Split(lambda: iter(examples), rule, 1).valid())
        assert [sum(e.label == name for e in valid) for name in ("0", "1", "rare")] == expected
    last = list(Split(lambda: iter(examples), "last:1", 1).valid())
    assert last == [Example("398", "0"), Example("399", "1"), Example("x", "rare")]


def test_blank_lines_do_not_count_as_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(map(str, range(40))) + "\n\n")
    split = Split(lambda: read(path), 0.1, 1)
    assert [int(e.text) for e in split.valid()] == held(40, 0.1)


def test_nothing_is_read_before_it_is_asked_for_and_shares_need_no_counting() -> None:
    passes = 0

    def examples() -> Iterator[Example]:
        nonlocal passes
        passes += 1
        yield from rows(100)

    split = Split(examples, 0.1, 1)
    assert passes == 0
    list(split.train()), list(split.valid())
    assert passes == 2
    counted = Split(examples, 10, 1)
    list(counted.train()), list(counted.valid())
    assert passes == 2 + 3


def test_a_share_of_a_small_corpus_holds_out_at_least_the_last_row() -> None:
    for seed in range(30):
        split = Split(lambda: iter(rows(4)), 0.05, seed)
        train, valid = list(split.train()), list(split.valid())
        assert len(train) == 3 and len(valid) == 1
        drawn = int(valid[0].text)
        assert drawn == 3 or held(10_000, 0.05, seed)[0] == drawn


def test_too_few_rows_are_told() -> None:
    with pytest.raises(CorpusError, match="500 rows are to be held out, but there are only 300"):
        held(300, 500)
    with pytest.raises(CorpusError, match=r"holding out 0.05 leaves no row to train on"):
        list(Split(lambda: iter(rows(1)), 0.05, 0).train())
    with pytest.raises(CorpusError, match="1 rows are to be held out, but there are only 1"):
        held(1, 1)
    with pytest.raises(CorpusError, match="of label 'rare'"):
        list(Split(lambda: iter([*rows(9), Example("x", "rare")]), 2, 0).train())


KNOWN_SHARE = [9, 17, 23, 39, 47, 50]
KNOWN_NUMBER = [3, 10, 20, 36]
