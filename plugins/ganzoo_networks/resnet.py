"""Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks (arXiv:1802.05957), table 4: residual
networks for 32×32, and by the same rule for 28×28, 64×64 and other sides that halve evenly.

The paper's spectral normalisation is not part of the network: discriminator.wrap=spectral.
"""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, conv_transpose2d, pad

import ganzoo
from ganzoo_networks.sizes import halvings, picture


class Doubling(nn.Conv2d):
    """Every pixel four times, then a 3×3 convolution: float [N, c, H, W] -> [N, d, 2H, 2W].

    Equal pixels meet sums of the weights, and so it is one transposed convolution 4×4 of stride 2, which multiplies 16
    times for each pixel of x instead of 36.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return conv_transpose2d(x, overlaid(self.weight).transpose(0, 1).flip(2, 3), self.bias, stride=2, padding=1)


class Halving(nn.Conv2d):
    """A 3×3 convolution, then the mean of every 2×2 pixels, as one convolution 4×4 of stride 2, likewise:
    float [N, c, 2H, 2W] -> [N, d, H, W]."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return conv2d(x, overlaid(self.weight) / 4, self.bias, stride=2, padding=1)


def overlaid(weight: Tensor) -> Tensor:
    """The sum of four copies of a kernel, each a pixel further: float [d, c, 3, 3] -> [d, c, 4, 4]."""
    wide = pad(weight, (1, 1, 1, 1))
    return wide[..., 1:, 1:] + wide[..., 1:, :-1] + wide[..., :-1, 1:] + wide[..., :-1, :-1]


class Up(nn.Module):
    """A residual block of G, which doubles the sides: float [N, c, H, W] -> [N, c, 2H, 2W]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), Doubling(width, width),
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1),
        )  # fmt: skip
        self.shortcut = nn.Sequential(nn.Conv2d(width, width, 1), nn.Upsample(scale_factor=2))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class Generator(ganzoo.GeneratorNet):
    """A linear layer to the smallest map, a residual block for every upsampling, BatchNorm, a convolution, tanh.

    width  channels of every block
    """

    def __init__(self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, width: int = 256) -> None:
        super().__init__(inputs, output)
        channels, height, breadth = picture(output, "resnet")
        doublings = halvings(height, breadth, "resnet")
        self.start = (width, height >> doublings, breadth >> doublings)
        self.project = nn.Linear(self.width, math.prod(self.start))
        self.body = nn.Sequential(
            *(Up(width) for _ in range(doublings)),
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh(),
        )  # fmt: skip
        _initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.project(self.joined(*inputs)).reshape(-1, *self.start))


class First(nn.Module):
    """The first block of D, on pixels: no ReLU before it, and the sides halve."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(), Halving(width, width))
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(x)


class Down(nn.Module):
    """A residual block of D, which halves the sides."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), Halving(width, width)
        )
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.shortcut(avg_pool2d(x, 2))


class Level(nn.Module):
    """A residual block of D, which keeps the sides: its shortcut is the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + x


class Discriminator(nn.Module):
    """Residual blocks that halve the sides to 7-13 pixels, two that keep them, a ReLU, the sum over the map,
    one score.

    width  channels of every block
    """

    separable = True

    def __init__(self, sample: ganzoo.OutputSpec, *, width: int = 128) -> None:
        super().__init__()
        channels, height, breadth = picture(sample, "resnet")
        levels = halvings(height, breadth, "resnet", least=14)
        self.body = nn.Sequential(
            First(channels, width), *(Down(width) for _ in range(levels - 1)), Level(width), Level(width), nn.ReLU()
        )
        self.features = width
        self.score = nn.Linear(width, 1)
        _initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x).sum((2, 3))
        return {"score": self.score(features).squeeze(1), "features": features}


def _initialise(network: nn.Module) -> None:
    """Weights by Glorot's rule, √2 times that in the 3×3 convolutions of residuals; biases 0."""
    for name, module in network.named_modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight, math.sqrt(2) if "residual" in name else 1.0)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
