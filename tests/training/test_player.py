from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from seqgen.methods.protocol import Loss, Term
from seqgen.training.errors import NonFiniteError
from seqgen.training.player import Player


def squares(model: nn.Module, rows: Tensor) -> Tensor:
    return model(rows).square()


def two_terms(model: nn.Module, rows: Tensor, tokens: Tensor) -> Loss:
    """A mean over tokens and a mean over rows, with another factor."""
    return Loss(
        {
            "tokens": Term((squares(model, rows)[:, 0] * tokens).sum(), tokens.sum()),
            "rows": Term(model(rows).abs().sum(), len(rows), -0.5),
        },
        {"length": Term(tokens.sum(), len(rows))},
    )


def model_and_player(**settings: object) -> tuple[nn.Linear, Player]:
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    return model, Player(torch.optim.SGD(model.parameters(), 0.1), **settings)  # type: ignore[arg-type]


ROWS = torch.randn(7, 3, generator=torch.Generator().manual_seed(1))
TOKENS = torch.tensor([1.0, 4, 2, 5, 1, 3, 9])


@pytest.mark.parametrize("pieces", [[7], [3, 4], [1, 1, 5], [6, 1]])
def test_terms_over_unequal_micro_batches_are_the_terms_of_the_whole(pieces: list[int]) -> None:
    model, player = model_and_player()
    player.add(two_terms(model, ROWS, TOKENS), whole=True)
    expected = player.step()
    other, accumulating = model_and_player()
    for rows, tokens in zip(ROWS.split(pieces), TOKENS.split(pieces), strict=True):
        accumulating.add(two_terms(other, rows, tokens))
    found = accumulating.step()
    assert expected is not None and found is not None
    assert list(expected) == ["tokens", "rows", "length", "loss", "gradient-norm"]
    for name in expected:
        torch.testing.assert_close(found[name], expected[name], atol=1e-6, rtol=1e-6)
    assert math.isclose(float(expected["length"]), 25 / 7, rel_tol=1e-6)
    torch.testing.assert_close(other.weight, model.weight, atol=1e-6, rtol=0)


