"""Mescheder et al. 2018, Which Training Methods for GANs do actually Converge? (arXiv:1801.04406), section 4.1.

The squared norm of D's gradient by its input, of every sample by itself, at data (R1, Eq. 9) or at fakes (R2, Eq. 10).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo_networks.asked import check_slopes


class R1(ganzoo.Term):
    """Half of γ times the squared gradient of D at data.

    gamma  the paper's γ
    """

    watch = ("x",)
    precision = "fp32"
    name = "r1"

    def __init__(self, *, gamma: float = 10.0) -> None:
        super().__init__()
        self.gamma = gamma

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """RecipeError if D has BatchNorm."""
        check_slopes(D, self.name)

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """γ/2 E[‖∇D(x)‖²] over data."""
        return self.gamma / 2 * squared_slope(round.real.score, round.x).mean()

    def closed_form(self, slope: float) -> float:
        """What it comes to where D is linear with that slope."""
        return self.gamma / 2 * slope**2


class R2(R1):
    """Half of γ times the squared gradient of D at fakes.

    gamma  the paper's γ
    """

    watch = ("x_fake",)
    name = "r2"

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """γ/2 E[‖∇D(x)‖²] over fakes."""
        return self.gamma / 2 * squared_slope(round.fake.score, round.x_fake).mean()


def squared_slope(score: Tensor, x: Tensor) -> Tensor:
    """‖∇ score‖² of each score by the sample x, or samples side by side, that it is of; gradients go through it."""
    (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
    return gradient.square().reshape(len(score), -1).sum(1)
