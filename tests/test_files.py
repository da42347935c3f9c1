"""A file that is replaced appears whole, and is still there when the power goes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from seqgen.files import replacing


def test_the_file_is_synced_before_it_is_renamed_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "made" / "notes.txt"
    steps: list[str] = []
    sync = os.fsync

    def note(handle: int) -> None:
        folder = stat.S_ISDIR(os.fstat(handle).st_mode)
        steps.append(f"{'folder' if folder else 'file'}, renamed: {target.exists()}")
        sync(handle)

    monkeypatch.setattr("os.fsync", note)
    with replacing(target) as file:
        file.write(b"whole")
    assert steps == ["file, renamed: False", "folder, renamed: True"]
    assert target.read_bytes() == b"whole"


def test_after_an_exception_the_old_file_stands(tmp_path: Path) -> None:
    target = tmp_path / "notes.txt"
    target.write_bytes(b"old")
    with pytest.raises(ValueError, match="no more"), replacing(target) as file:
        file.write(b"ne")
        raise ValueError("no more")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