def test_the_step_is_that_of_the_divided_loss() -> None:
    model, player = model_and_player()
    reference, _ = model_and_player()
    loss = (squares(reference, ROWS)[:, 0] * TOKENS).sum() / 25 - 0.5 * reference(ROWS).abs().mean()
    (gradient,) = torch.autograd.grad(loss, [reference.weight])
    expected = reference.weight - 0.1 * gradient
    player.add(two_terms(model, ROWS, TOKENS))
    parts = player.step()
    assert parts is not None
    torch.testing.assert_close(model.weight, expected, atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(parts["loss"], loss.detach(), atol=1e-6, rtol=1e-6)


def test_the_opponent_gets_no_gradient() -> None:
    model, player = model_and_player()
    opponent = nn.Linear(1, 1)
    for whole in (True, False):
        player.add(Loss({"score": Term(opponent(model(ROWS)).sum(), 7.0)}), whole)
        assert opponent.weight.grad is None
        assert player.step() is not None
        assert opponent.weight.grad is None and model.weight.grad is None


def test_parameters_outside_the_loss_have_no_gradient_and_do_not_move() -> None:
    used, unused = nn.Linear(3, 1), nn.Linear(3, 1)
    # With weight decay a zero gradient would move it; no gradient does not.
    parameters = [*used.parameters(), *unused.parameters()]
    player = Player(torch.optim.AdamW(parameters, 0.1, weight_decay=0.5))
    before = unused.weight.detach().clone()
    for whole in (True, False):
        player.add(Loss({"score": Term(used(ROWS).sum(), 7.0)}), whole)
        player.step()
    assert torch.equal(unused.weight, before)
    assert not torch.equal(used.weight, before)


def test_skipping_everything_does_nothing() -> None:
    model, player = model_and_player()
    before = model.weight.detach().clone()
    assert player.step() is None
    assert player.updates == 0 and torch.equal(model.weight, before)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_step(bad: float) -> None:
    model, player = model_and_player()
    before = model.weight.detach().clone()
    loss = {"good": Term(model(ROWS).sum(), 7.0), "bad": Term(model(ROWS).sum() * bad, 7.0)}
    player.add(Loss(loss), whole=True)
    with pytest.raises(NonFiniteError, match=r"step 4, phase 'x': not finite: bad = (nan|-?inf)"):
        player.step("step 4, phase 'x'")
    assert torch.equal(model.weight, before) and player.updates == 0


def test_a_gradient_that_is_not_finite_stops_even_where_the_loss_is_finite() -> None:
    model, player = model_and_player()
    before = model.weight.detach().clone()
    player.add(Loss({"root": Term((model(ROWS) * 0).sum().sqrt(), 1.0)}))
    with pytest.raises(NonFiniteError, match="gradient-norm = nan"):
        player.step()
    assert torch.equal(model.weight, before)


def test_clipping_bounds_the_step_and_the_norm_is_that_before() -> None:
    model, player = model_and_player(clip=0.5)
    before = [p.detach().clone() for p in model.parameters()]
    player.add(Loss({"big": Term(1000 * model(ROWS).sum(), 7.0)}))
    parts = player.step()
    assert parts is not None and float(parts["gradient-norm"]) > 100
    moved = torch.cat([(p - b).flatten() for p, b in zip(model.parameters(), before, strict=True)])
    assert math.isclose(float(moved.detach().norm()), 0.1 * 0.5, rel_tol=1e-3)


def test_the_schedule_counts_own_updates_and_keeps_the_groups_rates_apart() -> None:
    first, second = nn.Linear(3, 1), nn.Linear(3, 1)
    groups = [
        {"params": first.parameters(), "lr": 1.0},
        {"params": second.parameters(), "lr": 0.1},
    ]
    player = Player(torch.optim.SGD(groups), schedule=lambda update: 0.5**update)
    rates = []
    for _ in range(3):
        assert player.rate == 0.5**player.updates
        player.add(Loss({"sum": Term(first(ROWS).sum() + second(ROWS).sum(), 7.0)}))
        player.step()
        rates.append([group["lr"] for group in player.optimizer.param_groups])
    assert rates == [[1.0, 0.1], [0.5, 0.05], [0.25, 0.025]]


def test_a_restored_player_goes_on_bitwise() -> None:
    def train(player: Player, model: nn.Module, steps: int) -> None:
        for _ in range(steps):
            player.add(two_terms(model, ROWS, TOKENS))
            player.step()

    def make() -> tuple[nn.Linear, Player]:
        torch.manual_seed(0)
        model = nn.Linear(3, 1)
        adam = torch.optim.Adam(model.parameters(), 0.1)
        return model, Player(adam, schedule=lambda update: 1 / (1 + update))

    straight, player = make()
    train(player, straight, 6)
    first, saved = make()
    train(saved, first, 2)
    second, restored = make()
    second.load_state_dict(first.state_dict())
    restored.load_state_dict(saved.state_dict())
    train(restored, second, 4)
    assert torch.equal(straight.weight, second.weight) and restored.updates == 6


def test_a_term_without_weight_counts_nothing() -> None:
    model, player = model_and_player()
    nothing = Term((model(ROWS) * 0).sum(), torch.tensor(0))
    player.add(Loss({"some": Term(model(ROWS).sum(), 7.0), "none": nothing}))
    parts = player.step()
    assert parts is not None and float(parts["none"]) == 0


def test_a_term_without_weight_leaves_the_gradient_of_the_others() -> None:
    steps = []
    for whole in (True, False):
        torch.manual_seed(1)
        model = nn.Linear(2, 1)
        player = Player(torch.optim.SGD(model.parameters(), lr=0.1))
        error = model(torch.ones(3, 2)).square().sum()
        empty = model(torch.ones(0, 2)).sum()
        player.add(Loss({"error": Term(error, 3.0), "empty": Term(empty, 0.0)}), whole=whole)
        player.step()
        steps.append(model.weight.detach().clone())
    torch.testing.assert_close(*steps)


def test_mistakes_in_a_loss_are_told() -> None:
    model, player = model_and_player()
    with pytest.raises(ValueError, match="returns None"):
        player.add(Loss({}))
    with pytest.raises(ValueError, match="gradient"):
        player.add(Loss({"constant": Term(torch.ones(()), 1.0)}))
    term = Term(model(ROWS).sum(), 7.0)
    with pytest.raises(ValueError, match="both a term and a number"):
        model_and_player()[1].add(Loss({"a": term}, {"a": term}))
    other, fresh = model_and_player()
    fresh.add(Loss({"a": Term(other(ROWS).sum(), 7.0)}))
    with pytest.raises(ValueError, match="factor"):
        fresh.add(Loss({"a": Term(other(ROWS).sum(), 7.0, 2.0)}))
    with pytest.raises(ValueError, match="clip 0"):
        model_and_player(clip=0.0)
    done, whole = model_and_player()
    whole.add(Loss({"a": Term(done(ROWS).sum(), 7.0)}), whole=True)
    with pytest.raises(ValueError, match="step"):
        whole.add(Loss({"a": Term(done(ROWS).sum(), 7.0)}), whole=True)
