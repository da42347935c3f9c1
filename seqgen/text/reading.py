"""Corpus files and data sets -> a stream of examples; nothing is held in memory.

What counts as a line, a blank line and valid text is decided here, once, for all commands
(`seqgen.text.lines` has the byte level). Formats go by the end of the file name: .jsonl or .ndjson,
.csv, .tsv, each also with .gz; any other name is plain text, one sentence a line.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal, cast, get_args

from seqgen.text.errors import CorpusError
from seqgen.text.lines import EncodingErrors, Tally, TextFile, store_standard_input
from seqgen.text.records import (
    Example,
    Table,
    check_columns,
    json_lines,
    load_table,
    separated,
    table_rows,
)

__all__ = [
    "CorpusError",
    "Example",
    "Source",
    "Tally",
    "describe",
    "label_names",
    "read",
    "store_standard_input",
]

Part = str | Path | Sequence[str] | Sequence[Path] | Table
Source = Part | Mapping[str, Part]
LONGEST = 1 << 17  # characters of one sentence, some 20,000 words

_JSON = {".jsonl", ".ndjson"}
_SEPARATED = {".csv": ",", ".tsv": "\t"}
_FOREIGN = {".json", ".parquet", ".arrow", ".xlsx", ".xls", ".zip", ".bz2", ".xz", ".zst", ".tar"}
_log = logging.getLogger("seqgen")


def read(
    source: Source,
    text: str = "text",
    label: str | None = None,
    encoding_errors: EncodingErrors = "strict",
    blanks: Literal["drop", "keep"] = "drop",
    longest: int = LONGEST,
    tally: Tally | None = None,
) -> Iterator[Example]:
    """Stream the examples of a corpus.

    Args:
        source: a file name or Path ("-" is standard input, plain lines);
            "hf:owner/name[/config][:split]", a Hugging Face data set (also "hf:name[:split]", or
            "hf:" and a local folder; the split is "train" if none is given); a list of Path, read
            one after another; a list of str, which are the sentences themselves; a
            `datasets.Dataset` or `IterableDataset`; or a mapping from label to any of these, one
            per label.
        text: column or key of the sentence; plain lines have none.
        label: column or key of the label; None reads no labels.
        encoding_errors: "strict" refuses bytes that are not UTF-8, "replace" reads them as U+FFFD,
            "ignore" leaves them out.
        blanks: "drop" counts and skips lines of white space only, as training wants it; "keep"
            gives one example per line whatever it holds, as transfer and evaluation want it.
        longest: characters a sentence may have; what goes beyond is skipped and counted.
        tally: where to count, one for each pass; without one, what was dropped or cut is logged as
            a warning at the end.

    Raises:
        CorpusError: at once for missing files and columns known beforehand; while reading for what
            is wrong in a line; at the end where a file (or list of files) had no sentence at all,
            unless blanks are kept.
    """
    if encoding_errors not in get_args(EncodingErrors):
        allowed = ", ".join(get_args(EncodingErrors))
        raise CorpusError(f"encoding_errors is {encoding_errors!r}; it can be {allowed}")
    counts = Tally() if tally is None else tally
    reader = _Reader(text, label, encoding_errors, blanks == "drop", longest, counts)
    examples = reader.styles(source) if isinstance(source, Mapping) else reader.part(source)
    return examples if tally is not None else _warned(examples, describe(source), longest, counts)


def label_names(examples: Iterable[Example]) -> dict[str, int]:
    """Number the labels met: whole numbers by value, names by alphabet.

    Reads the examples to their end.

    Raises:
        CorpusError: an example has no label.
    """
    found = {example.label for example in examples}
    if None in found:
        raise CorpusError(
            "a sentence has no label; name the label column, or give one file per label"
        )
    names = cast("set[str]", found)
    numeric = all(name.lstrip("-").isdecimal() for name in names)
    ordered = sorted(names, key=lambda name: (int(name) if numeric else 0, name))
    return {name: number for number, name in enumerate(ordered)}


def describe(source: Source) -> str:
    """What messages call a source: its file names, or the kind of thing it is."""
    if isinstance(source, str | Path):
        return "standard input" if str(source) == "-" else str(source)
    if isinstance(source, Mapping):
        return ", ".join(describe(part) for part in source.values())
    if isinstance(source, Sequence):
        files = [str(part) for part in source[:3] if isinstance(part, Path)]
        more = ", ..." if len(source) > 3 else ""
        return ", ".join(files) + more if files else "the list of sentences"
    return "the data set"


@dataclass(frozen=True)
class _Reader:
    text: str
    label: str | None
    encoding_errors: EncodingErrors
    drop: bool
    longest: int
    tally: Tally

    def styles(self, parts: Mapping[str, Part]) -> Iterator[Example]:
        if self.label is not None:
            raise CorpusError(
                f"one file per label is given, so the label column {self.label!r} cannot be used"
                " too"
            )
        opened = {name: self.part(part) for name, part in parts.items()}
        return (Example(example.text, name) for name, part in opened.items() for example in part)

    def part(self, source: Part) -> Iterator[Example]:
        return self.kept(self.examples(source), describe(source))

    def kept(self, examples: Iterator[Example], name: str) -> Iterator[Example]:
        count = 0
        for example in examples:
            if len(example.text) > self.longest:
                self.tally.shortened += 1
                example = example._replace(text=example.text[: self.longest])
            if self.drop and not example.text.strip():
                self.tally.blank += 1
                continue
            count += 1
            self.tally.sentences += 1
            yield example
        if self.drop and count == 0:
            raise CorpusError(
                f"0 sentences in {name}: give a file with at least one line that is not blank"
            )

    def examples(self, source: Part) -> Iterator[Example]:
        """Everything as it stands; what can be checked without reading is checked now."""
        if isinstance(source, str) and source.startswith("hf:"):
            return self.table(load_table(source.removeprefix("hf:")), source)
        if isinstance(source, str | Path):
            return self.file(TextFile(Path(source).expanduser(), self.encoding_errors))
        if isinstance(source, Sequence):
            return self.sequence(source)
        if hasattr(source, "column_names") and hasattr(source, "iter"):
            return self.table(source, "the data set")
        raise CorpusError(
            f"a corpus cannot be read from a {type(source).__name__}; give a file name, a list of"
            " sentences or of Path, a mapping from label to file, or one split of a data set"
        )

    def sequence(self, source: Sequence[str] | Sequence[Path]) -> Iterator[Example]:
        if all(isinstance(item, Path) for item in source):
            return chain.from_iterable([self.examples(cast(Path, item)) for item in source])
        if not all(isinstance(item, str) for item in source):
            raise CorpusError("a list must hold sentences (str) only, or files (Path) only")
        self.no_label("a list of sentences")
        given = TextFile(Path("the list of sentences"), self.encoding_errors)
        sentences = cast("Sequence[str]", source)
        return (Example(given.checked(item, row)) for row, item in enumerate(sentences, start=1))

    def file(self, file: TextFile) -> Iterator[Example]:
        file.check()
        suffix = file.suffix
        if suffix in _FOREIGN:
            raise CorpusError(
                f"{file.name} is no text file; convert it to lines of text, .jsonl, .csv or .tsv"
                " (each also .gz)"
            )
        if suffix in _JSON:
            return json_lines(file, self.text, self.label)
        if suffix in _SEPARATED:
            return separated(file, self.text, self.label, _SEPARATED[suffix])
        self.no_label(file.name)
        return map(Example, file.lines(self.longest, self.tally))

    def table(self, table: Table, name: str) -> Iterator[Example]:
        check_columns(table, name, self.text, self.label)
        return table_rows(table, name, self.text, self.label)

    def no_label(self, name: str) -> None:
        if self.label is not None:
            raise CorpusError(
                f"{name} has no column {self.label!r}: plain lines have no columns; give a .jsonl,"
                " .csv or .tsv file, or one file per label"
            )


def _warned(
    examples: Iterator[Example], name: str, longest: int, tally: Tally
) -> Iterator[Example]:
    yield from examples
    if tally.blank:
        _log.warning("%s: %d blank lines were dropped", name, tally.blank)
    if tally.shortened:
        _log.warning("%s: %d lines were cut to %d characters", name, tally.shortened, longest)
