"""Layers of Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv:1912.04958), whose weights
are N(0, 1) and scaled when used, by 1/√(inputs of a unit) (Karras et al. 2018, arXiv:1710.10196, section 4.1)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, leaky_relu, linear

import ganzoo
from ganzoo_networks.resampling import halved
from ganzoo_networks.sizes import halvings, picture

SLOPE = 0.2


class Linear(nn.Module):
    """A linear layer.

    bias  what it is at first
    pace  the multiplier of its learning rate: weights and bias are that much greater, and scaled by it when used
    """

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0, pace: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / pace)
        self.bias = nn.Parameter(torch.full((outputs,), bias / pace))
        self.scale, self.pace = pace / math.sqrt(inputs), pace

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.pace)


class Conv(nn.Module):
    """A convolution that keeps the sides, or halves them after a blur."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True, halve: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale = 1 / math.sqrt(inputs * kernel**2)
        self.halve = halve

    def forward(self, x: Tensor) -> Tensor:
        x = halved(x) if self.halve else x
        return conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[2] // 2)


class ModulatedConv(nn.Module):
    """A convolution with weights of each sample's own (section 2.2): w'_ijk = s_i w_ijk, s a linear function of the
    sample's w, then w''_ijk = w'_ijk / √(Σ_ik w'_ijk² + ε), which keeps the variance of what comes out (Eq. 1, 3).

    It scales the inputs by s and the outputs by 1/√(Σ ...) instead of the weights, which is the same and one
    convolution for the batch, whatever its size. x [N, inputs, H, W], w [N, d] -> [N, outputs, H, W].
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, latent: int) -> None:
        super().__init__()
        self.style = Linear(latent, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel))
        self.scale = 1 / math.sqrt(inputs * kernel**2)

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        s, weight = self.style(w), self.weight * self.scale
        norm = torch.sqrt(linear(s.square(), weight.square().sum((2, 3))) + 1e-8)
        return self.convolved(x, s, weight) / norm[:, :, None, None]

    def convolved(self, x: Tensor, s: Tensor, weight: Tensor) -> Tensor:
        """The inputs scaled by s, through the convolution."""
        return conv2d(x * s[:, :, None, None], weight, padding=weight.shape[2] // 2)


class ToPixels(ModulatedConv):
    """A modulated convolution 1×1 to pixels, not demodulated."""

    def __init__(self, inputs: int, channels: int, latent: int) -> None:
        super().__init__(inputs, channels, 1, latent)
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        return self.convolved(x, self.style(w), self.weight * self.scale) + self.bias[:, None, None]


class Styled(nn.Module):
    """A modulated convolution, noise of a learnt strength, a bias, a leaky ReLU; it may double the sides first."""

    def __init__(self, inputs: int, outputs: int, latent: int, doubles: bool) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, latent)
        self.strength = nn.Parameter(torch.zeros(()))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.doubles = doubles

    def forward(self, x: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        x = self.conv(doubled(x) if self.doubles else x, w)
        return rectified(x + self.strength * noise + self.bias[:, None, None])


def rectified(x: Tensor) -> Tensor:
    """A leaky ReLU times √2, which keeps the size of what goes through it."""
    return leaky_relu(x, SLOPE) * math.sqrt(2)


def doubled(x: Tensor) -> Tensor:
    """Twice the sides by the filter (1, 3, 3, 1), which is linear interpolation."""
    return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


def levels(spec: ganzoo.OutputSpec, width: int, most: int) -> tuple[list[int], tuple[int, int]]:
    """Channels from the smallest sides to the greatest, and the smallest sides: pictures are halved while they are at
    least 8 pixels a side."""
    _, height, breadth = picture(spec, "stylegan2")
    times = halvings(height, breadth, "stylegan2")
    return [min(width * 2**level, most) for level in reversed(range(times + 1))], (height >> times, breadth >> times)
