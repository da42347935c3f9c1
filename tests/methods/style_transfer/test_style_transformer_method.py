"""The Style Transformer's method: labels of both discriminators, losses by value, gradients."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from method_models import (
    LIMIT,
    SPECIALS,
    VOCABULARY,
    batches,
    corpus,
    generator,
    gradients,
    moment,
    players,
    style_discriminator,
    value,
    weights,
)
from torch import Tensor, nn

from seqgen.discriminators.style import StyleDiscriminator
from seqgen.generators.choose import Greedy
from seqgen.generators.decoding import decode, teacher_force
from seqgen.generators.protocol import Condition
from seqgen.generators.relaxed import GumbelSoftmax, Soft
from seqgen.methods.style_transfer import style_transformer
from seqgen.methods.style_transfer.claims import Written, claims, verdicts, wanted
from seqgen.methods.style_transfer.style_transformer import StyleTransformerMethod
from seqgen.methods.style_transfer.styles import drop_words, other_styles
from seqgen.randomness import Stream
from seqgen.text.sentences import Sentences
from seqgen.training.phases import Phase
from seqgen.training.trainer import Trainer

STREAM = Stream.of(3, "styles")


def batch(count: int = 6) -> Sentences:
    rows = torch.arange(count)
    return corpus(labelled=True).select(rows, rows * 3 + 2)


def method(conditional: bool = True, **settings: Any) -> StyleTransformerMethod:
    given: dict[str, Any] = {
        "limit": LIMIT,
        "temperature": lambda update: 0.5,
        "word_drop": lambda update: 0.0,
        "discriminator_steps": 2,
        "generator_steps": 1,
    }
    made = style_discriminator(conditional)
    return StyleTransformerMethod(generator("style-transformer"), made, **(given | settings))


def written(style: list[int], first: int = 5) -> Written:
    count = len(style)
    return Written(torch.full((count, 2), first), torch.full((count,), 2), torch.tensor(style))


# ---- labels


def test_labels_of_the_conditional_discriminator() -> None:
    real, own, changed = written([0, 1, 2]), written([0, 1, 2]), written([2, 0, 1])
    found = claims(real, torch.tensor([1, 2, 0]), own, changed, conditional=True)
    assert {n: (c.said.style.tolist(), c.right.tolist()) for n, c in found.items()} == {
        "real": ([0, 1, 2], [1, 1, 1]),
        "other": ([1, 2, 0], [0, 0, 0]),
        "reconstructed": ([0, 1, 2], [1, 1, 1]),
        "transferred": ([2, 0, 1], [0, 0, 0]),
    }
    assert found["other"].said.tokens is real.tokens
    assert found["reconstructed"].said is own and found["transferred"].said is changed
    assert wanted(changed, conditional=True).tolist() == [1, 1, 1]


def test_labels_of_the_multi_class_discriminator() -> None:
    real, own, changed = written([0, 1, 2]), written([0, 1, 2]), written([2, 0, 1])
    found = claims(real, torch.tensor([1, 2, 0]), own, changed, conditional=False)
    assert {n: c.right.tolist() for n, c in found.items()} == {
        "real": [1, 2, 3],
        "reconstructed": [1, 2, 3],
        "transferred": [0, 0, 0],
    }
    assert wanted(changed, conditional=False).tolist() == [3, 1, 2]


@pytest.mark.parametrize("conditional", [True, False])
def test_one_pass_over_all_claims_is_a_pass_over_each(conditional: bool) -> None:
    network, given = style_discriminator(conditional), batch(4)
    assert given.labels is not None
    soft = torch.softmax(torch.randn(4, 3, VOCABULARY), -1)
    own = Written(soft, torch.tensor([3, 1, 2, 3]), given.labels)
    changed = Written(soft.flip(0), torch.tensor([2, 2, 3, 1]), (given.labels + 1) % 3)
    real = Written(given.ids, given.lengths, given.labels)
    asked = claims(real, (given.labels + 2) % 3, own, changed, conditional)
    for name, (logits, right) in verdicts(network, asked).items():
        said = asked[name].said
        alone = network(said.tokens, said.lengths, said.style if conditional else None)
        torch.testing.assert_close(logits, alone, rtol=1e-5, atol=1e-5)
        assert torch.equal(right, asked[name].right)


# ---- styles and words left out


def test_of_two_styles_the_other_is_taken() -> None:
    own = torch.tensor([0, 1, 1])
    assert other_styles(own, 2, STREAM, torch.arange(3)).tolist() == [1, 0, 0]


def test_of_several_styles_every_other_one_is_equally_likely_and_belongs_to_its_row() -> None:
    rows = torch.arange(9000)
    own = rows % 4
    found = other_styles(own, 4, STREAM, rows)
    assert ((found >= 0) & (found < 4) & (found != own)).all()
    counts = torch.zeros(4, 4).index_put_((own, found), torch.ones(9000), accumulate=True)
    assert (counts[counts > 0] > 650).all() and (counts > 0).sum() == 12
    some = torch.tensor([8000, 3, 77])
    assert torch.equal(other_styles(own[some], 4, STREAM, some), found[some])


def test_words_are_left_out_and_ends_stay() -> None:
    rows = torch.arange(4000)
    ids = torch.arange(3, 9).repeat(4000, 1)
    ids[:, 4], ids[:, 5] = SPECIALS.end, SPECIALS.pad
    given = Sentences(ids, torch.full((4000,), 5), rows % 2, rows)
    found = drop_words(given, 0.3, STREAM, SPECIALS.pad)
    assert torch.equal(found.ids[rows, found.lengths - 1], torch.full((4000,), SPECIALS.end))
    assert ((found.ids == SPECIALS.pad) == ~found.mask).all()
    words = [[w for w in row if w not in SPECIALS] for row in found.ids.tolist()]
    assert all(row == sorted(set(row)) for row in words)
    for word in range(3, 7):
        assert sum(word in row for row in words) / 4000 == pytest.approx(0.7, abs=0.03)
    assert drop_words(given, 0.0, STREAM, SPECIALS.pad) is given
    part = drop_words(given.select(torch.tensor([77, 5])), 0.3, STREAM, SPECIALS.pad)
    assert torch.equal(part.ids, found.ids[[77, 5]])


# ---- losses by value


class Told(StyleDiscriminator):
    """Logits that the tests know: class 1 is as likely as its first token says."""

    def judge(self, vectors: Tensor, lengths: Tensor, style: Tensor | None = None) -> Tensor:
        logits = vectors.new_zeros(len(vectors), self.classify.out_features)
        logits[:, 1] = math.log(3.0)
        return logits


@pytest.mark.parametrize("conditional", [True, False])
def test_the_discriminators_loss_against_a_closed_form(conditional: bool) -> None:
    made = method(conditional)
    made.discriminator = Told(VOCABULARY, 3, conditional=conditional, width=8, heads=2, limit=LIMIT)
    given = batch()
    loss = made.loss("discriminator", given, moment())
    assert loss is not None and given.labels is not None
    share = 3 / 4 if conditional else 3 / 6  # of class 1; every other class has a third of it
    one, another = -math.log(share), -math.log(share / 3)
    first = given.labels == 0  # whose class is 1 in the multi-class variant
    mixed = float(torch.where(first, one, another).mean())
    expected = {"real": mixed, "reconstructed": mixed, "transferred": another}
    if conditional:
        expected = {"real": one, "other": another, "reconstructed": one, "transferred": another}
    found = {name: float(value(loss, name)) for name in loss.terms}
    assert found == pytest.approx(expected, rel=1e-5)
    assert all(term.factor == 1.0 and term.weight == 6 for term in loss.terms.values())
    accuracy = 0.5 if conditional else float(2 * first.sum() / 18)
    total, weight, _ = loss.numbers["accuracy"]
    assert float(total) / float(weight) == pytest.approx(accuracy)


@pytest.mark.parametrize("conditional", [True, False])
def test_the_generators_loss_against_its_definition(conditional: bool) -> None:
    made, given = method(conditional), batch()
    assert given.labels is not None
    loss = made.loss("generator", given, moment())
    assert loss is not None
    assert {n: t.factor for n, t in loss.terms.items()} == {
        "reconstruction": 0.25,
        "cycle": 0.5,
        "style": 1.0,
    }

    def nats(source: Tensor, mask: Tensor) -> Tensor:
        condition = Condition(source, mask, given.labels)
        logits = made.generator.logits(teacher_force(made.generator, given, condition).hidden)
        chosen = logits.log_softmax(-1).gather(-1, given.ids.unsqueeze(-1)).squeeze(-1)
        return -(chosen * given.mask).sum() / len(given)

    torch.testing.assert_close(value(loss, "reconstruction"), nats(given.ids, given.mask))
    target = other_styles(given.labels, 3, moment().stream.child("target"), given.numbers)
    condition = Condition(given.ids, given.mask, target)
    soft = decode(made.generator, Soft(0.5), 6, LIMIT, condition=condition, gradient=True)
    torch.testing.assert_close(value(loss, "cycle"), nats(soft.tokens, soft.mask))
    asked = target if conditional else None
    logits = made.discriminator(soft.tokens, soft.lengths, asked)
    classes = torch.ones_like(target) if conditional else target + 1
    expected = nn.functional.cross_entropy(logits, classes)
    torch.testing.assert_close(value(loss, "style"), expected)
    passed = (logits.argmax(1) == classes).float().mean()
    total, weight, _ = loss.numbers["fooled"]
    assert float(total / weight) == pytest.approx(float(passed))


@pytest.mark.parametrize("term", ["cycle", "style"])
def test_the_gradient_flows_through_the_soft_sentence(term: str) -> None:
    """A change of what is written in the other style, and in no other, changes these losses."""
    made, given = method(), batch()
    assert given.labels is not None
    given = given.select(given.labels == 0)  # so that style 0 is never a target
    found = gradients(value(made.loss("generator", given, moment()), term), made.generator)
    reached = found["style"].abs().sum(1) > 0
    assert reached.tolist() == [term == "cycle", True, True]


def test_no_gradient_reaches_the_generator_in_the_discriminators_turn() -> None:
    made = method()
    loss = made.loss("discriminator", batch(), moment())
    for name in ("reconstructed", "transferred"):
        found = gradients(value(loss, name), made.discriminator)
        assert found["embedding.weight"].abs().sum() > 0
        with pytest.raises(RuntimeError, match="to not have been used"):
            torch.autograd.grad(value(loss, name), list(made.generator.parameters()))


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_bfloat16_products_give_nearly_the_same_losses(player: str) -> None:
    made, given = method(), batch()
    expected = made.loss(player, given, moment())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = made.loss(player, given, moment())
    assert expected is not None and found is not None
    for name in expected.terms:
        ours, theirs = float(value(found, name)), float(value(expected, name))
        assert ours != theirs, name  # the soft sentences are made of rounded products too
        assert ours == pytest.approx(theirs, rel=0.05), name


@pytest.mark.parametrize("player", ["generator", "discriminator"])
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("drawn", [False, True])
def test_rows_have_the_same_losses_in_one_batch_and_in_two(
    player: str, hard: bool, drawn: bool
) -> None:
    made, given = method(word_drop=lambda update: 0.4, hard=hard, drawn=drawn), batch()
    whole = made.loss(player, given, moment())
    parts = [made.loss(player, given.select(torch.arange(6)[i::2]), moment()) for i in (0, 1)]
    assert whole is not None
    for name, term in whole.terms.items():
        together = sum(part.terms[name].total for part in parts if part is not None)
        torch.testing.assert_close(term.total, together, rtol=1e-4, atol=1e-5)


def _written_in_the_discriminators_turn(
    monkeypatch: pytest.MonkeyPatch, count: int, **settings: Any
) -> tuple[StyleTransformerMethod, Sentences, dict[str, Written]]:
    """What the claims of a turn are made of."""
    seen: dict[str, Written] = {}

    def kept(real: Written, other: Tensor, own: Written, changed: Written, variant: bool) -> Any:
        seen.update(own=own, changed=changed)
        return claims(real, other, own, changed, variant)

    monkeypatch.setattr(style_transformer, "claims", kept)
    made, given = method(hard=True, **settings), batch(1).select(torch.zeros(count).long())
    given = Sentences(given.ids, given.lengths, given.labels, torch.arange(count))
    made.loss("discriminator", given, moment())
    return made, given, seen


def test_drawn_tokens_of_the_discriminators_turn_have_the_generators_distribution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made, given, seen = _written_in_the_discriminators_turn(monkeypatch, 4000, drawn=True)
    for written in seen.values():
        one = Condition(given.ids[:1], given.mask[:1], written.style[:1])
        rows = written.style == written.style[0]
        hidden = teacher_force(made.generator, given.select(torch.zeros(1).long()), one).hidden
        expected = torch.softmax(made.generator.logits(hidden[:, 0]), -1)[0]
        found = torch.bincount(written.tokens[rows, 0], minlength=VOCABULARY) / rows.sum()
        torch.testing.assert_close(found, expected.detach(), rtol=0, atol=0.05)
    own, changed = seen["own"].tokens[:, 0], seen["changed"].tokens[:, 0]
    assert (own == changed).double().mean() < 0.4  # the same numbers would draw the same word


def test_tokens_that_are_not_drawn_are_the_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    made, given, seen = _written_in_the_discriminators_turn(monkeypatch, 8)
    for written in seen.values():
        condition = Condition(given.ids, given.mask, written.style)
        likeliest = decode(made.generator, Greedy(), 8, LIMIT, condition=condition)
        steps = int(written.lengths.max())
        assert torch.equal(written.tokens[:, :steps], likeliest.tokens[:, :steps])


def test_the_generator_gets_gradients_through_relaxed_draws() -> None:
    made, given = method(hard=True, drawn=True), batch()
    target = other_styles(given.labels, 3, moment().stream.child("target"), given.numbers)
    soft = decode(
        made.generator, GumbelSoftmax(0.5, hard=True), 6, LIMIT, gradient=True,
        condition=Condition(given.ids, given.mask, target), rows=given.numbers * 3 + target,
        stream=moment().stream.child("tokens"),
    )  # fmt: skip
    condition = Condition(soft.tokens, soft.mask, given.labels)
    hidden = teacher_force(made.generator, given, condition).hidden
    expected = made.generator.negative_log_likelihood(hidden, given.ids, given.mask) / 6
    loss = made.loss("generator", given, moment())
    torch.testing.assert_close(value(loss, "cycle"), expected)
    found = gradients(value(loss, "cycle"), made.generator)
    again = gradients(expected, made.generator)
    torch.testing.assert_close(found["style"], again["style"])
    assert found["style"].abs().sum() > 0


def test_words_are_left_out_of_the_reconstructions_source_by_the_schedule() -> None:
    made = method(word_drop=lambda update: 0.5 if update else 0.0, cycle=0.0, style=0.0)
    losses = [made.loss("generator", batch(), moment(updates)) for updates in (0, 1)]
    first, second = (float(value(loss, "reconstruction").detach()) for loss in losses)
    assert first != second
    assert float(losses[1].numbers["word-drop"].total) / 6 == 0.5  # type: ignore[union-attr]


def test_pretraining_decodes_nothing_and_leaves_the_other_terms_out() -> None:
    made = method(cycle=0.0, style=0.0)
    made.discriminator = None  # type: ignore[assignment]
    loss = made.loss("generator", batch(), moment())
    assert loss is not None and set(loss.terms) == {"reconstruction"}


# ---- turns, the clock, resuming


def test_turns_and_the_clock_of_the_schedules() -> None:
    seen: list[int] = []
    made = method(temperature=lambda update: seen.append(update) or 0.5)
    assert made.turns(0) == ("discriminator", "discriminator", "generator")
    Trainer([Phase(made, 2)], players(made), batches(data=corpus(labelled=True))).train()
    assert seen == [0, 0, 0, 1, 1, 1]
    assert made.state_dict() == {"generator updates": 2}
    other = method()
    other.load_state_dict(made.state_dict())
    assert other.generator_updates == 2


def test_pretraining_moves_the_generator_alone() -> None:
    made = method(cycle=0.0, style=0.0)
    before = weights(made)
    data = batches(data=corpus(labelled=True))
    Trainer([Phase(made, 2, only=("generator",))], players(made), data).train()
    moved = {
        name for name, tensor in weights(made).items() if not torch.equal(tensor, before[name])
    }
    assert moved and all(name.startswith("generator.") for name in moved)


def test_what_cannot_work_is_refused() -> None:
    with pytest.raises(ValueError, match="Recurrent reads no source"):
        StyleTransformerMethod(
            generator(), style_discriminator(), limit=5, temperature=float, word_drop=float
        )
    with pytest.raises(ValueError, match="must be at least 1"):
        method(generator_steps=0)
    with pytest.raises(ValueError, match="limit 0"):
        method(limit=0)
    with pytest.raises(ValueError, match="one must be above 0"):
        method(reconstruction=0.0, cycle=0.0, style=0.0)
    two = StyleDiscriminator(VOCABULARY, 2, width=8, heads=2)
    with pytest.raises(ValueError, match="3 styles, the discriminator 2"):
        StyleTransformerMethod(
            generator("style-transformer"), two, limit=5, temperature=float, word_drop=float
        )
    unlabelled = corpus().select(torch.arange(3))
    with pytest.raises(ValueError, match="no labels"):
        method().loss("generator", unlabelled, moment())
