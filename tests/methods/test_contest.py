"""A contest knows nothing of what it scores: here, points in a plane."""

from __future__ import annotations

from typing import NamedTuple, Self

import pytest
import torch
from torch import Tensor, nn

from seqgen.methods.adversarial import PAIRS, Scores
from seqgen.methods.contest import Contest
from seqgen.methods.protocol import Loss
from seqgen.methods.regularizers import add_spectral_norm
from seqgen.randomness import Stream
from seqgen.training.player import Player

STREAM = Stream.of(5, "contest")


class Points(NamedTuple):
    """Points in a plane, (rows, 2)."""

    points: Tensor

    def at(self, points: Tensor) -> Self:
        return self._replace(points=points)

    def mixed(self, fake: Self, shares: Tensor) -> Self:
        return self.at(torch.lerp(fake.points, self.points, shares[:, None]))


def critic(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))


def contest(
    network: nn.Module, pair: str = "non-saturating", **settings: object
) -> Contest[Points]:
    def score(specimen: Points) -> Scores:
        return Scores(network(specimen.points)[:, 0])

    return Contest(network, score, pair=pair, **settings)  # type: ignore[arg-type]


def cloud(count: int, centre: float, seed: int) -> Points:
    drawn = torch.randn(count, 2, generator=torch.Generator().manual_seed(seed))
    return Points(0.5 * drawn + centre)


def average(loss: Loss, name: str) -> float:
    total, weight, _ = {**loss.terms, **loss.numbers}[name]
    return float(total.detach() / weight)


@pytest.mark.parametrize("pair", PAIRS)
def test_a_generator_follows_its_discriminator_to_the_data(pair: str) -> None:
    network = critic()
    game = contest(network, pair, penalty="r1", penalty_factor=1.0)
    place = nn.Parameter(torch.zeros(2))  # the generator: a cloud that it may shift
    players = [
        Player(torch.optim.Adam(network.parameters(), 0.03, betas=(0.5, 0.9))),
        Player(torch.optim.Adam([place], 0.1, betas=(0.5, 0.9))),
    ]
    for update in range(60):
        real = cloud(32, 2.0, 2 * update)
        fake = Points(cloud(32, 0.0, 2 * update + 1).points + place)
        game.begin()
        detached = Points(fake.points.detach())
        rows = torch.arange(32)
        players[0].add(game.discriminator_loss(real, detached, STREAM.child(update), rows), True)
        players[0].step()
        game.stepped()
        players[1].add(Loss(game.generator_terms(fake, real)), True)
        players[1].step()
    assert (place - 2.0).norm() < 1.2, place  # it began 2.8 away


def test_the_numbers_tell_who_is_winning() -> None:
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[1.0, 0.0]]))
        network.bias.zero_()
    real, fake = Points(torch.tensor([[2.0, 0], [-1.0, 0]])), Points(torch.tensor([[-3.0, 5]]))
    loss = contest(network).discriminator_loss(real, fake, STREAM, torch.arange(2))
    assert list(loss.terms) == ["real", "fake"]
    assert average(loss, "score-real") == 0.5 and average(loss, "score-fake") == -3.0
    assert average(loss, "accuracy") == pytest.approx(2 / 3)
    assert not any(number.total.requires_grad for number in loss.numbers.values())
    loss = contest(network, "wasserstein").discriminator_loss(real, fake, STREAM, torch.arange(2))
    assert average(loss, "real") == -0.5 and average(loss, "fake") == -3.0
    assert list(loss.numbers) == ["score-real", "score-fake"]


@pytest.mark.parametrize("pair", PAIRS)
def test_the_generator_needs_real_specimens_where_scores_are_compared(pair: str) -> None:
    game = contest(critic(), pair)
    real, fake = cloud(4, 2.0, 0), cloud(4, 0.0, 1)
    assert game.compares == pair.startswith("relativistic")
    assert "fake" in game.generator_terms(fake, real)
    if game.compares:
        with pytest.raises(ValueError, match="give it the real scores"):
            game.generator_terms(fake)
    else:
        both = [game.generator_terms(fake, given)["fake"].total for given in (None, real)]
        assert torch.equal(*both)


