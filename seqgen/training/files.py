"""Small helpers of checkpoint folders."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from seqgen.files import replacing, sync

__all__ = ["digest", "free_space", "replace_bytes", "sync"]


def replace_bytes(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old contents or the new, never a part."""
    with replacing(path) as file:
        file.write(data)


def digest(path: Path) -> str:
    """The SHA-256 of a file's contents, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def free_space(path: Path) -> str:
    """How much space is left where `path` lies, in words."""
    while not path.exists():
        path = path.parent
    return f"{shutil.disk_usage(path).free / 2**20:.1f} MiB free"
