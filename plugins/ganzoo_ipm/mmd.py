"""Li et al. 2017, MMD GAN: Towards Deeper Understanding of Moment Matching Network (arXiv:1705.08584).

The maximum mean discrepancy of p and q under a kernel k, in the space of D's features f:

    M = E[k(f(x), f(x'))] + E[k(f(y), f(y'))] − 2 E[k(f(x), f(y))]        x, x' of p and y, y' of q, independent

D learns the features in which it is greatest. They keep what tells samples apart, since a decoder reconstructs each
sample from them (`reconstruction`), and their slope is bounded, since the encoder's weights are clipped (`clip`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor

import ganzoo
from ganzoo_networks.autoencoder import ENERGY


class Mmd(ganzoo.Term):
    """D ascends M, G descends it; k is a sum of Gaussian kernels. D must return `features`.

    bandwidths  of the kernels, in units of the features
    estimate    of M: 'unbiased' leaves out the pairs of a sample with itself, 'biased' does not, and is never negative
    """

    precision = "fp32"

    def __init__(
        self,
        *,
        bandwidths: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0),
        estimate: Literal["unbiased", "biased"] = "unbiased",
    ) -> None:
        super().__init__()
        self.bandwidths = bandwidths
        self.within = {"unbiased": of_others, "biased": of_all}[estimate]

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−M, the negative of what D ascends."""
        return -self._discrepancy(round)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """M."""
        return self._discrepancy(round)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        return {"MMD2": self._discrepancy(round)}

    def _discrepancy(self, round: ganzoo.Round) -> Tensor:
        round.pair()
        x, y = round.real.features, round.fake.features
        return self.within(self._kernel(x, x)) + self.within(self._kernel(y, y)) - 2 * self._kernel(x, y).mean()

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        """k = Σ exp(−‖a − b‖²/2σ²) over the bandwidths σ, of float [N, d] and [M, d]: float [N, M]."""
        squares = (a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.T).clamp(min=0)
        return torch.stack([(squares / (-2 * sigma**2)).exp() for sigma in self.bandwidths]).sum(0)


class Reconstruction(ganzoo.Term):
    """What D pays for its errors where it is an autoencoder, whose score is its error, on data and on fakes.

    weight  the paper's λ
    """

    needs = ENERGY

    def __init__(self, *, weight: float = 8.0) -> None:
        super().__init__()
        self.weight = weight

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[D(x)] + E[D(G(z))]."""
        real, fake = round.pair()
        return real.mean() + fake.mean()


def of_all(kernel: Tensor) -> Tensor:
    """The mean of k over all pairs, of float [N, N]."""
    return kernel.mean()


def of_others(kernel: Tensor) -> Tensor:
    """The mean of k over pairs of different samples, of float [N, N]; 0 for a batch of one, which has none."""
    n = len(kernel)
    return (kernel.sum() - kernel.diagonal().sum()) / max(n * (n - 1), 1)
