"""CPU time of a likelihood step with the fused loss against one with plain cross_entropy.

A whole step: forward, backward, Adam. Both run in turns within one process, on one thread, from
the same weights on the same sentences, so that the ratio holds on any machine.

    python tests/benchmarks/likelihood_step.py
"""

from __future__ import annotations

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, linear

from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.text.sentences import Sentences

LENGTHS = {20: 1.8, 40: 3.0}  # tokens: the least the ratio must be


def fused(generator: Generator, sentences: Sentences) -> Tensor:
    hidden, ids = teacher_force(generator, sentences).hidden, sentences.ids
    weights = torch.full(ids.shape, 1 / ids.numel())
    return generator.negative_log_likelihood(hidden, ids, weights)


def plain(generator: Generator, sentences: Sentences) -> Tensor:
    hidden, head = teacher_force(generator, sentences).hidden, generator.head
    logits = linear(hidden, head.weight, head.bias)
    return cross_entropy(logits.flatten(0, 1), sentences.ids.flatten())


def stepper(
    generator: Generator, loss: Callable[[Generator, Sentences], Tensor], sentences: Sentences
) -> Callable[[], float]:
    """A function that makes one step and tells its CPU seconds."""
    generator = copy.deepcopy(generator)
    optimizer = torch.optim.Adam(generator.parameters(), 1e-3)

    def step() -> float:
        begin = time.process_time()
        optimizer.zero_grad()
        loss(generator, sentences).backward()
        optimizer.step()
        return time.process_time() - begin

    return step


def measure(length: int, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Medians of seconds of a fused and a plain step, and of their ratio."""
    torch.manual_seed(0)
    specials = Specials(begin=0, end=None, pad=0)
    generator = Recurrent(arguments.vocabulary, specials, width=32, hidden=32)
    ids = torch.randint(arguments.vocabulary, (arguments.batch, length))
    sentences = Sentences(ids, torch.full((arguments.batch,), length))
    ours, theirs = (stepper(generator, loss, sentences) for loss in (fused, plain))
    for _ in range(3):
        ours()
        theirs()
    pairs = [(ours(), theirs()) for _ in range(arguments.repeats)]
    ratio = statistics.median(b / a for a, b in pairs)
    return *(statistics.median(times) for times in zip(*pairs, strict=True)), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, nargs="+", default=[20, 40], choices=sorted(LENGTHS))
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for length in arguments.length:
        ours, theirs, ratio = measure(length, arguments)
        print(
            f"length {length}: fused {1e3 * ours:.1f} ms, plain {1e3 * theirs:.1f} ms a step, "
            f"ratio {ratio:.2f}, must be at least {LENGTHS[length]}"
        )


if __name__ == "__main__":
    main()
