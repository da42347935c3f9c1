"""Any number of texts in windows, so that memory stays bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

LINES, CHARACTERS = 1024, 1 << 20  # of a window; whichever is reached first

Text = TypeVar("Text", bound=Sized)


def windows(
    texts: Iterable[Text], lines: int = LINES, characters: int = CHARACTERS
) -> Iterator[list[Text]]:
    """Gather texts until there are so many lines, or characters (tokens, of lists of tokens): one
    may be very long."""
    window: list[Text] = []
    length = 0
    for text in texts:
        window.append(text)
        length += len(text)
        if len(window) == lines or length >= characters:
            yield window
            window, length = [], 0
    if window:
        yield window
