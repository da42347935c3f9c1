"""Small discriminators and settings that the tests of policy gradients share."""

from __future__ import annotations

import torch
from method_models import VOCABULARY, batch, corpus
from torch import Tensor, nn

from seqgen.discriminators.protocol import Discriminator
from seqgen.generators.protocol import Generator, Specials
from seqgen.generators.recurrent import Recurrent
from seqgen.methods.protocol import Loss, Method, Moment
from seqgen.text.sentences import Sentences

SPECIALS = Specials(begin=1, end=2, pad=0)
LIMIT = 9
__all__ = ["LIMIT", "Coded", "Tiny", "batch", "corpus", "policy", "real_tokens", "update"]


def real_tokens(ids: Tensor, lengths: Tensor) -> Tensor:
    """(rows, time) bool."""
    return torch.arange(ids.shape[1]) < lengths[:, None]


class Coded(Discriminator):
    """Scores that tell any two sentences apart: whole numbers below 4,096, exact in float32."""

    def __init__(self, per_token: bool = False) -> None:
        super().__init__()
        self.per_token = per_token
        self.dropout = nn.Dropout(0.5)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        steps = torch.arange(tokens.shape[1])
        kept = torch.where(steps < lengths[:, None], (tokens + 1) * (7 * steps + 3) ** 3, 0)
        codes = kept.cumsum(1) if self.per_token else kept.sum(1)
        return self.dropout((codes % 4096).float())


class Tiny(Discriminator):
    """The mean of vectors of the tokens, a layer, a score; per token over its prefix."""

    def __init__(self, per_token: bool = False, dropout: float = 0.0, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.per_token = per_token
        self.vectors = nn.Parameter(torch.randn(VOCABULARY, 8))
        self.layers = nn.Sequential(nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        soft = tokens.is_floating_point()
        vectors = tokens @ self.vectors if soft else self.vectors[tokens]
        vectors = vectors * real_tokens(tokens, lengths)[..., None]
        counts = torch.arange(1, tokens.shape[1] + 1)[:, None]
        return vectors.cumsum(1) / counts if self.per_token else vectors.sum(1) / lengths[:, None]

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        scores: Tensor = self.layers(self.features(tokens, lengths)).squeeze(-1)
        return scores


def policy(seed: int = 0, dropout: float = 0.0) -> Generator:
    """An LSTM in evaluation mode whose distributions are far from flat."""
    torch.manual_seed(seed)
    made = Recurrent(VOCABULARY, SPECIALS, width=6, hidden=8, dropout=dropout)
    with torch.no_grad():
        for parameter in made.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0.0, 0.5)
    return made.eval()


def update(method: Method, player: str, given: Sentences, now: Moment) -> Loss:
    """A turn without its step."""
    method.begin(player, now)
    loss = method.loss(player, given, now)
    assert loss is not None
    return loss
