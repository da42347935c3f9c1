"""One process writes in a run folder, and only where it can."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from seqgen.errors import UserError
from seqgen.training.checkpoint import DRAFT


def make_folder(path: Path) -> bool:
    """Make a folder that can be written, or take the one that is there; return whether it is
    new."""
    new = True
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            new = False
            path.mkdir(exist_ok=True)  # refuses what is no folder
    except OSError as error:
        raise UserError(f"the run folder {path} cannot be made: {error.strerror}") from error
    require_writable(path)
    return new


def require_writable(path: Path) -> None:
    """Refuse a folder that cannot be written, before hours are spent on what goes into it."""
    probe = path / f".probe.{os.getpid()}{DRAFT}"
    try:
        probe.write_bytes(b"probe")
        probe.unlink()
    except OSError as error:
        raise UserError(f"the run folder {path} cannot be written: {error.strerror}") from error


def locked(path: Path) -> IO[str]:
    """Lock a folder until the file is closed or the process ends, be it by SIGKILL."""
    file = open(path / ".lock", "a+", encoding="utf-8")  # noqa: SIM115 - held as long as the run
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "unknown"
        file.close()
        raise UserError(
            f"{path} is being written by another process (number {owner}); wait for it or stop it"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
