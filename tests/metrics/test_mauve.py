import sys
from types import SimpleNamespace

import numpy as np
import pytest

from seqgen.metrics.mauve import mauve_score


def test_without_the_package_the_message_says_what_to_install_and_why_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "mauve", None)
    with pytest.raises(ValueError, match=r"pip install mauve-text") as raised:
        mauve_score(np.ones((4, 2)), np.ones((4, 2)))
    assert "GPL" in str(raised.value)


def test_it_is_the_mean_over_as_many_different_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def compute_mauve(
        *, p_features: object, q_features: object, seed: int, verbose: bool
    ) -> object:
        seen.append(seed)
        return SimpleNamespace(mauve=seed / 100)

    monkeypatch.setitem(sys.modules, "mauve", SimpleNamespace(compute_mauve=compute_mauve))
    assert mauve_score(np.ones((4, 2)), np.ones((4, 2)), seeds=3) == pytest.approx(0.26)
    assert len(set(seen)) == 3


def test_the_package_itself_puts_equal_sets_above_far_ones() -> None:
    pytest.importorskip("mauve")
    drawn = np.random.default_rng(0)
    a, b = drawn.normal(size=(2, 200, 8))
    assert mauve_score(a, b, seeds=2) > 0.8 > mauve_score(a, b + 3, seeds=2)


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match="seeds 0"):
        mauve_score(np.ones((4, 2)), np.ones((4, 2)), seeds=0)
    with pytest.raises(ValueError, match=r"shapes \(4, 2\) and \(4, 3\)"):
        mauve_score(np.ones((4, 2)), np.ones((4, 3)))
