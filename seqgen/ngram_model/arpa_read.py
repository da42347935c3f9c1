"""An ARPA file -> a model; files of other programs are read too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from seqgen.errors import UserError
from seqgen.metrics.arrays import Floats, Integers
from seqgen.ngram_model.arpa_lines import Lines, fields_of, shown
from seqgen.ngram_model.tables import NEVER, Order
from seqgen.ngram_model.words import BEGIN, SPECIALS, UNKNOWN

_BLOCK = 1 << 14  # lines parsed at once
_UPPER = "<UNK>"  # the other spelling of UNKNOWN; KenLM takes both too


@dataclass(frozen=True)
class _Part:
    """Some lines: ``numbers`` (lines, 2), probability and back-off, and ``words`` (lines, n)."""

    numbers: Floats
    words: Integers


def read_arpa(path: Path) -> tuple[list[str], list[Order]]:
    """Return the names of the words, the specials first, and the n-grams of each order.

    BEGIN, END and UNKNOWN are added with probability 0 where the file lacks them. A file that has
    ``<UNK>`` and no ``<unk>`` means UNKNOWN by it.

    Raises:
        UserError: the file is missing, or no sound ARPA file; the message names the line.
    """
    try:
        with open(path, "rb") as file:
            lines = Lines(file, path)
            counts = _header(lines)
            names, orders = _unigrams(lines, counts[0], highest=len(counts) == 1)
            numbers = {name.encode(): number for number, name in enumerate(names)}
            numbers.setdefault(_UPPER.encode(), SPECIALS.index(UNKNOWN))
            for n, count in enumerate(counts[1:], start=2):
                orders.append(_order(lines, n, count, n == len(counts), numbers, orders))
            if (last := lines.next()) != b"\\end\\":
                raise lines.fault(f"\\end\\ expected, found {shown(last)}")
    except OSError as problem:
        reason = problem.strerror or problem
        raise UserError(f"cannot read the n-gram model {path}: {reason}") from problem
    return names, orders


def _header(lines: Lines) -> list[int]:
    """The numbers of n-grams of each order."""
    first = lines.next()
    if first != b"\\data\\":
        raise UserError(
            f"{lines.path} is not an ARPA file: it begins with {shown(first)}, not with \\data\\; "
            "`seqgen judge train` writes one (a packed file must be unpacked first)"
        )
    counts: list[int] = []
    while (line := lines.next()).startswith(b"ngram"):
        order, _, count = line.removeprefix(b"ngram").partition(b"=")
        if order.strip() != str(len(counts) + 1).encode() or not count.strip().isdigit():
            raise lines.fault(f"'ngram {len(counts) + 1}=COUNT' expected, found {shown(line)}")
        counts.append(int(count))
    _expect(lines, line, 1)
    if not counts:
        raise lines.fault("no 'ngram 1=COUNT' line")
    return counts


def _expect(lines: Lines, line: bytes, n: int) -> None:
    if line != f"\\{n}-grams:".encode():
        raise lines.fault(f"\\{n}-grams: expected, found {shown(line)}")


def _unigrams(lines: Lines, count: int, highest: bool) -> tuple[list[str], list[Order]]:
    """All words and their order; what the file does not have gets the probability 0."""
    before = lines.number
    rows = [fields_of(lines, line, 1, highest) for line in _numbered(lines, count)]
    found = _distinct(lines, [row[1] for row in rows], before + 1)
    if UNKNOWN not in found:
        found = [UNKNOWN if name == _UPPER else name for name in found]
    names = list(dict.fromkeys([*SPECIALS, *found]))
    places = {name: place for place, name in enumerate(names)}
    probabilities, backoffs = np.full(len(names), NEVER), np.zeros(len(names))
    own = [places[name] for name in found]
    probabilities[own] = [float(row[0]) for row in rows]
    backoffs[own] = [float(row[2]) for row in rows]
    probabilities[SPECIALS.index(BEGIN)] = NEVER  # lmplz writes 1; it is never predicted
    return names, [Order(np.arange(len(names)), probabilities, backoffs)]


def _distinct(lines: Lines, words: Sequence[bytes], first: int) -> list[str]:
    """The words as text, each there once; `first` is the line of the first."""
    found: dict[str, None] = {}
    for number, word in enumerate(words, start=first):
        try:
            name = word.decode()
        except UnicodeDecodeError:
            raise lines.fault(f"the word {word!r} is not UTF-8", number) from None
        if name in found:
            raise lines.fault(f"the word {name!r} is there twice", number)
        found[name] = None
    return list(found)


def _numbered(lines: Lines, count: int) -> Iterator[bytes]:
    """So many lines, one by one, so that a fault names its line."""
    for _ in range(count):
        yield next(iter(lines.take(1)), b"")


def _order(
    lines: Lines,
    n: int,
    count: int,
    highest: bool,
    numbers: Mapping[bytes, int],
    shorter: Sequence[Order],
) -> Order:
    """The n-grams of an order above the first, sorted."""
    _expect(lines, lines.next(), n)
    first = lines.number + 1
    keys, values = np.empty(0, np.int64), np.empty((0, 2))
    # In parts that are joined at the end: a damaged count must not reserve memory.
    parts = [(keys, values)]
    for read in range(0, count, _BLOCK):
        taken = lines.take(min(_BLOCK, count - read))
        if read + len(taken) < min(count, read + _BLOCK):
            raise lines.fault(f"the file ends after {read + len(taken)} of {count} {n}-grams")
        part = _parsed(lines, taken, n, highest, numbers)
        parts.append((_keys(lines, part.words, shorter, first + read), part.numbers))
    keys, values = (np.concatenate(column) for column in zip(*parts, strict=True))
    if not (np.diff(keys) > 0).all():
        by_key = np.argsort(keys, kind="stable")
        keys, values = keys[by_key], values[by_key]
        if (twice := np.flatnonzero(np.diff(keys) == 0)).size:
            raise lines.fault("this n-gram is there twice", first + int(by_key[twice[0] + 1]))
    return Order(keys, values[:, 0].copy(), values[:, 1].copy())


def _keys(lines: Lines, words: Integers, shorter: Sequence[Order], first: int) -> Integers:
    """Find each n-gram's prefix among the shorter n-grams, word after word, and return the keys."""
    vocabulary = len(shorter[0].keys)
    prefixes = words[:, 0]
    for column, order in enumerate(shorter[1:], start=1):
        prefixes = order.find(prefixes * vocabulary + words[:, column])
        if (missing := np.flatnonzero(prefixes < 0)).size:
            raise lines.fault(
                f"its first {column + 1} words are not among the {column + 1}-grams",
                first + int(missing[0]),
            )
    keys: Integers = prefixes * vocabulary + words[:, -1]
    return keys


