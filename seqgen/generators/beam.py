"""Beam search with a length penalty, for all rows together, on the one decoding loop."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqgen.generators.choose import Choice
from seqgen.generators.decoded import Decoded
from seqgen.generators.protocol import Condition, Generator
from seqgen.generators.steps import steps
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class Beams(NamedTuple):
    """`decoded` holds count x width rows, the best of each count first; `scores` (count, width) are
    penalised log-probabilities, minus infinity where fewer than `width` sentences exist."""

    decoded: Decoded
    scores: Tensor


class Beam:
    """The choice of a beam search: keeps the `width` likeliest unfinished prefixes and the best
    finished sentences.

    A sentence's score is its log-probability / length ** length_penalty (Wu et al., 2016, arXiv
    1609.08144, in the simpler form of Hugging Face); 0 compares plain log-probabilities.
    """

    soft, blockwise = False, False

    def __init__(
        self,
        count: int,
        width: int,
        time: int,
        end: int | None,
        length_penalty: float,
        prefixes: Sentences | None,
    ) -> None:
        self.count, self.width, self.time = count, width, time
        self.end, self.penalty, self.prefixes = end, length_penalty, prefixes

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Empty beams: the first of each row has probability 1, the others none."""
        shape, device = (self.count, self.width), rows.device
        self.scores = torch.full(shape, -torch.inf, device=device)
        self.scores[:, 0] = 0.0
        self.ids = torch.zeros(*shape, self.time, dtype=torch.int64, device=device)
        self.finished = torch.full(shape, -torch.inf, device=device)
        self.finished_ids, self.lengths = (
            self.ids.clone(),
            torch.zeros(shape, dtype=torch.int64, device=device),
        )
        self.ended = torch.zeros(shape, dtype=torch.bool, device=device)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Extend every beam by every token, keep the best."""
        scores, parents, tokens = self._extend(step, logits)
        grown = self._grown(step, parents, tokens)
        if self.end is not None:
            ends = tokens == self.end
            # Only among the `width` best: a single beam is then greedy decoding.
            among = ends & (torch.arange(tokens.shape[1], device=tokens.device) < self.width)
            self._finish(scores.masked_fill(~among, -torch.inf), grown, step + 1, ended=True)
            scores = scores.masked_fill(ends, -torch.inf)
        self.scores, best = scores.topk(self.width, -1)
        parents, tokens = parents.gather(1, best), tokens.gather(1, best)
        self.ids = grown.gather(1, best.unsqueeze(-1).expand(-1, -1, self.time))
        if step + 1 == self.time:
            self._finish(self.scores, self.ids, step + 1, ended=False)
        base = torch.arange(self.count, device=parents.device).unsqueeze(1) * self.width
        fed = tokens.flatten()
        return Choice(fed, fed, (parents + base).flatten())

    @property
    def done(self) -> bool:
        """Whether no unfinished beam can still beat the worst finished sentence of its row."""
        length = self.time if self.penalty > 0 else 1
        bound = self.scores[:, 0] / length**self.penalty
        return bool((self.finished[:, -1] >= bound).all())

    def result(self, pad: int) -> Beams:
        """The finished sentences, best first."""
        ids, lengths = self.finished_ids.flatten(0, 1), self.lengths.flatten()
        after = torch.arange(self.time, device=ids.device) >= lengths.unsqueeze(1)
        ids = ids.masked_fill(after, pad)
        return Beams(Decoded(ids, lengths, self.ended.flatten(), ids), self.finished)

    def _extend(self, step: int, logits: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Scores, parents and tokens of the 2 x width best extensions, (count, 2 x width): enough
        though half may end."""
        vocabulary = logits.shape[-1]
        new = torch.log_softmax(logits, -1).view(self.count, self.width, vocabulary)
        if self.prefixes is not None and step < self.prefixes.ids.shape[1]:
            given = (step < self.prefixes.lengths).view(-1, 1, 1)
            other = torch.arange(vocabulary, device=new.device) != self.prefixes.ids[:, step].view(
                -1, 1, 1
            )
            new = new.masked_fill(given & other, -torch.inf)
        total = (self.scores.unsqueeze(-1) + new).flatten(1)
        scores, places = total.topk(min(2 * self.width, total.shape[1]), -1)
        return scores, places // vocabulary, places % vocabulary

    def _grown(self, step: int, parents: Tensor, tokens: Tensor) -> Tensor:
        grown = self.ids.gather(1, parents.unsqueeze(-1).expand(-1, -1, self.time))
        grown[:, :, step] = tokens
        return grown

    def _finish(self, scores: Tensor, ids: Tensor, length: int, ended: bool) -> None:
        """Merge sentences of this length into the finished ones."""
        scores = torch.cat((self.finished, scores / length**self.penalty), 1)
        self.finished, best = scores.topk(self.width, -1)
        new = torch.full((self.count, ids.shape[1]), length, device=ids.device)
        flags = torch.full_like(new, ended, dtype=torch.bool)
        self.lengths = torch.cat((self.lengths, new), 1).gather(1, best)
        self.ended = torch.cat((self.ended, flags), 1).gather(1, best)
        everything = torch.cat((self.finished_ids, ids), 1)
        self.finished_ids = everything.gather(1, best.unsqueeze(-1).expand(-1, -1, self.time))


@torch.no_grad()
def beam_search(
    generator: Generator,
    count: int,
    width: int,
    time: int,
    *,
    condition: Condition | None = None,
    length_penalty: float = 1.0,
    prefixes: Sentences | None = None,
) -> Beams:
    """The `width` best sentences of at most `time` tokens for each of `count` rows.

    Args:
        generator: the network, in eval mode.
        count: number of rows.
        width: beams a row.
        time: the most tokens.
        condition: of `count` rows.
        length_penalty: exponent of the length that scores are divided by; above 0 favours longer
            sentences.
        prefixes: what each row must begin with, without END.

    Raises:
        ValueError: a count, width or time below 1, or more tokens than the generator can read.
    """
    if min(count, width, time) < 1:
        raise ValueError(
            f"beam search of {count} rows, width {width}, {time} tokens: all must be at least 1"
        )
    if generator.limit is not None and time > generator.limit:
        raise ValueError(f"{time} tokens asked for, the generator reads at most {generator.limit}")
    beam = Beam(count, width, time, generator.specials.end, length_penalty, prefixes)
    rows = torch.arange(count * width, device=generator.device)
    beam.prepare(rows, time, generator.head.weight.shape[0], None)
    spread = None if condition is None else condition.select(rows // width)
    state = generator.start(count * width, spread)
    first = torch.full((count * width,), generator.specials.begin, device=generator.device)
    for _ in steps(generator, state, first, beam, rows, time, drop=False):
        if beam.done:
            break
    return beam.result(generator.specials.pad)
