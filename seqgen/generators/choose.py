"""What to do with the logits of a step: which token is fed back and which is kept. The decoding
loop knows nothing else.

Every choice is row-wise and takes its random numbers from a stream by (global row, step), so that
the same row gets the same tokens however the rows are cut into chunks, spread over processes or
dropped when finished.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from seqgen.generators.drawing import LOG2E, draw, draw_gumbel, powers_of_two
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences


class Choice(NamedTuple):
    """`fed` goes back into the generator, `kept` is returned: ids (rows,) or soft tokens (rows,
    vocabulary).

    `select` (some,) forks, reorders or drops rows before the next step; `fed` and `kept` are then
    those of the rows after it. None leaves the rows alone.
    """

    fed: Tensor
    kept: Tensor
    select: Tensor | None = None


class Choose(Protocol):
    """A way to choose tokens."""

    soft: bool  # whether tokens are distributions, with gradients
    blockwise: bool  # whether a few rows at a time may be asked for (a beam needs all)

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Called once: lay out random numbers for the global row numbers `rows` (count,)."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Choose for float32 logits (alive, vocabulary); `rows` (alive,) are positions among the
        prepared rows."""


class Gold:
    """The given sentences, whatever the logits: teacher forcing step by step."""

    soft, blockwise = False, True

    def __init__(self, sentences: Sentences) -> None:
        self.ids = sentences.ids

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Nothing random."""
        _need_steps(self.ids, steps)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """The token of the sentence at this step."""
        ids = self.ids[rows, step]
        return Choice(ids, ids)


class Greedy:
    """The most probable token."""

    soft, blockwise = False, True

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Nothing random."""

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """The largest logit."""
        ids = logits.argmax(-1)
        return Choice(ids, ids)


