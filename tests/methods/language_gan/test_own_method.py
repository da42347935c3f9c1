"""A reward method of a user's own: what it takes, and that it trains."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from method_models import batches
from policy_models import LIMIT, policy

from seqgen.evaluation.sampling import sample
from seqgen.generators.protocol import Generator
from seqgen.methods.language_gan.baselines import MovingBaseline
from seqgen.methods.language_gan.policy_gradient import PolicyGradient, draw
from seqgen.methods.language_gan.rewards import reward_to_go
from seqgen.methods.protocol import Loss, Moment, Stateless
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.player import Player
from seqgen.training.trainer import Trainer


class FavouriteWord(Stateless):
    """Teaches a generator to say a word."""

    def __init__(self, generator: Generator, word: int) -> None:
        self.generator, self.word = generator, word
        self.policy = PolicyGradient(generator, baseline=MovingBaseline(), entropy=0.01)
        self.modules = self.policy.modules

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        drawn = draw(self.generator, batch, LIMIT, moment.stream)
        rewards = (drawn.ids == self.word).float()
        return self.policy.loss(drawn, reward_to_go(rewards, drawn.mask, discount=0.5))

    def stepped(self, player: str, moment: Moment, parts: Mapping[str, float]) -> None:
        self.policy.stepped(parts)

    def state_dict(self) -> dict[str, Any]:
        return self.policy.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.policy.load_state_dict(state)


def share(model: Generator, word: int) -> float:
    drawn = sample(model, 300, LIMIT, Stream.of(4, "test"))
    return float((drawn.tokens == word).sum() / drawn.lengths.sum())


def test_a_method_of_ones_own_trains_from_python() -> None:
    model = policy()
    method = FavouriteWord(model, word=7)
    before = share(model, 7)
    player = Player(torch.optim.Adam(model.parameters(), 0.03), clip=5.0)
    outcome = Trainer([Phase(method, 40)], {"generator": player}, batches(16)).train()
    assert outcome.steps == 40
    assert before < 0.2
    assert share(model, 7) > 0.7


def test_it_takes_few_lines() -> None:
    lines: Sequence[str] = inspect.getsource(FavouriteWord).splitlines()
    assert len(lines) < 25
