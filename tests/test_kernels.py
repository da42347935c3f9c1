"""Recurrent layers leave cuDNN where its kernels lack a gradient, and there alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seqgen.discriminators.projection import Projection
from seqgen.discriminators.recurrent import BehaviorDiscriminator
from seqgen.discriminators.sentence_recurrent import SentenceRecurrent
from seqgen.discriminators.token_reward import TokenReward
from seqgen.kernels import plain_recurrence
from seqgen.methods.regularizers import twice_differentiable

WORDS = 7
SENTENCES: dict[str, Callable[[], nn.Module]] = {
    "recurrent": lambda: SentenceRecurrent(WORDS, width=4, hidden=4),
    "projection": lambda: Projection(WORDS, width=4, hidden=4),
    "token-reward": lambda: TokenReward(WORDS, width=4, hidden=4, perceptron=4),
}


def used(made: nn.Module, *given: Tensor | None) -> bool:
    """Whether cuDNN is on while the recurrent layer runs."""
    seen = []
    layer = made.network
    assert isinstance(layer, nn.Module)
    layer.register_forward_hook(lambda *_: seen.append(torch.backends.cudnn.enabled))
    made(*given)
    assert len(seen) == 1
    return bool(seen[0])


def soft(gradient: bool) -> Tensor:
    return torch.softmax(torch.randn(2, 3, WORDS), -1).requires_grad_(gradient)


@pytest.fixture(autouse=True)
def switched_on() -> None:
    assert torch.backends.cudnn.enabled


@pytest.mark.parametrize("name", SENTENCES)
@pytest.mark.parametrize(
    ("train", "gradient", "fast"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, False)],
)
def test_evaluation_and_soft_tokens_with_a_gradient_take_plain_kernels(
    name: str, train: bool, gradient: bool, fast: bool
) -> None:
    made = SENTENCES[name]().train(train)
    assert used(made, soft(gradient), torch.tensor([3, 2])) == fast
    assert torch.backends.cudnn.enabled


@pytest.mark.parametrize("train", [True, False])
def test_behavior_is_judged_on_plain_kernels_in_evaluation_mode(train: bool) -> None:
    made = BehaviorDiscriminator(4, 0, hidden=4).train(train)
    assert used(made, torch.randn(2, 3, 4), None, torch.tensor([3, 2])) == train


@pytest.mark.parametrize("name", SENTENCES)
def test_none_switches_back_on_what_a_penalty_switched_off(name: str) -> None:
    with twice_differentiable("cpu"):
        assert not used(SENTENCES[name]().train(), soft(False), torch.tensor([3, 2]))


def test_it_is_off_only_where_needed_and_put_back() -> None:
    for needed in (True, False):
        with plain_recurrence(needed):
            assert torch.backends.cudnn.enabled == (not needed)
        assert torch.backends.cudnn.enabled