class Sample:
    """A draw from softmax(logits / temperature), optionally cut to the likeliest tokens.

    Args:
        temperature: positive; below 1 sharpens. For the limit 0 use Greedy.
        top_k: keep the k likeliest tokens; 0 keeps all (Fan et al., 2018, arXiv 1805.04833).
        top_p: keep the smallest set of tokens with at least this mass; 1 keeps all (nucleus
            sampling; Holtzman et al., 2019, arXiv 1904.09751).

    Raises:
        ValueError: a value out of range.
    """

    soft, blockwise = False, True

    def __init__(self, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> None:
        if not temperature > 0:
            raise ValueError(
                f"temperature {temperature}: must be above 0; for the likeliest token use greedy"
            )
        if top_k < 0:
            raise ValueError(f"top-k {top_k}: must be 0 (all tokens) or more")
        if not 0 < top_p <= 1:
            raise ValueError(f"top-p {top_p}: must be above 0 and at most 1 (all tokens)")
        self.temperature, self.top_k, self.top_p = temperature, top_k, top_p

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """One uniform number (CPU) or one seed (GPU) per row and step."""
        stream = need_stream(stream, "Sample")
        draws = stream.bits if rows.is_cuda else stream.uniform
        self.numbers = draws(rows, steps).t().contiguous()  # a step's numbers side by side

    @property
    def plain(self) -> bool:
        """Whether no token is cut off."""
        return not self.top_k and self.top_p == 1.0

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Draw one id a row."""
        ids = self.ids(logits, self.numbers[step].index_select(0, rows))
        return Choice(ids, ids)

    def ids(self, logits: Tensor, numbers: Tensor) -> Tensor:
        """Draw with given random numbers (rows,); the logits may be overwritten."""
        if self.temperature != 1.0:
            in_place = not torch.is_grad_enabled()
            logits = logits.div_(self.temperature) if in_place else logits / self.temperature
        if self.top_k:
            logits = keep_top_k(logits, self.top_k)
        if self.top_p < 1.0:
            logits = keep_top_p(logits, self.top_p)
        if logits.is_cuda:
            return draw_gumbel(logits, numbers)
        exponents = logits * LOG2E if torch.is_grad_enabled() else logits.mul_(LOG2E)
        return draw(powers_of_two(exponents), numbers)


class Mixed:
    """Scheduled sampling: with probability `gold_share` the gold token is fed, else a draw; gold is
    always kept.

    A sampled END does not cut a sentence, since what is kept decides when a row is finished (Bengio
    et al., "Scheduled Sampling for Sequence Prediction with Recurrent Neural Networks", 2015, arXiv
    1506.03099).

    Args:
        sentences: the gold sentences.
        gold_share: probability of feeding the gold token.
        per: "token" throws a coin at every step, "sentence" once a row.
        temperature: of the draw.
    """

    soft, blockwise = False, True

    def __init__(
        self, sentences: Sentences, gold_share: float, per: str = "token", temperature: float = 1.0
    ) -> None:
        if per not in ("token", "sentence"):
            raise ValueError(f"per {per!r}: must be 'token' or 'sentence'")
        self.ids, self.gold_share, self.per = sentences.ids, gold_share, per
        self._sample = Sample(temperature)

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Two numbers per row and step: the coin and the draw."""
        stream = need_stream(stream, "Mixed")
        _need_steps(self.ids, steps)
        coins = stream.child("coin").uniform(rows, steps if self.per == "token" else 1)
        self._gold = (coins < self.gold_share).expand(-1, steps)
        self._sample.prepare(rows, steps, vocabulary, stream.child("draw"))

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """Feed gold or a draw; keep gold. No gradient passes through the draw."""
        gold = self.ids[rows, step]
        drawn = self._sample(step, logits.detach(), rows).fed
        return Choice(torch.where(self._gold[rows, step], gold, drawn), gold)


class Forced:
    """Given prefixes of unequal length first, then another choice.

    Args:
        prefixes: sentences without END; `lengths` says how many tokens of a row are given.
        then: how to go on.
    """

    soft, blockwise = False, True

    def __init__(self, prefixes: Sentences, then: Choose) -> None:
        if then.soft:
            raise ValueError("prefixes are ids: they cannot be continued by soft tokens")
        self.ids, self.lengths, self.then = prefixes.ids, prefixes.lengths, then

    def prepare(self, rows: Tensor, steps: int, vocabulary: int, stream: Stream | None) -> None:
        """Prepare the choice that goes on."""
        self.then.prepare(rows, steps, vocabulary, stream)

    def __call__(self, step: int, logits: Tensor, rows: Tensor) -> Choice:
        """The prefix's token where there is one left."""
        choice = self.then(step, logits, rows)
        if step >= self.ids.shape[1]:
            return choice
        given = step < self.lengths[rows]
        return Choice(*(torch.where(given, self.ids[rows, step], ids) for ids in choice[:2]))


def keep_top_k(logits: Tensor, count: int) -> Tensor:
    """Set all but the `count` largest logits of a row to minus infinity; ties at the border are
    kept."""
    border = logits.topk(min(count, logits.shape[-1]), -1).values[..., -1:]
    return logits.masked_fill(logits < border, -torch.inf)


def keep_top_p(logits: Tensor, mass: float) -> Tensor:
    """Set all but the smallest set of tokens that holds `mass` to minus infinity; the likeliest is
    always kept."""
    ordered, order = logits.sort(-1, descending=True)
    probability = torch.softmax(ordered, -1)
    dropped = (
        probability.cumsum(-1) - probability >= mass
    )  # the mass before this token is enough already
    return logits.masked_fill(dropped.scatter(-1, order, dropped), -torch.inf)


def need_stream(stream: Stream | None, name: str) -> Stream:
    """The stream of a choice that draws; ValueError where `decode` was given none."""
    if stream is None:
        raise ValueError(
            f"{name} draws random numbers: give decode a stream, such as Stream.of(seed)"
        )
    return stream


def _need_steps(ids: Tensor, steps: int) -> None:
    if ids.shape[1] < steps:
        raise ValueError(
            f"the given sentences have {ids.shape[1]} tokens, {steps} steps were asked for"
        )
