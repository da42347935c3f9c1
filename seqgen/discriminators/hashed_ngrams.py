"""A linear classifier over the words and hashed word n-grams of a sentence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqgen.randomness import mix
from seqgen.text.sentences import Sentences


class HashedNgrams(nn.Module):
    """The mean of the vectors of a sentence's words and n-grams, and a linear layer: fastText's
    classifier ("Bag of Tricks for Efficient Text Classification", Joulin et al. 2016, arXiv
    1607.01759).

    Every word has a vector of its own; the n-grams of two and more words share `buckets` vectors by
    their hash, so that no table of n-grams is kept. END counts as a word: "good ." at the end of a
    sentence is another n-gram than in its middle.

    Args:
        vocabulary: number of ids.
        labels: number of labels.
        width: size of the vectors.
        orders: the longest n-gram; 1: words alone.
        buckets: how many vectors the n-grams share.
        dropout: share of a sentence's words and n-grams left out in training.
    """

    def __init__(
        self,
        vocabulary: int,
        labels: int,
        *,
        width: int = 16,
        orders: int = 2,
        buckets: int = 100_000,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.vocabulary, self.orders, self.dropout = vocabulary, orders, dropout
        self.buckets = buckets if orders > 1 else 0
        # The last vector stands for what is no feature; the mean leaves it out.
        self.nothing = vocabulary + self.buckets
        self.bag = nn.EmbeddingBag(self.nothing + 1, width, mode="mean", padding_idx=self.nothing)
        self.linear = nn.Linear(width, labels)
        with torch.no_grad():
            self.bag.weight[: self.nothing].uniform_(-1 / width, 1 / width)

    def forward(self, sentences: Sentences) -> Tensor:
        """Unnormalised log-probabilities of the labels, (rows, labels)."""
        features = self.features(sentences)
        if self.training and self.dropout:
            left_out = torch.rand(features.shape, device=features.device) < self.dropout
            features = features.masked_fill(left_out, self.nothing)
        logits: Tensor = self.linear(self.bag(features))
        return logits

    def features(self, sentences: Sentences) -> Tensor:
        """The rows of the table that a sentence's words and n-grams have, int64 (rows, places);
        `nothing` where there is none."""
        ids, mask = sentences.ids, sentences.mask
        found, hashed = [ids.masked_fill(~mask, self.nothing)], ids
        for order in range(2, min(self.orders, ids.shape[1]) + 1):
            # Of the n-grams that begin at each place: the one that is a word longer.
            hashed = mix(hashed[:, :-1]) + ids[:, order - 1 :]
            places = self.vocabulary + mix(hashed).remainder(self.buckets)
            found.append(places.masked_fill(~mask[:, order - 1 :], self.nothing))
        return torch.cat(found, 1)
