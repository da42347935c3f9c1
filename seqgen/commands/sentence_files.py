"""Files of sentences as the verbs that measure read them: one sentence a line, blank ones too."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from seqgen.errors import UserError
from seqgen.text.errors import CorpusError
from seqgen.text.lines import EncodingErrors
from seqgen.text.reading import describe, read


@dataclass(frozen=True)
class Reading:
    """How files are read: the column of the sentence where there are columns, and what becomes of
    bytes that are no text."""

    text: str = "text"
    encoding_errors: EncodingErrors = "strict"

    def __call__(self, source: str) -> list[str]:
        """The sentences of a file.

        Raises:
            UserError: there is no line, or all are blank; what is wrong in the file.
        """
        try:
            return sentences(source, self.text, self.encoding_errors)
        except CorpusError as problem:
            raise UserError(f"{problem}{hint(str(problem))}") from problem


def sentences(
    source: str, text: str = "text", encoding_errors: EncodingErrors = "strict"
) -> list[str]:
    """One sentence a line of the file, blank ones too.

    Raises:
        UserError: there is no line, or all are blank; what is wrong in the file.
    """
    examples = read(source, text, encoding_errors=encoding_errors, blanks="keep")
    found = [example.text for example in examples]
    if not any(line.strip() for line in found):
        lines = f"its {len(found)} lines are blank" if found else "it is empty"
        raise UserError(f"0 sentences in {describe(source)}: {lines}")
    return found


def reading_options(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --text and --encoding-errors."""
    parser.add_argument(
        "--text", default="text", metavar="COLUMN",
        help="column or key of the sentences in .jsonl, .csv and .tsv (default: text)",
    )  # fmt: skip
    encoding_option(parser)


def encoding_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add --encoding-errors."""
    parser.add_argument(
        "--encoding-errors", choices=get_args(EncodingErrors), default="strict",
        help="bytes that are not UTF-8 are refused (default), read as U+FFFD, or left out",
    )  # fmt: skip


def reading(options: argparse.Namespace) -> Reading:
    """What these options say."""
    return Reading(options.text, options.encoding_errors)


def hint(problem: str) -> str:
    """Which option does what a message about a file asks for."""
    if "encoding_errors" in problem:
        return " (here: --encoding-errors replace)"
    return " (--text COLUMN names another)" if "there is no column" in problem else ""


def require_one_stream(files: Iterable[str | None]) -> None:
    """Raise UserError where standard input is given more than once."""
    if sum(file == "-" for file in files) > 1:
        raise UserError("- given twice: standard input can only be read once")
