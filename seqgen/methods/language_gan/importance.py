"""Importance weights of the maximum-entropy objective: sentences of a policy stand for those of the
distribution that rewards define."""

from __future__ import annotations

import torch
from torch import Tensor


def importance_weights(
    returns: Tensor, log_probability: Tensor, temperature: float = 1.0
) -> Tensor:
    """softmax over the rows of (R(x) - log q(x)) / temperature, (rows,) float32, without gradient.

    exp(R) is the unnormalised density that the rewards stand for, q the policy that drew the rows.
    The partition function is estimated by log mean exp(R - log q); its gradient is exactly the
    weighted mean of the gradients of R, with these weights held constant. With a temperature it is
    the gradient of temperature x log mean exp((R - log q) / temperature): the weights become more
    even, the estimate is biased towards the policy, and its variance falls.

    Args:
        returns: R(x), (rows,): the sum of a sentence's rewards.
        log_probability: log q(x), (rows,): nats a sentence.
        temperature: above 0; infinity weighs all rows alike.
    """
    scores = (returns.detach().float() - log_probability.detach().float()) / temperature
    return torch.softmax(scores, 0)


def effective_share(weights: Tensor) -> Tensor:
    """Kish's effective sample size 1 / sum w^2 as a share of the rows, in [1 / rows, 1]: scalar.

    Weights (rows,) sum to 1 (Kish, "Survey Sampling", 1965).
    """
    return 1 / (weights.square().sum() * len(weights))
