from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqgen.training import schedules


def test_warm_up_rises_to_one_and_skips_no_update() -> None:
    for schedule in (
        schedules.constant(4),
        schedules.cosine(100, 4),
        schedules.linear(100, 4),
        schedules.inverse_square_root(4),
    ):
        assert [schedule(update) for update in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert schedules.constant()(0) == 1.0


def test_the_shapes_after_warm_up() -> None:
    cosine, linear = schedules.cosine(110, 10, 0.2), schedules.linear(110, 10, 0.2)
    assert math.isclose(cosine(60), 0.6) and math.isclose(linear(60), 0.6)
    assert math.isclose(cosine(35), 0.2 + 0.8 * (1 + math.cos(math.pi / 4)) / 2)
    assert math.isclose(linear(35), 0.8)
    for schedule in (cosine, linear):
        assert schedule(10) == 1.0
        assert math.isclose(schedule(110), 0.2) and math.isclose(schedule(5000), 0.2)
    assert math.isclose(schedules.inverse_square_root(4)(15), 0.5)


def test_decays_of_scheduled_sampling() -> None:
    linear = schedules.linear_decay(1.0, 0.01, 0.25)
    assert [linear(0), linear(50), linear(75), linear(10**6)] == [1.0, 0.5, 0.25, 0.25]
    assert math.isclose(schedules.exponential_decay(0.9)(3), 0.729)
    sigmoid = schedules.inverse_sigmoid_decay(10.0)
    assert math.isclose(sigmoid(0), 10 / 11)
    assert math.isclose(sigmoid(30), 10 / (10 + math.exp(3)))
    assert math.isclose(sigmoid(round(10 * math.log(10))), 0.5, abs_tol=0.01)


@given(st.floats(1, 1e5), st.integers(0, 10**12))
def test_the_inverse_sigmoid_never_overflows(speed: float, update: int) -> None:
    value = schedules.inverse_sigmoid_decay(speed)(update)
    assert 0 <= value <= 1


def test_piecewise_linear_goes_through_its_points_and_stays_outside() -> None:
    value = schedules.piecewise_linear([(10, 0.0), (20, 1.0), (40, 0.5)])
    assert [value(u) for u in (0, 10, 15, 20, 30, 40, 99)] == [0, 0, 0.5, 1, 0.75, 0.5, 0.5]
    assert schedules.piecewise_linear([(0, 3.0)])(7) == 3.0


def test_geometric_moves_by_equal_factors_and_stops() -> None:
    value = schedules.geometric(8.0, 0.5, 4)
    assert [value(u) for u in (0, 1, 2, 3, 4, 9)] == [8, 4, 2, 1, 0.5, 0.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.constant(-1),
        lambda: schedules.cosine(5, 5),
        lambda: schedules.linear(5, -1),
        lambda: schedules.inverse_square_root(0),
        lambda: schedules.linear_decay(1.0, -0.1),
        lambda: schedules.exponential_decay(1.1),
        lambda: schedules.inverse_sigmoid_decay(0.5),
        lambda: schedules.piecewise_linear([]),
        lambda: schedules.geometric(1.0, 0.0, 3),
        lambda: schedules.piecewise_linear([(3, 0.0), (3, 1.0)]),
    ],
)
def test_impossible_schedules_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="must be"):
        make()  # type: ignore[operator]
