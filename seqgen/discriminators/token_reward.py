"""A reward for every token, given the tokens before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqgen.discriminators.protocol import Discriminator
from seqgen.discriminators.word_scores import word_scores
from seqgen.generators.completions import Completions
from seqgen.generators.embedding import TokenEmbedding
from seqgen.kernels import plain_recurrence

POOL_ROWS = 4096  # completions read side by side


class TokenReward(Discriminator):
    """Rewards r(prefix, token) in (0, 1): an LSTM over the prefix, a ReLU layer, highway layers,
    and a sigmoid of the output that belongs to the token.

    Source: Shi et al., "Toward Diverse Text Generation with Inverse Reinforcement Learning", 2018,
    arXiv 1804.11258. Only the output of the chosen token is computed, so that no (rows, time,
    vocabulary) tensor is made for ids. Soft tokens take the expected output. The highway layers are
    those of Srivastava et al., 2015, arXiv 1505.00387.

    Args:
        vocabulary: number of ids.
        width: size of the token vectors.
        hidden: size of the LSTM.
        perceptron: size of the ReLU layer and of the highway layers.
        highways: how many highway layers.
        dropout: on the token vectors.
    """

    per_token = True

    def __init__(
        self,
        vocabulary: int,
        *,
        width: int = 128,
        hidden: int = 128,
        perceptron: int = 512,
        highways: int = 2,
        dropout: float = 0.3,
    ) -> None:
        super().__init__()
        self.embedding = TokenEmbedding(vocabulary, width)
        self.begin = nn.Parameter(torch.randn(width) * width**-0.5)
        self.network = nn.LSTM(width, hidden, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.perceptron = nn.Sequential(
            nn.Linear(hidden, perceptron),
            nn.ReLU(),
            *(Highway(perceptron) for _ in range(highways)),
        )
        self.weight = nn.Parameter(torch.randn(vocabulary, perceptron) * perceptron**-0.5)
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def features(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """What the last layer sees of the tokens before each token: (rows, time, perceptron)."""
        begin = self.begin.expand(len(tokens), 1, -1)
        vectors = torch.cat((begin, self.embedding(tokens[:, :-1])), 1)
        with plain_recurrence(not self.training or tokens.requires_grad):
            states, _ = self.network(self.dropout(vectors))
        features: Tensor = self.perceptron(states)
        return features

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        """Rewards (rows, time) in (0, 1), 0 behind the length; arguments as for `features`."""
        outputs = self._outputs(self.features(tokens, lengths), tokens)
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        rewards: Tensor = torch.sigmoid(outputs.float()) * (steps < lengths.unsqueeze(1))
        return rewards

    @torch.no_grad()
    def score_completions(
        self, completions: Completions, precision: torch.dtype = torch.float32
    ) -> Tensor:
        """Rewards of the completions, (pairs, copies, time) float32, those of the prefix included.

        The prefix is read once a sentence; every completion goes on from the state kept there.
        """
        sentences, ids = completions.sentences, completions.ids
        with self._reduced(precision):
            prefix = self(sentences.ids, sentences.lengths).float()[completions.rows]
        time = min(prefix.shape[1], ids.shape[2])
        rewards: Tensor = prefix.new_zeros(ids.shape)
        rewards[..., :time] = prefix[:, None, :time]
        steps = torch.arange(ids.shape[2], device=ids.device)
        rewards *= steps < completions.prefixes[:, None, None]
        flat = rewards.flatten(0, 1)
        for number, rows, values in self._walk(completions, precision):
            flat[rows, number] = values
        return rewards

    def _walk(
        self, completions: Completions, precision: torch.dtype
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Step number, flat (pair, copy) positions and their rewards at that step, pool by pool."""
        count = len(completions.sentences)
        widest = completions.copies * (completions.ids.shape[2] - 1)
        everyone = torch.arange(count, device=completions.rows.device)
        for rows in torch.split(everyone, max(POOL_ROWS // max(widest, 1), 1)):
            with self._reduced(precision):
                yield from self._walk_pool(completions, rows)

    def _walk_pool(
        self, completions: Completions, rows: Tensor
    ) -> Iterator[tuple[int, Tensor, Tensor]]:
        """The completions of some sentences; a completion joins where its prefix ends and leaves
        where it ends itself."""
        copies, ids = completions.copies, completions.ids.flatten(0, 1)
        lengths = completions.lengths.flatten()
        own = torch.isin(completions.rows, rows).nonzero().squeeze(1)
        prefixes, parents = completions.prefixes[own], completions.rows[own] - rows[0]
        copied = torch.arange(copies, device=rows.device)
        sentence = self._read(self.begin.expand(len(rows), -1), None)
        pool = Pool.empty(sentence)
        for number in range(completions.ids.shape[2]):
            joining = (prefixes == number).nonzero().squeeze(1)
            flat = (own[joining, None] * copies + copied).flatten()
            pool = pool.join(flat, sentence.select(parents[joining].repeat_interleave(copies)))
            pool = pool.keep(lengths[pool.rows] > number)
            if len(pool.rows):
                chosen = ids[pool.rows, number]
                features = self.perceptron(pool.memory.hidden)
                outputs = self._outputs(features, chosen).float()
                yield number, pool.rows, torch.sigmoid(outputs)
                pool = Pool(pool.rows, self._read(self.embedding(chosen), pool.memory))
            if number < completions.sentences.ids.shape[1]:
                vectors = self.embedding(completions.sentences.ids[rows, number])
                sentence = self._read(vectors, sentence)

    def _outputs(self, features: Tensor, tokens: Tensor) -> Tensor:
        """The output of each token, its expected value for soft tokens: (..., perceptron) and
        (...) or (..., vocabulary) -> (...)."""
        words = tokens.unsqueeze(features.dim() - 1)
        return word_scores(features, words, self.weight, self.bias).squeeze(-1)

    def _read(self, vectors: Tensor, memory: Memory | None) -> Memory:
        """One step: vectors (rows, width)."""
        before = None if memory is None else (memory.hidden[None], memory.cell[None])
        _, (hidden, cell) = self.network(vectors.unsqueeze(1), before)
        return Memory(hidden[0], cell[0])

    def _reduced(self, precision: torch.dtype) -> torch.autocast:
        return torch.autocast(
            self.bias.device.type, dtype=precision, enabled=precision != torch.float32
        )


class Highway(nn.Module):
    """gate x relu(linear(x)) + (1 - gate) x x, the gate closed by three quarters at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -1.0)

    def forward(self, vectors: Tensor) -> Tensor:
        """(..., width) -> (..., width)."""
        changed: Tensor = torch.relu(self.change(vectors))
        return vectors + torch.sigmoid(self.gate(vectors)) * (changed - vectors)


class Memory(NamedTuple):
    """The state of the LSTM, each (rows, hidden)."""

    hidden: Tensor
    cell: Tensor

    def select(self, rows: Tensor) -> Memory:
        """Repeat, reorder or drop rows."""
        return Memory(self.hidden[rows], self.cell[rows])


class Pool(NamedTuple):
    """Completions being read: their positions (some,) and states."""

    rows: Tensor
    memory: Memory

    @classmethod
    def empty(cls, like: Memory) -> Pool:
        """No completions."""
        nobody = torch.empty(0, dtype=torch.int64, device=like.hidden.device)
        return cls(nobody, like.select(nobody))

    def join(self, rows: Tensor, memory: Memory) -> Pool:
        """With more completions."""
        pairs = zip(self.memory, memory, strict=True)
        return Pool(torch.cat((self.rows, rows)), Memory(*(torch.cat(pair) for pair in pairs)))

    def keep(self, kept: Tensor) -> Pool:
        """Those of a bool mask (some,) only."""
        return self if bool(kept.all()) else Pool(self.rows[kept], self.memory.select(kept))
