"""Lines of an ARPA file, and errors that say which one is wrong."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from seqgen.errors import UserError


class Lines:
    """The lines of a file, with the number of the last one read, and errors that name it."""

    def __init__(self, file: BinaryIO, path: Path) -> None:
        self.number = 0
        self.path = path
        self._file = file

    def next(self) -> bytes:
        """The next line that is not blank, without white space around it; at the end b""."""
        for line in self._file:
            self.number += 1
            if line.strip():
                return line.strip()
        return b""

    def take(self, count: int) -> list[bytes]:
        """The next lines as they are; fewer at the end of the file."""
        lines = list(islice(self._file, count))
        self.number += len(lines)
        return lines

    def fault(self, problem: str, number: int | None = None) -> UserError:
        """The error of a damaged file, at the line read last unless another is named."""
        at = self.number if number is None else number
        return UserError(
            f"{self.path}:{at}: {problem}; the ARPA file is damaged, write or copy it anew"
        )


def fields_of(
    lines: Lines, line: bytes, n: int, highest: bool, number: int | None = None
) -> list[bytes]:
    """Probability, words and back-off of one line; a back-off that is not there is 0."""
    found = line.split()
    if len(found) == n + 1:
        found.append(b"0")
    numeric = len(found) == n + 2 and _is_log(found[0], at_most_one=True) and _is_log(found[-1])
    if not numeric:
        wanted = f"a log10 probability, {n} word{'s' * (n > 1)}"
        wanted += "" if highest else " and maybe a back-off"
        raise lines.fault(f"{wanted} expected, found {shown(line)}", number)
    return found


def _is_log(text: bytes, at_most_one: bool = False) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and not (at_most_one and value > 0)


def shown(line: bytes) -> str:
    """At most 60 characters of a line, for messages."""
    text = line.strip().decode("utf-8", "replace")
    return repr(text if len(text) <= 60 else text[:60] + "...") if text else "nothing"
