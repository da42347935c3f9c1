"""Data as demonstrator: aggregate the generator's own prefixes with the gold tokens that should
have followed."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from seqgen.generators.choose import Mixed
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.scheduled_sampling import mixed_prefixes, read
from seqgen.methods.autoregressive.teacher_forcing import token_term
from seqgen.methods.protocol import Loss, Moment, Stateless, Term
from seqgen.randomness import Stream
from seqgen.text.sentences import Rows, Sentences


class DataAsDemonstrator(Stateless):
    """Dataset aggregation for multi-step prediction, for sequences of tokens.

    Source: Venkatraman, Hebert and Bagnell, "Improving Multi-Step Prediction of Learned Time Series
    Models", AAAI 2015. Every `every` updates the current generator is run along training sentences
    on its own draws; its prefix up to step t together with the gold token of step t + 1, the
    demonstrator's correction, joins the data. Training goes on over gold and all gathered prefixes
    in equal parts.

    Differs from the paper in: the state of a time series becomes the prefix of tokens, and the
    prediction a draw from the generator (the paper's models predict one value); the paper retrains
    from scratch on the aggregate and takes the best round on validation data, here training goes on
    and the best checkpoint is a matter of evaluation. `gold_share` above 0 mixes gold tokens into
    the run, since a draw soon leaves the gold sentence for good, which a time series does not.

    Args:
        generator: the network.
        data: the training sentences.
        every: updates between two gatherings.
        rounds: the most gatherings; later updates train on what there is.
        size: sentences gathered a round.
        gold_share: probability of feeding the gold token while gathering; 0 is the paper's free
            run.
        temperature: of the draws.
        smoothing: label smoothing.
    """

    def __init__(
        self,
        generator: Generator,
        data: Rows,
        *,
        every: int,
        rounds: int,
        size: int,
        gold_share: float = 0.0,
        temperature: float = 1.0,
        smoothing: float = 0.0,
    ) -> None:
        self.generator, self.data, self.smoothing = generator, data, smoothing
        self.every, self.rounds, self.size = every, rounds, min(size, len(data))
        self.gold_share, self.temperature = gold_share, temperature
        self.modules = {"generator": generator}
        self._indices = torch.empty(0, dtype=torch.int64)  # (gathered,) which sentences were run
        self._fed = torch.empty(
            0, 0, dtype=torch.int32
        )  # (gathered, time) what the generator fed itself

    def begin(self, player: str, moment: Moment) -> None:
        """Gather a round of own prefixes when it is time."""
        if self._done < self.rounds and moment.updates >= (self._done + 1) * self.every:
            self._gather(moment.stream.child("gather"))

    def loss(self, player: str, batch: Sentences, moment: Moment) -> Loss:
        """Each row is a gold sentence or a gathered one, with equal chances for gold and every
        round."""
        uniform = moment.stream.child("mix").uniform(batch.numbers, 2)
        source = (uniform[:, 0] * (1 + self._done)).long()  # 0 is gold
        own = source > 0
        place = ((source - 1) * self.size + (uniform[:, 1] * self.size).long())[own]
        parts = []
        if not own.all():
            gold = batch.select(~own)
            parts.append(self._term(gold, gold.ids))
        if own.any():
            parts.append(self._term(*self._taken(place.cpu())))
        total = torch.stack([part.total for part in parts]).sum()
        term = Term(total, sum(part.weight for part in parts))
        return Loss({"nll": term}, {"gold share": Term((~own).sum(), len(batch))})

    def state_dict(self) -> dict[str, Any]:
        """The gathered prefixes."""
        return {"indices": self._indices, "fed": self._fed}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the gathered prefixes."""
        self._indices, self._fed = state["indices"], state["fed"]

    @property
    def _done(self) -> int:
        return len(self._indices) // self.size

    def _term(self, gold: Sentences, fed: Tensor) -> Term:
        hidden = read(self.generator, fed, gold)
        return token_term(self.generator, hidden, gold, self.smoothing)

    def _taken(self, places: Tensor) -> tuple[Sentences, Tensor]:
        """Gathered rows: the gold sentences and what was fed along them."""
        gold = self.data.select(self._indices[places])
        fed = self._fed[places, : gold.ids.shape[1]].long()
        return gold.to(self.generator.device), fed.to(self.generator.device)

    def _gather(self, stream: Stream) -> None:
        """Run the generator along `size` sentences and keep what it fed itself."""
        indices = torch.randperm(len(self.data), generator=stream.generator())[: self.size]
        parts = []
        for number, part in enumerate(torch.split(indices, 4096)):
            batch = self.data.select(part).to(self.generator.device)
            choose = Mixed(batch, self.gold_share, temperature=self.temperature)
            fed = mixed_prefixes(self.generator, batch, choose, stream.child(number))
            parts.append(fed.to("cpu", torch.int32))
        time = max(self._fed.shape[1], *(part.shape[1] for part in parts))
        # What stands after a sentence's end is never read, so any number may fill the tail.
        self._fed = torch.cat([_widen(part, time) for part in (self._fed, *parts) if len(part)])
        self._indices = torch.cat((self._indices, indices))


def _widen(ids: Tensor, time: int) -> Tensor:
    return torch.nn.functional.pad(ids, (0, time - ids.shape[1]))
