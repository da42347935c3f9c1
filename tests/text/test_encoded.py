import json
import logging
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqgen.text.encoded import Encoded
from seqgen.text.reading import CorpusError, Example, Tally, read
from seqgen.text.vocabulary import Vocabulary

TEXTS = ["a man rides", "b", "a b a b a b", "rides a man", "man"]
VOCABULARY = Vocabulary.train(TEXTS, "word")


def many(count: int) -> list[str]:
    words = ["ab", "man", "rides", "zebra"]
    return [" ".join(words[: 1 + n % 4] + ["a"] * (n % 7)) for n in range(count)]


def test_select_gives_what_encode_gives() -> None:
    encoded = Encoded.build(TEXTS, VOCABULARY, limit=5)
    indices = torch.tensor([2, 0, 4, 2])
    batch = encoded.select(indices)
    expected = VOCABULARY.encode([TEXTS[n] for n in indices.tolist()], limit=5)
    assert batch.ids.tolist() == expected.ids.tolist()
    assert batch.lengths.tolist() == expected.lengths.tolist()
    assert batch.labels is None and batch.numbers.tolist() == [0, 1, 2, 3]
    assert len(encoded) == 5 and encoded.ids.dtype == torch.int32


def test_select_carries_row_numbers_and_labels() -> None:
    examples = [Example("a", "x"), Example("b", "y"), Example("man", "x")]
    encoded = Encoded.build(examples, VOCABULARY, labels={"x": 0, "y": 1})
    batch = encoded.select(torch.tensor([1, 2]), rows=torch.tensor([7, 3]))
    assert batch.numbers.tolist() == [7, 3]
    assert batch.labels is not None and batch.labels.tolist() == [1, 0]
    assert batch.ids.shape == (2, 2)


def test_a_batch_is_as_wide_as_its_own_longest_sentence() -> None:
    encoded = Encoded.build(TEXTS, VOCABULARY)
    assert encoded.select(torch.tensor([1])).ids.shape == (1, 2)
    assert encoded.select(torch.tensor([1, 2])).ids.shape == (2, 7)
    assert encoded.select(torch.zeros(0, dtype=torch.int64)).ids.shape == (0, 0)
    with pytest.raises(IndexError):
        encoded.select(torch.tensor([5]))


def test_the_last_sentence_is_padded_and_not_read_beyond_the_end() -> None:
    encoded = Encoded.build(["a b a", "a"], VOCABULARY)
    assert encoded.select(torch.tensor([1, 0])).ids[0].tolist() == [4, 2, 0, 0]


def test_numbers_of_the_oracle_have_no_end() -> None:
    encoded = Encoded.build(["0 3 4", "1 1 1"], Vocabulary.numbers(5))
    assert encoded.select(torch.tensor([1, 0])).ids.tolist() == [[1, 1, 1], [0, 3, 4]]
    assert encoded.report is not None and encoded.report.words == encoded.report.tokens == 6


# Memory and file


def test_a_large_corpus_is_mapped_and_the_same(tmp_path: Path) -> None:
    texts = many(20_000)  # three blocks
    small = Encoded.build(texts, VOCABULARY, 6, folder=tmp_path / "small")
    large = Encoded.build(texts, VOCABULARY, 6, folder=tmp_path / "large", threshold=100_000)
    assert not (tmp_path / "small").exists()
    assert sorted(p.name for p in (tmp_path / "large").iterdir()) == [
        "corpus.json",
        "ids.bin",
        "offsets.npy",
    ]
    assert (tmp_path / "large" / "ids.bin").stat().st_size == 4 * len(large.ids)
    opened = Encoded.open(tmp_path / "large")
    indices = torch.randperm(len(texts), generator=torch.Generator().manual_seed(1))[:300]
    batch = small.select(indices)
    for other in (large, opened):
        assert other.checksum == small.checksum
        assert other.report == small.report
        assert torch.equal(other.select(indices).ids, batch.ids)
    expected = VOCABULARY.encode([texts[n] for n in indices.tolist()], 6)
    assert torch.equal(batch.ids, expected.ids)


def test_labels_survive_the_file(tmp_path: Path) -> None:
    examples = [Example("a", "x"), Example("b", "y"), Example("man", "y")]
    built = Encoded.build(
        examples, VOCABULARY, labels={"x": 0, "y": 300}, folder=tmp_path, threshold=0
    )
    opened = Encoded.open(tmp_path)
    assert opened.labels is not None and opened.labels.tolist() == [0, 300, 300]
    assert opened.checksum == built.checksum


