"""The style discriminator: both variants, soft tokens, lengths."""

from __future__ import annotations

import pytest
import torch

from seqgen.discriminators.style import StyleDiscriminator

VOCABULARY, ROWS, TIME = 23, 5, 8
LENGTHS = torch.tensor([8, 1, 3, 8, 6])


def network(conditional: bool = True, dropout: float = 0.0) -> StyleDiscriminator:
    torch.manual_seed(0)
    return StyleDiscriminator(
        VOCABULARY, 3, conditional=conditional, width=8, layers=2, heads=2, dropout=dropout, limit=9
    ).eval()


def ids() -> torch.Tensor:
    return torch.randint(3, VOCABULARY, (ROWS, TIME), generator=torch.Generator().manual_seed(1))


STYLE = torch.tensor([0, 1, 2, 0, 1])


def test_classes_of_both_variants() -> None:
    assert network(True)(ids(), LENGTHS, STYLE).shape == (ROWS, 2)
    assert network(False)(ids(), LENGTHS).shape == (ROWS, 4)


@pytest.mark.parametrize("conditional", [True, False])
def test_one_hot_tokens_are_their_ids_and_padding_is_not_looked_at(conditional: bool) -> None:
    model, style = network(conditional), STYLE if conditional else None
    expected = model(ids(), LENGTHS, style)
    soft = torch.nn.functional.one_hot(ids(), VOCABULARY).float()
    torch.testing.assert_close(model(soft, LENGTHS, style), expected, rtol=1e-5, atol=1e-5)
    steps = torch.arange(TIME)
    other = torch.where(steps < LENGTHS[:, None], ids(), 1)
    longer = torch.nn.functional.pad(other, (0, 1), value=4)
    torch.testing.assert_close(model(longer, LENGTHS, style), expected, rtol=1e-5, atol=1e-5)


def test_gradients_reach_the_real_soft_tokens_alone() -> None:
    soft = torch.nn.functional.one_hot(ids(), VOCABULARY).float().requires_grad_()
    network()(soft, LENGTHS, STYLE)[:, 1].sum().backward()
    assert soft.grad is not None
    real = torch.arange(TIME) < LENGTHS[:, None]
    assert torch.equal(soft.grad.abs().sum(-1) > 0, real)


def test_the_verdict_depends_on_the_style_asked_about_and_on_the_words() -> None:
    model = network()
    first = model(ids(), LENGTHS, STYLE)
    assert ((model(ids(), LENGTHS, (STYLE + 1) % 3) - first).abs().sum(1) > 1e-4).all()
    changed = ids()
    changed[:, 0] = (changed[:, 0] + 1) % VOCABULARY
    assert ((model(changed, LENGTHS, STYLE) - first).abs().sum(1) > 1e-4).all()


def test_all_parameters_have_a_part() -> None:
    for conditional in (True, False):
        model = network(conditional)
        model(ids(), LENGTHS, STYLE if conditional else None).square().sum().backward()
        for name, parameter in model.named_parameters():
            assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_what_does_not_fit_is_told() -> None:
    with pytest.raises(ValueError, match="conditional discriminator needs the style"):
        network()(ids(), LENGTHS)
    with pytest.raises(ValueError, match="multi-class discriminator takes no style"):
        network(False)(ids(), LENGTHS, STYLE)
    with pytest.raises(ValueError, match=r"10 tokens to read.*at most 9"):
        network()(torch.zeros(1, 10, dtype=torch.int64), torch.tensor([10]), STYLE[:1])
    with pytest.raises(ValueError, match="heads must divide"):
        StyleDiscriminator(9, 2, width=10, heads=4)
    with pytest.raises(ValueError, match="two or more"):
        StyleDiscriminator(9, 1)
