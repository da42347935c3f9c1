import gzip
import io
import json
import logging
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seqgen.errors import UserError
from seqgen.text.reading import (
    CorpusError,
    Example,
    Tally,
    label_names,
    read,
    store_standard_input,
)


def texts(source: Any, **settings: Any) -> list[str]:
    return [example.text for example in read(source, **settings)]


def write(path: Path, content: str | bytes) -> Path:
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def give_input(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


# Lines


def test_lines_end_at_newlines_of_any_system_and_nowhere_else(tmp_path: Path) -> None:
    inside = "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\0h"
    data = f"\ufeffone\r\ntwo\rthree\n{inside}\n last ".encode()
    assert texts(write(tmp_path / "a.txt", data)) == ["one", "two", "three", inside, " last "]


def test_a_byte_order_mark_is_dropped_only_at_the_start(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.txt", "\ufeffa\n\ufeffb\n")) == ["a", "\ufeffb"]


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_a_line_end_of_two_bytes_may_lie_across_a_chunk(tmp_path: Path, chunk: int) -> None:
    for size in (8191 + chunk, 65535 + chunk):
        line = "x" * (size - 1)
        assert texts(write(tmp_path / "a.txt", f"{line}\r\ny\r\n")) == [line, "y"]


def test_blank_lines_are_dropped_with_a_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "a.txt", "a\n\n \t\u3000\n\nb\n")
    tally = Tally()
    assert texts(path, tally=tally) == ["a", "b"]
    assert tally == Tally(sentences=2, blank=3)
    assert caplog.text == ""
    assert texts(path) == ["a", "b"]
    assert "a.txt: 3 blank lines were dropped" in caplog.text


def test_blank_lines_are_kept_one_to_one_on_request(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.txt", "a\n\n \nb\n"), blanks="keep") == ["a", "", " ", "b"]
    assert texts(write(tmp_path / "b.txt", ""), blanks="keep") == []
    table = write(tmp_path / "a.csv", 'text\na\n""\nb\n')
    assert texts(table, blanks="keep") == ["a", "", "b"]


@pytest.mark.parametrize("content", ["", "\n\n", " \n\t\r\n", "\ufeff"])
@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.txt.gz"])
def test_a_file_without_sentences_is_an_error(tmp_path: Path, content: str, name: str) -> None:
    path = write(tmp_path / name, content)
    with pytest.raises(CorpusError, match=rf"0 sentences in .*{name}"):
        texts(path)


def test_every_error_is_a_user_error() -> None:
    assert issubclass(CorpusError, UserError) and issubclass(CorpusError, ValueError)


def test_one_sentence_is_a_corpus(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.txt", "alone")) == ["alone"]


# Bytes that are no UTF-8


def test_bad_bytes_are_refused_with_file_line_and_byte(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "ok\né".encode() + b"b\xffc\n")
    with pytest.raises(CorpusError, match=r"a\.txt:2:3: byte 0xff.*encoding_errors") as caught:
        texts(path)
    assert str(path) in str(caught.value)


def test_bad_bytes_are_replaced_or_left_out_on_request(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", b"ok\na\xffb\xc3\n")
    assert texts(path, encoding_errors="replace") == ["ok", "a\ufffdb\ufffd"]
    assert texts(path, encoding_errors="ignore") == ["ok", "ab"]
    with pytest.raises(CorpusError, match="it can be strict, replace, ignore"):
        read(path, encoding_errors="skip")  # type: ignore[arg-type]


def test_utf_16_is_recognised(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"a\.txt:1:0:.*looks like UTF-16"):
        texts(write(tmp_path / "a.txt", "ab\n".encode("utf-16")))


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.txt.gz"])
def test_bad_bytes_are_found_in_every_format(tmp_path: Path, name: str) -> None:
    data = b'{"text": "a"}\n{"text": "\xe9"}\n' if name == "a.jsonl" else b"text\n\xe9\n"
    with pytest.raises(CorpusError, match=rf"{name}:2:\d+: byte 0xe9"):
        texts(write(tmp_path / name, data))


def test_half_a_character_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", '{"text": "a\\ud83d"}\n{"text": "\\ud83d\\ude00"}\n')
    with pytest.raises(CorpusError, match=r"a\.jsonl:1:1: half a character, \\ud83d"):
        texts(path)
    assert texts(path, encoding_errors="replace") == ["a\ufffd", "😀"]
    with pytest.raises(CorpusError, match="the list of sentences:2:"):
        texts(["a", "\ud800"])


# Size


def test_a_huge_line_is_cut_with_a_count_in_bounded_memory(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.txt"
    with path.open("w") as file:
        file.write("first\n")
        for _ in range(300):
            file.write("word " * 20_000)  # 30 million characters in one line
        file.write("\nlast\n")
    tracemalloc.start()
    found = texts(path, longest=100_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [len(text) for text in found] == [5, 100_000, 4]
    assert "1 lines were cut to 100000 characters" in caplog.text
    assert peak < 4_000_000


@pytest.mark.parametrize("size", [9, 10, 11, 12])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", ""])
def test_the_longest_line_allowed_is_not_cut(tmp_path: Path, size: int, end: str) -> None:
    path = write(tmp_path / "a.txt", "x" * size + end + ("y" + end if end else ""))
    tally = Tally()
    found = texts(path, longest=10, tally=tally)
    assert found == ["x" * min(size, 10)] + (["y"] if end else [])
    assert tally.shortened == int(size > 10)


def test_long_cells_are_cut_too(tmp_path: Path) -> None:
    long = "x" * 200_000  # the csv module alone would stop at 131,072
    tally = Tally()
    path = write(tmp_path / "a.csv", f"text\n{long}\nb\n")
    assert [len(text) for text in texts(path, longest=150_000, tally=tally)] == [150_000, 1]
    assert tally.shortened == 1
    path = write(tmp_path / "a.jsonl", json.dumps({"text": long}))
    assert [len(text) for text in texts(path, longest=10)] == [10]


def test_a_record_too_long_to_understand_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("seqgen.text.lines.LONGEST_RECORD", 1000)
    path = write(tmp_path / "a.jsonl", json.dumps({"text": "x" * 2000}))
    with pytest.raises(CorpusError, match=r"a\.jsonl:1: the line is longer than 1000"):
        texts(path)


def test_reading_streams(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "good line\n" * 100_000 + "a\n" + "\xff" * 2)
    path.write_bytes(path.read_bytes() + b"\xff")
    tracemalloc.start()
    examples = read(path)
    first = [next(examples) for _ in range(1000)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert first[-1] == Example("good line") and peak < 500_000
    with pytest.raises(CorpusError, match=":100002:4:"):
        list(examples)


# Formats


def test_tables_and_json_lines_give_text_and_label(tmp_path: Path) -> None:
    expected = [Example("a man", "pos"), Example("NA", "null")]
    for name, content in {
        "a.csv": "label,other,text\r\npos,1,a man\r\nnull,2,NA\r\n",
        "a.tsv": "text\tlabel\na man\tpos\nNA\tnull\n",
        "a.jsonl": '{"text": "a man", "label": "pos"}\n\n{"label": "null", "text": "NA"}\n',
    }.items():
        for path in (write(tmp_path / name, content), write(tmp_path / f"{name}.gz", content)):
            assert list(read(path, label="label")) == expected


def test_cells_that_spell_missing_values_stay_text(tmp_path: Path) -> None:
    values = ["NA", "null", "nan", "N/A", "None", "#N/A", "1.0"]
    assert texts(write(tmp_path / "a.csv", "text\n" + "\n".join(values))) == values


def test_quoted_cells_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    data = '\ufefftext,n\n"a, ""b""\r\nc",1\nd\0e,2\n'
    assert texts(write(tmp_path / "a.csv", data)) == ['a, "b"\r\nc', "d\0e"]


def test_quotes_in_tab_separated_files_are_plain_characters(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "a.tsv", 'text\tn\n"a\t1\nb"c\t2\n')) == ['"a', 'b"c']


def test_a_quote_never_closed_is_refused_with_the_line_it_starts_in(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'text\nfine\n"never closed\nb\nc\n')
    with pytest.raises(CorpusError, match=r"a\.csv:3: the row that starts here"):
        texts(path)


def test_a_short_row_is_refused_with_its_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 'n,text\n1,"a\nb"\n2\n')
    with pytest.raises(CorpusError, match=r"a\.csv:4: the row has 1 cells.*n, text"):
        texts(path)


def test_a_missing_column_is_told_with_those_there_are(tmp_path: Path) -> None:
    table = write(tmp_path / "a.csv", "sentence,label\na,b\n")
    with pytest.raises(CorpusError, match="no column 'text'; there are: sentence, label"):
        texts(table)
    with pytest.raises(CorpusError, match="did you mean 'sentence'"):
        texts(table, text="sentense")
    lines = write(tmp_path / "a.jsonl", '{"text": "a", "lable": 1}\n')
    with pytest.raises(CorpusError, match=r"a\.jsonl:1: there is no column 'label'.*'lable'"):
        texts(lines, label="label")


def test_labels_of_json_may_be_numbers(tmp_path: Path) -> None:
    rows = [{"text": "a", "y": 1}, {"text": "b", "y": "x"}, {"text": "c", "y": True}]
    path = write(tmp_path / "a.ndjson", "\n".join(map(json.dumps, rows)))
    assert [example.label for example in read(path, label="y")] == ["1", "x", "true"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{bad", r"a\.jsonl:2:2: this is not JSON"),
        ("[1]", r"a\.jsonl:2: expected an object"),
        ('{"text": null}', r"a\.jsonl:2: 'text' is null, not a string"),
        ('{"text": 3}', r"a\.jsonl:2: 'text' is 3, not a string"),
        ("[" * 100_000, r"a\.jsonl:2: .*nested too deeply"),
    ],
)
def test_bad_json_is_refused_with_its_place(tmp_path: Path, line: str, message: str) -> None:
    path = write(tmp_path / "a.jsonl", f'{{"text": "a"}}\n{line}\n')
    with pytest.raises(CorpusError, match=message):
        texts(path)


def test_damaged_gzip_files_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt.gz", "a man\n" * 1000)
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(CorpusError, match=r"a\.txt\.gz is not a sound gzip file"):
        texts(path)
    path.write_bytes(b"plain text\n")
    with pytest.raises(CorpusError, match=r"a\.txt\.gz is not a sound gzip file"):
        texts(path)


@pytest.mark.parametrize("name", ["a.json", "a.parquet", "a.zip", "a.xlsx", "a.json.gz"])
def test_formats_not_read_are_refused_with_those_that_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=r"\.jsonl, \.csv or \.tsv"):
        read(write(tmp_path / name, "x"))


def test_any_other_ending_is_plain_text(tmp_path: Path) -> None:
    assert texts(write(tmp_path / "train.0", "a\n")) == ["a"]
    assert texts(write(tmp_path / "my corpus, ä", "a\n")) == ["a"]


# Sources


def test_a_missing_file_is_told_at_once_with_near_names(tmp_path: Path) -> None:
    write(tmp_path / "captions.txt", "a\n")
    with pytest.raises(CorpusError, match=r"did you mean 'captions.txt'"):
        read(tmp_path / "caption.txt")
    with pytest.raises(CorpusError, match="hf:owner/name"):
        read(str(tmp_path / "imdb"))
    with pytest.raises(CorpusError, match=r"the folder .* does not exist"):
        read(tmp_path / "no" / "a.txt")
    with pytest.raises(CorpusError, match=r"is a folder; .*captions\.txt"):
        read(tmp_path)


def test_several_files_are_read_one_after_another(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "1\n"), write(tmp_path / "b.jsonl", '{"text": "2"}')
    assert texts([a, b, a]) == ["1", "2", "1"]
    with pytest.raises(CorpusError, match="did you mean"):
        read([a, tmp_path / "bb.jsonl"])


def test_one_file_per_label(tmp_path: Path) -> None:
    a, b = write(tmp_path / "a.txt", "1\n2\n"), write(tmp_path / "b.txt", "\n3\n")
    found = list(read({"positive": a, "negative": str(b)}))
    assert found == [Example("1", "positive"), Example("2", "positive"), Example("3", "negative")]
    assert label_names(iter(found)) == {"negative": 0, "positive": 1}
    with pytest.raises(CorpusError, match=r"0 sentences in .*empty\.txt"):
        list(read({"positive": a, "negative": write(tmp_path / "empty.txt", "")}))
    with pytest.raises(CorpusError, match="cannot be used too"):
        read({"positive": a}, label="label")


def test_plain_lines_have_no_label_column(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no column 'label'"):
        read(write(tmp_path / "a.txt", "a\n"), label="label")
    with pytest.raises(CorpusError, match="no column 'label'"):
        read(["a"], label="label")


def test_a_list_holds_sentences(caplog: pytest.LogCaptureFixture) -> None:
    assert texts(["a man", "", "a.txt"]) == ["a man", "a.txt"]
    assert "the list of sentences: 1 blank lines" in caplog.text
    with pytest.raises(CorpusError, match="0 sentences in the list"):
        texts([])
    with pytest.raises(CorpusError, match=r"sentences \(str\) only"):
        read(["a", Path("b")])  # type: ignore[list-item]
    with pytest.raises(CorpusError, match="cannot be read from a int"):
        read(3)  # type: ignore[arg-type]


def test_standard_input_is_read_as_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    give_input(monkeypatch, "\ufeffa\r\n\nb".encode())
    assert texts("-") == ["a", "b"]
    assert not sys.stdin.buffer.closed
    give_input(monkeypatch, b"a\n\xff")
    with pytest.raises(CorpusError, match="standard input:2:0: byte 0xff"):
        texts("-")
    assert not sys.stdin.buffer.closed
    give_input(monkeypatch, b"")
    with pytest.raises(CorpusError, match="0 sentences in standard input"):
        texts(Path("-"))


def test_standard_input_is_given_on_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            if self.given == 3:
                raise AssertionError("read on before the sentences given were used")
            self.given += 1
            buffer[:2] = b"a\n"
            return 2

    slow = Slow()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BufferedReader(slow)))
    examples = read("-")
    assert [next(examples).text, next(examples).text] == ["a", "a"]
    assert slow.given <= 3


def test_standard_input_can_be_stored_to_be_read_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_input(monkeypatch, b"a\r\nb\n")
    path = store_standard_input(tmp_path / "run" / "input.txt")
    assert texts(path) == texts(path) == ["a", "b"]


def test_labels_are_numbered_by_value_or_alphabet() -> None:
    names = label_names(Example("", label) for label in ["10", "2", "2", "-1"])
    assert names == {"-1": 0, "2": 1, "10": 2}
    names = label_names(Example("", label) for label in ["10", "2", "b"])
    assert list(names) == ["10", "2", "b"]
    with pytest.raises(CorpusError, match="has no label"):
        label_names([Example("a", "x"), Example("b")])


# Data sets


def test_data_sets_give_text_and_names_of_classes() -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "y": datasets.ClassLabel(names=["bad", "good"])}
    )
    table = datasets.Dataset.from_dict({"text": ["a", " ", "NA"], "y": [1, 0, 0]}, features)
    expected = [Example("a", "good"), Example("NA", "bad")]
    assert list(read(table, label="y")) == expected
    assert list(read(table.to_iterable_dataset(), label="y")) == expected
    assert texts(table) == ["a", "NA"]
    with pytest.raises(CorpusError, match="no column 'sentence'; there are: text, y"):
        read(table, text="sentence")
    with pytest.raises(CorpusError, match="row 0: 'y' is 1, not a string"):
        list(read(table, text="y"))


def test_streams_of_unknown_columns_are_read(caplog: pytest.LogCaptureFixture) -> None:
    datasets = pytest.importorskip("datasets")

    def rows() -> Iterator[dict[str, str]]:
        yield from ({"text": str(number), "more": "x"} for number in range(2500))

    stream = datasets.IterableDataset.from_generator(rows)
    assert texts(stream) == [str(number) for number in range(2500)]
    with pytest.raises(CorpusError, match="there are: text, more"):
        texts(stream, text="sentence")


def test_a_data_set_is_opened_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datasets = pytest.importorskip("datasets")
    asked: list[tuple[str, str | None, str]] = []

    def load(path: str, config: str | None, split: str) -> Any:
        asked.append((path, config, split))
        return datasets.Dataset.from_dict({"text": ["a"]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    for name in ("hf:imdb", "hf:me/own:valid", "hf:me/own/small", "hf:me/own/small:train[:5%]"):
        assert texts(name) == ["a"]
    assert asked == [
        ("imdb", None, "train"),
        ("me/own", None, "valid"),
        ("me/own", "small", "train"),
        ("me/own", "small", "train[:5%]"),
    ]


def test_a_local_folder_opens_as_a_data_set_without_a_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "train.jsonl", '{"text": "a"}\n{"text": "b"}\n')
    assert texts(f"hf:{tmp_path / 'own'}") == ["a", "b"]
    with pytest.raises(CorpusError, match="'me/no-such-set' cannot be opened"):
        read("hf:me/no-such-set")


def test_reading_files_imports_no_datasets(tmp_path: Path) -> None:
    import subprocess

    path = write(tmp_path / "a.txt", "a\n")
    code = (
        "import sys; from seqgen.text.reading import read; list(read(sys.argv[1]));"
        "assert 'datasets' not in sys.modules and 'pandas' not in sys.modules"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(path)], check=True, cwd=root)


def test_nothing_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger("seqgen").addHandler(logging.NullHandler())
    texts(write(tmp_path / "a.txt", "a\n\n"))
    assert capsys.readouterr().out == ""
