"""Log-probabilities of the sentences of a window in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from seqgen.errors import UserError
from seqgen.evaluation.batching import by_length
from seqgen.generators.modes import evaluating
from seqgen.generators.protocol import Condition, Generator
from seqgen.text.sentences import Sentences, padded
from seqgen.text.vocabulary import Vocabulary

TOKENS = 8192  # scored at once, padding among them


class TooLong(UserError):
    """Sentences that the generator cannot read; `numbers` are their places, from 0."""

    def __init__(self, numbers: Sequence[int], limit: int, what: str = "sentences") -> None:
        self.numbers, self.limit = tuple(numbers), limit
        shown = ", ".join(str(number + 1) for number in self.numbers[:10])
        more = f" and {len(self.numbers) - 10} more" if len(self.numbers) > 10 else ""
        super().__init__(
            f"{what} {shown}{more}: longer than the {limit} tokens this model can read, the end "
            "among them; shorten them, or leave them out"
        )


def scores(
    generator: Generator,
    vocabulary: Vocabulary,
    texts: Sequence[str],
    styles: Sequence[int] = (),
    tokens: int = TOKENS,
) -> list[float]:
    """Log-probability in nats of each sentence, its END included.

    Args:
        generator: the network.
        vocabulary: its vocabulary.
        texts: the sentences; similar lengths are scored together.
        styles: the labels to average the probability over; none for a generator without.
        tokens: the most scored at once, (rows x time); a longer sentence is read in pieces.

    Raises:
        TooLong: sentences longer than the generator can read.
    """
    flat = vocabulary.encode_flat(texts)
    lengths, ids = torch.from_numpy(flat.lengths), torch.from_numpy(flat.ids)
    if generator.limit is not None and (long := lengths > generator.limit).any():
        raise TooLong(long.nonzero().squeeze(1).tolist(), generator.limit)
    starts, found = lengths.cumsum(0) - lengths, torch.empty(len(lengths), dtype=torch.float64)
    with torch.no_grad(), evaluating(generator):
        for rows in by_length(lengths, tokens):
            batch = Sentences(
                padded(ids, starts[rows], lengths[rows], vocabulary.pad), lengths[rows]
            )
            found[rows] = _mean(generator, batch.to(generator.device), styles, tokens).cpu()
    return found.tolist()


def _mean(generator: Generator, batch: Sentences, styles: Sequence[int], tokens: int) -> Tensor:
    """log of the mean over styles of p(sentence | style), (rows,) float64."""
    if not styles:
        return _log_probability(generator, batch, None, tokens)
    each = [
        _log_probability(generator, batch, torch.full_like(batch.lengths, style), tokens)
        for style in styles
    ]
    return torch.stack(each).logsumexp(0) - torch.tensor(float(len(each))).log()


def _log_probability(
    generator: Generator, batch: Sentences, style: Tensor | None, tokens: int
) -> Tensor:
    """log p of each sentence, (rows,) float64, read in pieces of at most `tokens` at once."""
    ids, mask = batch.ids, batch.mask
    begin = ids.new_full((len(ids), 1), generator.specials.begin)
    fed = torch.cat((begin, ids[:, :-1]), 1)
    state = generator.start(len(ids), None if style is None else Condition(style=style))
    total = torch.zeros(len(ids), dtype=torch.float64, device=ids.device)
    size = max(1, tokens // len(ids))
    for first in range(0, ids.shape[1], size):
        piece = slice(first, first + size)
        forced, state = generator.advance(fed[:, piece], state)
        found = generator.log_probability(forced.hidden, ids[:, piece]) * mask[:, piece]
        total += found.sum(1).double()
    return total
