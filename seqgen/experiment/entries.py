"""RUN@CHECKPOINT: a checkpoint of a run in one word."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seqgen.errors import UserError
from seqgen.experiment.reopen import Which
from seqgen.training.run import Run


@dataclass(frozen=True)
class Entry:
    """A checkpoint of a run, as it was asked for; None: the best, if any."""

    run: Run
    checkpoint: Which | None = None

    @property
    def suffix(self) -> str:
        """What its name has behind that of the run: "@best", "@step 500", or nothing."""
        if self.checkpoint is None:
            return ""
        return f"@{'step ' if isinstance(self.checkpoint, int) else ''}{self.checkpoint}"

    @property
    def name(self) -> str:
        """The name of the run's folder, and of the checkpoint where one was asked for."""
        return f"{self.run.folder.resolve().name}{self.suffix}"


def open_entry(given: str | Path) -> Entry:
    """A run folder, or RUN@CHECKPOINT: best, latest, or a step such as 500 or step-00000500.

    Raises:
        UserError: no run there, or no such name of a checkpoint.
    """
    folder, at, asked = str(given).rpartition("@")
    if not at or Path(given).expanduser().exists():
        return Entry(Run.open(given))
    if asked in ("best", "latest"):
        return Entry(Run.open(folder), "best" if asked == "best" else "latest")
    step = asked.removeprefix("step-")
    if not step.isdecimal():
        raise UserError(
            f"{given}: {asked!r} is no checkpoint; after @ stands best, latest, or a step such as "
            "500"
        )
    return Entry(Run.open(folder), int(step))
