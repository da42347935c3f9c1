"""Every method learns: eight sentences by heart, and a drawn oracle."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from method_models import (
    LIMIT,
    SPECIALS,
    VOCABULARY,
    batches,
    corpus,
    discriminator,
    players,
)

from seqgen.evaluation.likelihood import likelihood
from seqgen.evaluation.sampling import sample
from seqgen.evaluation.truth import OracleTruth
from seqgen.generators.oracle import SPECIALS as NO_END
from seqgen.generators.oracle import draw_oracle
from seqgen.generators.protocol import Generator
from seqgen.generators.recurrent import Recurrent
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.scheduled_sampling import ScheduledSampling
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.protocol import Method
from seqgen.randomness import Stream
from seqgen.text.encoded import Encoded
from seqgen.training.batches import Batches
from seqgen.training.phases import Phase
from seqgen.training.schedules import linear_decay
from seqgen.training.trainer import Trainer

EIGHT = corpus(8)
METHODS: dict[str, Callable[[Generator], Method]] = {
    "teacher-forcing": TeacherForcing,
    "scheduled-sampling": lambda m: ScheduledSampling(m, linear_decay(1.0, 0.005, 0.5)),
    "data-as-demonstrator": lambda m: DataAsDemonstrator(
        m, EIGHT, every=50, rounds=2, size=8, gold_share=0.5
    ),
    "professor-forcing": lambda m: ProfessorForcing(m, discriminator(m), limit=LIMIT, gate_low=0.0),
}


@pytest.mark.parametrize("name", METHODS)
def test_eight_sentences_are_learned_by_heart(name: str) -> None:
    torch.manual_seed(0)
    model = Recurrent(VOCABULARY, SPECIALS, width=16, hidden=32)
    before = likelihood(model, EIGHT).nats
    method = METHODS[name](model)
    Trainer([Phase(method, 150)], players(method, 2e-2, clip=5.0), batches(8, EIGHT)).train()
    after = likelihood(model, EIGHT).nats
    # The first tokens of eight sentences cannot be foretold: log 8 nats over 4 to 5 tokens each.
    floor = torch.log(torch.tensor(8.0)).item() * 8 / int(EIGHT.lengths.sum())
    assert before > 2.5
    assert after < floor + 0.15 * (before - floor)


def test_samples_become_likely_under_a_drawn_oracle() -> None:
    oracle, count, time = draw_oracle(4, vocabulary=50, width=8, hidden=8), 600, 10
    ids = sample(oracle, count, time, Stream.of(1, "oracle")).tokens
    lengths = torch.full((count,), time)
    data = Encoded(ids.flatten().int(), torch.arange(count) * time, lengths, 0)
    torch.manual_seed(0)
    model = Recurrent(50, NO_END, width=16, hidden=32)
    truth = OracleTruth(oracle)

    def oracle_nll(of: Generator) -> float:
        drawn = sample(of, 1000, time, Stream.of(2, "test")).sentences()
        return truth.measure(drawn, [])["oracle-nll"]

    method = TeacherForcing(model)
    before = oracle_nll(model)
    Trainer([Phase(method, 200)], players(method, 1e-2, clip=5.0), Batches(data, 64)).train()
    after, best = oracle_nll(model), oracle_nll(oracle)
    assert best < after < before
    assert before - after > 0.6 * (before - best)
