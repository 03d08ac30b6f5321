"""Zhang et al. 2018, Self-Attention Generative Adversarial Networks (arXiv:1805.08318), section 3."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


class SelfAttention(nn.Module):
    """y = γ o + x: every place of a map looks at all others (Eq. 1 to 3). float [N, C, H, W] -> the same.

    With 1×1 convolutions f and g to C/8 channels, h to C/2 and v back to C,

        o_j = v(Σ_i β_ji h(x_i)),  β_j = softmax_i(f(x_i)ᵀ g(x_j)),

    and γ is 0 at first. It is the form of the authors' code: as there, a place looks at the greatest f and h of every
    2×2 places. The text has C/8 channels for h too, and looks at each place.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few, half = max(channels // 8, 1), max(channels // 2, 1)
        self.f, self.g, self.h = (nn.Conv2d(channels, width, 1, bias=False) for width in (few, few, half))
        self.v = nn.Conv2d(half, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        values = max_pool2d(self.h(x), 2, ceil_mode=True).flatten(2)
        seen = values @ self.weights(x).transpose(1, 2)
        return x + self.gamma * self.v(seen.reshape(-1, self.h.out_channels, *x.shape[2:]))

    def weights(self, x: Tensor) -> Tensor:
        """β, float [N, H W, ⌈H/2⌉ ⌈W/2⌉]: a row for each place that looks, which sums to 1."""
        keys = max_pool2d(self.f(x), 2, ceil_mode=True).flatten(2)
        return (self.g(x).flatten(2).transpose(1, 2) @ keys).softmax(2)
