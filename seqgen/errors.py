"""The two families of errors that are told to a user in words, without a traceback."""

from __future__ import annotations


class UserError(ValueError):
    """Something the user gave is wrong: a recipe, a corpus, an argument, a run folder.

    Ends a command with status 2. The message says what was given, what is allowed and what to do;
    it may have several lines.
    """

    exit_code = 2


class RunFailure(RuntimeError):
    """Something went wrong while running: a full disk, a loss that is not finite. Ends a command
    with status 1."""

    exit_code = 1
