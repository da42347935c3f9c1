"""Grammars by name: those that come with seqgen, and files of one's own."""

from __future__ import annotations

import importlib.resources
from pathlib import Path

from seqgen.errors import UserError
from seqgen.text.errors import near
from seqgen.text.grammar import Grammar

_FOLDER, _SUFFIX = "seqgen.text", ".grammar"


def grammar_names() -> list[str]:
    """The grammars that come with seqgen."""
    entries = importlib.resources.files(_FOLDER).iterdir()
    return sorted(e.name.removesuffix(_SUFFIX) for e in entries if e.name.endswith(_SUFFIX))


def open_grammar(name: str) -> Grammar:
    """A grammar that comes with seqgen, by its name, or one of a file; a file named like an
    embedded one is told by its folder: ./captions.

    Raises:
        UserError: there is neither, or the file holds no grammar, or an ambiguous one.
    """
    known = grammar_names()
    if name in known:
        return Grammar.embedded(name)
    path = Path(name).expanduser()
    try:
        return Grammar.read(path.read_text("utf-8-sig"))
    except (FileNotFoundError, IsADirectoryError) as problem:
        raise UserError(
            f"there is no grammar and no file {name!r}{near(name, known)}; seqgen comes with "
            f"{', '.join(known)}"
        ) from problem
    except (OSError, ValueError) as problem:
        raise UserError(f"{path} cannot be read as a grammar: {problem}") from problem
