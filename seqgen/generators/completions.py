"""What rollouts give: drawn completions of prefixes of sentences."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from seqgen.text.sentences import Sentences


@dataclass(frozen=True, eq=False)
class Completions:
    """`copies` completions of every (sentence, prefix) pair.

    A sentence of length n has prefixes of 1 to n - 1 tokens; the whole sentence completes itself
    and is not among them. Pairs are in the order of their prefixes, then of their rows.

    Attributes:
        sentences: the completed sentences, ids (rows, time).
        rows: (pairs,) int64, which sentence a pair belongs to (its position, not its number).
        prefixes: (pairs,) int64, how many tokens of it were kept, from 1.
        ids: (pairs, copies, time) int64; the prefix stands in front, PAD behind the end.
        lengths: (pairs, copies) int64, END included where there is one.
    """

    sentences: Sentences
    rows: Tensor
    prefixes: Tensor
    ids: Tensor
    lengths: Tensor

    @property
    def copies(self) -> int:
        """Completions a pair."""
        return self.ids.shape[1]

    @property
    def draws(self) -> int:
        """How many tokens were drawn: what rollouts cost."""
        return int((self.lengths - self.prefixes.unsqueeze(1)).sum())
