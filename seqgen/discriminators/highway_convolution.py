"""Convolutions of many widths with a highway layer: SeqGAN's discriminator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from seqgen.discriminators.completion_rows import Rows, different_rows
from seqgen.discriminators.completion_windows import completion_features
from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.window_maxima import largest_windows
from seqgen.generators.completions import Completions
from seqgen.generators.embedding import TokenEmbedding

WIDTHS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20)
CHANNELS = (100, 200, 200, 200, 200, 100, 100, 100, 100, 100, 160, 160)
SCORED_FEATURES = 2**26  # numbers in memory at a time when completions are scored: 256 MiB
HIGHWAY_ROWS = 512  # rows of the highway layer at a time, so that they stay in the cache


class HighwayConvolution(Discriminator):
    """Convolutions of many widths, the largest value of each feature over the sentence, a highway
    layer and one linear score ("SeqGAN: Sequence Generative Adversarial Nets with Policy Gradient",
    Yu et al. 2017, arXiv 1609.05473; highway: Srivastava et al. 2015, arXiv 1505.00387).

    The windows of a width start at 0 ... max(length - width, 0): a sentence shorter than a width
    has one window, with zeros behind its end.

    Differs from the paper in one score instead of a softmax of two classes (their difference is
    the same function), without its L2 penalty on the last layer: that is the optimizer's.

    Args:
        vocabulary: number of ids.
        width: size of the token vectors.
        widths: how many tokens the windows of each convolution see.
        channels: features of each convolution; one number: of all.
        dropout: on the features, before the last layer.
        shared_gate: the gate of the highway layer is the sigmoid of the same linear map whose relu
            is the transformed feature, as in TextGAN-PyTorch. Half the parameters and products of
            the paper's layer, which has a matrix of its own for the gate.

    Raises:
        ValueError: widths and channels do not match, or are not positive.
    """

    capturable = True

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 64,
        widths: Sequence[int] = WIDTHS,
        channels: Sequence[int] | int = CHANNELS,
        dropout: float = 0.25,
        shared_gate: bool = False,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.channels = _channels(self.widths, channels)
        total = sum(self.channels)
        self.embedding = TokenEmbedding(vocabulary, width)
        self.filters = nn.ParameterList(
            torch.empty(count, size, width)
            for count, size in zip(self.channels, self.widths, strict=True)
        )
        self.bias = nn.Parameter(torch.empty(total))
        self.transform = nn.Linear(total, total)
        self.gate = None if shared_gate else nn.Linear(total, total)
        self.dropout = nn.Dropout(dropout)
        self.score = nn.Linear(total, 1)
        self._initialise()

    def _initialise(self) -> None:
        """As the authors' code: vectors uniform, filters and score truncated normal."""
        nn.init.uniform_(self.embedding.weight, -1.0, 1.0)
        for weight in (*self.filters, self.score.weight):
            nn.init.trunc_normal_(weight, std=0.1, a=-0.2, b=0.2)
        nn.init.constant_(self.bias, 0.1)
        nn.init.zeros_(self.score.bias)
        for layer in (self.transform, self.gate):
            if layer is not None:
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """(rows, sum of channels), after the highway layer and before dropout.

        Args:
            tokens: ids (rows, time) int64 or soft tokens (rows, time, vocabulary).
            lengths: (rows,) int64, at least 1, END included; what lies beyond is not looked at.
        """
        mask = torch.arange(tokens.shape[1], device=tokens.device) < lengths[:, None]
        vectors = self.embedding(tokens).masked_fill(~mask.unsqueeze(2), 0.0)
        largest = [largest_windows(vectors, lengths, weight) for weight in self.filters]
        return self._highway(torch.relu(torch.cat(largest, 1) + self.bias))

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Scores (rows,); arguments as for `features`."""
        score: Tensor = self.score(self.dropout(self.features(tokens, lengths)))
        return score.squeeze(1)

    def _highway(self, features: Tensor) -> Tensor:
        """The share `gate` of the transformed features and the rest of the features themselves."""
        # Under autocast the products are in fewer bits than the features.
        transformed = self.transform(features).to(features.dtype)
        gate = transformed if self.gate is None else self.gate(features).to(features.dtype)
        return torch.lerp(features, torch.relu(transformed), torch.sigmoid(gate))

    @torch.no_grad()
    def score_completions(
        self, completions: Completions, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Scores of the completions, (pairs, copies) float32, equal to those of `forward` in
        evaluation mode but for rounding.

        On a CPU the work on a prefix is shared by its completions (`completion_windows`), and equal
        completions are scored once.

        Args:
            completions: what `complete` gave.
            precision: bfloat16 runs the highway layer in it and takes the windows from tables in
                float16.
        """
        if completions.ids.device.type != "cpu":
            return super().score_completions(completions, precision)
        if not len(completions.rows):
            return torch.zeros(completions.lengths.shape)
        rows, inverse = different_rows(completions)
        most = SCORED_FEATURES // sum(self.channels)
        with torch.autocast("cpu", enabled=False):  # `precision` alone says what is rounded
            scores = torch.cat([self._scored(some, precision) for some in rows.parts(most)])
        return scores[inverse].view(completions.ids.shape[:2])

    def _scored(self, rows: Rows, precision: torch.dtype) -> Tensor:
        """Scores (rows,) of different completions."""
        reduced = precision != torch.float32
        dtype = torch.float16 if reduced else torch.float32
        filters, vectors = list(self.filters), self.embedding.weight
        features = completion_features(rows, vectors, filters, self.bias, dtype)
        if reduced:
            return self._scored_in_fewer_bits(features, rows.groups(), precision)
        parts = torch.split(features, HIGHWAY_ROWS)
        return torch.cat([self.score(self._highway(some)).squeeze(1) for some in parts])

    def _scored_in_fewer_bits(
        self, features: Tensor, groups: Tensor, precision: torch.dtype
    ) -> Tensor:
        """Scores (rows,) with the highway layer's products in fewer bits.

        The mean features of each group (rows,) are mapped in full. Rounding acts on the differences
        from them only, and nearly cancels in the mean score of a group, which is the reward.
        """
        layers = [layer for layer in (self.transform, self.gate) if layer is not None]
        weights = [layer.weight.to(precision) for layer in layers]
        means = _means(features, groups)
        mapped_means = [layer(means) for layer in layers]
        scores = []
        for some, group in _blocks(features, groups):
            centred = torch.sub(some, means.index_select(0, group)).to(precision)
            mapped = [
                mean.index_select(0, group).add_(linear(centred, weight))
                for weight, mean in zip(weights, mapped_means, strict=True)
            ]
            gate = torch.sigmoid(mapped[-1])
            kept = torch.lerp(some, mapped[0].relu_(), gate)
            scores.append(self.score(kept).squeeze(1))
        return torch.cat(scores)


def _blocks(features: Tensor, groups: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Some of the features (rows, channels) and of the groups (rows,) at a time."""
    parts = torch.split(features, HIGHWAY_ROWS)
    return zip(parts, torch.split(groups, HIGHWAY_ROWS), strict=True)


def _means(features: Tensor, groups: Tensor) -> Tensor:
    """The mean features of each group: (groups, channels) float32."""
    sizes = torch.bincount(groups).clamp(min=1)
    sums = torch.zeros(len(sizes), features.shape[1])
    for some, group in _blocks(features, groups):
        sums.index_add_(0, group, some)
    return sums / sizes.unsqueeze(1)


def _channels(widths: tuple[int, ...], channels: Sequence[int] | int) -> tuple[int, ...]:
    """As many numbers of channels as widths."""
    given = (channels,) * len(widths) if isinstance(channels, int) else tuple(channels)
    if not widths or len(given) != len(widths) or min(*widths, *given) < 1:
        raise ValueError(
            f"widths {list(widths)} and channels {list(given)} must be equally many, all at least "
            "1; give one number of channels for every width, or one for all"
        )
    return given
