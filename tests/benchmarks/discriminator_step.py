"""CPU time of SeqGAN's discriminator: a training step and the scoring of completions, each against
a plain form of the same network with the same weights.

A step is forward, backward and Adam on 64 sentences; the plain form lets torch's conv1d and
max_pool1d do the convolutions. Completions are those of all prefixes, 16 of each; the plain form is
one call of `forward` for every prefix. All on one thread and in turns, so that the ratios hold on
any machine.

    python tests/benchmarks/discriminator_step.py
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable, Mapping

import torch
from in_turns import compare
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, conv1d, max_pool1d

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.generators.completions import Completions
from seqgen.text.sentences import Sentences

LENGTHS = (20, 40)  # tokens
BATCH, COPIES = 64, 16


class PlainConvolution(HighwayConvolution):
    """The same network by torch's own convolution and pooling; sentences of one length."""

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        vectors = self.embedding(tokens).transpose(1, 2)
        biases = torch.split(self.bias, self.channels)
        largest = []
        for weight, bias in zip(self.filters, biases, strict=True):
            answers = torch.relu(conv1d(vectors, weight.transpose(1, 2), bias))
            largest.append(max_pool1d(answers, answers.shape[2]).squeeze(2))
        return self._highway(torch.cat(largest, 1))


def networks(vocabulary: int) -> dict[str, HighwayConvolution]:
    torch.manual_seed(0)
    ours = HighwayConvolution(vocabulary, shared_gate=True)
    plain = PlainConvolution(vocabulary, shared_gate=True)
    plain.load_state_dict(ours.state_dict())
    return {"ours": ours, "plain": plain}


def step(network: HighwayConvolution, ids: Tensor) -> Callable[[], float]:
    """A function that makes one step and gives its loss."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-4, fused=True)
    lengths = torch.full((len(ids),), ids.shape[1])
    real = (torch.arange(len(ids)) % 2).float()

    def make() -> float:
        optimizer.zero_grad()
        loss = binary_cross_entropy_with_logits(network(ids, lengths), real)
        loss.backward()
        optimizer.step()
        return loss.item()

    return make


def completed(length: int, vocabulary: int) -> Completions:
    """Random completions of 64 random sentences that have no END."""
    ids = torch.randint(vocabulary, (BATCH, length))
    prefixes = torch.arange(1, length).repeat_interleave(BATCH)
    rows = torch.arange(BATCH).repeat(length - 1)
    drawn = torch.randint(vocabulary, (len(rows), COPIES, length))
    kept = torch.arange(length) < prefixes[:, None, None]
    whole = torch.where(kept, ids[rows].unsqueeze(1), drawn)
    sentences = Sentences(ids, torch.full((BATCH,), length))
    return Completions(sentences, rows, prefixes, whole, torch.full(whole.shape[:2], length))


def prefix_by_prefix(network: HighwayConvolution, completions: Completions) -> Tensor:
    scores = []
    with torch.no_grad():
        for some in completions.ids.split(BATCH):  # the pairs of one prefix
            ids = some.flatten(0, 1)
            scores.append(network(ids, torch.full((len(ids),), ids.shape[1])))
    return torch.cat(scores)


def told(what: str, seconds: Mapping[str, list[float]], base: str) -> None:
    for name, values in seconds.items():
        ratios = [one / other for one, other in zip(seconds[base], values, strict=True)]
        print(
            f"{what}, {name}: {statistics.median(values) * 1e3:.0f} ms, "
            f"{statistics.median(ratios):.2f} times as fast as {base}"
        )


def steps(length: int, vocabulary: int, pairs: int) -> None:
    ids = torch.randint(vocabulary, (BATCH, length))
    makers = {name: step(network, ids) for name, network in networks(vocabulary).items()}
    told(f"step, {length} tokens", compare(makers, pairs), "plain")


def scorings(length: int, vocabulary: int, turns: int) -> None:
    ours, plain = (network.eval() for network in networks(vocabulary).values())
    completions = completed(length, vocabulary)
    makers: dict[str, Callable[[], Tensor]] = {
        "plain": lambda: prefix_by_prefix(plain, completions),
        "ours": lambda: ours.score_completions(completions),
        "ours in bfloat16": lambda: ours.score_completions(completions, torch.bfloat16),
    }
    rewards = {name: make().sigmoid().view(-1, COPIES) for name, make in makers.items()}
    for name in ("ours", "ours in bfloat16"):
        error = rewards[name] - rewards["plain"]
        print(
            f"rewards, {name}: off by at most {error.mean(1).abs().max():.1e}, "
            f"of one completion {error.abs().max():.1e}"
        )
    told(f"{completions.draws} draws scored, {length} tokens", compare(makers, turns), "plain")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vocabulary", type=int, default=5000)
    parser.add_argument("--pairs", type=int, default=8, help="steps of each")
    parser.add_argument("--scorings", type=int, default=1, help="scorings of each; 0: none")
    settings = parser.parse_args()
    torch.set_num_threads(1)
    for length in LENGTHS:
        steps(length, settings.vocabulary, settings.pairs)
        if settings.scorings:
            scorings(length, settings.vocabulary, settings.scorings)


if __name__ == "__main__":
    main()
