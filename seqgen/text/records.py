"""Rows with named columns (JSON lines, CSV, TSV, `datasets`) -> pairs of text and label."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self, cast

from seqgen.text.errors import CorpusError, near
from seqgen.text.lines import LONGEST_RECORD, TextFile


class Example(NamedTuple):
    """One sentence as text, with the name of its label where the corpus has labels."""

    text: str
    label: str | None = None


class Table(Protocol):
    """What is used of `datasets.Dataset` and `IterableDataset`; neither is imported here."""

    @property
    def features(self) -> Mapping[str, Any] | None:
        """Column -> type, where known."""

    @property
    def column_names(self) -> list[str] | None:
        """Names of the columns, where known."""

    def select_columns(self, column_names: list[str]) -> Self:
        """The same rows with these columns only."""

    def iter(self, batch_size: int) -> Iterator[Mapping[str, list[Any]]]:
        """Batches of rows: column -> values."""


def json_lines(file: TextFile, text: str, label: str | None) -> Iterator[Example]:
    """One JSON object a line; blank lines come out as blank texts.

    Raises:
        CorpusError: with file and line, for bad JSON, no object, a missing key, or a text that is
            no string.
    """
    for number, line in enumerate(file.records(), start=1):
        place = f"{file.name}:{number}"
        if not line.strip():
            yield Example("")
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise CorpusError(f"{place}:{error.colno}: this is not JSON: {error.msg}") from error
        except RecursionError as error:
            raise CorpusError(f"{place}: the JSON is nested too deeply") from error
        if not isinstance(row, dict):
            raise CorpusError(f'{place}: expected an object such as {{"{text}": "..."}}')
        _require(place, [text] if label is None else [text, label], row)
        yield Example(
            file.checked(_text(row[text], text, place), number),
            None if label is None else file.checked(_label(row[label], label, place), number),
        )


def separated(file: TextFile, text: str, label: str | None, comma: str) -> Iterator[Example]:
    """Cells by comma or tab; the first row names the columns.

    By comma, cells may be quoted as RFC 4180 has it; by tab, quotes are plain characters. A cell is
    text, whatever it spells: "NA" and "null" stay words.

    Raises:
        CorpusError: with file and line, for a missing column, a row too short, or a quote never
            closed.
    """
    # The csv module has one limit for the whole process: 128 KiB, too little for some cells.
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_RECORD))
    rows = csv.reader(
        file.records(),
        delimiter=comma,
        quoting=csv.QUOTE_NONE if comma == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    start = 1
    try:
        header = next(rows, [])
        if not header:
            return
        wanted = [text] if label is None else [text, label]
        _require(f"{file.name} (its first row names the columns)", wanted, header)
        places = [header.index(name) for name in wanted]
        start = rows.line_num + 1
        for row in rows:
            yield _cells(row, places, header, f"{file.name}:{start}")
            start = rows.line_num + 1
    except csv.Error as error:
        raise CorpusError(
            f"{file.name}:{start}: the row that starts here cannot be read: {error}; a quote"
            " inside a quoted cell is"
            " written twice, and every opened quote must be closed"
        ) from error


def table_rows(table: Table, name: str, text: str, label: str | None) -> Iterator[Example]:
    """Rows of a `datasets` data set; class numbers become names where it knows the names.

    Raises:
        CorpusError: a missing column, or a text that is no string.
    """
    wanted = [text] if label is None else [text, label]
    batches = (table if table.column_names is None else table.select_columns(wanted)).iter(1000)
    first = next(batches, None)
    if first is None:
        return
    _require(name, wanted, first)
    names = None if label is None else getattr((table.features or {}).get(label), "names", None)
    number = 0
    for batch in chain([first], batches):
        labels: Iterable[Any] = [None] * len(batch[text]) if label is None else batch[label]
        for value, mark in zip(batch[text], labels, strict=True):
            place = f"{name}, row {number}"
            if names is not None and isinstance(mark, int):
                mark = names[mark]
            yield Example(_text(value, text, place), _label(mark, label, place) if label else None)
            number += 1


def load_table(name: str) -> Table:
    """Open "owner/name[/config][:split]" or "name[:split]" with `datasets`.

    Its rows stay in files of the cache, which also serves where there is no network. An existing
    local folder works as a name.

    Raises:
        CorpusError: the data set cannot be had; the message has the reason `datasets` gives.
    """
    import datasets  # 1.8 seconds, and only this way of reading needs it

    path, _, split = name.partition(":")
    parts = path.split("/")
    config = None
    if len(parts) == 3 and not Path(path).is_dir():
        path, config = "/".join(parts[:2]), parts[2]
    try:
        return cast(Table, datasets.load_dataset(path, config, split=split or "train"))
    except (
        Exception
    ) as error:  # a dozen unrelated classes: network, missing names, splits and configurations
        raise CorpusError(
            f"the Hugging Face data set {name!r} cannot be opened: {error}. It is written"
            ' "hf:owner/name[/config][:split]"; without a network only what was fetched before'
            " opens"
        ) from error


def check_columns(table: Table, name: str, text: str, label: str | None) -> None:
    """Raise CorpusError where a wanted column is missing and the names of the columns are known."""
    if table.column_names is not None:
        _require(name, [text] if label is None else [text, label], table.column_names)


def _cells(row: list[str], places: list[int], header: list[str], place: str) -> Example:
    if not row:
        return Example("")
    if len(row) <= max(places):
        raise CorpusError(
            f"{place}: the row has {len(row)} cells, the first row named {len(header)} columns:"
            f" {', '.join(header)}"
        )
    return Example(row[places[0]], row[places[1]] if len(places) > 1 else None)


def _require(place: str, wanted: Iterable[str], columns: Iterable[str]) -> None:
    names = list(columns)
    for name in wanted:
        if name not in names:
            there = ", ".join(names) or "none"
            raise CorpusError(
                f"{place}: there is no column {name!r}; there are: {there}{near(name, names)}"
            )


def _text(value: Any, column: str, place: str) -> str:
    if not isinstance(value, str):
        raise CorpusError(f"{place}: {column!r} is {json.dumps(value, default=str)}, not a string")
    return value


def _label(value: Any, column: str, place: str) -> str:
    if value is None or isinstance(value, list | dict):
        raise CorpusError(
            f"{place}: the label {column!r} is {json.dumps(value)}; give a string or a number"
        )
    return value if isinstance(value, str) else json.dumps(value)
