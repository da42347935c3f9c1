"""What a discriminator of sentences is: tokens in, scores out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.generators.completions import Completions

SCORED_ROWS = 1024  # completions scored at a time
GPU_SCORED_ROWS = 8192


class Discriminator(nn.Module):
    """Base of the networks that score sentences. A new one writes `features` and `forward`.

    Scores are unbounded and high for real sentences; what they mean as probabilities is said by the
    loss pair that trains them (`seqgen.methods.adversarial`). No score depends on the padding of
    its batch.
    """

    per_token: bool = False  # scores (rows, time), each of a prefix, instead of (rows,)
    capturable: bool = False  # whether scoring never makes the host wait for a GPU

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What the last layer sees: (rows, width), or per token (rows, time, width).

        Args:
            tokens: ids (rows, time) int64 or soft tokens (rows, time, vocabulary).
            lengths: (rows,) int64, END included; what lies beyond is not looked at.
        """
        raise NotImplementedError

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Scores (rows,), or per token (rows, time); arguments as for `features`."""
        raise NotImplementedError

    @torch.no_grad()
    def score_completions(
        self, completions: Completions, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Scores of the completions, (pairs, copies) float32; per token: (pairs, copies, time).

        The network must be in evaluation mode: a reward must not depend on dropout. Networks that
        can share the work on a prefix among its completions override this.

        Args:
            completions: what `complete` gave.
            precision: of the large matrix products; bfloat16 is faster and a little off.
        """
        ids = completions.ids.flatten(0, 1)
        lengths = completions.lengths.flatten()
        reduced = precision != torch.float32
        with torch.autocast(ids.device.type, dtype=precision, enabled=reduced):
            most = GPU_SCORED_ROWS if ids.is_cuda else SCORED_ROWS
            parts = zip(torch.split(ids, most), torch.split(lengths, most), strict=True)
            scores = torch.cat([self(some, long).float() for some, long in parts])
        return scores.view(*completions.ids.shape[:2], *scores.shape[1:])
