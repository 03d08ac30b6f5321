"""From maps to vectors, for networks whose pictures lie channels-last."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Flatten(nn.Module):
    """float [N, C, H, W] -> [N, C·H·W], whose gradient lies in memory as the maps do.

    Of torch's own Flatten it comes back channels first, and what multiplies it by maps that lie channels-last, the
    derivative of an activation, takes many times as long. The numbers are the same.
    """

    def forward(self, x: Tensor) -> Tensor:
        last = torch.channels_last
        if x.requires_grad and x.is_contiguous(memory_format=last):
            x.register_hook(lambda gradient: gradient.contiguous(memory_format=last))  # type: ignore[no-untyped-call]
        return x.flatten(1)
