"""The discriminator of Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv:1912.04958):
residual blocks that halve the sides, and what varies over the batch seen at the smallest."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo_networks.planes import planes
from ganzoo_stylegan2.layers import Conv, Linear, levels, rectified


class Block(nn.Module):
    """(convolutions 3×3 + skip) / √2, at half the sides."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = Conv(inputs, inputs, 3)
        self.second = Conv(inputs, outputs, 3, halve=True)
        self.skip = Conv(inputs, outputs, 1, bias=False, halve=True)

    def forward(self, x: Tensor) -> Tensor:
        return (rectified(self.second(rectified(self.first(x)))) + self.skip(x)) / math.sqrt(2)


class Discriminator(nn.Module):
    """A 1×1 convolution, residual blocks, the deviation over the batch as one more map, a 3×3 convolution, a linear
    layer, one score. Labels and pictures it is told of stand beside the pixels.

    width  channels at the greatest sides; twice that at each level below
    most   channels at any level
    group  samples over which a deviation is taken, or the greatest divisor of the batch below that
    """

    separable = False  # the deviation is over samples

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 16,
        most: int = 512,
        group: int = 4,
    ) -> None:
        super().__init__()
        self.told, self.group = conditions, group
        self.conditions = tuple(spec.name for spec in conditions)
        widths, (height, breadth) = levels(sample, width, most)
        channels = sample.shape[0] + sum(
            spec.shape[0] if spec.kind == "image" else len(spec.classes) for spec in conditions
        )
        self.pixels = Conv(channels, widths[-1], 1)
        self.blocks = nn.Sequential(*(Block(a, b) for a, b in pairwise(reversed(widths))))
        self.last = Conv(widths[0] + 1, widths[0], 3)
        self.features = widths[0]
        self.hidden = Linear(widths[0] * height * breadth, self.features)
        self.score = Linear(self.features, 1)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        told = [t if spec.kind == "image" else planes(t, spec, x) for t, spec in zip(conditions, self.told)]
        x = self.blocks(rectified(self.pixels(torch.cat([x, *told], 1))))
        x = rectified(self.last(torch.cat([x, deviation(x, self.group)], 1)))
        features = rectified(self.hidden(x.flatten(1)))
        return {"score": self.score(features).squeeze(1), "features": features}


def deviation(x: Tensor, group: int) -> Tensor:
    """The standard deviation over groups of samples, its mean over channels and places, as a map for each sample:
    [N, C, H, W] -> [N, 1, H, W]. The variance has 1e-8 added, so that its root has a slope where samples are alike."""
    size = next(n for n in range(min(group, len(x)), 0, -1) if len(x) % n == 0)
    groups = x.reshape(size, -1, *x.shape[1:])
    spread = torch.sqrt(groups.var(0, correction=0) + 1e-8).mean((1, 2, 3))
    return spread.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])
