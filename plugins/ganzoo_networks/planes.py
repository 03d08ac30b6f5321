"""Labels as planes beside pictures, for discriminators that are told them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

import ganzoo


def planes(label: Tensor, spec: ganzoo.InputSpec, x: Tensor) -> Tensor:
    """Labels int64 [N] as planes of ones and zeros, one for each class: float [N, K, H, W], of the sides of x."""
    return ganzoo.one_hot(label, spec)[:, :, None, None].expand(-1, -1, *x.shape[2:])


def beside(x: Tensor, labels: Sequence[Tensor], specs: Sequence[ganzoo.InputSpec]) -> Tensor:
    """x [N, C, H, W] and the planes of all its labels, [N, C + K, H, W]; x itself where there are none."""
    return torch.cat([x, *(planes(y, spec, x) for y, spec in zip(labels, specs))], 1) if specs else x
