"""Writes tests/golden/losses.json anew: the first five losses of every recipe in its tiny form.

To be run after a change that is meant to change them: python tests/recipes/renew_golden.py
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from pathlib import Path

from tiny_recipes import GOLDEN, extension, losses, train, write_tiny

from seqgen.recipe.files import names, read


def first_losses(name: str) -> list[dict[str, float]]:
    """As the test trains: to the end, then longer."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        file = write_tiny(read(name), folder)
        with contextlib.redirect_stdout(io.StringIO()):
            assert train(file, "--runs", folder, "--name", "run") == 0
            if more := extension(read(str(file))):
                assert train("--resume", folder / "run", *more) == 0
        return losses(folder / "run")


def main() -> None:
    """All recipes; those whose losses have changed are told."""
    before = json.loads(GOLDEN.read_text("utf-8")) if GOLDEN.is_file() else {}
    after = {}
    for name in names():
        after[name] = [
            {player: round(value, 6) for player, value in loss.items()}
            for loss in first_losses(name)
        ]
        print(
            f"{name}: {'unchanged' if before.get(name) == after[name] else 'changed'}",
            file=sys.stderr,
        )
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(after, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
