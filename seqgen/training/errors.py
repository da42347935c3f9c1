"""What can go wrong in training, in words a user can act on."""

from __future__ import annotations

from seqgen.errors import RunFailure


class NonFiniteError(RunFailure):
    """A loss or gradient is infinite or not a number; raised before parameters were touched."""


class CheckpointError(RunFailure):
    """A checkpoint cannot be written, or the one asked for cannot be read."""


class MisfitError(CheckpointError):
    """The weights of a checkpoint are those of another network: names or shapes differ."""


class Interrupted(RunFailure):
    """Training was stopped by a signal after the round was finished and saved.

    `exit_code` is what a command should end with: 130 for SIGINT, 143 for SIGTERM.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code
