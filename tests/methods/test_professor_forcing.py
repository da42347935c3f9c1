"""Professor forcing: terms against closed forms, gates, and where gradients go."""

from __future__ import annotations

import pytest
import torch
from method_models import (
    LIMIT,
    assert_close,
    batch,
    batches,
    corpus,
    discriminator,
    generator,
    gradients,
    moment,
    owned,
    players,
    value,
    weights,
)
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from seqgen.generators.choose import Sample
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.protocol import Generator
from seqgen.methods.autoregressive.professor_forcing import ProfessorForcing
from seqgen.methods.autoregressive.teacher_forcing import TeacherForcing
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.player import Player
from seqgen.training.trainer import Trainer


def method(kind: str = "lstm", outputs: bool = True, **settings: float) -> ProfessorForcing:
    model = generator(kind)
    return ProfessorForcing(model, discriminator(model, outputs), limit=LIMIT, **settings)


def drawn(model: Generator, sentences: Sentences, stream: Stream) -> Sentences:
    """What the method must draw: the free run for these rows."""
    rows = sentences.numbers
    free = decode(model, Sample(), len(rows), LIMIT, stream=stream.child("free"), rows=rows)
    return Sentences(free.tokens, free.lengths)


def scores(made: ProfessorForcing, sentences: Sentences) -> Tensor:
    """The discriminator on the generator's behaviour along sentences."""
    hidden = teacher_force(made.generator, sentences).hidden
    logits = None if made.discriminator.outputs is None else made.generator.logits(hidden)
    return made.discriminator(hidden, logits, sentences.lengths)


def without_dropout(model: Generator) -> None:
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0


@pytest.mark.parametrize("outputs", [True, False])
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_the_discriminator_minimises_binary_cross_entropy(kind: str, outputs: bool) -> None:
    made, sentences, now = method(kind, outputs), batch(), moment()
    without_dropout(made.generator)
    real = scores(made, sentences)
    fake = scores(made, drawn(made.generator, sentences, now.stream))
    loss = made.loss("discriminator", sentences, now)
    torch.testing.assert_close(value(loss, "real"), bce(real, torch.ones(7)))
    torch.testing.assert_close(value(loss, "fake"), bce(fake, torch.zeros(7)))
    right = [*(real > 0).tolist(), *(fake < 0).tolist()]
    total, weight, _ = loss.numbers["accuracy"]
    assert float(total / weight) == pytest.approx(sum(right) / 14)
    both = value(loss, "real") + value(loss, "fake")
    assert all((g == 0).all() for g in gradients(both, made.generator).values())
    assert all((g != 0).any() for g in gradients(both, made.discriminator).values())


@pytest.mark.parametrize("kind", ["lstm", "relational"])
def test_the_generator_follows_likelihood_and_the_two_adversarial_terms(kind: str) -> None:
    made, sentences, now = (
        method(kind, gate_low=0.0, factor=0.7, teacher_factor=0.3),
        batch(),
        moment(),
    )
    real = scores(made, sentences)
    fake = scores(made, drawn(made.generator, sentences, now.stream))
    loss = made.loss("generator", sentences, now)
    expected = {
        "nll": (value(TeacherForcing(made.generator).loss("generator", sentences, now)), 1.0),
        "free": (bce(fake, torch.ones(7)), 0.7),  # C_f: free running should look teacher-forced
        "forced": (bce(real, torch.zeros(7)), 0.3),  # C_t: and the other way round
    }
    assert set(loss.terms) == set(expected)
    for name, (closed, factor) in expected.items():
        torch.testing.assert_close(value(loss, name), closed, msg=name)
        assert loss.terms[name].factor == factor
        ours = gradients(value(loss, name), made.generator)
        assert_close(ours, gradients(closed, made.generator), atol=1e-6)


def test_the_discriminator_sees_the_generator_in_the_mode_of_its_own_turn() -> None:
    made, sentences, now = method(), batch(), moment()
    torch.manual_seed(1)
    one = value(made.loss("discriminator", sentences, now), "real")
    other = value(made.loss("discriminator", sentences, now), "real")
    assert one != other  # dropout, while the draws are the same
    assert not made.generator.training and not made.generator.dropout.training


def test_the_second_term_is_optional() -> None:
    loss = method(gate_low=0.0).loss("generator", batch(), moment())
    assert set(loss.terms) == {"nll", "free"}


def test_the_free_run_sends_gradients_through_its_states() -> None:
    made, sentences, now = method(gate_low=0.0), batch(), moment()
    free = gradients(value(made.loss("generator", sentences, now), "free"), made.generator)
    # All that acts on states and outputs moves; ids are fixed numbers, so central differences with
    # the same drawn sentences give the same slope.
    assert all((gradient != 0).any() for gradient in free.values())
    ids = drawn(made.generator, sentences, now.stream)
    for name, parameter in made.generator.named_parameters():
        direction = free[name] / free[name].norm()
        around = []
        for step in (0.02, -0.02):
            with torch.no_grad():
                parameter += step * direction
                around.append(float(bce(scores(made, ids), torch.ones(7))))
                parameter -= step * direction
        slope = (around[0] - around[1]) / 0.04
        assert slope == pytest.approx(float(free[name].norm()), rel=0.02), name


def test_below_the_low_gate_only_likelihood_counts() -> None:
    made = method(gate_low=0.6)
    made.accuracy = 0.59
    loss = made.loss("generator", batch(), moment())
    assert set(loss.terms) == {"nll"} and not loss.numbers
    made.accuracy = 0.6
    loss = made.loss("generator", batch(), moment())
    assert set(loss.terms) == {"nll", "free"} and set(loss.numbers) == {"accuracy"}


