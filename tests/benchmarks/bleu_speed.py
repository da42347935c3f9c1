"""CPU time of BLEU and self-BLEU beside fast-bleu's, and of a million sentences.

Both sides get the same lists of tokens, on one thread, in turns within one run, so that the ratio
holds on any machine; splitting strings is timed apart. fast-bleu (C++, package `fast-bleu`, extra
`peers`) is called in this process.

    python tests/benchmarks/bleu_speed.py --train train.txt --test test.txt
    python tests/benchmarks/bleu_speed.py                       # sentences of the built-in grammar

Promised are 100 times the speed of fast-bleu for self-BLEU-2..5 of 10,000 captions and at most 0.1
CPU seconds, 20 times for BLEU-2..5 of 10,000 against 10,000, and under 8 GiB for the self-BLEU of a
million sentences; the process ends with status 1 where that is broken.
"""

from __future__ import annotations

import argparse
import gc
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read by fast-bleu when it is loaded

import numpy as np
from fast_bleu import BLEU, SelfBLEU

from seqgen.metrics.bleu_family.sentence_bleu import ORDERS, sentence_bleu, sentence_self_bleu
from seqgen.text.grammar import Grammar

Sentences = list[list[str]]
COUNT, ALLOWED = 10_000, 8 * 2**30
SELF_RATIO, SELF_SECONDS, RATIO = 100, 0.1, 20
WEIGHTS = {order: (1 / order,) * order for order in ORDERS}


def main() -> int:
    """Time all three and print one line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", type=Path, help="real captions, one a line")
    parser.add_argument("--test", type=Path, help="more real captions, for references")
    parser.add_argument("--repeats", type=int, default=5, help="of each side of a pair")
    parser.add_argument("--million", type=int, default=1_000_000, help="sentences; 0 for none")
    arguments = parser.parse_args()
    train, test = captions(arguments.train, 1), captions(arguments.test, 2)
    itself = paired(
        f"self-BLEU-2..5 of {len(train)}",
        lambda: sentence_self_bleu(train),
        lambda: SelfBLEU(train, WEIGHTS).get_score(),
        arguments.repeats,
    )
    both = paired(
        f"BLEU-2..5 of {len(train)} against {len(test)}",
        lambda: sentence_bleu(train, test),
        lambda: BLEU(test, WEIGHTS).get_score(train),
        arguments.repeats,
    )
    good = itself[0] >= SELF_RATIO and itself[1] <= SELF_SECONDS and both[0] >= RATIO
    if arguments.million:
        good &= million(train if arguments.train else [], arguments.million)
    return 0 if good else 1


def captions(file: Path | None, seed: int) -> Sentences:
    """Return 10,000 sentences as tokens and print how long splitting the strings took."""
    if file is None:
        texts = [text for text, _ in Grammar.default().sample(COUNT, seed)]
    else:
        texts = file.read_text(encoding="utf-8").splitlines()[:COUNT]
    begin = time.process_time()
    sentences = [text.split() for text in texts]
    used = time.process_time() - begin
    print(f"{file or 'grammar'}: {len(sentences)} sentences, split in {used:.3f} CPU s")
    return sentences


def paired(
    name: str, ours: Callable[[], np.ndarray], theirs: Callable[[], dict[int, list[float]]], n: int
) -> tuple[float, float]:
    """Return the median ratio and our median CPU seconds, after comparing the values."""
    np.testing.assert_allclose(ours(), list(theirs().values()), atol=1e-6)
    pairs = [(cpu_seconds(ours), cpu_seconds(theirs)) for _ in range(n)]
    ratio = statistics.median(other / own for own, other in pairs)
    own, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name}: {own:.4f} CPU s, fast-bleu {other:.3f}; ratio {ratio:.0f}")
    return ratio, own


def million(sentences: Sentences, count: int) -> bool:
    """Print the time and the memory of a long self-BLEU; False where it took too much."""
    many = spliced(sentences, count) if sentences else drawn(count)
    tokens = sum(map(len, many))
    before = peak()
    begin, wall = time.process_time(), time.perf_counter()
    values = sentence_self_bleu(many).mean(axis=1)
    used, waited = time.process_time() - begin, time.perf_counter() - wall
    said = " ".join(f"{value:.3f}" for value in values)
    print(f"self-BLEU-2..5 of {count} ({tokens} tokens): {said}; {used:.1f} CPU s, {waited:.1f} s")
    print(f"  peak {peak() / 2**30:.2f} GiB in all, {before / 2**30:.2f} with the sentences alone")
    return peak() < ALLOWED


def spliced(sentences: Sentences, count: int) -> Sentences:
    """Return sentences that begin as one caption and end as another."""
    chance = random.Random(3)
    pairs = ((chance.choice(sentences), chance.choice(sentences)) for _ in range(count))
    return [one[: len(one) // 2] + two[len(two) // 2 :] for one, two in pairs]


def drawn(count: int) -> Sentences:
    """Return sentences of the built-in grammar."""
    return [text.split() for text, _ in Grammar.default().sample(count, 3)]


def cpu_seconds(run: Callable[[], object]) -> float:
    """Return the CPU time of one call, without what the collector finds of earlier ones."""
    gc.collect()
    begin = time.process_time()
    run()
    return time.process_time() - begin


def peak() -> int:
    """Return the most bytes this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    sys.exit(main())
