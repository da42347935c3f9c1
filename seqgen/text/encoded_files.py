"""The ids of a corpus while they are gathered, and the folder they are kept in.

A folder holds ids.bin (int32, little-endian), offsets.npy (int64, one more than there are
sentences), labels.npy (int16) where there are labels, and corpus.json, which is written last:
without it the folder is no corpus.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from seqgen.files import replacing
from seqgen.text.errors import CorpusError

FORMAT = 1
_MANIFEST = "corpus.json"


class Stored(NamedTuple):
    """What a folder holds: ids (tokens,), offsets (rows + 1,), labels (rows,), and the rest."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int16] | None
    manifest: dict[str, Any]


class Gathering:
    """Blocks of ids, kept in memory until they pass `threshold` bytes, then written to `folder`.

    A context manager: what an exception leaves half written is removed.
    """

    def __init__(self, folder: Path | None, threshold: int) -> None:
        self._folder = folder
        self._threshold = threshold
        self._blocks: list[NDArray[np.int32]] = []
        self._bytes = 0
        self._file: BinaryIO | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: Any) -> None:
        self._stack.__exit__(*exception)

    def add(self, ids: NDArray[np.int32]) -> None:
        """Take the next block, (tokens,)."""
        self._blocks.append(ids)
        self._bytes += ids.nbytes
        if self._folder is None or self._bytes <= self._threshold:
            return
        if self._file is None:
            _retire(self._folder)
            self._file = self._stack.enter_context(replacing(self._folder / "ids.bin"))
        for block in self._blocks:
            self._file.write(block.astype("<i4", copy=False).tobytes())
        self._blocks.clear()

    def finish(self) -> NDArray[np.int32]:
        """All blocks as one array (tokens,): in memory, or the map of the file."""
        if self._file is None or self._folder is None:
            return np.concatenate([np.empty(0, np.int32), *self._blocks])
        self._stack.close()
        return _map(self._folder)

    @property
    def written(self) -> bool:
        """Whether the ids went to the folder."""
        return self._file is not None


def write_rest(
    folder: Path,
    offsets: NDArray[np.int64],
    labels: NDArray[np.int64] | None,
    manifest: dict[str, Any],
) -> None:
    """Complete a folder whose ids are written; the manifest comes last and makes it a corpus."""
    with replacing(folder / "offsets.npy") as file:
        np.save(file, offsets)
    if labels is not None:
        with replacing(folder / "labels.npy") as file:
            np.save(file, labels.astype(np.int16))
    facts = {"format": FORMAT, "labelled": labels is not None, **manifest}
    with replacing(folder / _MANIFEST) as file:
        file.write((json.dumps(facts, indent=2, sort_keys=True) + "\n").encode())


def read_folder(folder: Path) -> Stored:
    """Open what `write_rest` completed; the ids stay on disk.

    Raises:
        CorpusError: no corpus, one of a later format, or files that do not fit together.
    """
    if not (folder / _MANIFEST).is_file():
        raise CorpusError(
            f"{folder} holds no encoded corpus ({_MANIFEST} is missing); encode it again"
        )
    try:
        manifest = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        if manifest["format"] > FORMAT:
            raise CorpusError(
                f"{folder} has format {manifest['format']}; this version reads up to {FORMAT}"
            )
        offsets = np.load(folder / "offsets.npy")
        labels = np.load(folder / "labels.npy") if manifest["labelled"] else None
        ids = _map(folder)
    except (OSError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, CorpusError):
            raise
        raise CorpusError(f"{folder} is damaged: {error}; remove it and encode again") from error
    if offsets[-1] != len(ids) or (labels is not None and len(labels) != len(offsets) - 1):
        raise CorpusError(f"{folder} is damaged: its files differ in length; encode again")
    return Stored(ids, offsets, labels, manifest)


def _map(folder: Path) -> NDArray[np.int32]:
    # Copy on write: torch wants memory it could write to, and the file stays as it is.
    return np.memmap(folder / "ids.bin", dtype="<i4", mode="c")


def _retire(folder: Path) -> None:
    """Make an old corpus in the folder none, before its first file changes."""
    (folder / _MANIFEST).unlink(missing_ok=True)
    (folder / "labels.npy").unlink(missing_ok=True)
