"""A whole corpus as one flat row of ids, in memory or mapped from a file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqgen.text.encoded_files import Gathering, read_folder, write_rest
from seqgen.text.encoding_report import Report
from seqgen.text.errors import CorpusError, near
from seqgen.text.lines import Tally
from seqgen.text.records import Example
from seqgen.text.sentences import Sentences, padded
from seqgen.text.vocabulary import Vocabulary

THRESHOLD = 64 * 2**20  # bytes of ids; above, they go to a file
_ROWS, _CHARACTERS = 8192, 1 << 20  # what is encoded at a time; whichever is reached first
_log = logging.getLogger("seqgen")


@dataclass(frozen=True, eq=False)
class Encoded:
    """All sentences of a corpus, ready to be drawn in batches.

    Attributes:
        ids: (tokens,) int32, one sentence after another, each with its END unless the limit cut it.
        starts: (rows,) int64, where each sentence begins in `ids`.
        lengths: (rows,) int64, END included where there is one.
        pad: id that fills the tail of a batch.
        labels: (rows,) int64, or None.
        report: counts of the encoding; None for a subset.
    """

    ids: Tensor
    starts: Tensor
    lengths: Tensor
    pad: int
    labels: Tensor | None = None
    report: Report | None = None

    @classmethod
    def build(
        cls,
        examples: Iterable[Example | str],
        vocabulary: Vocabulary,
        limit: int | None = None,
        folder: Path | None = None,
        labels: Mapping[str, int] | None = None,
        name: str = "the corpus",
        tally: Tally | None = None,
        threshold: int = THRESHOLD,
        warn: bool = True,
    ) -> Encoded:
        """Encode a stream of sentences, block by block.

        Args:
            examples: sentences; blank ones are dropped and counted.
            vocabulary: what encodes them.
            limit: tokens a sentence may have, its END included.
            folder: where the ids go when they pass `threshold` bytes; None keeps them in memory.
            labels: number of each label; None leaves labels out.
            name: what messages call the corpus.
            tally: what reading counted, for the report.
            threshold: bytes of ids (4 a token) kept in memory.
            warn: whether to warn of what was met; False where it was told before.

        Raises:
            CorpusError: no sentence at all, or a label that is not among `labels`.
        """
        building = _Building(vocabulary, limit, labels, name)
        with Gathering(folder, threshold) as gathering:
            for block in _blocks(examples):
                gathering.add(building.encode(block))
            report = building.report(tally or Tally())
            ids = gathering.finish()
        for warning in report.warnings(name, limit) if warn else ():
            _log.warning(warning)
        offsets, numbers = building.rows()
        encoded = cls._over(ids, offsets, numbers, vocabulary.pad, report)
        if folder is not None and gathering.written:
            encoded._complete(folder)
        return encoded

    @classmethod
    def open(cls, folder: str | Path) -> Encoded:
        """Map a corpus that `build` or `save` wrote; its checksum is computed again and compared.

        Raises:
            CorpusError: no corpus there, or a damaged one.
        """
        stored = read_folder(Path(folder))
        labels = None if stored.labels is None else stored.labels.astype(np.int64)
        report = stored.manifest["report"]
        encoded = cls._over(
            stored.ids,
            stored.offsets,
            labels,
            stored.manifest["pad"],
            None if report is None else Report(**report),
        )
        if encoded.checksum != stored.manifest["checksum"]:
            raise CorpusError(
                f"{folder} is damaged: its checksum is not the one it was written with"
            )
        return encoded

    def save(self, folder: Path) -> None:
        """Write the corpus to a folder that `open` reads; build does so itself for large ones."""
        with Gathering(folder, threshold=-1) as gathering:
            for block in self._flat_blocks():
                gathering.add(block)
            gathering.finish()
        self._complete(folder)

    def __len__(self) -> int:
        return len(self.lengths)

    def select(self, indices: Tensor, rows: Tensor | None = None) -> Sentences:
        """A padded batch of the sentences at `indices`, int64 (rows,), repeats allowed.

        Args:
            indices: which sentences.
            rows: their row numbers in the global batch, (rows,); None numbers them from 0.
        """
        lengths = self.lengths[indices]
        ids = padded(self.ids, self.starts[indices], lengths, self.pad)
        return Sentences(ids, lengths, None if self.labels is None else self.labels[indices], rows)

    def subset(self, indices: Tensor) -> Encoded:
        """The sentences at `indices`, in that order; the ids are shared, not copied."""
        labels = None if self.labels is None else self.labels[indices]
        return Encoded(self.ids, self.starts[indices], self.lengths[indices], self.pad, labels)

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of lengths, ids and labels: the same in memory, mapped or as a subset."""
        total = hashlib.sha256(self.lengths.numpy().astype("<i8", copy=False).data)
        for block in self._flat_blocks():
            total.update(block.astype("<i4", copy=False).data)
        if self.labels is not None:
            total.update(b"labels")
            total.update(self.labels.numpy().astype("<i8", copy=False).data)
        return total.hexdigest()

    @classmethod
    def _over(
        cls,
        ids: NDArray[np.int32],
        offsets: NDArray[np.int64],
        labels: NDArray[np.int64] | None,
        pad: int,
        report: Report | None,
    ) -> Encoded:
        starts = torch.from_numpy(offsets)
        known = None if labels is None else torch.from_numpy(labels)
        return cls(torch.from_numpy(ids), starts[:-1], starts.diff(), pad, known, report)

    def _complete(self, folder: Path) -> None:
        offsets = torch.cat([torch.zeros(1, dtype=torch.int64), self.lengths.cumsum(0)])
        labels = None if self.labels is None else self.labels.numpy()
        report = None if self.report is None else asdict(self.report)
        manifest = {"pad": self.pad, "checksum": self.checksum, "report": report}
        write_rest(folder, offsets.numpy(), labels, manifest)

    def _flat_blocks(self) -> Iterator[NDArray[np.int32]]:
        """The ids of all sentences in order, some thousand sentences at a time."""
        for first in range(0, len(self), _ROWS):
            starts, lengths = (part[first : first + _ROWS] for part in (self.starts, self.lengths))
            shift = starts - (lengths.cumsum(0) - lengths)
            positions = torch.arange(int(lengths.sum())) + shift.repeat_interleave(lengths)
            yield self.ids[positions].numpy()


