"""Lines of standard input in batches that are as large as the input waiting at the moment."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from queue import Empty, Queue
from threading import Thread

from seqgen.commands.options import lines_of_standard_input

AHEAD = 16  # batches read ahead at most
PIECE = 1 << 16  # bytes asked for at a time; no more come out of a pipe


class _End:
    """The last thing in the queue, with what ended the input too early."""

    def __init__(self, problem: Exception | None) -> None:
        self.problem = problem


def waiting_lines(size: int) -> Iterator[list[str]]:
    """Batches of at most `size` lines: those that wait already, or the next one as soon as it is
    there. A line is never held back until others come.

    Raises:
        UserError: bytes that are not UTF-8, after all lines before them.
    """
    queue: Queue[str | _End] = Queue(AHEAD * size)
    # A daemon: when the reader of our output has gone, nobody waits for more input.
    Thread(target=_read, args=(queue,), daemon=True).start()
    while True:
        batch, end = _waiting(queue, size)
        if batch:
            yield batch
        if end is not None:
            if end.problem is not None:
                raise end.problem
            return


def _waiting(queue: Queue[str | _End], size: int) -> tuple[list[str], _End | None]:
    """What waits, at least one thing."""
    batch: list[str] = []
    found = queue.get()
    while not isinstance(found, _End):
        batch.append(found)
        if len(batch) == size:
            return batch, None
        try:
            found = queue.get_nowait()
        except Empty:
            return batch, None
    return batch, found


def _read(queue: Queue[str | _End]) -> None:
    try:
        for line in lines_of_standard_input(_raw_lines()):
            queue.put(line)
    except Exception as problem:  # told where the batches are read
        queue.put(_End(problem))
    else:
        queue.put(_End(None))


def _raw_lines() -> Iterable[bytes]:
    """Lines with their newlines, without the buffer of `sys.stdin`: a thread that waits inside it
    when the interpreter ends would make that end a crash."""
    try:
        handle = sys.stdin.fileno()
    except OSError:  # standard input that is no file
        return sys.stdin.buffer
    return _split(iter(lambda: os.read(handle, PIECE), b""))


def _split(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of any size -> lines."""
    begun: list[bytes] = []
    for piece in pieces:
        *whole, rest = piece.split(b"\n")
        for line in whole:
            yield b"".join([*begun, line, b"\n"])
            begun = []
        if rest:
            begun.append(rest)
    if begun:
        yield b"".join(begun)
