"""How much memory and time a large corpus takes from file to batches.

    python tests/benchmarks/corpus_memory.py --count 10000000

Writes a file of sentences in a temporary folder, learns its words, encodes it to a mapped file and
draws batches, all as training does it, and prints the peak of resident memory. The promise is 10
million sentences of 12 tokens in under 4 GiB; the process ends with status 1 where it is broken.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from seqgen.text.encoded import Encoded
from seqgen.text.reading import Tally, read
from seqgen.text.splits import Split
from seqgen.text.vocabulary import Vocabulary

WORDS, TOKENS, ALLOWED = 50_000, 12, 4 * 2**30


def main() -> int:
    """Run all steps and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10_000_000, help="sentences")
    parser.add_argument("--batches", type=int, default=2000, help="batches of 64 drawn at the end")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with step("write the file"):
            write(folder / "corpus.txt", arguments.count)
        print(f"  {(folder / 'corpus.txt').stat().st_size / 2**20:.0f} MiB")
        split = Split(lambda: read(folder / "corpus.txt", tally=Tally()), 0.01, seed=1)
        with step("learn the words"):
            vocabulary = Vocabulary.train((e.text for e in split.train()), "word", size=30_000)
        with step("encode the training sentences"):
            train = Encoded.build(split.train(), vocabulary, 32, folder / "train")
        with step("encode the validation sentences"):
            valid = Encoded.build(split.valid(), vocabulary, 32, folder / "valid")
        counts = len(train), len(valid), len(train.ids), len(vocabulary)
        print("  {} + {} sentences, {} ids, {} words".format(*counts))
        if (folder / "train").exists():  # a small corpus stays in memory
            with step("open the map again and check it"):
                train = Encoded.open(folder / "train")
        with step(f"draw {arguments.batches} batches of 64"):
            draw(train, arguments.batches)
    return 1 if peak() > ALLOWED else 0


def write(path: Path, count: int) -> None:
    """Sentences of 12 words, the words distributed as Zipf has it."""
    random = np.random.default_rng(1)
    odds = 1 / np.arange(1, WORDS + 1)
    steps = np.cumsum(odds / odds.sum())
    words = np.array([f"w{number:x}" for number in range(WORDS)])
    with path.open("w") as file:
        for first in range(0, count, 20_000):
            rows = min(20_000, count - first)
            drawn = words[np.searchsorted(steps, random.random((rows, TOKENS))).clip(max=WORDS - 1)]
            file.writelines(" ".join(row) + "\n" for row in drawn.tolist())


def draw(corpus: Encoded, batches: int) -> None:
    """Batches of random rows, the worst case for a mapped file."""
    generator = torch.Generator().manual_seed(1)
    order = torch.randperm(len(corpus), generator=generator)
    for number in range(batches):
        batch = corpus.select(order[number * 64 % len(order) :][:64])
        if int(batch.lengths.max()) != TOKENS + 1:
            raise AssertionError("a sentence came back with another length")


@contextmanager
def step(name: str) -> Iterator[None]:
    """Print what a step took and the peak of memory so far."""
    start = time.perf_counter()
    yield
    seconds = time.perf_counter() - start
    print(f"{name}: {seconds:.1f} s, peak {peak() / 2**20:.0f} MiB", flush=True)


def peak() -> int:
    """Peak resident memory of this process in bytes, mapped pages included."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    sys.exit(main())
