"""Optimisers and schedules, as parts."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn


def adam(
    parameters: list[nn.Parameter], *, lr: float = 2e-4, beta1: float = 0.5, beta2: float = 0.999, eps: float = 1e-8
) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2014, arXiv:1412.6980)."""
    return torch.optim.Adam(parameters, lr=lr, betas=(beta1, beta2), eps=eps, fused=True)


def sgd(parameters: list[nn.Parameter], *, lr: float = 0.1, momentum: float = 0.0) -> torch.optim.Optimizer:
    """Stochastic gradient descent with momentum."""
    return torch.optim.SGD(parameters, lr=lr, momentum=momentum)


def rmsprop(parameters: list[nn.Parameter], *, lr: float = 5e-5, alpha: float = 0.99) -> torch.optim.Optimizer:
    """RMSprop (Hinton 2012), without momentum."""
    return torch.optim.RMSprop(parameters, lr=lr, alpha=alpha)


def linear(
    base: float, *, steps: int, start: float | None = None, end: float = 0.0, begin: int = 0, every: int = 1
) -> Callable[[int], float]:
    """From `start` (the number itself unless given) to `end` within `steps` steps after `begin`, on a
    straight line, in stairs of `every` steps."""
    first = base if start is None else start
    return lambda step: first + (end - first) * _share(step // every * every - begin, steps)


def cosine(
    base: float, *, steps: int, start: float | None = None, end: float = 0.0, begin: int = 0
) -> Callable[[int], float]:
    """From `start` to `end` within `steps` steps after `begin`, on half a cosine."""
    first = base if start is None else start
    return lambda step: end + (first - end) * 0.5 * (1.0 + math.cos(math.pi * _share(step - begin, steps)))


def exponential(base: float, *, factor: float, floor: float = 0.0) -> Callable[[int], float]:
    """Multiplied by `factor` at every step, never below `floor`."""
    return lambda step: max(base * factor**step, floor)


def warm_up(base: float, *, steps: int) -> Callable[[int], float]:
    """From 0 to the number itself within `steps` steps."""
    return lambda step: base * _share(step + 1, steps)


def _share(done: int, of: int) -> float:
    return min(max(done / of, 0.0), 1.0) if of > 0 else 1.0
