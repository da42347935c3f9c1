"""What style transfer is measured on: files line by line, one group a direction, or JSON rows."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from seqgen.commands.sentence_files import Reading, hint, reading, require_one_stream
from seqgen.errors import UserError
from seqgen.metrics.style_transfer.factors import Task
from seqgen.text.errors import CorpusError, near
from seqgen.text.lines import TextFile

PAIRED = '{"source": "...", "to": "...", "references": ["..."], "hypothesis": "..."}'
REQUIRED = ("source", "to")
KEYS = (*REQUIRED, "references", "hypothesis")


@dataclass(frozen=True)
class Given:
    """The task, and the predictions of each system by name, the one to measure first; where a run
    is to be measured, those of the others."""

    task: Task
    systems: dict[str, list[str]]


def given(options: Namespace) -> Given:
    """Read all files that the options name.

    Raises:
        UserError: a file is missing or damaged, or has not one line a source.
    """
    groups = [options.hypotheses, options.sources, [options.real], *(options.compare_with or [])]
    groups += options.aligned_references or []
    require_one_stream(file for files in groups for file in files or [])
    return _from_pairs(options) if options.pairs else _from_files(options)


def system_name(files: Sequence[str]) -> str:
    """What the files of one system have in common: "out" of out.0 and out.1, else the first's."""
    stems = [Path(file).name if file != "-" else "standard input" for file in files]
    equal = takewhile(lambda letters: len(set(letters)) == 1, zip(*stems, strict=False))
    common = "".join(letters[0] for letters in equal)
    return stems[0] if len(stems) == 1 else common.rstrip("._- ") or stems[0]


def _from_files(options: Namespace) -> Given:
    directions, read = len(options.sources), reading(options)
    sources = [read(file) for file in options.sources]
    references = options.aligned_references or [[]] * directions
    _check_streams(references)
    streams = [
        _joined(options.sources, sources, list(files), read)
        for files in zip(*references, strict=True)
    ]
    targets = [to for to, lines in zip(options.to, sources, strict=True) for _ in lines]
    task = Task([line for lines in sources for line in lines], targets, streams)
    systems: dict[str, list[str]] = {}
    own = [options.hypotheses] if options.hypotheses else []  # else a run's
    for files in [*own, *(options.compare_with or [])]:
        if len(files) != directions:
            raise UserError(
                f"--compare-with {' '.join(files)}: {len(files)} files for {directions} directions;"
                " give one a direction, in the order of --sources"
            )
        systems[_unused(system_name(files), systems)] = _joined(
            options.sources, sources, files, read
        )
    return Given(task, systems)


def _check_streams(references: Sequence[Sequence[str]]) -> None:
    counts = [len(files) for files in references]
    if len(set(counts)) > 1:
        raise UserError(
            f"--aligned-references with {' and '.join(map(str, counts))} files: give every "
            "direction the same number of references, in the same order"
        )


def _joined(
    names: Sequence[str],
    sources: Sequence[Sequence[str]],
    files: Sequence[str],
    read: Reading,
) -> list[str]:
    """The lines of one file a direction, one after the other.

    Raises:
        UserError: a file has not as many lines as its sources.
    """
    found: list[str] = []
    for name, known, file in zip(names, sources, files, strict=True):
        lines = read(file)
        if len(lines) != len(known):
            raise UserError(
                f"{file} has {len(lines)} lines, but its sources {name} have {len(known)}: line i "
                "of each file belongs to line i of the sources, blank lines included"
            )
        found += lines
    return found


def _from_pairs(options: Namespace) -> Given:
    read = reading(options)
    rows = _rows(options.pairs, read)
    streams = [list(stream) for stream in zip(*(row["references"] for row in rows), strict=True)]
    task = Task([row["source"] for row in rows], [row["to"] for row in rows], streams)
    own = [row["hypothesis"] for row in rows if "hypothesis" in row]
    if options.hypotheses and own:
        raise UserError(
            f"--hypotheses together with {options.pairs}, whose rows have a hypothesis: leave one "
            "of them out"
        )
    if not options.hypotheses and not own and not options.run:
        raise UserError(
            f"{options.pairs} has no sentences to measure: give each row a hypothesis, or "
            "--hypotheses F with one line a row"
        )
    systems: dict[str, list[str]] = {}
    if own or options.hypotheses:
        first = options.hypotheses or [options.pairs]
        systems = {system_name(first): own or _of_pairs(options.pairs, rows, first, read)}
    for files in options.compare_with or []:
        systems[_unused(system_name(files), systems)] = _of_pairs(options.pairs, rows, files, read)
    return Given(task, systems)


def _of_pairs(pairs: str, rows: Sequence[object], files: Sequence[str], read: Reading) -> list[str]:
    if len(files) != 1:
        raise UserError(
            f"{' '.join(files)}: with --pairs {pairs} a system is one file, a line a row"
        )
    return _joined([pairs], [[""] * len(rows)], files, read)


def _rows(file: str, read: Reading) -> list[dict[str, Any]]:
    """The JSON objects of a file, all alike.

    Raises:
        UserError: with file and line, for what is no such object or unlike the first one.
    """
    source = TextFile(Path(file), read.encoding_errors)
    source.check()
    rows: list[dict[str, Any]] = []
    try:
        for number, line in enumerate(source.records(), start=1):
            if line.strip():
                rows.append(_row(line, f"{file}:{number}"))
                _check_alike(rows[0], rows[-1], f"{file}:{number}")
    except CorpusError as problem:
        raise UserError(f"{problem}{hint(str(problem))}") from problem
    if not rows:
        raise UserError(f"{file} has no rows; each is an object such as {PAIRED}")
    return rows


def _row(line: str, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise UserError(f"{place}: this is not JSON: {error}") from error
    if not isinstance(row, dict):
        raise UserError(f"{place}: expected an object such as {PAIRED}")
    _check_keys(row, place)
    row.setdefault("references", [])
    texts = [row["source"], row["to"], row.get("hypothesis", "")]
    if not isinstance(row["references"], list):
        raise UserError(f"{place}: references is a list of sentences, as in {PAIRED}")
    wrong = [text for text in [*texts, *row["references"]] if not isinstance(text, str)]
    if wrong:
        raise UserError(f"{place}: {wrong[0]!r} is no string; expected {PAIRED}")
    return row


def _check_keys(row: dict[str, Any], place: str) -> None:
    """Raise UserError for a key that is missing or misspelt; others may be there too."""
    others = [key for key in row if key not in KEYS]
    for key in KEYS:
        meant = "" if key in row else near(key, others)
        if meant or (key not in row and key in REQUIRED):
            there = ", ".join(map(repr, row)) or "none"
            raise UserError(
                f"{place}: there is no key {key!r}; there are: {there}{meant}. Expected {PAIRED}"
            )


def _check_alike(first: dict[str, Any], row: dict[str, Any], place: str) -> None:
    counts = len(first["references"]), len(row["references"])
    if counts[0] != counts[1]:
        raise UserError(
            f"{place}: {counts[1]} references, the first row has {counts[0]}: give every row as"
            " many (the first ones, or one of them again), or measure those rows by themselves"
        )
    if ("hypothesis" in first) != ("hypothesis" in row):
        raise UserError(f"{place}: either every row has a hypothesis, or none")


def _unused(name: str, taken: dict[str, list[str]]) -> str:
    """The name, with a number where it is taken."""
    tries = (name if number == 1 else f"{name} ({number})" for number in range(1, len(taken) + 2))
    return next(tried for tried in tries if tried not in taken)