def test_above_the_high_gate_the_discriminator_rests() -> None:
    made = method(gate_low=0.5, gate_high=0.9)
    made.begin("generator", moment())
    made.accuracy = 0.91
    assert made.loss("discriminator", batch(), moment()) is None
    made.accuracy = 0.9
    assert made.loss("discriminator", batch(), moment()) is not None


def test_the_accuracy_is_a_running_average() -> None:
    made = method(decay=0.9)
    assert made.accuracy == 0.5
    made.stepped("discriminator", moment(), {"real": 3.0, "accuracy": 1.0})
    assert made.accuracy == pytest.approx(0.55)
    made.stepped("generator", moment(), {"nll": 3.0})
    assert made.accuracy == pytest.approx(0.55)
    made.stepped("generator", moment(), {"accuracy": 0.0})
    assert made.accuracy == pytest.approx(0.495)
    other = method()
    other.load_state_dict(made.state_dict())
    assert other.accuracy == made.accuracy


class Counted(ProfessorForcing):
    """Notes who was updated and the accuracy after it."""

    def __init__(self, *arguments: object, **settings: float) -> None:
        super().__init__(*arguments, **settings)
        self.log: list[tuple[int, str]] = []

    def stepped(self, player: str, moment: object, parts: object) -> None:
        super().stepped(player, moment, parts)
        self.log.append((moment.round, player))


def test_a_resting_discriminator_wakes_up_again() -> None:
    model = generator()
    judge = discriminator(model)
    with torch.no_grad():
        judge.score[-1].weight.zero_()  # it knows nothing any more: no score is on the right side
        judge.score[-1].bias.zero_()
    made = Counted(model, judge, limit=LIMIT, gate_low=0.5, gate_high=0.9, decay=0.0)
    made.accuracy = 0.95
    made.begin("generator", moment())  # as after a round: before the first nobody has measured
    Trainer([Phase(made, 3)], players(made), batches()).train()
    # Round 0: it rests, the generator measures an accuracy of 0; from round 1 on it learns.
    assert made.log[:2] == [(0, "generator"), (1, "discriminator")]


def test_a_trained_discriminator_tells_the_behaviours_apart() -> None:
    model = generator("gru")
    made = Counted(model, discriminator(model), limit=LIMIT, gate_high=1.0, decay=0.9)
    plan = [Phase(made, 200, only=("discriminator",))]
    Trainer(
        plan, {"discriminator": players(made)["discriminator"]}, batches(12, corpus(60))
    ).train()
    assert made.accuracy > 0.7
    assert {player for _, player in made.log} == {"discriminator"}


def test_gates_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="gate_low"):
        method(gate_low=0.9, gate_high=0.5)


@pytest.mark.parametrize("outputs", [True, False])
def test_the_discriminator_ignores_padding(outputs: bool) -> None:
    model = generator()
    judge = discriminator(model, outputs)
    vocabulary, width = model.head.weight.shape
    lengths = torch.tensor([5, 1, 3, 4])
    hidden, logits = torch.randn(4, 5, width), torch.randn(4, 5, vocabulary)
    expected = judge(hidden, logits if outputs else None, lengths)
    tail = torch.arange(5) >= lengths[:, None]
    other_hidden, other_logits = hidden.clone(), logits.clone()
    other_hidden[tail], other_logits[tail] = 100.0, -7.0
    assert torch.equal(judge(other_hidden, other_logits if outputs else None, lengths), expected)
    longer = [torch.nn.functional.pad(t, (0, 0, 0, 3), value=9.0) for t in (hidden, logits)]
    assert torch.equal(judge(longer[0], longer[1] if outputs else None, lengths), expected)
    alone = [
        judge(hidden[row, None, :steps], logits[row, None, :steps], lengths[row, None])
        for row, steps in enumerate(lengths.tolist())
    ]
    torch.testing.assert_close(torch.cat(alone), expected)
    inside = hidden.clone()
    inside[0, 4] += 1.0
    assert judge(inside, logits if outputs else None, lengths)[0] != expected[0]


def test_a_discriminator_of_outputs_needs_them() -> None:
    model = generator()
    with pytest.raises(ValueError, match="logits"):
        discriminator(model)(torch.randn(1, 2, 8), None, torch.tensor([2]))


def test_accumulation_changes_nothing() -> None:
    found = []
    for accumulation in (1, 2):
        made = method("gru", gate_low=0.0, gate_high=1.0, teacher_factor=0.4)
        made.discriminator.dropout.p = 0.0
        made.discriminator.score[2].p = 0.0
        made.generator.dropout.p = 0.0
        # Plain steps: Adam would blow the rounding of nearly vanishing gradients up to whole steps.
        descent = {name: Player(torch.optim.SGD(owned(made, name), 0.1)) for name in made.players}
        Trainer([Phase(made, 3)], descent, batches(8, accumulation=accumulation)).train()
        found.append(weights(made))
    assert_close(*found, atol=1e-6)
    start = weights(method("gru"))
    assert all(not torch.equal(start[name], now) for name, now in found[0].items())


def test_a_discriminator_that_plays_alone_never_rests() -> None:
    made = method(gate_high=0.8)
    made.accuracy = 0.95
    assert made.loss("discriminator", batch(), moment()) is not None
    made.begin("generator", moment())
    assert made.loss("discriminator", batch(), moment()) is None
    other = method(gate_high=0.8)
    other.load_state_dict(made.state_dict())
    assert other.loss("discriminator", batch(), moment()) is None
