"""Penalties and constraints have the values their papers give them."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from seqgen.discriminators.highway_convolution import HighwayConvolution
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.sentence_transformer import SentenceTransformer
from seqgen.methods.regularizers import (
    add_spectral_norm,
    clip_weights,
    gradient_penalty,
    hold_spectral_norm,
    interpolate,
    twice_differentiable,
)
from seqgen.training.weights import load_modules, weights_writer


def unit(size: int) -> Tensor:
    vector = torch.randn(size, generator=torch.Generator().manual_seed(3))
    return vector / vector.norm()


@pytest.mark.parametrize("kind", ["two-sided", "one-sided"])
@pytest.mark.parametrize("rows", [1, 16, 64])
def test_a_critic_of_unit_gradient_costs_nothing(rows: int, kind: str) -> None:
    direction = unit(12)
    points = torch.randn(rows, 3, 4)
    term = gradient_penalty(lambda x: x.flatten(1) @ direction, points, kind)  # type: ignore[arg-type]
    assert abs(float(term.total)) < 1e-10 and float(term.weight) == rows


@pytest.mark.parametrize("rows", [1, 16, 64])
@pytest.mark.parametrize(
    ("kind", "slope", "cost"),
    [
        ("two-sided", 3.0, 4.0),
        ("two-sided", 0.5, 0.25),
        ("one-sided", 3.0, 4.0),
        ("one-sided", 0.5, 0.0),
        ("zero-centred", 3.0, 9.0),
        ("zero-centred", 0.5, 0.25),
        ("two-sided", 0.0, 1.0),
        ("zero-centred", 0.0, 0.0),
    ],
)
def test_the_cost_a_row_is_that_of_its_own_norm(
    kind: str, slope: float, cost: float, rows: int
) -> None:
    weight = (slope * unit(12)).requires_grad_()
    points = torch.randn(rows, 3, 4)
    term = gradient_penalty(lambda x: x.flatten(1) @ weight, points, kind)  # type: ignore[arg-type]
    assert float(term.total.detach() / term.weight) == pytest.approx(cost, abs=1e-5)
    (gradient,) = torch.autograd.grad(term.total, weight)
    assert gradient.isfinite().all()


def test_rows_with_unequal_norms_are_not_averaged_before_the_cost() -> None:
    points = torch.tensor([[1.0], [3.0]])  # of x^2 / 2 the gradients are 1 and 3
    term = gradient_penalty(lambda x: x.square().sum(1) / 2, points)
    assert term.total.item() == pytest.approx(4.0)
    term = gradient_penalty(lambda x: x.square().sum(1) / 2, points, "zero-centred")
    assert float(term.total) == pytest.approx(10.0)


def test_several_scores_a_row_are_added_up() -> None:
    weight = unit(4)
    points = torch.randn(5, 3, 4)
    per_token = gradient_penalty(lambda x: x @ weight, points, "zero-centred")
    whole = gradient_penalty(lambda x: (x @ weight).sum(1), points, "zero-centred")
    assert float(per_token.total) == pytest.approx(float(whole.total))


def test_the_gradient_of_the_penalty_is_that_of_its_differences() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    points = torch.randn(4, 3, dtype=torch.float64)

    def cost() -> Tensor:
        return gradient_penalty(lambda x: critic(x)[:, 0], points).total

    weight = critic[0].weight
    (gradient,) = torch.autograd.grad(cost(), weight)
    for place in ((0, 0), (4, 2)):
        at = [0.0, 0.0]
        for side, step in enumerate((1e-5, -1e-5)):
            with torch.no_grad():
                weight[place] += step
                at[side] = float(cost())
                weight[place] -= step
        assert (at[0] - at[1]) / 2e-5 == pytest.approx(gradient[place].item(), rel=1e-4, abs=1e-7)


def test_the_points_get_no_gradient_and_are_left_alone() -> None:
    points = torch.randn(2, 3, requires_grad=True)
    term = gradient_penalty(lambda x: x.pow(3).sum(1), points * 1.0)
    assert (
        not term.total.requires_grad
        or not torch.autograd.grad(term.total, points, allow_unused=True)[0]
    )
    with torch.no_grad():
        inside = gradient_penalty(lambda x: x.pow(3).sum(1), points)
    assert float(inside.total) == pytest.approx(float(term.total.detach()))


def test_an_unknown_penalty_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'l2' is unknown.*two-sided"):
        gradient_penalty(lambda x: x.sum(1), torch.ones(1, 1), "l2")  # type: ignore[arg-type]


def test_mixing_takes_the_share_of_each_row() -> None:
    real, fake = torch.ones(3, 2, 2), torch.zeros(3, 2, 2, requires_grad=True)
    mixed = interpolate(real, fake, torch.tensor([0.0, 0.25, 1.0]))
    assert mixed[:, 0, 0].tolist() == [0.0, 0.25, 1.0] and not mixed.requires_grad
    with pytest.raises(ValueError, match="same shape"):
        interpolate(real, fake[:2], torch.ones(2))


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    "network",
    [
        lambda: SentenceRecurrent(7, width=4, hidden=5, dropout=0.3),
        lambda: SentenceRecurrent(7, cell="lstm", width=4, hidden=5),
        lambda: SentenceTransformer(7, width=8, layers=2, heads=2),
    ],
)
def test_penalties_reach_the_parameters_of_sentence_networks(network: object, train: bool) -> None:
    torch.manual_seed(1)
    critic = network().train(train)  # type: ignore[operator]
    lengths = torch.tensor([4, 2, 3])
    points = torch.softmax(torch.randn(3, 4, 7), -1)
    term = gradient_penalty(lambda x: critic(x, lengths), points)
    gradients = torch.autograd.grad(term.total, list(critic.parameters()), allow_unused=True)
    assert sum(g is not None and bool(g.abs().sum() > 0) for g in gradients) > len(gradients) / 2
    assert all(g is None or g.isfinite().all() for g in gradients)


def test_the_kernels_are_put_back() -> None:
    before = torch.backends.cudnn.enabled, torch.backends.cuda.flash_sdp_enabled()
    with (
        torch.no_grad(),
        torch.autocast("cpu", dtype=torch.bfloat16),
        twice_differentiable("cpu"),
    ):
        assert not torch.backends.cudnn.enabled and not torch.backends.cuda.flash_sdp_enabled()
        assert torch.is_grad_enabled() and not torch.is_autocast_enabled("cpu")
    assert before == (torch.backends.cudnn.enabled, torch.backends.cuda.flash_sdp_enabled())


def test_clipping_keeps_what_is_inside() -> None:
    layer = nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.5, -0.004]]))
        layer.bias.fill_(-3.0)
    clip_weights(layer.parameters(), 0.01)
    assert layer.weight[0].tolist() == pytest.approx([0.01, -0.004])
    assert layer.bias.item() == pytest.approx(-0.01)
    with pytest.raises(ValueError, match="above 0"):
        clip_weights(layer.parameters(), 0.0)


def normed() -> nn.Module:
    torch.manual_seed(4)
    network = nn.Sequential(nn.Conv1d(3, 4, 2), nn.Flatten(), nn.Linear(8, 2), nn.Dropout(0.1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(5)
    add_spectral_norm(network)
    return network


def largest(weight: Tensor) -> float:
    return float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2))


def test_spectral_norm_makes_the_largest_singular_value_one() -> None:
    network = normed()
    for _ in range(50):
        hold_spectral_norm(network.train())
    network.eval()
    assert largest(network[0].weight) == pytest.approx(1.0, abs=1e-4)  # type: ignore[index]
    assert largest(network[2].weight) == pytest.approx(1.0, abs=1e-4)  # type: ignore[index]


def test_spectral_norm_holds_the_filters_of_a_list_too() -> None:
    torch.manual_seed(5)
    network = HighwayConvolution(50, width=8, widths=(2, 3), channels=10)
    add_spectral_norm(network)
    for _ in range(100):
        hold_spectral_norm(network.train())
    network.eval()
    for weight in (*network.filters, network.transform.weight, network.score.weight):
        assert largest(weight) == pytest.approx(1.0, abs=1e-2)
    with pytest.raises(ValueError, match="already"):
        add_spectral_norm(network)


def test_spectral_norm_survives_files_and_copies(tmp_path: Path) -> None:
    network, points = normed(), torch.randn(2, 3, 3)
    hold_spectral_norm(network.train())
    network.eval()
    weights_writer(network)(tmp_path / "critic.safetensors")
    again = copy.deepcopy(normed()).eval()
    with torch.no_grad():
        for parameter in again.parameters():
            parameter.zero_()
    load_modules(tmp_path, {"critic": again})
    twin = copy.deepcopy(network)
    for other in (again, twin):
        assert torch.equal(other(points), network(points))
        for name, value in network.state_dict().items():
            assert torch.equal(other.state_dict()[name], value), name
    hold_spectral_norm(twin.train())  # the copy is its own
    assert torch.equal(again(points), network(points))


def test_the_estimate_moves_once_a_turn_only() -> None:
    network, points = normed().train(), torch.randn(2, 3, 3)
    for _ in range(3):  # so that it has begun to settle
        hold_spectral_norm(network.train())
    before = {k: v.clone() for k, v in network.named_buffers()}
    with torch.no_grad():
        network[0].parametrizations.weight.original[0].mul_(2)  # type: ignore[index,union-attr]
    hold_spectral_norm(network.train())
    held = {k: v.clone() for k, v in network.named_buffers()}
    assert any(not torch.equal(held[k], before[k]) for k in held)
    network(points)
    network(points)
    assert all(torch.equal(v, held[k]) for k, v in network.named_buffers())
    assert network[3].training  # type: ignore[index]  dropout goes on


def test_spectral_norm_is_refused_where_it_cannot_act() -> None:
    with pytest.raises(ValueError, match="Embedding has no linear or convolutional"):
        add_spectral_norm(nn.Embedding(2, 2))
    network = normed()
    with pytest.raises(ValueError, match="already"):
        add_spectral_norm(network)


def test_a_module_without_spectral_norm_is_not_touched() -> None:
    network = nn.Linear(2, 2)
    hold_spectral_norm(network)
    assert network.training


def test_sentence_networks_take_spectral_norm() -> None:
    critic = SentenceTransformer(7, width=8, layers=1, heads=2, dropout=0.0)
    ids, lengths = torch.tensor([[1, 2, 3]]), torch.tensor([3])
    add_spectral_norm(critic)
    with torch.no_grad():
        trained, held = critic.train()(ids, lengths), critic.eval()(ids, lengths)
    assert trained.isfinite().all() and held.isfinite().all()
