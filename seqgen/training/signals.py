"""Stopping on SIGINT and SIGTERM at a good moment: after the round, once it is saved."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType, TracebackType


class Signals:
    """While entered, the first SIGINT or SIGTERM is only noted, the second ends the process at
    once.

    The handlers from before are put back on leaving. Outside the main thread, where Python allows
    no handlers, nothing is noted.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._earlier: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Signals:
        self.received = None
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._earlier[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._earlier.items():
            # A handler that was not installed from Python comes back as None and cannot be put
            # back.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._earlier = {}

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(128 + number)
        self.received = number
