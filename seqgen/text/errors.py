"""The one exception of this layer: something is wrong with what the user gave."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from seqgen.errors import UserError


class CorpusError(UserError):
    """A corpus or vocabulary cannot be used: the message has place, fault and way out."""


def near(name: str, names: Iterable[str]) -> str:
    """A hint ", did you mean 'x' or 'y'?" for a mistyped name, or nothing where no name is near."""
    close = difflib.get_close_matches(name, sorted(names), n=3, cutoff=0.6)
    return f"; did you mean {' or '.join(map(repr, close))}?" if close else ""


def missing_file(path: Path) -> CorpusError:
    """The error for a file that is not there; it names near names in the same folder."""
    folder = path.parent
    if not folder.is_dir():
        return CorpusError(f"there is no file {path}: the folder {folder} does not exist")
    hint = near(path.name, (entry.name for entry in folder.iterdir()))
    return CorpusError(
        f"there is no file {path}{hint or ''}"
        + ("" if hint else ' (a Hugging Face data set is written "hf:owner/name")')
    )