def _parsed(
    lines: Lines, taken: Sequence[bytes], n: int, highest: bool, numbers: Mapping[bytes, int]
) -> _Part:
    """Parse lines at once where all have the same fields, else one by one."""
    width = n + 1 if highest else n + 2
    fields = b"".join(taken).split()
    try:
        if len(fields) != width * len(taken):
            raise ValueError("some lines have fewer or more fields")
        words = [list(map(numbers.__getitem__, fields[at::width])) for at in range(1, n + 1)]
        probabilities = np.array(list(map(float, fields[::width])))
        backoffs = np.array(list(map(float, fields[n + 1 :: width]))) if not highest else 0.0
    except (ValueError, KeyError):
        return _one_by_one(lines, taken, n, highest, numbers)
    values = np.empty((len(taken), 2))
    values[:, 0], values[:, 1] = probabilities, backoffs
    if not (np.isfinite(values).all() and (values[:, 0] <= 0).all()):
        return _one_by_one(lines, taken, n, highest, numbers)
    return _Part(values, np.array(words).T)


def _one_by_one(
    lines: Lines, taken: Sequence[bytes], n: int, highest: bool, numbers: Mapping[bytes, int]
) -> _Part:
    """Parse lines that may lack the back-off, as SRILM leaves it out, and find the faulty one."""
    first = lines.number - len(taken) + 1
    values, words = np.empty((len(taken), 2)), np.empty((len(taken), n), np.int64)
    for at, line in enumerate(taken):
        fields = fields_of(lines, line, n, highest, first + at)
        unknown = [word for word in fields[1:-1] if word not in numbers]
        if unknown:
            raise lines.fault(f"the word {shown(unknown[0])} is not among the 1-grams", first + at)
        values[at] = float(fields[0]), float(fields[-1])
        words[at] = [numbers[word] for word in fields[1:-1]]
    return _Part(values, words)
