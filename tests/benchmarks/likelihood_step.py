"""CPU time of a likelihood step with the fused loss against one with plain cross_entropy.

A whole step: forward, backward, Adam. Each of the two lives in a process of its own (their large
buffers would otherwise unsettle each other's memory) on one thread; they step in turns, so that
the ratio holds on any machine.

    python tests/benchmarks/likelihood_step.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.text.sentences import Sentences

LENGTHS = {20: 1.8, 40: 3.0}  # tokens: the least the ratio must be
WARM_UP = 5


def fused(generator: Generator, sentences: Sentences) -> Tensor:
    hidden, ids = teacher_force(generator, sentences).hidden, sentences.ids
    weights = torch.full(ids.shape, 1 / ids.numel())
    return generator.negative_log_likelihood(hidden, ids, weights)


def plain(generator: Generator, sentences: Sentences) -> Tensor:
    hidden, head = teacher_force(generator, sentences).hidden, generator.head
    logits = linear(hidden, head.weight, head.bias)
    return cross_entropy(logits.flatten(0, 1), sentences.ids.flatten())


def work(kind: str, length: int, batch: int, vocabulary: int, turns: Connection) -> None:
    """Make a step at each turn and tell its CPU seconds and its loss."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    specials = Specials(begin=0, end=None, pad=0)
    generator = Recurrent(vocabulary, specials, width=32, hidden=32)
    ids = torch.randint(vocabulary, (batch, length))
    sentences = Sentences(ids, torch.full((batch,), length))
    optimizer = torch.optim.Adam(generator.parameters(), 1e-3, fused=True)
    while turns.recv():
        begin = time.process_time()
        optimizer.zero_grad()
        loss = (fused if kind == "fused" else plain)(generator, sentences)
        loss.backward()
        optimizer.step()
        turns.send((time.process_time() - begin, loss.item()))


def measure(length: int, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Medians of seconds of a fused and a plain step, and of their ratio."""
    context, ends = get_context("spawn"), []
    for kind in ("fused", "plain"):
        ours, theirs = context.Pipe()
        settings = (kind, length, arguments.batch, arguments.vocabulary, theirs)
        context.Process(target=work, args=settings, daemon=True).start()
        ends.append(ours)

    def turn(end: Connection) -> tuple[float, float]:
        end.send(True)
        seconds, loss = end.recv()
        return seconds, loss

    pairs = [[turn(end) for end in ends] for _ in range(WARM_UP + arguments.repeats)]
    for end in ends:
        end.send(False)
    if abs(pairs[-1][0][1] - pairs[-1][1][1]) > 1e-3:
        raise RuntimeError("the two losses differ: they do not compute the same")
    times = [(ours[0], theirs[0]) for ours, theirs in pairs[WARM_UP:]]
    ratio = statistics.median(theirs / ours for ours, theirs in times)
    fast, slow = (statistics.median(some) for some in zip(*times, strict=True))
    return fast, slow, ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, nargs="+", default=[20, 40], choices=sorted(LENGTHS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=40)
    arguments = parser.parse_args()
    for length in arguments.length:
        ours, theirs, ratio = measure(length, arguments)
        print(
            f"length {length}: fused {1e3 * ours:.1f} ms, plain {1e3 * theirs:.1f} ms a step, "
            f"ratio {ratio:.2f}, must be at least {LENGTHS[length]}"
        )


if __name__ == "__main__":
    main()
