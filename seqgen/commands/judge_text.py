"""Sentences for the n-gram judge, read the same way in training and in scoring."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seqgen.text.lines import EncodingErrors, Tally, TextFile

_LONGEST = 1 << 24  # characters of a line
# Not that of an ellipsis, which is how vocabularies with `punctuation: final` read it too.
_FINAL_PERIOD = re.compile(r"(?<=[^\s.])\.\s*$")


@dataclass(frozen=True)
class Cleaning:
    """How lines are made alike before they are split at white space."""

    lowercase: bool = False
    split_final_period: bool = False

    def __call__(self, line: str) -> str:
        """Return the line in lower case, and with a glued final period as a token of its own."""
        text = line.lower() if self.lowercase else line
        return _FINAL_PERIOD.sub(" .", text) if self.split_final_period else text


def cleaning_options(parser: argparse.ArgumentParser) -> None:
    """Add --lowercase and --split-final-period."""
    parser.add_argument("--lowercase", action="store_true", help="lower-case the text")
    parser.add_argument(
        "--split-final-period",
        action="store_true",
        help="make a period glued to the last word a token of its own",
    )


def cleaning(options: argparse.Namespace) -> Cleaning:
    """What these options say."""
    return Cleaning(options.lowercase, options.split_final_period)


def read_sentences(
    names: Sequence[str], clean: Cleaning, encoding_errors: EncodingErrors = "strict"
) -> Iterator[str]:
    """Lines of files, one after another, blank ones as ""; "-" is standard input.

    Raises:
        CorpusError: at once for a missing file; while reading for bytes that are not UTF-8.
    """
    files = [TextFile(Path(name), encoding_errors) for name in names]
    for file in files:
        file.check()
    return (clean(line).strip() for file in files for line in file.lines(_LONGEST, Tally()))
