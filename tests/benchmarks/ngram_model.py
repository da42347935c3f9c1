"""Time and memory of the n-gram judge: train, write, read and score, on one thread.

    python tests/benchmarks/ngram_model.py brown.txt

Without a file the text is one million words of the embedded grammar, which has far fewer distinct
n-grams than real text. The promise is 1 million words trained and written in under 20 s; the
process ends with status 1 where it is broken.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

from seqgen.ngram_model.model import NgramModel
from seqgen.text.grammar import Grammar

ALLOWED, WORDS = 20.0, 1_000_000


def main() -> int:
    """Run all steps and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", nargs="?", type=Path, help="a file, one sentence a line")
    parser.add_argument("--order", type=int, default=5, help="longest n-gram")
    parser.add_argument("--score", type=int, default=10_000, help="sentences to score")
    arguments = parser.parse_args()
    sentences = read(arguments.text) if arguments.text else grammar()
    words = sum(len(sentence.split()) for sentence in sentences)
    print(f"{len(sentences)} sentences, {words} words, order {arguments.order}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lm.arpa"
        with step("train") as train:
            model = NgramModel.train(sentences, arguments.order)
        with step("write") as write:
            model.save(path)
        print(f"  {path.stat().st_size / 2**20:.0f} MiB, n-grams", sizes(model))
        with step("read"):
            again = NgramModel.load(path)
        with step(f"score {min(arguments.score, len(sentences))} sentences"):
            again.score(sentences[: arguments.score])
    needed = (train() + write()) * WORDS / words
    print(f"train and write {WORDS} words: {needed:.1f} s, at most {ALLOWED:.0f} s")
    return 1 if needed > ALLOWED else 0


def read(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").split("\n") if line.strip()]


def grammar() -> list[str]:
    """Sentences of the embedded grammar until there are enough words."""
    sentences: list[str] = []
    words = 0
    for sentence, _ in Grammar.default().sample(WORDS // 4, seed=1):
        sentences.append(sentence)
        words += len(sentence.split())
        if words >= WORDS:
            break
    return sentences


def sizes(model: NgramModel) -> str:
    return " ".join(str(len(order.keys)) for order in model.orders)


@contextmanager
def step(name: str) -> Iterator[Callable[[], float]]:
    """Print CPU seconds and the peak of memory so far; gives what returns the seconds."""
    begin, taken = time.process_time(), [0.0]
    yield lambda: taken[0]
    taken[0] = time.process_time() - begin
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    print(f"{name}: {taken[0]:.2f} s CPU, peak {peak:.0f} MiB")


if __name__ == "__main__":
    sys.exit(main())
