"""A run folder: who may write in it, and its checkpoints by name."""

from __future__ import annotations

import logging
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal

from seqgen.errors import UserError
from seqgen.training import distributed
from seqgen.training.checkpoint import ASIDE, DRAFT, NewerFormatError, Writer, verify, write
from seqgen.training.errors import CheckpointError
from seqgen.training.files import replace_bytes
from seqgen.training.lock import locked, make_folder, require_writable

_STEP = re.compile(r"step-(\d+)")
_log = logging.getLogger(__name__)


def step_name(step: int) -> str:
    """The name of a step in checkpoints/ and samples/: "step-00000500"."""
    return f"step-{step:08d}"


class Run:
    """recipe.yaml, tokenizer.json, metrics.jsonl, samples/ and checkpoints/step-N/ in one folder.

    `Run.create` makes a new one and `Run.open(folder, write=True)` continues one: both hold a lock
    until `close`, which also ends with the process. `Run.open(folder)` reads and needs no lock.
    """

    def __init__(self, folder: Path, lock: IO[str] | None = None, new: bool = False) -> None:
        self.folder, self.new = folder, new  # new: the folder was made for this run
        self._lock = lock

    @classmethod
    def create(cls, folder: str | Path) -> Run:
        """A new run; the main process makes the folder and locks it.

        The folder of a run that ended before its first checkpoint is taken again.

        Raises:
            UserError: the folder has something in it already, cannot be written, or is in use.
        """
        path = _plain(folder)
        if not distributed.is_main():
            return cls(path)
        new = make_folder(path)
        taken = UserError(f"{path} exists already; resume that run, or choose another name")
        if any(path.iterdir()) and not (path / ".lock").exists():
            raise taken
        run = cls(path, locked(path), new)
        if run.checkpoints():
            run.close()
            raise taken
        run.remove_drafts()
        return run

    @classmethod
    def open(cls, folder: str | Path, write: bool = False) -> Run:
        """An existing run; `write` locks it, checks that it can be written and removes what a crash
        left behind.

        Raises:
            UserError: there is no such run, it cannot be written, or another process has it.
        """
        path = _plain(folder)
        if not path.is_dir():
            raise UserError(f"there is no run folder {path}; look at the name")
        if not write or not distributed.is_main():
            return cls(path)
        require_writable(path)
        run = cls(path, locked(path))
        run.remove_drafts()
        return run

    def close(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def checkpoints_folder(self) -> Path:
        """Where the checkpoints lie."""
        return self.folder / "checkpoints"

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the run whole, such as "recipe.yaml" or "samples/step-00000500.txt"; main
        process only.
        """
        self.write_bytes(name, text.encode("utf-8"))

    def write_bytes(self, name: str, data: bytes) -> None:
        """`write_text` for pictures and the like."""
        if distributed.is_main():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(path, data)

    def checkpoints(self) -> dict[int, Path]:
        """The checkpoint folders by step, ascending; their soundness is not looked at."""
        found = {}
        if self.checkpoints_folder.is_dir():
            for path in self.checkpoints_folder.iterdir():
                match = _STEP.fullmatch(path.name)
                if match and path.is_dir():
                    found[int(match[1])] = path
        return dict(sorted(found.items()))

    def checkpoint(self, which: Literal["latest", "best"] | int = "latest") -> Path:
        """The folder of a sound checkpoint.

        "latest" is the newest sound one: unsound newer ones are passed over with a warning. A step,
        and "best", must be sound themselves.

        Raises:
            CheckpointError: there is none, or the one asked for is not sound.
        """
        if which == "latest":
            return self._newest_sound()
        there = self.checkpoints()
        if which == "best":
            step = self.marked("best")
            if step is None:
                raise CheckpointError(f"{self.folder} has no best checkpoint; none was selected")
        else:
            step = which
        if step not in there:
            raise CheckpointError(f"{self.folder} has no checkpoint {step}; it has {list(there)}")
        verify(there[step])
        return there[step]

    def require_unused(self) -> None:
        """Refuse to train anew over existing checkpoints."""
        if self.checkpoints():
            raise UserError(f"{self.folder} has checkpoints already; resume it or use a new folder")

    def save(self, step: int, writers: Mapping[str, Writer], facts: Mapping[str, Any]) -> None:
        """Write checkpoint `step`, then point `latest` to it; every process calls this with its own
        files.
        """
        write(self.checkpoints_folder / step_name(step), writers, facts)
        if distributed.is_main():
            self.mark("latest", step)

    def mark(self, name: str, step: int) -> None:
        """Point checkpoints/`name` to a step."""
        try:
            replace_bytes(self.checkpoints_folder / name, f"{step_name(step)}\n".encode())
        except OSError as error:
            raise CheckpointError(f"{self.checkpoints_folder / name}: {error}") from error

    def marked(self, name: str) -> int | None:
        """The step checkpoints/`name` points to, if any."""
        try:
            match = _STEP.fullmatch((self.checkpoints_folder / name).read_text("utf-8").strip())
        except (FileNotFoundError, UnicodeDecodeError):  # a damaged pointer points nowhere
            return None
        return int(match[1]) if match else None

    def remove_old(self, keep: int) -> None:
        """Delete all but the `keep` newest checkpoints, the latest and the best."""
        there = self.checkpoints()
        kept = {*list(there)[-keep:], self.marked("latest"), self.marked("best")}
        for step, path in there.items():
            if step not in kept:
                # Renamed first: a half-deleted folder must not look like a damaged checkpoint.
                draft = path.with_name(path.name + ".gone" + DRAFT)
                os.replace(path, draft)
                shutil.rmtree(draft, ignore_errors=True)

    def remove_drafts(self) -> None:
        """Delete what a crash left half-written; put back what it caught stepping aside."""
        for aside in self.checkpoints_folder.glob(f"*{ASIDE}"):
            place = aside.with_name(aside.name.removesuffix(ASIDE))
            if not place.exists():
                os.replace(aside, place)
        for folder in (self.folder, self.checkpoints_folder, self.folder / "samples"):
            for path in folder.glob(f"*{DRAFT}") if folder.is_dir() else []:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink()

    def cut_samples(self, step: int) -> None:
        """Delete the samples of later steps."""
        for path in self.folder.glob("samples/step-*"):
            match = _STEP.match(path.name)
            if match and int(match[1]) > step:
                path.unlink()

    def _newest_sound(self) -> Path:
        for path in reversed(self.checkpoints().values()):
            try:
                verify(path)
                return path
            except NewerFormatError:
                raise
            except CheckpointError as error:
                _log.warning("passed over: %s", error)
        if not self.checkpoints():
            raise CheckpointError(
                f"{self.folder} ended before its first checkpoint; there is nothing to resume, "
                "start it again under the same name"
            )
        raise CheckpointError(f"{self.folder} has no sound checkpoint; train in a new folder")


def _plain(folder: str | Path) -> Path:
    return Path(folder).expanduser().absolute()
