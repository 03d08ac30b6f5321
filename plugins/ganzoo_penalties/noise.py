"""Sønderby et al. 2016, Amortised MAP Inference for Image Super-resolution (arXiv:1610.04490), section 3.5, and
Arjovsky and Bottou 2017, Towards Principled Methods for Training Generative Adversarial Networks (arXiv:1701.04862)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import ganzoo


class InstanceNoise(ganzoo.Term):
    """Gaussian noise on all that D is shown, data and fakes alike, so that their densities overlap.

    sigma  its standard deviation, of points as they are and of pixels as if they lay in [−1, 1];
           schedules.terms.instance-noise.sigma anneals it
    """

    reach = 1.0

    def __init__(self, *, sigma: float = 0.1) -> None:
        super().__init__()
        self.sigma = sigma

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """Half the width of the range of G's pixels."""
        if G.spec.output.kind == "image":
            low, high = G.spec.output.range
            self.reach = (high - low) / 2

    def shown(self, x: Tensor) -> Tensor:
        """x + σ ε, float like x."""
        return x + self.sigma * self.reach * torch.randn_like(x)
