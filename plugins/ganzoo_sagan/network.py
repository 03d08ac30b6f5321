"""The networks of Zhang et al. 2018, Self-Attention Generative Adversarial Networks (arXiv:1805.08318): residual
blocks, one map with self-attention in each network, labels by conditional BatchNorm in G and by projection in D (Miyato
and Koyama 2018, arXiv:1802.05637). For pictures whose sides halve evenly to less than 8.

The paper's spectral normalisation is not part of the networks: generator.wrap=spectral, discriminator.wrap=spectral.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

import ganzoo
from ganzoo_labels.projection import ConditionalBatchNorm, Projected
from ganzoo_networks.sizes import halvings, picture
from ganzoo_sagan.attention import SelfAttention


class Up(nn.Module):
    """A residual block of G, which doubles the sides: float [N, inputs, H, W] -> [N, outputs, 2H, 2W].

    norm  channels -> a normalisation that takes the map and what it is conditioned on
    """

    def __init__(self, inputs: int, outputs: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.norms = nn.ModuleList([norm(inputs), norm(outputs)])
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, told: Any) -> Tensor:
        before, between = self.norms
        residual = self.first(interpolate(before(x, told).relu(), scale_factor=2))
        # a 1×1 convolution and doubling commute
        return self.second(between(residual, told).relu()) + interpolate(self.shortcut(x), scale_factor=2)


class First(nn.Module):
    """The first block of D, on pixels: no ReLU before it. float [N, C, H, W] -> [N, outputs, H/2, W/2]."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(channels, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1)
        )
        self.shortcut = nn.Conv2d(channels, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(self.residual(x), 2) + self.shortcut(avg_pool2d(x, 2))


class Down(nn.Module):
    """A residual block of D, which halves the sides: float [N, inputs, H, W] -> [N, outputs, H/2, W/2]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.residual = _residual(inputs, outputs)
        self.shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return avg_pool2d(self.residual(x), 2) + self.shortcut(avg_pool2d(x, 2))


class Level(nn.Module):
    """A residual block of D, which keeps the sides and channels."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = _residual(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual(x)


class Generator(ganzoo.GeneratorNet):
    """A linear layer from the noise to the smallest map, a residual block for every upsampling, BatchNorm, a
    convolution, tanh. The BatchNorms of the blocks are conditional.

    width      channels of the last block; twice that at each level below
    attention  of the maps that blocks make, the greatest up to this side and below the picture's attends to itself
    """

    def __init__(
        self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, width: int = 64, attention: int = 32
    ) -> None:
        super().__init__(inputs, output)
        widths, (height, breadth) = levels(output, width)
        labels = [spec for spec in inputs if spec.kind == "label"]
        latents = sum(math.prod(spec.shape) for spec in inputs if spec.kind == "latent")
        self.start = (widths[0], height, breadth)
        self.project = nn.Linear(latents, math.prod(self.start))
        norms = [lambda channels: ConditionalBatchNorm(channels, labels)] * (len(widths) - 1)
        self.body = Rising(widths, max(height, breadth), attention, norms)
        self.pixels = Pixels(width, output)
        initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        kinds = [(spec.kind, t) for spec, t in zip(self.spec.inputs, inputs)]
        labels = [t for kind, t in kinds if kind == "label"]
        z = torch.cat([t.flatten(1) for kind, t in kinds if kind == "latent"], 1)
        x = self.project(z).reshape(-1, *self.start)
        return self.pixels(self.body(x, [labels] * len(self.body.blocks)))


class Rising(nn.Module):
    """The blocks of G from the smallest map on, one of which attention follows.

    widths  channels of the smallest map, then of what each block makes
    side    of the smallest map, the greater of the two
    norms   of each block, see `Up`
    """

    def __init__(
        self, widths: Sequence[int], side: int, attention: int, norms: Sequence[Callable[[int], nn.Module]]
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Up(a, b, norm) for (a, b), norm in zip(pairwise(widths), norms))
        sides = [side << level for level in range(1, len(widths))]
        self.looks = _looks(widths[1:], sides, min(attention, sides[-1] - 1))

    def forward(self, x: Tensor, told: Sequence[Any]) -> Tensor:
        """x through all blocks, each with what its norms are conditioned on."""
        for block, look, what in zip(self.blocks, self.looks, told):
            x = look(block(x, what))
        return x


class Pixels(nn.Sequential):
    """From the last map to a picture: BatchNorm, a ReLU, a convolution, tanh."""

    def __init__(self, width: int, output: ganzoo.OutputSpec) -> None:
        super().__init__(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, output.shape[0], 3, padding=1), nn.Tanh())


class Discriminator(Projected):
    """Residual blocks that halve the sides to less than 8, one that keeps them, and a ReLU.

    width      channels of the first block; twice that at each level below
    attention  of the maps that blocks make, the greatest up to this side attends to itself
    """

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 64,
        attention: int = 32,
    ) -> None:
        widths, (height, breadth) = levels(sample, width)
        falling = widths[:0:-1]
        blocks = [First(sample.shape[0], width), *(Down(a, b) for a, b in pairwise(falling))]
        sides = [max(height, breadth) << level for level in reversed(range(len(falling)))]
        looks = _looks(falling, sides, attention)
        body = nn.Sequential(*(layer for pair in zip(blocks, looks) for layer in pair), Level(widths[0]), nn.ReLU())
        super().__init__(body, widths[0], conditions)
        initialise(self)


def levels(spec: ganzoo.OutputSpec, width: int) -> tuple[list[int], tuple[int, int]]:
    """Channels of the smallest map, then of what each block of G makes, and the smallest sides. Channels double from
    the last block down to 16 times its, and the first block keeps them."""
    _, height, breadth = picture(spec, "sagan")
    times = halvings(height, breadth, "sagan")
    made = [width * min(2**level, 16) for level in reversed(range(times))]
    return [made[0], *made], (height >> times, breadth >> times)


def _looks(widths: Sequence[int], sides: Sequence[int], most: int) -> nn.ModuleList:
    """What follows each of these maps: attention after the greatest of up to that side, the identity after others."""
    chosen = max((side for side in sides if side <= most), default=0)
    return nn.ModuleList(SelfAttention(c) if side == chosen else nn.Identity() for c, side in zip(widths, sides))


def _residual(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ReLU(), nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1)
    )


def initialise(network: nn.Module, weights: Callable[[Tensor], Any] = nn.init.xavier_uniform_) -> None:
    """Weights of linear layers, convolutions and embeddings by a rule, that of Glorot and Bengio 2010 unless another is
    given; biases 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear, nn.Embedding)):
            weights(module.weight)
            bias = getattr(module, "bias", None)
            if bias is not None:
                nn.init.zeros_(bias)
