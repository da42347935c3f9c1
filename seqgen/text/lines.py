"""Lines of text out of a file, a gzip file or standard input, in bounded memory.

A line ends at \\n, \\r\\n or \\r and nowhere else: U+2028, NEL, VT and NUL are characters like any
other, so line numbers are those of an editor and of `wc`. A byte order mark at the start is
dropped.
"""

from __future__ import annotations

import gzip
import io
import re
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, TextIO, cast

from seqgen.files import replacing
from seqgen.text.errors import CorpusError, missing_file

EncodingErrors = Literal["strict", "replace", "ignore"]
LONGEST_RECORD = 1 << 24  # characters; a CSV or JSON record cannot be cut and still be understood
# How Python writes bytes that are no UTF-8, and halves of a character such as "\\ud83d" in JSON.
_ESCAPED = re.compile("[\ud800-\udfff]")


@dataclass
class Tally:
    """What reading met: sentences given on, blank lines dropped, lines that were too long."""

    sentences: int = 0
    blank: int = 0
    shortened: int = 0


@dataclass(frozen=True)
class TextFile:
    """A file to read lines from; "-" is standard input, one named .gz is unpacked on the way."""

    path: Path
    encoding_errors: EncodingErrors = "strict"

    @property
    def name(self) -> str:
        """What messages call it."""
        return "standard input" if str(self.path) == "-" else str(self.path)

    @property
    def suffix(self) -> str:
        """The end of the name that tells the format: .jsonl of "a.jsonl" and of "a.jsonl.gz"."""
        packed = self.path.suffix.lower() == ".gz"
        return (self.path.with_suffix("") if packed else self.path).suffix.lower()

    def check(self) -> None:
        """Raise CorpusError now where the file is missing or a folder."""
        if str(self.path) == "-":
            return
        if self.path.is_dir():
            inside = ", ".join(sorted(entry.name for entry in self.path.iterdir())[:8])
            raise CorpusError(
                f"{self.path} is a folder; name a file in it ({inside or 'it is empty'})"
            )
        if not self.path.exists():
            raise missing_file(self.path)

    def lines(self, longest: int, tally: Tally) -> Iterator[str]:
        """Lines without their ends; what is beyond `longest` characters is skipped and counted."""
        with self._open(newline=None) as file:
            for number, line in enumerate(iter(lambda: file.readline(longest + 1), ""), start=1):
                if len(line) > longest and not line.endswith("\n"):
                    line = line[:longest]
                    tally.shortened += 1
                    _skip_rest(file)
                yield self.checked(line.removesuffix("\n"), number)

    def records(self) -> Iterator[str]:
        """Lines with their ends as they stand, for parsers that must see the whole.

        Raises:
            CorpusError: a line has more than 16 Mi characters.
        """
        with self._open(newline="") as file:
            for number, line in enumerate(
                iter(lambda: file.readline(LONGEST_RECORD + 1), ""), start=1
            ):
                if len(line) > LONGEST_RECORD:
                    raise CorpusError(
                        f"{self.name}:{number}: the line is longer than {LONGEST_RECORD}"
                        " characters; split it, or"
                        " give the sentences as plain lines of a .txt file"
                    )
                yield self.checked(line, number)

    def checked(self, text: str, line: int) -> str:
        """The text itself where it is valid Unicode, else mended as asked for, or refused.

        Raises:
            CorpusError: "file:line:byte", lines counted from 1 and bytes of the line from 0.
        """
        bad = None if text.isascii() else _ESCAPED.search(text)
        if bad is None:
            return text
        if self.encoding_errors != "strict":
            return _ESCAPED.sub("\ufffd" if self.encoding_errors == "replace" else "", text)
        before = len(text[: bad.start()].encode("utf-8", "surrogateescape"))
        raise CorpusError(
            f"{self.name}:{line}:{before}: {_offence(bad.group(), line, before)}; convert the"
            " file to UTF-8, or give"
            ' encoding_errors "replace" to read such bytes as U+FFFD'
        )

    @contextmanager
    def _open(self, newline: str | None) -> Iterator[TextIO]:
        errors = "surrogateescape" if self.encoding_errors == "strict" else self.encoding_errors
        try:
            with _bytes(self.path) as raw:
                text = io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors, newline=newline)
                try:
                    yield text
                finally:
                    text.detach()  # else standard input is closed with the wrapper
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise CorpusError(f"{self.name} is not a sound gzip file: {error}") from error
        except OSError as error:
            raise CorpusError(f"cannot read {self.name}: {error.strerror or error}") from error


def store_standard_input(path: Path) -> Path:
    """Copy standard input to a file, so that it can be read for the words and again for the ids."""
    with replacing(path) as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
    return path


@contextmanager
def _bytes(path: Path) -> Iterator[BinaryIO]:
    if str(path) == "-":
        yield sys.stdin.buffer
    elif path.suffix.lower() == ".gz":
        with gzip.open(path, "rb") as packed:
            yield cast(BinaryIO, packed)
    else:
        with open(path, "rb") as plain:
            yield plain


def _skip_rest(file: TextIO) -> None:
    """Read on to the end of the line in pieces that are forgotten at once."""
    while (piece := file.readline(1 << 16)) and not piece.endswith("\n"):
        pass


def _offence(character: str, line: int, before: int) -> str:
    code = ord(character)
    if not 0xDC80 <= code <= 0xDCFF:
        return f"half a character, \\u{code:04x}"
    byte = code - 0xDC00
    if line == 1 and before == 0 and byte in (0xFF, 0xFE):
        return f"byte 0x{byte:02x} is not UTF-8, the file looks like UTF-16"
    return f"byte 0x{byte:02x} is not UTF-8"