@dataclass
class _Building:
    vocabulary: Vocabulary
    limit: int | None
    labels: Mapping[str, int] | None
    name: str
    lengths: list[NDArray[np.int32]] = field(default_factory=list)
    numbers: list[NDArray[np.int16]] = field(default_factory=list)
    blank: int = 0
    cut: int = 0
    unknown: int = 0

    def encode(self, block: list[Example]) -> NDArray[np.int32]:
        """The ids of a block, (tokens,); everything else is noted."""
        kept = [example for example in block if example.text.strip()]
        if self.labels is not None:
            self.numbers.append(_numbers(kept, self.labels, self.name))
        flat = self.vocabulary.encode_flat([example.text for example in kept], self.limit)
        self.lengths.append(flat.lengths.astype(np.int32))
        self.blank += len(block) - len(kept)
        self.cut += flat.cut
        self.unknown += flat.unknown
        return flat.ids

    def report(self, tally: Tally) -> Report:
        sentences = sum(map(len, self.lengths))
        if sentences == 0:
            raise CorpusError(f"0 sentences in {self.name}: at least one line must not be blank")
        tokens = int(sum(lengths.sum(dtype=np.int64) for lengths in self.lengths))
        return Report(
            sentences=sentences,
            tokens=tokens,
            words=tokens if self.vocabulary.end is None else tokens - (sentences - self.cut),
            unknown=self.unknown,
            cut=self.cut,
            blank=self.blank + tally.blank,
            shortened=tally.shortened,
        )

    def rows(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Offsets (rows + 1,) and labels (rows,)."""
        offsets = np.cumsum(np.concatenate([np.zeros(1, np.int32), *self.lengths]), dtype=np.int64)
        return offsets, np.concatenate(self.numbers, dtype=np.int64) if self.numbers else None


def _blocks(examples: Iterable[Example | str]) -> Iterator[list[Example]]:
    """Gather examples until there are enough, or enough characters: one may be very long."""
    block: list[Example] = []
    characters = 0
    for item in examples:
        example = Example(item) if isinstance(item, str) else item
        block.append(example)
        characters += len(example.text)
        if len(block) == _ROWS or characters >= _CHARACTERS:
            yield block
            block, characters = [], 0
    if block:
        yield block


def _numbers(examples: list[Example], labels: Mapping[str, int], name: str) -> NDArray[np.int16]:
    for given in {example.label for example in examples} - set(labels):
        found = "a sentence has no label" if given is None else f"there is no label {given!r}"
        hint = near(given or "", labels)
        raise CorpusError(f"{name}: {found}; the labels are: {', '.join(labels)}{hint}")
    return np.fromiter(
        (labels[str(example.label)] for example in examples), np.int16, len(examples)
    )
