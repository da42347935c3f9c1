"""Data as demonstrator: what is gathered, in what shares it is mixed in, and what is scored."""

from __future__ import annotations

import io

import pytest
import torch
from method_models import (
    SPECIALS,
    VOCABULARY,
    assert_close,
    batch,
    corpus,
    generator,
    gradients,
    moment,
    value,
)
from torch.nn.functional import cross_entropy

from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.data_as_demonstrator import DataAsDemonstrator
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.methods.protocol import Moment

DATA = corpus(40)


def method(
    model: Generator, rounds: int = 3, size: int = 12, **settings: float
) -> DataAsDemonstrator:
    return DataAsDemonstrator(model, DATA, every=10, rounds=rounds, size=size, **settings)


def gathered(model: Generator, count: int, **settings: float) -> DataAsDemonstrator:
    """A method that has gathered so many times."""
    made = method(model, **settings)
    for number in range(1, count + 1):
        made.begin("generator", moment(10 * number, name=f"gather {number}"))
    return made


def share_of_gold(made: DataAsDemonstrator, now: Moment) -> float:
    total, weight, _ = made.loss("generator", batch(), now).numbers["gold share"]
    return float(total / weight)


def test_before_the_first_gathering_it_is_teacher_forcing() -> None:
    model, sentences = generator(), batch()
    ours = method(model).loss("generator", sentences, moment())
    theirs = TeacherForcing(model).loss("generator", sentences, moment())
    assert torch.equal(value(ours), value(theirs))
    assert share_of_gold(method(model), moment()) == 1.0


def test_it_gathers_every_so_many_updates_and_at_most_so_many_times() -> None:
    made, counts = method(generator(), rounds=3, size=12), []
    for updates in range(60):
        made.begin("generator", moment(updates, name=f"{updates}"))
        counts.append(len(made.state_dict()["indices"]))
    assert counts == [0] * 10 + [12] * 10 + [24] * 10 + [36] * 30


def test_the_buffer_holds_prefixes_drawn_from_the_generator() -> None:
    model = generator()
    made = gathered(model, 1, size=30)
    state = made.state_dict()
    indices, fed = state["indices"], state["fed"].long()
    assert len(indices) == len(indices.unique()) == 30
    gold = DATA.select(indices)
    stream = moment(name="gather 1").stream.child("gather").child(0).child("draw")
    free = decode(model, Sample(), 30, gold.ids.shape[1], stream=stream)
    both = free.mask & gold.mask
    assert both.sum() > 50
    assert torch.equal(fed[:, : gold.ids.shape[1]][both], free.tokens[both])


def test_gold_tokens_may_be_mixed_into_the_run() -> None:
    made = gathered(generator(), 1, size=40, gold_share=0.8)
    gold = DATA.select(made.state_dict()["indices"])
    same = (made.state_dict()["fed"][:, : gold.ids.shape[1]] == gold.ids)[gold.mask].float().mean()
    assert 0.75 < same < 0.95


def test_a_gathering_is_not_larger_than_the_corpus() -> None:
    made = gathered(generator(), 1, size=1000)
    assert sorted(made.state_dict()["indices"].tolist()) == list(range(len(DATA)))


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_gold_and_every_gathering_have_equal_shares(rounds: int) -> None:
    made = gathered(generator(), rounds)
    shares = [share_of_gold(made, moment(name=f"mix {n}")) for n in range(400)]
    deviation = (rounds / (1 + rounds) ** 2 / (400 * 7)) ** 0.5
    assert abs(sum(shares) / 400 - 1 / (1 + rounds)) < 4 * deviation


def test_own_prefixes_are_paired_with_the_gold_tokens() -> None:
    model, sentences, now = generator(), batch(), moment(name="mix")
    made = gathered(model, 2, size=12)
    indices, fed = made.state_dict()["indices"], made.state_dict()["fed"].long()
    uniform = now.stream.child("mix").uniform(sentences.numbers, 2)
    logits, targets = [], []
    for row, (which, place) in enumerate(uniform.tolist()):
        source = int(which * 3)
        if source == 0:  # the gold sentence of this row
            gold = fed_here = sentences.ids[row, : int(sentences.lengths[row])]
        else:  # one of the 12 of gathering 1 or 2
            number = (source - 1) * 12 + int(place * 12)
            one = DATA.select(indices[number, None])
            gold = one.ids[0]
            fed_here = fed[number, : len(gold)]
        read = torch.cat((torch.tensor([SPECIALS.begin]), fed_here[:-1]))
        hidden = model.advance(read[None], model.start(1))[0].hidden
        logits.append(model.logits(hidden)[0])
        targets.append(gold)
    sources = {int(which * 3) for which in uniform[:, 0].tolist()}
    assert sources == {0, 1, 2}
    expected = cross_entropy(torch.cat(logits), torch.cat(targets))
    loss = made.loss("generator", sentences, now)
    assert int(loss.terms["nll"].weight) == len(torch.cat(targets))
    torch.testing.assert_close(value(loss), expected, rtol=1e-5, atol=1e-5)
    assert_close(gradients(value(loss), model), gradients(expected, model), atol=1e-5)


def test_the_buffer_can_be_saved_and_restored() -> None:
    model, now = generator(), moment(name="mix")
    made, file = gathered(model, 2), io.BytesIO()
    torch.save(made.state_dict(), file)
    file.seek(0)
    other = method(model)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(
        value(other.loss("generator", batch(), now)), value(made.loss("generator", batch(), now))
    )
    # It goes on where the other stood: nothing is gathered twice.
    for one in (made, other):
        one.begin("generator", moment(25))
        assert len(one.state_dict()["indices"]) == 24
        one.begin("generator", moment(30))
        assert len(one.state_dict()["indices"]) == 36
    assert torch.equal(made.state_dict()["fed"], other.state_dict()["fed"])
    assert (
        0 <= int(made.state_dict()["fed"].min()) <= int(made.state_dict()["fed"].max()) < VOCABULARY
    )


def test_gathering_leaves_mode_and_parameters_alone() -> None:
    model = generator("lstm").train()
    before = {name: p.clone() for name, p in model.named_parameters()}
    gathered(model, 1)
    assert model.training and model.dropout.training
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())
