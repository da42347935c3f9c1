"""Files that appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a draft beside `path` and put it in its place at the end.

    After an exception or a crash the old file still stands, whole: the draft is synced before it is
    renamed. After a return the new one stands, also when the power goes: the folder is synced too.
    Missing parent folders are made.

    Examples:
        >>> with replacing(Path("notes.txt")) as file:  # doctest: +SKIP
        ...     file.write(b"whole")
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process number keeps two writers from writing into one draft; the last one to finish wins.
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with open(draft, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Have a file's contents, or a folder's list of names, reach the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
