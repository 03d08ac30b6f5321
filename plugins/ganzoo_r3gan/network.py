"""The networks of Huang et al. 2024, The GAN is dead; long live the GAN! A Modern GAN Baseline (arXiv:2501.05441),
config E: residual blocks of grouped convolutions without normalisation, whose weights begin as in Zhang et al. 2019,
Fixup Initialization (arXiv:1901.09321). For pictures whose sides halve evenly to less than 8."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.flatten import Flatten
from ganzoo_networks.planes import beside
from ganzoo_networks.resampling import halved
from ganzoo_networks.sizes import halvings, picture

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))  # of weights after a leaky ReLU of that slope (He et al. 2015)


class Block(nn.Module):
    """x + residual(x): 1×1 to twice the channels, 3×3 in groups, 1×1 back, whose weights are 0 at first. Leaky
    ReLU with a bias before each but the first.

    depth  how many blocks the network has: the fewer, the larger the first weights
    """

    def __init__(self, width: int, groups: int, depth: int) -> None:
        super().__init__()
        wide = 2 * width
        gain = GAIN * depth ** (-1 / 4)  # Fixup's L^(−1/(2m − 2)) with m = 3 layers in a residual
        self.residual = nn.Sequential(
            _biased(nn.Conv2d(width, wide, 1, bias=False), gain), nn.LeakyReLU(SLOPE, inplace=True),
            _biased(nn.Conv2d(wide, wide, 3, padding=1, groups=groups, bias=False), gain),
            nn.LeakyReLU(SLOPE, inplace=True),
            _layer(nn.Conv2d(wide, width, 1, bias=False), 0.0),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.residual(x)


class Doubled(nn.Module):
    """A 1×1 convolution, and twice the sides by the filter (1, 3, 3, 1):
    float [N, inputs, H, W] -> [N, outputs, 2H, 2W]."""

    kernel: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        line = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
        self.register_buffer("kernel", torch.outer(line, line)[None, None], persistent=False)
        self.channels = _layer(nn.Conv2d(inputs, outputs, 1, bias=False), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        x = self.channels(x)
        kernel = self.kernel.to(x.dtype).expand(x.shape[1], -1, -1, -1)
        return conv_transpose2d(x, kernel, stride=2, padding=1, groups=x.shape[1])


class Halved(nn.Module):
    """Half the sides by the same filter, and a 1×1 convolution: float [N, inputs, H, W] -> [N, outputs, H/2, W/2]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.channels = _layer(nn.Conv2d(inputs, outputs, 1, bias=False), 1.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.channels(halved(x))


class Generator(ganzoo.GeneratorNet):
    """A learnt smallest map, scaled by a linear function of z; blocks, doubled sides, blocks, ..., a 1×1 convolution.

    width   channels at the greatest sides; twice that one level below, four times at all others
    blocks  of each level
    groups  of the 3×3 convolutions
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        width: int = 8,
        blocks: int = 1,
        groups: int = 2,
    ) -> None:
        super().__init__(inputs, output)
        widths, (height, breadth) = _levels(output, width, groups)
        self.basis = nn.Parameter(torch.randn(widths[-1], height, breadth))
        self.scale = _layer(nn.Linear(self.width, widths[-1], bias=False), 1.0)
        depth = blocks * len(widths)
        layers: list[nn.Module] = [Block(widths[-1], groups, depth) for _ in range(blocks)]
        for wide, narrow in zip(reversed(widths), reversed(widths[:-1])):
            layers += [Doubled(wide, narrow), *(Block(narrow, groups, depth) for _ in range(blocks))]
        self.body = nn.Sequential(*layers)
        self.pixels = _layer(nn.Conv2d(widths[0], output.shape[0], 1, bias=False), 1.0)

    def forward(self, *inputs: Tensor) -> Tensor:
        map = self.scale(self.joined(*inputs))[:, :, None, None] * self.basis
        return self.pixels(self.body(map)).tanh()


class Discriminator(nn.Module):
    """A 1×1 convolution, blocks, halved sides, blocks, ..., each channel's weighted sum over the map, one score.

    width   channels at the greatest sides; twice that one level below, four times at all others
    blocks  of each level
    groups  of the 3×3 convolutions
    """

    separable = True  # the score of a sample does not depend on the others

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 8,
        blocks: int = 1,
        groups: int = 2,
    ) -> None:
        super().__init__()
        widths, smallest = _levels(sample, width, groups)
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        channels = sample.shape[0] + sum(len(spec.classes) for spec in conditions)
        depth = blocks * len(widths)
        layers: list[nn.Module] = [_layer(nn.Conv2d(channels, widths[0], 1, bias=False), 1.0)]
        layers += [Block(widths[0], groups, depth) for _ in range(blocks)]
        for narrow, wide in pairwise(widths):
            layers += [Halved(narrow, wide), *(Block(wide, groups, depth) for _ in range(blocks))]
        basis = _layer(nn.Conv2d(widths[-1], widths[-1], smallest, groups=widths[-1], bias=False), 1.0)
        self.body = nn.Sequential(*layers, basis, Flatten())
        self.features = widths[-1]
        self.score = _layer(nn.Linear(widths[-1], 1, bias=False), 1.0)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        features = self.body(beside(x, conditions, self.told))
        return {"score": self.score(features).squeeze(1), "features": features}


def _layer(layer: nn.Conv2d | nn.Linear, gain: float) -> nn.Conv2d | nn.Linear:
    """The layer with weights N(0, gain²/fan-in)."""
    fan_in = layer.weight[0].numel()
    nn.init.normal_(layer.weight, 0.0, gain / math.sqrt(fan_in))
    return layer


def _biased(layer: nn.Conv2d, gain: float) -> nn.Conv2d | nn.Linear:
    """The same with biases, 0 at first."""
    layer.bias = nn.Parameter(torch.zeros(layer.out_channels))
    return _layer(layer, gain)


def _levels(spec: ganzoo.OutputSpec, width: int, groups: int) -> tuple[list[int], tuple[int, int]]:
    """Channels from the greatest sides to the smallest, and the smallest sides."""
    _, height, breadth = picture(spec, "r3gan")
    if min(width, groups) < 1 or (2 * width) % groups:
        raise RecipeError(
            f"twice r3gan's width must divide into its groups; width {width} and groups {groups} do not fit"
        )
    times = halvings(height, breadth, "r3gan")
    return [width * min(2**level, 4) for level in range(times + 1)], (height >> times, breadth >> times)
