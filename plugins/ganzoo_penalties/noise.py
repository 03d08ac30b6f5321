"""Sønderby et al. 2016, Amortised MAP Inference for Image Super-resolution (arXiv:1610.04490), section 3.5, and
Arjovsky and Bottou 2017, Towards Principled Methods for Training Generative Adversarial Networks (arXiv:1701.04862)."""

from __future__ import annotations

import torch
from torch import Tensor

import ganzoo


class InstanceNoise(ganzoo.Term):
    """Gaussian noise on all that D is shown, data and fakes alike, so that their densities overlap.

    sigma  its standard deviation, where pixels lie in [−1, 1]; schedules.terms.instance-noise.sigma anneals it
    """

    def __init__(self, *, sigma: float = 0.1) -> None:
        super().__init__()
        self.sigma = sigma

    def shown(self, x: Tensor) -> Tensor:
        """x + σ ε, float like x."""
        return x + self.sigma * torch.randn_like(x)
