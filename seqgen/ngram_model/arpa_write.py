"""A model -> an ARPA file, which SRILM, KenLM and other programs read.

The format of "The CMU-Cambridge statistical language modeling toolkit" (Clarkson and Rosenfeld
1997): a line an n-gram, its log10 probability, its words and the log10 back-off of its context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from seqgen.files import replacing
from seqgen.ngram_model.tables import DECIMALS, Order

_LINES = 1 << 14  # formatted at once


def write_arpa(path: Path, names: Sequence[str], orders: Sequence[Order]) -> None:
    """Write the file whole or not at all."""
    with replacing(path) as file:
        for block in _blocks(names, orders):
            file.write(block.encode("utf-8"))


def _blocks(names: Sequence[str], orders: Sequence[Order]) -> Iterator[str]:
    counts = "".join(f"ngram {n}={len(order.keys)}\n" for n, order in enumerate(orders, 1))
    yield f"\\data\\\n{counts}"
    prefixes: list[str] = []
    for n, order in enumerate(orders, 1):
        yield f"\n\\{n}-grams:\n"
        highest, texts = n == len(orders), list[str]()
        for start in range(0, len(order.keys), _LINES):
            part = slice(start, start + _LINES)
            written = _words(names, prefixes, order.keys[part])
            yield _lines(order, part, written, highest)
            if not highest:
                texts += written
        prefixes = texts
    yield "\n\\end\\\n"


def _words(names: Sequence[str], prefixes: Sequence[str], keys: np.ndarray) -> list[str]:
    """The n-grams with these keys as text; `prefixes` are those one shorter."""
    if not prefixes:
        return [names[key] for key in keys.tolist()]
    before, last = np.divmod(keys, len(names))
    pairs = zip(before.tolist(), last.tolist(), strict=True)
    return [f"{prefixes[prefix]} {names[word]}" for prefix, word in pairs]


def _lines(order: Order, part: slice, written: list[str], highest: bool) -> str:
    """The lines of these n-grams, formatted in one call; the highest order has no back-off."""
    number = f"%.{DECIMALS}f"
    columns = [order.probabilities[part].tolist(), written]
    line = f"{number}\t%s"
    if not highest:
        columns.append(order.backoffs[part].tolist())
        line += f"\t{number}"
    fields = [field for row in zip(*columns, strict=True) for field in row]
    return f"{line}\n" * len(written) % tuple(fields)
