"""Fused losses against the plain ones, values and gradients."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from seqgen.generators.head import Head

ROWS, TIME, WIDTH, VOCABULARY = 23, 17, 12, 301  # 391 tokens: three whole chunks and a part


def problem(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(0)
    hidden = 2 * torch.randn(ROWS, TIME, WIDTH, generator=drawn)
    ids = torch.randint(VOCABULARY, (ROWS, TIME), generator=drawn)
    weights = torch.randn(ROWS, TIME, generator=drawn)  # rewards may be negative
    weights[torch.rand(ROWS, TIME, generator=drawn) < 0.3] = 0.0
    return hidden.to(dtype).requires_grad_(), ids, weights


def make(bias: bool = True, dtype: torch.dtype = torch.float32) -> Head:
    torch.manual_seed(1)
    head = Head(WIDTH, VOCABULARY, bias=bias)
    if head.bias is not None:
        nn.init.normal_(head.bias)
    return head.to(dtype)


def plain(head: Head, hidden: Tensor, ids: Tensor, smoothing: float = 0.0) -> Tensor:
    """Cross-entropy of every token in float64, (rows, time)."""
    bias = None if head.bias is None else head.bias.double()
    logits = nn.functional.linear(hidden.double(), head.weight.double(), bias)
    losses = cross_entropy(
        logits.flatten(0, 1), ids.flatten(), reduction="none", label_smoothing=smoothing
    )
    return losses.view(ids.shape)


def gradients(loss: Tensor, head: Head, hidden: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, [hidden, *head.parameters()]))


def assert_same(got: list[Tensor], expected: list[Tensor], tolerance: float = 1e-5) -> None:
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype
        scale = float(theirs.abs().max())
        torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * scale)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_fused_loss_is_cross_entropy(smoothing: float, bias: bool) -> None:
    head, (hidden, ids, weights) = make(bias), problem()
    expected = (plain(head, hidden, ids, smoothing) * weights).sum()
    got = head.negative_log_likelihood(hidden, ids, weights, smoothing)
    assert got.dtype == torch.float32 and got.shape == ()
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert_same(gradients(3 * got, head, hidden), gradients(3 * expected, head, hidden))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_loss_without_gradients_is_the_same(smoothing: float) -> None:
    head, (hidden, ids, weights) = make(), problem()
    expected = head.negative_log_likelihood(hidden, ids, weights, smoothing)
    with torch.no_grad():
        got = head.negative_log_likelihood(hidden, ids, weights, smoothing)
    assert not got.requires_grad
    assert got.item() == pytest.approx(expected.item(), rel=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_log_probability_is_cross_entropy_per_token(bias: bool) -> None:
    head, (hidden, ids, weights) = make(bias), problem()
    expected = -plain(head, hidden, ids)
    got = head.log_probability(hidden, ids)
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-5)
    # A ratio, whose gradient differs from token to token.
    ours, theirs = (values - values.detach() + weights for values in (got, expected))
    assert_same(
        gradients((ours.exp() * weights).sum(), head, hidden),
        gradients((theirs.exp() * weights).sum(), head, hidden),
    )


def distributions(head: Head, hidden: Tensor) -> Tensor:
    """Log-probabilities in float64, (rows, time, vocabulary)."""
    bias = None if head.bias is None else head.bias.double()
    return nn.functional.linear(hidden.double(), head.weight.double(), bias).log_softmax(-1)


@pytest.mark.parametrize("bias", [True, False])
def test_entropy_is_that_of_the_softmax(bias: bool) -> None:
    head, (hidden, _, weights) = make(bias), problem()
    logarithms = distributions(head, hidden)
    expected = -((logarithms.exp() * logarithms).sum(-1) * weights).sum()
    got = head.entropy(hidden, weights)
    assert got.dtype == torch.float32 and got.shape == ()
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert_same(gradients(3 * got, head, hidden), gradients(3 * expected, head, hidden))


@pytest.mark.parametrize("bias", [True, False])
def test_divergence_from_another_head_is_exact_and_moves_only_its_own_side(bias: bool) -> None:
    head, (hidden, _, weights) = make(bias), problem()
    torch.manual_seed(2)
    other, other_hidden = Head(5, VOCABULARY), torch.randn(ROWS, TIME, 5, requires_grad=True)
    ours, theirs = distributions(head, hidden), distributions(other, other_hidden).detach()
    expected = ((ours.exp() * (ours - theirs)).sum(-1) * weights).sum()
    got = head.divergence(hidden, weights, other, other_hidden)
    assert got.item() == pytest.approx(expected.item(), rel=1e-5)
    assert_same(gradients(got, head, hidden), gradients(expected, head, hidden))
    unused = [other.weight, other_hidden]
    assert torch.autograd.grad(got, unused, allow_unused=True) == (None, None)


def test_a_head_does_not_diverge_from_itself() -> None:
    head, (hidden, _, weights) = make(), problem()
    got = head.divergence(hidden, weights, head, hidden)
    assert got.item() == pytest.approx(0.0, abs=1e-4)
    assert all(gradient.abs().max() < 1e-4 for gradient in gradients(got, head, hidden))


def test_weight_zero_adds_nothing() -> None:
    head, (hidden, ids, weights) = make(), problem()
    got = head.negative_log_likelihood(hidden, ids, weights.zero_())
    assert got.item() == 0.0
    assert all((gradient == 0).all() for gradient in gradients(got, head, hidden))


def test_padding_changes_nothing() -> None:
    head, (hidden, ids, weights) = make(), problem()
    weights[:, 10:] = 0.0
    cut = head.negative_log_likelihood(hidden[:, :10], ids[:, :10], weights[:, :10])
    got = head.negative_log_likelihood(hidden, ids, weights)
    assert got.item() == pytest.approx(cut.item(), rel=1e-6)


def test_weights_get_no_gradient() -> None:
    head, (hidden, ids, weights) = make(), problem()
    weights.requires_grad_()
    head.negative_log_likelihood(hidden, ids, weights).backward()
    assert weights.grad is None


def test_an_improbable_token_has_a_finite_loss_and_gradient() -> None:
    head, (hidden, ids, weights) = make(), problem()
    with torch.no_grad():
        head.bias[ids[0, 0]] = -1000.0
    weights[0, 0] = 1.0
    got = head.negative_log_likelihood(hidden, ids, weights)
    assert got.isfinite()
    assert all(gradient.isfinite().all() for gradient in gradients(got, head, hidden))
    assert head.log_probability(hidden, ids)[0, 0].item() < -900


def test_a_tied_weight_gets_both_gradients() -> None:
    _, (_, ids, weights) = make(), problem()
    embedding = nn.Parameter(torch.randn(VOCABULARY, WIDTH, generator=torch.Generator()))
    head = Head(WIDTH, VOCABULARY, embedding)
    assert head.weight is embedding

    def loss(fused: bool) -> Tensor:
        hidden = nn.functional.embedding(ids.roll(1, 1), embedding).tanh()
        if fused:
            return head.negative_log_likelihood(hidden, ids, weights)
        return (plain(head, hidden, ids) * weights).sum()

    got, expected = (torch.autograd.grad(loss(fused), [embedding]) for fused in (True, False))
    assert_same(list(got), list(expected))


def test_only_the_bias_may_be_trainable() -> None:
    head, (hidden, ids, weights) = make(), problem()
    head.weight.requires_grad_(False)
    head.negative_log_likelihood(hidden.detach(), ids, weights).backward()
    expected = torch.autograd.grad((plain(head, hidden, ids) * weights).sum(), [head.bias])
    assert_same([head.bias.grad], list(expected))


def test_a_frozen_head_passes_gradients_on() -> None:
    head, (hidden, ids, weights) = make(), problem()
    head.requires_grad_(False)
    got = head.negative_log_likelihood(hidden, ids, weights)
    expected = (plain(head, hidden, ids) * weights).sum()
    for loss in (got, head.log_probability(hidden, ids).sum()):
        assert loss.requires_grad
    assert_same([*torch.autograd.grad(got, hidden)], [*torch.autograd.grad(expected, hidden)])


@pytest.mark.parametrize("hidden_type", [torch.float32, torch.bfloat16])
def test_under_autocast_only_products_are_rounded(hidden_type: torch.dtype) -> None:
    head, (hidden, ids, weights) = make(), problem(hidden_type)
    expected = (plain(head, hidden, ids) * weights).sum()
    with torch.autocast("cpu", torch.bfloat16):
        logits = head.logits(hidden)
        got = head.negative_log_likelihood(hidden, ids, weights)
        single = (head.log_probability(hidden, ids) * -weights).sum()
    assert logits.dtype == got.dtype == single.dtype == torch.float32
    scale = plain(head, hidden, ids).mul(weights).abs().sum().item()
    wanted = gradients(expected, head, hidden)
    for loss in (got, single):
        assert abs(loss.item() - expected.item()) < 0.01 * scale
        assert_same(gradients(loss, head, hidden), wanted, tolerance=0.03)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_under_autocast_a_buffer_changes_no_logit(bias: bool, scale: float) -> None:
    head, hidden = make(bias), problem()[0][:, 0]
    buffer = torch.empty(ROWS, VOCABULARY)
    with torch.autocast("cpu", torch.bfloat16), torch.no_grad():
        got = head.logits(hidden, buffer, scale)
        torch.testing.assert_close(got, head.logits(hidden, scale=scale), rtol=1e-6, atol=1e-6)
    assert got.data_ptr() == buffer.data_ptr()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_heads_of_other_types_work(dtype: torch.dtype) -> None:
    head, (hidden, ids, weights) = make(dtype=dtype), problem(dtype)
    expected = (plain(head, hidden, ids) * weights).sum()
    assert_same(
        gradients(head.negative_log_likelihood(hidden, ids, weights), head, hidden),
        gradients(expected, head, hidden),
        tolerance=0.03 if dtype == torch.bfloat16 else 1e-5,
    )
    with torch.no_grad():
        buffer = torch.empty(ROWS, VOCABULARY)
        got = head.logits(hidden[:, 0], buffer)
    torch.testing.assert_close(got, head.logits(hidden)[:, 0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_logits_may_be_written_to_a_buffer(bias: bool) -> None:
    head, (hidden, _, _) = make(bias), problem()
    with torch.no_grad():
        buffer = torch.empty(ROWS, VOCABULARY)
        got = head.logits(hidden[:, 3], buffer)
        assert got.data_ptr() == buffer.data_ptr()
        torch.testing.assert_close(got, head.logits(hidden)[:, 3], rtol=1e-6, atol=1e-5)


def test_a_shared_weight_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shared weight is \(5, 4\).*needs \(5, 3\)"):
        Head(3, 5, nn.Parameter(torch.zeros(5, 4)))
