"""A checkpoint is a folder with a sound manifest: weights as safetensors, the rest in trainer.pt,
all with checksums.

It is written under another name, forced to disk and renamed, so that a folder `step-N` is complete
or absent. Nothing in it can execute code: safetensors, JSON, and torch files that are only ever
opened with weights_only=True.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from seqgen import __version__
from seqgen.training import distributed
from seqgen.training.errors import CheckpointError
from seqgen.training.files import digest, free_space, replace_bytes, sync

FORMAT = 1
DRAFT = ".draft"
ASIDE = ".old.draft"
MANIFEST = "manifest.json"
_PLAIN = (type(None), bool, int, float, str, bytes)
_log = logging.getLogger(__name__)

Writer = Callable[[Path], None]


class NewerFormatError(CheckpointError):
    """The checkpoint is from a later version; falling back to an older one would hide that."""


def write(folder: Path, writers: Mapping[str, Writer], facts: Mapping[str, Any]) -> None:
    """Write a checkpoint to `folder` from one writer a file name; every process comes here with its
    own files.

    Raises:
        CheckpointError: the disk is full or the like; what was there before is untouched.
    """
    draft = folder.with_name(folder.name + DRAFT)
    _together(folder, lambda: _prepare(draft) if distributed.is_main() else None)
    _together(folder, lambda: _write_files(draft, writers))
    _together(folder, lambda: _commit(draft, folder, facts) if distributed.is_main() else None)


def state_writer(state: Mapping[str, Any]) -> Writer:
    """Writes tensors and plain values, and refuses anything that could not be read back safely."""
    _require_plain(state, "state")

    def writer(path: Path) -> None:
        with open(path, "wb") as file:
            torch.save(dict(state), file)

    return writer


def read_state(folder: Path, name: str = "trainer.pt") -> dict[str, Any]:
    """The tensors (on the CPU) and plain values of a torch file; a pickled object in it is refused
    unopened.
    """
    try:
        found = torch.load(folder / name, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for damaged or refused files
        raise CheckpointError(f"{folder / name} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise CheckpointError(f"{folder / name} holds a {type(found).__name__}, not a dictionary")
    return found


def manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a checkpoint, without looking at the other files.

    Raises:
        CheckpointError: there is none or it is damaged.
        NewerFormatError: it was written by a later version.
    """
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        number = int(found["format"])
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} is no complete checkpoint: {MANIFEST} is missing"
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / MANIFEST} is damaged: {error}") from error
    if number > FORMAT:
        raise NewerFormatError(
            f"{folder} has checkpoint format {number}, this version reads <= {FORMAT}; "
            f"it was written by seqgen {found.get('seqgen')}, install that or a later version"
        )
    return dict(found)


def verify(folder: Path) -> dict[str, Any]:
    """The manifest, after every file's size and checksum were found right.

    Raises:
        CheckpointError: a file is missing, cut or changed; or as `manifest`.
    """
    found = manifest(folder)
    try:
        for name, facts in found["files"].items():
            path = folder / name
            size = path.stat().st_size
            if size != facts["bytes"]:
                raise CheckpointError(
                    f"{path} has {size} bytes, the manifest says {facts['bytes']}"
                )
            if digest(path) != facts["sha256"]:
                raise CheckpointError(
                    f"{path} is damaged: its checksum is not that of the manifest"
                )
    except (OSError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder} is not sound: {error!r}") from error
    if found.get("torch") != torch.__version__:
        _log.warning(
            "%s was written with torch %s, this is %s; figures may differ in the last digits",
            folder,
            found.get("torch"),
            torch.__version__,
        )
    return found


def _together(folder: Path, act: Callable[[], None]) -> None:
    """Do something in every process; where it fails in one, all raise, and the draft goes."""
    problem, cause = None, None
    try:
        act()
    except (OSError, RuntimeError, SafetensorError) as error:
        problem, cause = f"{error}", error
    problems = [text for text in distributed.gather(problem) if text is not None]
    if problems:
        if distributed.is_main():
            shutil.rmtree(folder.with_name(folder.name + DRAFT), ignore_errors=True)
        raise CheckpointError(
            f"{folder} cannot be written ({free_space(folder)}): {problems[0]}; "
            "earlier checkpoints are untouched, training can be resumed from them"
        ) from cause


def _prepare(draft: Path) -> None:
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)


def _write_files(draft: Path, writers: Mapping[str, Writer]) -> None:
    for name, writer in writers.items():
        writer(draft / name)
        sync(draft / name)


def _commit(draft: Path, folder: Path, facts: Mapping[str, Any]) -> None:
    files = {
        path.name: {"bytes": path.stat().st_size, "sha256": digest(path)}
        for path in sorted(draft.iterdir())
    }
    about = {"format": FORMAT, "seqgen": __version__, "torch": torch.__version__, **facts}
    text = json.dumps({**about, "files": files}, indent=2)
    replace_bytes(draft / MANIFEST, text.encode())
    if folder.exists():
        # The same step a few rounds later: the older one steps aside under a name that is cleaned
        # up.
        aside = folder.with_name(folder.name + ASIDE)
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(folder, aside)
        os.replace(draft, folder)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        os.replace(draft, folder)
    sync(folder.parent)


def _require_plain(value: Any, place: str) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _require_plain(inner, f"{place}[{key!r}]")
    elif isinstance(value, list | tuple):
        for number, inner in enumerate(value):
            _require_plain(inner, f"{place}[{number}]")
    elif not isinstance(value, Tensor) and type(value) not in _PLAIN:
        raise TypeError(
            f"{place} is a {type(value).__module__}.{type(value).__qualname__}, which cannot be "
            "saved; a state may hold tensors, numbers, strings, None, and lists, tuples and "
            "dictionaries of these"
        )