@pytest.mark.parametrize("rows", [1, 16, 64])
@pytest.mark.parametrize("penalty", ["two-sided", "one-sided"])
def test_a_critic_of_unit_gradient_pays_nothing(penalty: str, rows: int) -> None:
    network = nn.Linear(2, 1)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.6, -0.8]]))
    game = contest(network, "wasserstein", penalty=penalty)
    numbers = torch.arange(rows)
    loss = game.discriminator_loss(cloud(rows, 2.0, 0), cloud(rows, 0.0, 1), STREAM, numbers)
    assert average(loss, "penalty") < 1e-10
    assert loss.terms["penalty"].factor == 10.0


def bowl(specimen: Points) -> Scores:
    """x^2 / 2: its gradient at x is x."""
    return Scores(specimen.points.square().sum(1) / 2)


def test_r1_is_taken_at_the_real_specimens() -> None:
    game = Contest(nn.Linear(1, 1), bowl, penalty="r1", penalty_factor=5.0)
    real, fake = Points(torch.tensor([[3.0, 4.0], [0.0, 1.0]])), cloud(2, 9.0, 0)
    loss = game.discriminator_loss(real, fake, STREAM, torch.arange(2))
    assert average(loss, "penalty") == pytest.approx((25 + 1) / 2)
    assert loss.terms["penalty"].factor == 5.0


def test_mixing_shares_belong_to_global_rows() -> None:
    game = Contest(nn.Linear(1, 1), bowl, penalty="zero-centred")
    real, fake, rows = cloud(6, 2.0, 0), cloud(6, 0.0, 1), torch.tensor([4, 0, 9, 2, 7, 5])
    whole = game.discriminator_loss(real, fake, STREAM, rows).terms["penalty"]
    shares = STREAM.child("penalty").uniform(rows, 1)
    wanted = (shares * real.points + (1 - shares) * fake.points).square().sum()
    torch.testing.assert_close(whole.total, wanted)
    parts = [
        game.discriminator_loss(Points(r), Points(f), STREAM, n).terms["penalty"].total
        for r, f, n in zip(real.points.split(2), fake.points.split(2), rows.split(2), strict=True)
    ]
    torch.testing.assert_close(torch.stack(parts).sum(), whole.total)
    other = game.discriminator_loss(real, fake, STREAM.child("next"), rows).terms["penalty"]
    assert other.total != whole.total


def test_a_row_of_several_scores_is_penalised_for_the_mean_of_those_that_count() -> None:
    mask = torch.tensor([[True, False], [True, True]])
    points = Points(torch.tensor([[3.0, 100.0], [1.0, 2.0]]))

    def score(specimen: Points) -> Scores:
        return Scores(specimen.points.square() / 2, mask)

    game = Contest(nn.Linear(1, 1), score, penalty="r1")
    loss = game.discriminator_loss(points, points, STREAM, torch.arange(2))
    assert average(loss, "penalty") == pytest.approx((9 + (1 + 4) / 4) / 2)


def test_weights_are_clipped_after_the_step_only() -> None:
    network = critic()
    game = contest(network, "wasserstein", weight_clip=0.01)
    game.begin()
    loss = game.discriminator_loss(cloud(4, 2.0, 0), cloud(4, 0.0, 1), STREAM, torch.arange(4))
    assert max(float(p.detach().abs().max()) for p in network.parameters()) > 0.1
    assert loss.terms["real"].total.requires_grad
    game.stepped()
    assert max(float(p.detach().abs().max()) for p in network.parameters()) <= 0.01


def test_the_spectral_norm_stands_still_within_a_turn() -> None:
    network = critic()
    add_spectral_norm(network)
    game = contest(network)
    network.train()
    game.begin()
    before = {name: value.clone() for name, value in network.named_buffers()}
    real, fake = cloud(4, 2.0, 0), cloud(4, 0.0, 1)
    for _ in range(2):
        game.discriminator_loss(real, fake, STREAM, torch.arange(4))
    assert before and all(torch.equal(v, before[n]) for n, v in network.named_buffers())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pair": "ganlike"}, "'ganlike' is unknown.*'minimax'"),
        ({"penalty": "l1"}, "'l1' is unknown.*'r1'"),
        ({"penalty_factor": 0.0}, "penalty factor 0.0 must be above 0"),
        ({"weight_clip": -1.0}, "weight clip -1.0 must be above 0"),
        ({"pair": "hinge", "smoothing": 0.1}, "'hinge' has no labels"),
        ({"smoothing": -0.1}, "smoothing -0.1"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        contest(critic(), **settings)  # type: ignore[arg-type]
