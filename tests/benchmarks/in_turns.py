"""What the benchmarks of training steps are timed by."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def compare(makers: Mapping[str, Callable[[], object]], pairs: int) -> dict[str, list[float]]:
    """CPU seconds of each, in turns, after one turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(pairs + 1):
        for name, make in makers.items():
            begin = time.process_time()
            make()
            seconds[name].append(time.process_time() - begin)
    return {name: values[1:] for name, values in seconds.items()}
