"""Radford et al. 2015, Unsupervised Representation Learning with Deep Convolutional GANs (arXiv:1511.06434).

Strided convolutions, BatchNorm, no hidden linear layers. For pictures of 8 pixels a side or more: as many halvings as
lead to a smallest map of 3 to 6 pixels, such as 64, 32, 16, 8, 4 or 28, 14, 7, 3.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

import ganzoo
from ganzoo_networks.flatten import Flatten
from ganzoo_networks.planes import beside
from ganzoo_networks.sizes import maps, picture


class Generator(ganzoo.GeneratorNet):
    """A linear layer to the smallest map, then transposed convolutions 4×4 of stride 2, tanh at the end.

    width  channels before the last layer; they double towards the smallest map
    """

    def __init__(self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, width: int = 64) -> None:
        super().__init__(inputs, output)
        channels, height, breadth = picture(output, "dcgan")
        *larger, smallest = maps(height, breadth, "dcgan")
        levels = len(larger)
        self.start = (width * 2 ** (levels - 1), *smallest)
        self.project = nn.Linear(self.width, math.prod(self.start), bias=False)
        layers: list[nn.Module] = [nn.BatchNorm2d(self.start[0]), nn.ReLU()]
        for level in reversed(range(1, levels)):
            wide = width * 2 ** (level - 1)
            layers += [doubling(2 * wide, wide, larger[level], bias=False), nn.BatchNorm2d(wide), nn.ReLU()]
        self.body = nn.Sequential(*layers, doubling(width, channels, larger[0]), nn.Tanh())
        initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.project(self.joined(*inputs)).reshape(-1, *self.start))


class Discriminator(nn.Module):
    """Convolutions 4×4 of stride 2 with leaky ReLU, one score at the end. A label becomes one more plane
    for each class.

    width  channels of the first layer; they double with every halving
    norm   'batch': BatchNorm in all layers but the first; 'none': D judges each sample by itself
    """

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 64,
        norm: Literal["batch", "none"] = "batch",
    ) -> None:
        super().__init__()
        channels, height, breadth = picture(sample, "dcgan")
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        self.separable = norm == "none"
        channels += sum(len(spec.classes) for spec in conditions)
        *larger, smallest = maps(height, breadth, "dcgan")
        levels = len(larger)
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for level in range(1, levels):
            wide = width * 2**level
            between = {"batch": nn.BatchNorm2d(wide), "none": nn.Identity()}[norm]
            layers += [nn.Conv2d(wide // 2, wide, 4, 2, 1, bias=self.separable), between, nn.LeakyReLU(0.2)]
        last = width * 2 ** (levels - 1) * math.prod(smallest)
        self.features = last
        self.body = nn.Sequential(*layers, Flatten())
        self.score = nn.Linear(last, 1)
        initialise(self)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        features = self.body(beside(x, conditions, self.told))
        return {"score": self.score(features).squeeze(1), "features": features}


def doubling(inputs: int, outputs: int, sides: tuple[int, int], bias: bool = True) -> nn.Module:
    """A transposed convolution 4×4 of stride 2 to a map of these sides, from one of half of them, rounded down."""
    odd = (sides[0] % 2, sides[1] % 2)
    return nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, output_padding=odd, bias=bias)


def initialise(network: nn.Module) -> None:
    """Weights N(0, 0.02²); BatchNorm's scales N(1, 0.02²); biases 0."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, 0.02)
