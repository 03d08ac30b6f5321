"""Berthelot et al. 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks (arXiv:1703.10717).

D's score is the error of an autoencoder. A controller keeps the error on samples at a share γ of that on data.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import ganzoo
from ganzoo_networks.autoencoder import ENERGY


class Equilibrium(ganzoo.Term):
    """D lowers the error on data and raises that on fakes, k times as much; k is state, from 0 (section 3.3).

    gamma  the error on fakes, as a share of that on data, that k works towards: less is sharper, more is more diverse
    rate   of k, the paper's λ
    """

    k: Tensor
    needs = ENERGY

    def __init__(self, *, gamma: float = 0.5, rate: float = 0.001) -> None:
        super().__init__()
        self.gamma, self.rate = gamma, rate
        self.register_buffer("k", torch.zeros(()))

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[D(x)] − k E[D(G(z))]."""
        real, fake = round.pair()
        return real.mean() - self.k * fake.mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """E[D(G(z))]."""
        return round.fake.score.mean()

    def settle(self, round: ganzoo.Round) -> None:
        """k ← k + λ (γ E[D(x)] − E[D(G(z))]), kept in [0, 1]."""
        self.k.add_(self.rate * self._balance(round)).clamp_(0, 1)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """k, and the measure of convergence M = E[D(x)] + |γ E[D(x)] − E[D(G(z))]| (section 3.4)."""
        return {"k": self.k, "M": round.mean(round.real.score) + self._balance(round).abs()}

    def _balance(self, round: ganzoo.Round) -> Tensor:
        real, fake = round.pair()
        return self.gamma * round.mean(real) - round.mean(fake)
