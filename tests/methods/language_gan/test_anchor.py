"""The KL anchor and the frozen copy it holds on to."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from method_models import assert_close, generator, gradients, moment
from policy_models import LIMIT, batch, policy
from torch import Tensor, nn

from seqgen.generators.decoding import teacher_force
from seqgen.generators.protocol import Generator
from seqgen.methods.language_gan.anchor import Anchor
from seqgen.methods.language_gan.frozen_copy import FrozenCopy
from seqgen.methods.language_gan.policy_gradient import draw
from seqgen.text.sentences import Sentences


def moved(model: Generator, by: float = 0.3) -> Generator:
    """The model itself, after a change of its weights."""
    drawn = torch.Generator().manual_seed(8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += by * torch.randn(parameter.shape, generator=drawn)
    return model


def logarithms(model: Generator, given: Sentences) -> Tensor:
    return model.logits(teacher_force(model, given).hidden).log_softmax(-1)


def term_of(anchor: Anchor, given: Sentences) -> tuple[Tensor, Tensor | float, float]:
    hidden = teacher_force(anchor.generator, given).hidden
    return anchor.term(hidden[given.mask], given)


@pytest.mark.parametrize("kind", ["lstm", "transformer", "pretrained"])
def test_the_divergence_is_exact(kind: str) -> None:
    model = generator(kind)
    given = draw(model, batch(), LIMIT, moment().stream)
    anchor = Anchor(model, 0.3)
    anchor.freeze()
    reference = logarithms(model, given).detach()
    moved(model)
    total, weight, factor = term_of(anchor, given)
    ours = logarithms(model, given)
    expected = ((ours.exp() * (ours - reference)).sum(-1) * given.mask).sum()
    assert expected > 1.0 and factor == 0.3
    assert weight == int(given.lengths.sum())
    assert total.item() == pytest.approx(expected.item(), rel=1e-4)
    assert_close(gradients(total, model), gradients(expected, model), atol=1e-4)


def test_it_is_frozen_once_and_dropout_has_no_part_in_it() -> None:
    model = policy(dropout=0.5)
    given = draw(model, batch(), LIMIT, moment().stream)
    anchor = Anchor(model, 1.0)
    anchor.freeze()
    assert term_of(anchor, given)[0].item() == pytest.approx(0.0, abs=1e-5)
    moved(model)
    first = term_of(anchor, given)[0].item()
    anchor.freeze()
    assert term_of(anchor, given)[0].item() == first > 0.1
    model.train()
    hidden = teacher_force(model, given).hidden[given.mask].detach()
    assert anchor.term(hidden, given).total == anchor.term(hidden, given).total
    assert model.training


def test_the_copy_can_be_saved_and_restored() -> None:
    model = policy()
    given = draw(model, batch(), LIMIT, moment().stream)
    anchor, other, file = Anchor(model, 1.0), Anchor(model, 1.0), io.BytesIO()
    assert anchor.state_dict() == {}
    anchor.freeze()
    torch.save(anchor.state_dict(), file)
    file.seek(0)
    moved(model)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert term_of(other, given)[0] == term_of(anchor, given)[0]
    other.load_state_dict({})
    other.freeze()
    assert term_of(other, given)[0].item() == pytest.approx(0.0, abs=1e-5)


def test_another_reference_may_be_given() -> None:
    """The same network with something switched off, as an adapter is."""
    model = policy()
    shift = nn.Parameter(torch.randn(model.head.weight.shape[1]))
    inside: list[bool] = []
    plain = model.advance

    def advance(tokens: Tensor, state: object) -> object:
        forced, state = plain(tokens, state)
        return type(forced)(forced.hidden + (0.0 if inside else shift)), state

    model.advance = advance  # type: ignore[method-assign,assignment]

    @contextmanager
    def off() -> Iterator[Generator]:
        inside.append(True)
        yield model
        inside.pop()

    given = batch()
    anchor = Anchor(model, 1.0, off)
    anchor.freeze()
    assert anchor.state_dict() == {}
    total = term_of(anchor, given)[0]
    ours = logarithms(model, given)
    with off():
        reference = logarithms(model, given).detach()
    expected = ((ours.exp() * (ours - reference)).sum(-1) * given.mask).sum()
    assert total.item() == pytest.approx(expected.item(), rel=1e-4) != 0.0
    assert torch.autograd.grad(total, shift)[0].abs().max() > 0


def test_the_weight_must_be_above_0() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Anchor(policy(), 0.0)


def test_a_copy_is_independent_and_untrained() -> None:
    model = policy()
    kept = FrozenCopy(model)
    assert kept.network is model
    kept.take_once()
    before = {name: p.clone() for name, p in model.named_parameters()}
    moved(model)
    for name, parameter in kept.network.named_parameters():
        assert torch.equal(parameter, before[name]) and not parameter.requires_grad
    assert not kept.network.training
    assert all(p.requires_grad for p in model.parameters())


def test_a_copy_follows_by_the_decay() -> None:
    source = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    kept = FrozenCopy(source)
    kept.take_once()
    before = {name: p.clone() for name, p in source.named_parameters()}
    with torch.no_grad():
        for parameter in source.parameters():
            parameter += 1.0
        source[1].running_mean += 5.0
    kept.follow(0.8)
    for name, parameter in kept.network.named_parameters():
        torch.testing.assert_close(parameter, before[name] + 0.2)
    assert torch.equal(kept.network[1].running_mean, source[1].running_mean)


def test_what_the_source_does_not_train_is_not_saved() -> None:
    source = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 1))
    source[0].requires_grad_(False)
    kept, other = FrozenCopy(source), FrozenCopy(source)
    kept.take_once()
    assert kept.state_dict().keys() == {"1.weight", "1.bias"}
    with torch.no_grad():
        source[1].weight += 1.0
    other.load_state_dict(kept.state_dict())
    for own, theirs in zip(other.network.parameters(), kept.network.parameters(), strict=True):
        assert torch.equal(own, theirs)


def test_a_copy_of_another_network_is_refused() -> None:
    kept = FrozenCopy(nn.Linear(3, 2))
    with pytest.raises(ValueError, match="of another network"):
        kept.load_state_dict({"head.weight": torch.ones(1)})
