"""Half the sides by the filter (1, 3, 3, 1) in both directions, over 8: linear interpolation turned round, with nothing
beyond the edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import conv2d, conv_transpose2d


def halved(x: Tensor) -> Tensor:
    """float [N, C, 2H, 2W] -> [N, C, H, W].

    The filter is a constant. To torch's own second derivative of a convolution, which R1 and R2 go through, it is a
    weight, whose gradient is computed channel by channel, in vain.
    """
    made: Tensor = _Halved.apply(x)
    return made


class _Halved(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return conv2d(x, _kernel(x), stride=2, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Spread.apply(gradient)


class _Spread(torch.autograd.Function):
    """The transpose of `_Halved`, and so the derivative of each is the other. Computed in fp32: CPUs have no
    fast way in bf16 for a transposed convolution of single channels."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        wide = gradient.float() if gradient.dtype == torch.bfloat16 else gradient
        with torch.autocast(wide.device.type, enabled=False):  # which a cost that differentiates is within
            made = conv_transpose2d(wide, _kernel(wide), stride=2, padding=1, groups=wide.shape[1])
        return made.to(gradient.dtype)

    @staticmethod
    def backward(ctx: Any, x: Tensor) -> Any:
        return _Halved.apply(x)


def _kernel(x: Tensor) -> Tensor:
    """The filter once for each channel of x, [C, 1, 4, 4]."""
    line = torch.tensor([0.125, 0.375, 0.375, 0.125], dtype=x.dtype, device=x.device)
    return torch.outer(line, line).expand(x.shape[1], 1, 4, 4)