def test_save_writes_any_corpus(tmp_path: Path) -> None:
    encoded = Encoded.build(TEXTS, VOCABULARY)
    subset = encoded.subset(torch.tensor([3, 1]))
    encoded.save(tmp_path / "all")
    subset.save(tmp_path / "some")
    assert Encoded.open(tmp_path / "all").checksum == encoded.checksum
    some = Encoded.open(tmp_path / "some")
    assert some.checksum == subset.checksum and some.report is None
    assert len(some.ids) == int(subset.lengths.sum())


def test_the_checksum_depends_on_ids_order_bounds_and_labels_only(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n".join(TEXTS) + "\n\n")
    same = [
        Encoded.build(TEXTS, VOCABULARY),
        Encoded.build(read(path), VOCABULARY),
        Encoded.build([*TEXTS, "b b"], VOCABULARY).subset(torch.arange(5)),
        Encoded.build(TEXTS[::-1], VOCABULARY).subset(torch.arange(4, -1, -1)),
    ]
    assert len({encoded.checksum for encoded in same}) == 1
    labelled = [Example(text, "x") for text in TEXTS]
    different = [
        Encoded.build(TEXTS[::-1], VOCABULARY),
        Encoded.build(["a man rides b", *TEXTS[2:]], VOCABULARY),
        Encoded.build(TEXTS, VOCABULARY, limit=4),
        Encoded.build(labelled, VOCABULARY, labels={"x": 0}),
        Encoded.build(labelled, VOCABULARY, labels={"x": 1}),
    ]
    assert len({encoded.checksum for encoded in [*same, *different]}) == 6


def test_a_subset_shares_the_ids() -> None:
    encoded = Encoded.build([Example(text, "x") for text in TEXTS], VOCABULARY, labels={"x": 2})
    subset = encoded.subset(torch.tensor([4, 2, 2]))
    assert subset.ids is encoded.ids and len(subset) == 3
    batch = subset.select(torch.tensor([1, 0]))
    assert torch.equal(batch.ids, encoded.select(torch.tensor([2, 4])).ids)
    assert batch.labels is not None and batch.labels.tolist() == [2, 2]


@settings(max_examples=60)
@given(
    st.lists(st.lists(st.sampled_from(["a", "b", "man", "?"]), min_size=1, max_size=9), min_size=1)
)
def test_every_sentence_comes_back(words: list[list[str]]) -> None:
    texts = [" ".join(sentence) for sentence in words]
    encoded = Encoded.build(texts, VOCABULARY)
    batch = encoded.select(torch.arange(len(texts)))
    expected = [text.replace("?", "<unk>") for text in texts]
    assert VOCABULARY.texts(batch.ids, batch.lengths) == expected


# Damage


def test_a_folder_is_a_corpus_only_when_complete(tmp_path: Path) -> None:
    Encoded.build(TEXTS, VOCABULARY, folder=tmp_path, threshold=0)
    manifest = (tmp_path / "corpus.json").read_text()
    (tmp_path / "corpus.json").unlink()
    with pytest.raises(CorpusError, match="holds no encoded corpus"):
        Encoded.open(tmp_path)
    later = json.loads(manifest) | {"format": 2}
    (tmp_path / "corpus.json").write_text(json.dumps(later))
    with pytest.raises(CorpusError, match="format 2; this version reads up to 1"):
        Encoded.open(tmp_path)
    (tmp_path / "corpus.json").write_text(manifest[:30])
    with pytest.raises(CorpusError, match="is damaged"):
        Encoded.open(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "missing"])
def test_damaged_ids_are_noticed(tmp_path: Path, damage: str) -> None:
    Encoded.build(TEXTS, VOCABULARY, folder=tmp_path, threshold=0)
    ids = tmp_path / "ids.bin"
    data = ids.read_bytes()
    if damage == "missing":
        ids.unlink()
    else:
        changed = {"cut": data[:-4], "flip": data[:-1] + b"\1", "empty": b""}
        ids.write_bytes(changed[damage])
    with pytest.raises(CorpusError, match="is damaged"):
        Encoded.open(tmp_path)


def test_a_build_that_fails_leaves_no_corpus_and_no_draft(tmp_path: Path) -> None:
    Encoded.build(TEXTS, VOCABULARY, folder=tmp_path, threshold=0)

    def broken():  # type: ignore[no-untyped-def]
        yield from many(10_000)
        raise CorpusError("corpus.txt:10001: damaged")

    with pytest.raises(CorpusError, match="10001"):
        Encoded.build(broken(), VOCABULARY, folder=tmp_path, threshold=0)
    assert not [p for p in tmp_path.iterdir() if "draft" in p.name]
    with pytest.raises(CorpusError, match="holds no encoded corpus"):
        Encoded.open(tmp_path)


