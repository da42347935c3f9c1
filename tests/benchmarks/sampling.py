"""CPU time of sampling against its floor: the bare products and the softmax over as many rows.

The floor is what no sampler can leave out: the two gate products and the product with the output
layer, a softmax over the vocabulary, everything in buffers that are made once. Both are timed in
turns within one run, on one thread, in CPU time, so that the ratio holds on any machine.

    python tests/benchmarks/sampling.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.randomness import Stream

BUFFER = 128  # rows whose logits stay in the cache
SIZES = {32: (32, 1.6), 512: (300, 1.25)}  # hidden: (width, the most the ratio may be)


@torch.no_grad()
def floor(generator: Recurrent, rows: int, batch: int, length: int) -> None:
    """The products and softmaxes of `rows` sentences, `batch` of them at a time."""
    network, head = generator.network, generator.head
    width, hidden = network.input_size, network.hidden_size
    vectors, memory = torch.randn(batch, width), torch.randn(batch, hidden)
    gates, logits = torch.empty(batch, 4 * hidden), torch.empty(BUFFER, len(head.weight))
    to_input, to_memory = network.weight_ih_l0.t(), network.weight_hh_l0.t()
    to_logits = head.weight.t()
    for _ in range(rows // batch * length):
        torch.addmm(network.bias_ih_l0, vectors, to_input, out=gates)
        gates.addmm_(memory, to_memory)
        for part in memory.split(BUFFER):
            torch.addmm(head.bias, part, to_logits, out=logits)
            torch.softmax(logits, -1, out=logits)


def cpu_seconds(run: Callable[[], object]) -> float:
    begin = time.process_time()
    run()
    return time.process_time() - begin


def measure(hidden: int, arguments: argparse.Namespace) -> tuple[float, float, float]:
    """Medians of seconds of sampling and of the floor, and of their ratio."""
    width, _ = SIZES[hidden]
    torch.manual_seed(0)
    specials = Specials(begin=0, end=None, pad=0)
    generator = Recurrent(arguments.vocabulary, specials, width=width, hidden=hidden).eval()
    rows, length, stream = arguments.rows, arguments.length, Stream.of(1)

    def sample() -> None:
        decode(generator, Sample(), rows, length, stream=stream, pool=arguments.batch)

    def bare() -> None:
        floor(generator, rows, arguments.batch, length)

    sample()
    bare()
    pairs = [(cpu_seconds(sample), cpu_seconds(bare)) for _ in range(arguments.repeats)]
    ours, theirs = zip(*pairs, strict=True)
    ratio = statistics.median(a / b for a, b in pairs)
    return statistics.median(ours), statistics.median(theirs), ratio


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--hidden", type=int, nargs="+", default=[32, 512], choices=sorted(SIZES))
    parser.add_argument("--rows", type=int, default=10_240)
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for hidden in arguments.hidden:
        ours, theirs, ratio = measure(hidden, arguments)
        token = 1e6 / (arguments.rows * arguments.length)
        print(
            f"hidden {hidden}: {ours:.2f} s ({ours * token:.2f} us a token), "
            f"floor {theirs:.2f} s ({theirs * token:.2f} us), "
            f"ratio {ratio:.2f}, must be at most {SIZES[hidden][1]}"
        )


if __name__ == "__main__":
    main()
