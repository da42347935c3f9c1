"""A beam for each sentence, whose continuations are drawn: any number of sentences, unlike beam
search.

The "beam search" of the curves of "Language GANs Falling Short" (Caccia et al. 2020, arXiv
1811.02549), as the authors' program computes it: every one of `width` prefixes draws `width` next
tokens at temperature 1, with replacement; the `width` likeliest of them all go on, and at the end
the likeliest is the sentence. Width 1 is plain sampling. It is not the sampling without replacement
of "Stochastic Beams and Where to Find Them" (Kool et al. 2019, arXiv 1903.06059).
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqgen.generators.choose import Choice, need_stream
from seqgen.generators.decoded import Decoded
from seqgen.generators.drawing import draw
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.steps import steps
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences

POOL_ROWS = 2048  # prefixes decoded together


class SampledBeam:
    """The choice of it, for rows that lie as (count, width)."""

    soft, blockwise = False, False

    def __init__(self, count: int, width: int, time: int, end: int | None, pad: int) -> None:
        self.count, self.width, self.end, self.pad = count, width, end, pad
        self.ids = torch.full((count, width, time), pad)
        self.prefix = torch.empty(0, dtype=torch.int64)

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """`width` uniform numbers per prefix and step; the first prefix of each row is alive."""
        self._numbers = need_stream(stream, "SampledBeam").uniform(rows, steps, self.width)
        shape, device = (self.count, self.width), rows.device
        self.ids = self.ids.to(device)
        self.scores = torch.full(shape, -torch.inf, device=device)
        self.scores[:, 0] = 0.0
        self.lengths = torch.zeros(shape, dtype=torch.int64, device=device)
        self.ended = torch.zeros(shape, dtype=torch.bool, device=device)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Draw for every prefix, keep the likeliest."""
        tokens, scores = self._continued(step, logits)
        if step < len(self.prefix):
            tokens = self.prefix[step].expand_as(tokens)
            scores = self.scores.unsqueeze(-1).expand_as(tokens).clone()
            scores[..., 1:] = -torch.inf
        self.scores, best = scores.flatten(1).topk(self.width, -1)
        parents, tokens = best // self.width, tokens.flatten(1).gather(1, best)
        alive = ~self.ended.gather(1, parents)
        self.ids = self.ids.gather(1, parents.unsqueeze(-1).expand_as(self.ids))
        self.ids[..., step] = tokens
        self.lengths = self.lengths.gather(1, parents) + alive
        self.ended = ~alive if self.end is None else ~alive | (tokens == self.end)
        base = torch.arange(self.count, device=parents.device).unsqueeze(1) * self.width
        return Choice(tokens.flatten(), tokens.flatten(), (parents + base).flatten())

    @property
    def done(self) -> bool:
        """Whether all prefixes have come to their end."""
        return bool(self.ended.all())

    def _continued(self, step: int, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Drawn tokens and the scores with them, (count, width, width); one that has ended goes on
        with a single PAD at no cost."""
        shape = (self.count, self.width, self.width)
        logs = torch.log_softmax(logits, -1)
        probabilities = logs.exp()
        columns = self._numbers[:, :, step].unbind(1)
        tokens = torch.stack([draw(probabilities, numbers) for numbers in columns], 1)
        scores = self.scores.unsqueeze(-1) + logs.gather(1, tokens).view(shape)
        ended = self.ended.unsqueeze(-1).expand(shape)
        kept = self.scores.unsqueeze(-1).expand(shape).clone()
        kept[..., 1:] = -torch.inf
        return tokens.view(shape).masked_fill(ended, self.pad), torch.where(ended, kept, scores)


@torch.no_grad()
def sampled_beams(
    generator: Generator,
    width: int,
    time: int,
    *,
    stream: Stream,
    rows: Tensor,
    condition: Condition | None = None,
    prefix: Sentences | None = None,
) -> Decoded:
    """One sentence of at most `time` tokens for each of the rows.

    Args:
        generator: the network, in eval mode.
        width: prefixes that go on, a row.
        time: the most tokens.
        stream: random numbers.
        rows: global row numbers (count,), which the random numbers belong to.
        condition: of the rows.
        prefix: what every row begins with, (1, some), without END; it is not counted.

    Raises:
        ValueError: a width or time below 1, or more tokens than the generator can read.
    """
    if min(width, time) < 1:
        raise ValueError(f"beams of width {width}, {time} tokens: both must be at least 1")
    if generator.limit is not None and time > generator.limit:
        raise ValueError(f"{time} tokens asked for, the generator reads at most {generator.limit}")
    places = torch.arange(len(rows), device=generator.device)
    found = [
        _search(
            generator, width, time, stream, rows[part],
            None if condition is None else condition.select(part), prefix,
        )
        for part in torch.split(places, max(1, POOL_ROWS // width))
    ]  # fmt: skip
    ids, lengths, ended = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Decoded(ids, lengths, ended, ids)


def _search(
    generator: Generator,
    width: int,
    time: int,
    stream: Stream,
    rows: Tensor,
    condition: Condition | None,
    prefix: Sentences | None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, lengths and whether it ended, of the likeliest of each row."""
    begin, end, pad = generator.specials
    count, device = len(rows), generator.device
    beam = SampledBeam(count, width, time, end, pad)
    if prefix is not None:
        beam.prefix = prefix.ids[0].to(device)
    slots = (rows.unsqueeze(1) * width + torch.arange(width, device=device)).flatten()
    beam.prepare(slots, time, generator.head.weight.shape[0], stream)
    spread = torch.arange(count * width, device=device)
    state = generator.start(
        count * width, None if condition is None else condition.select(spread // width)
    )
    first = torch.full((count * width,), begin, device=device)
    for _ in steps(generator, state, first, beam, spread, time, drop=False):
        if beam.done:
            break
    return beam.ids[:, 0], beam.lengths[:, 0], beam.ended[:, 0]
