"""Time and memory of SeqGAN's policy-gradient step, part by part: CPU time on one thread, or the
time that passes on a GPU.

A step draws a batch of sentences, completes every prefix of each, has the discriminator score the
completions and updates the generator. The figures of the parts are medians over the repeats. The
checksum of the drawn ids is the same whatever the chunk.

    python tests/benchmarks/policy_gradient_step.py --length 40 --precision bfloat16
    python tests/benchmarks/policy_gradient_step.py --length 40 --vocabulary 50000 --chunk 512
    python tests/benchmarks/policy_gradient_step.py --device cuda --repeats 20
"""

from __future__ import annotations

import argparse
import hashlib
import resource
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.generators.completions import Completions
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.generators.rollouts import complete
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.methods.language_gan.rewards import at_the_end, completed_rewards
from seqgen.methods.language_gan.seqgan import SeqGAN
from seqgen.methods.protocol import Loss
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class PolicyGradientStep:
    """Policy-gradient steps, with the CPU seconds of their parts.

    Args:
        method: SeqGAN, with its networks and settings.
        batch: sentences of a step.
    """

    def __init__(self, method: SeqGAN, batch: int) -> None:
        self.method, self.seconds = method, defaultdict[str, list[float]](list)
        parameters = list(method.generator.parameters())
        self.optimizer = torch.optim.Adam(parameters, 1e-3, fused=True)
        ones = torch.ones(batch, dtype=torch.int64)
        self.batch = Sentences(ones.unsqueeze(1), ones).to(method.generator.device)

    def run(self, stream: Stream) -> Completions:
        """Make a step."""
        method = self.method
        with self._timed("sample"):
            drawn = draw(method.generator, self.batch, method.limit, stream.child("draw"))
        with self._timed("complete"):
            completions = self._complete(drawn, stream)
        with self._timed("score"):
            rewards = self._rewards(drawn, completions)
        with self._timed("update"):
            self.optimizer.zero_grad()
            summed(method.policy.loss(drawn, rewards)).backward()
            self.optimizer.step()
        return completions

    def check(self, stream: Stream) -> None:
        """The parts put together here give the rewards of the method itself."""
        drawn = draw(self.method.generator, self.batch, self.method.limit, stream)
        ours = self._rewards(drawn, self._complete(drawn, stream))
        if not torch.allclose(ours, self.method.judged(drawn, stream).worth, atol=1e-4):
            raise RuntimeError("the rewards are not those of the method")

    def _complete(self, drawn: Sentences, stream: Stream) -> Completions:
        method = self.method
        return complete(
            method.generator,
            drawn,
            method.rollouts,
            limit=method.limit,
            stream=stream.child("rollouts"),
            chunk=method.chunk,
        )

    @torch.no_grad()
    def _rewards(self, drawn: Sentences, completions: Completions) -> Tensor:
        method = self.method
        with evaluating(method.discriminator):
            scores = method.discriminator.score_completions(completions, method.precision)
            own = method.worth(method.discriminator(drawn.ids, drawn.lengths))
        return completed_rewards(completions, method.worth(scores), at_the_end(own, drawn))

    @contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        begin = self._now()
        yield
        self.seconds[part].append(self._now() - begin)

    def _now(self) -> float:
        if self.method.generator.device.type == "cpu":
            return time.process_time()
        torch.cuda.synchronize()
        return time.perf_counter()


def summed(loss: Loss) -> Tensor:
    """One number of the terms."""
    return sum(term.factor * term.total / term.weight for term in loss.terms.values())


def peak_memory() -> float:
    """The most memory the process has held, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def method_of(arguments: argparse.Namespace) -> SeqGAN:
    """An LSTM of 32 units against the convolutions of 12 widths."""
    torch.manual_seed(0)
    specials = Specials(begin=0, end=None, pad=0)
    return SeqGAN(
        Recurrent(arguments.vocabulary, specials, width=32, hidden=32),
        HighwayConvolution(arguments.vocabulary, shared_gate=arguments.shared_gate),
        limit=arguments.length,
        rollouts=arguments.copies,
        precision=getattr(torch, arguments.precision),
        chunk=arguments.chunk,
    )


def moved(method: SeqGAN, device: str) -> SeqGAN:
    for module in method.modules.values():
        module.to(device)
    return method


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--length", type=int, default=20)
    parser.add_argument("--vocabulary", type=int, default=5_000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--copies", type=int, default=16)
    parser.add_argument("--precision", default="float32", choices=["float32", "bfloat16"])
    parser.add_argument("--chunk", type=int, help="completions in flight; a default where not set")
    parser.add_argument("--shared-gate", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--check", action="store_true", help="compare with the method's rewards")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    method, stream = moved(method_of(arguments), arguments.device), Stream.of(1)
    step = PolicyGradientStep(method, arguments.batch)
    print(f"before: {peak_memory():.2f} GiB")
    if arguments.check:
        step.check(stream.child("check"))
    checksum = hashlib.sha256()
    for repeat in range(arguments.repeats):
        completions = step.run(stream.child(repeat))
        checksum.update(completions.ids.cpu().numpy().tobytes())
    for part, seconds in step.seconds.items():
        print(f"{part}: {statistics.median(seconds):.4f} s")
    steps = [sum(parts) for parts in zip(*step.seconds.values(), strict=True)]
    complete_seconds = statistics.median(step.seconds["complete"])
    print(
        f"step: {statistics.median(steps):.3f} s; {completions.draws} draws, "
        f"{1e6 * complete_seconds / completions.draws:.2f} us each; "
        f"peak {peak_memory():.2f} GiB; ids {checksum.hexdigest()[:16]}"
    )


if __name__ == "__main__":
    main()
