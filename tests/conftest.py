"""Every worker computes with one thread: two workers on two cores, and figures that repeat."""

from __future__ import annotations

import os

# Before torch is imported anywhere: it reads these once.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from hypothesis import settings

# A busy machine must not fail a test: nothing here is timed.
settings.register_profile("here", deadline=None)
settings.load_profile("here")
