"""Where real data sets lie when they are at hand: beside the repository; tests that need them skip
otherwise."""

from __future__ import annotations

from pathlib import Path

DATA = Path(__file__).parents[1].parent / "shared" / "data"
