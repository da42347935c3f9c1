"""The figures of a training over time: metrics.jsonl, TensorBoard where it is installed, and
progress on stderr.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from seqgen.training.alarms import Alarms
from seqgen.training.phases import Visit
from seqgen.training.position import Position
from seqgen.training.progress import Progress


class Journal:
    """One JSON object a line in `folder`/metrics.jsonl, written through at once; without a folder
    only progress.

    Every line has "event" ("training", "evaluation" or "warning"), "step", "round" and "phase"
    where they are known, and "seconds" since the process began to train. Figures that are not
    finite are null, and named under "nonfinite". Two more events come once: "signatures", how the
    figures of the evaluations were measured, and at the end "real", those of real sentences.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        quiet: bool = False,
        tensorboard: bool = True,
        seconds: float = 10.0,
        stream: TextIO | None = None,
    ) -> None:
        self.folder = None if folder is None else Path(folder)
        self.quiet, self.seconds, self.stream = quiet, seconds, stream
        self._plan: Sequence[Visit] = []
        self._begun = time.monotonic()
        self._progress: Progress | None = None
        self._file: TextIO | None = None
        self._tensorboard = tensorboard and folder is not None and _tensorboard_installed()
        self._writer: Any = None
        self._first_step = 0
        self._noted: set[str] = set()
        self.alarms = Alarms()

    def start(self, plan: Sequence[Visit], position: Position) -> None:
        """Training begins, or goes on, at `position`."""
        self._plan, self._begun = plan, time.monotonic()
        self._first_step = position.total_steps
        self._progress = Progress(plan, position, self.quiet, self.seconds, self.stream)

    def advance(self, position: Position) -> None:
        """A round has ended."""
        if self._progress is not None:
            self._progress.advance(position)

    def write(self, event: str, position: Position, values: Mapping[str, float]) -> None:
        """Add a line of figures, and the same figures to TensorBoard as "event/name"; warn where
        those of a training say that it has gone wrong."""
        phase = self._plan[position.visit].phase.name if self._plan else ""
        self._line(
            {
                "event": event,
                "step": position.total_steps,
                "round": position.total_rounds,
                "phase": phase,
                **self._clock(),
            },
            values,
        )
        self._draw(event, position.total_steps, values)
        if event == "training" and self._plan:
            self._alarm(position, values)

    def _alarm(self, position: Position, values: Mapping[str, float]) -> None:
        number, _, phase = self._plan[position.visit]
        contest = len(phase.method.players) > 1
        for text in self.alarms.hear(number, values, contest):
            self.warn(f"step {position.total_steps}, phase {phase.name!r}: {text}")

    def note(self, event: str, values: Mapping[str, float] | Mapping[str, str]) -> None:
        """Add a line that belongs to no step, unless the file has one of this event or there is
        nothing to say."""
        if self.folder is None or not values or event in self._noted:
            return
        self._noted.add(event)
        path, begin = self.folder / "metrics.jsonl", json.dumps({"event": event})[:-1]
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        if not any(line.startswith(begin) for line in lines):
            words = {name: value for name, value in values.items() if isinstance(value, str)}
            numbers = {name: value for name, value in values.items() if not isinstance(value, str)}
            self._line({"event": event, **words}, numbers)

    def warn(self, text: str) -> None:
        """Tell the user, and keep it in the file."""
        self._line({"event": "warning", **self._clock(), "text": text}, {})
        if self._progress is None:
            self._progress = Progress([], Position(), True, self.seconds, self.stream)
        self._progress.say(f"warning: {text}")

    def place(self) -> int:
        """The file's length in bytes, once everything in it has reached the disk."""
        if self.folder is None:
            return 0
        file = self._open()
        file.flush()
        os.fsync(file.fileno())
        return os.fstat(file.fileno()).st_size

    def cut(self, place: int) -> None:
        """Take back all lines after `place`, which are those later than the checkpoint resumed
        from.
        """
        if self.folder is None:
            return
        file = self._open()
        if os.fstat(file.fileno()).st_size < place:
            self.warn(
                f"{self.folder / 'metrics.jsonl'} is shorter than at the checkpoint; lines are lost"
            )
        else:
            file.truncate(place)

    def finish(self) -> None:
        """Training has ended, well or not: end the bar's line and write out what is buffered."""
        if self._progress is not None:
            self._progress.close()
        if self._writer is not None:
            self._writer.flush()

    def close(self) -> None:
        """Finish the bar and the files."""
        for part in (self._progress, self._file, self._writer):
            if part is not None:
                part.close()
        self._progress = self._file = self._writer = None

    def _clock(self) -> dict[str, float]:
        return {"seconds": round(time.monotonic() - self._begun, 3)}

    def _open(self) -> TextIO:
        assert self.folder is not None
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._file = open(self.folder / "metrics.jsonl", "a", encoding="utf-8")  # noqa: SIM115
        return self._file

    def _line(self, about: Mapping[str, Any], values: Mapping[str, float]) -> None:
        if self.folder is None:
            return
        numbers = {name: float(value) for name, value in values.items()}
        lost = [name for name, value in numbers.items() if not math.isfinite(value)]
        shown = {name: None if name in lost else value for name, value in numbers.items()}
        line = {**about, **shown, **({"nonfinite": lost} if lost else {})}
        file = self._open()
        file.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")
        file.flush()

    def _draw(self, event: str, step: int, values: Mapping[str, float]) -> None:
        if not self._tensorboard:
            return
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            # Steps from before a crash that are about to be repeated are hidden by purge_step.
            self._writer = SummaryWriter(str(self.folder), purge_step=self._first_step + 1)
        for name, value in values.items():
            self._writer.add_scalar(f"{event}/{name}", value, step)


def _tensorboard_installed() -> bool:
    return find_spec("tensorboard") is not None