def test_building_again_replaces_the_old_corpus(tmp_path: Path) -> None:
    labelled = [Example(text, "x") for text in TEXTS]
    Encoded.build(labelled, VOCABULARY, folder=tmp_path, labels={"x": 0}, threshold=0)
    new = Encoded.build(TEXTS[:2], VOCABULARY, folder=tmp_path, threshold=0)
    opened = Encoded.open(tmp_path)
    assert opened.checksum == new.checksum and opened.labels is None


def test_drawing_does_not_change_the_file(tmp_path: Path) -> None:
    encoded = Encoded.build(TEXTS, VOCABULARY, folder=tmp_path, threshold=0)
    before = (tmp_path / "ids.bin").read_bytes()
    encoded.ids[:] = 9
    assert (tmp_path / "ids.bin").read_bytes() == before


# Counts and warnings


def test_the_report_counts_what_was_met(caplog: pytest.LogCaptureFixture) -> None:
    tally = Tally(blank=4, shortened=1)
    texts = ["a zebra rides", "  ", "a man rides b a", "zebra"]
    encoded = Encoded.build(texts, VOCABULARY, limit=4, tally=tally, name="valid.txt")
    assert encoded.report is not None
    assert encoded.report.facts() == {
        "sentences": 3,
        "tokens": 10,
        "words": 8,
        "unknown": 2,
        "cut": 1,
        "blank": 5,
        "shortened": 1,
        "unknown_share": 2 / 8,
    }
    assert "valid.txt: 5 blank lines were dropped" in caplog.text
    assert "valid.txt: 1 of 3 sentences were cut to 4 tokens, and have no end" in caplog.text
    assert "valid.txt: 1 lines were so long" in caplog.text
    assert "valid.txt: 25% of the words are unknown" in caplog.text


def test_no_common_word_is_a_warning_and_the_batch_is_still_sound(
    caplog: pytest.LogCaptureFixture,
) -> None:
    encoded = Encoded.build(["x y z", "w"], VOCABULARY, name="valid")
    assert "valid: no word is in the vocabulary" in caplog.text
    assert encoded.select(torch.tensor([0, 1])).ids.tolist() == [[3, 3, 3, 2], [3, 2, 0, 0]]
    assert encoded.report is not None and encoded.report.unknown_share == 1.0


def test_an_ordinary_corpus_gives_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "seqgen"):
        Encoded.build([*TEXTS, "zebra"], VOCABULARY, limit=20)
    assert caplog.text == ""


@pytest.mark.parametrize("texts", [[], ["", " "]])
def test_no_sentence_is_an_error(texts: list[str], tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="0 sentences in my corpus"):
        Encoded.build(texts, VOCABULARY, name="my corpus", folder=tmp_path, threshold=0)


def test_one_sentence_is_enough() -> None:
    assert len(Encoded.build(["a"], VOCABULARY)) == 1


def test_a_label_not_known_is_told_with_those_that_are() -> None:
    labels = {"negative": 0, "positive": 1}
    with pytest.raises(CorpusError, match=r"no label 'positiv'.*negative, positive; did you mean"):
        Encoded.build([Example("a", "positiv")], VOCABULARY, labels=labels)
    with pytest.raises(CorpusError, match="a sentence has no label"):
        Encoded.build(["a"], VOCABULARY, labels=labels)


def test_a_huge_line_is_cut_to_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a man rides\n" + "b " * 1_000_000 + "\n")
    tally = Tally()
    encoded = Encoded.build(read(path, tally=tally), VOCABULARY, limit=8, tally=tally)
    assert encoded.lengths.tolist() == [4, 8]
    assert (encoded.ids == VOCABULARY.end).tolist() == [False] * 3 + [True] + [False] * 8
    assert encoded.report is not None
    assert (encoded.report.cut, encoded.report.shortened) == (1, 1)


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = many(100)
    whole = Encoded.build(texts, VOCABULARY, limit=6)
    monkeypatch.setattr("seqgen.text.encoded._ROWS", 7)
    monkeypatch.setattr("seqgen.text.encoded._CHARACTERS", 40)
    parts = Encoded.build(texts, VOCABULARY, limit=6)
    assert parts.checksum == whole.checksum and parts.report == whole.report
    assert np.array_equal(parts.ids.numpy(), whole.ids.numpy())
