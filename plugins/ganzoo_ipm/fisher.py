"""Mroueh and Sercu 2017, Fisher GAN (arXiv:1705.09675).

D's scores are parted in the mean while their second moment, over data and fakes, is held at 1:

    Ê = E[D(x)] − E[D(G(z))]        Ω̂ = ½ E[D(x)²] + ½ E[D(G(z))²]

With every D allowed, Ê at Ω̂ = 1 is the chi-squared distance of p and q from their mixture: √∫ (p − q)²/((p + q)/2).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import ganzoo


class Fisher(ganzoo.Term):
    """D ascends the augmented Lagrangian Ê + λ (1 − Ω̂) − ρ/2 (Ω̂ − 1)² (Eq. 9); the multiplier λ is state, from 0.

    rho  the paper's ρ: the weight of the square, and the rate of λ
    """

    multiplier: Tensor

    def __init__(self, *, rho: float = 1e-6) -> None:
        super().__init__()
        self.rho = rho
        self.register_buffer("multiplier", torch.zeros(()))

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−Ê − λ (1 − Ω̂) + ρ/2 (Ω̂ − 1)²."""
        distance, excess = moments(round)
        return -distance + self.multiplier * excess + self.rho / 2 * excess.square()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[D(G(z))], the part of Ê that depends on G."""
        return -round.fake.score.mean()

    def settle(self, round: ganzoo.Round) -> None:
        """λ ← λ − ρ ∂/∂λ = λ + ρ (Ω̂ − 1) (Algorithm 1), Ω̂ by the scores that D's turn computed."""
        _, excess = moments(round)
        self.multiplier.add_(self.rho * excess)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """λ, Ω̂, and the distance Ê/√Ω̂, which no scale of D's scores changes."""
        distance, excess = moments(round)
        return {"multiplier": self.multiplier, "omega": 1 + excess, "distance": distance / (1 + excess).sqrt()}


def moments(round: ganzoo.Round) -> tuple[Tensor, Tensor]:
    """Ê and Ω̂ − 1, over the whole batch."""
    real, fake = round.pair()
    second = round.mean(real.square()) / 2 + round.mean(fake.square()) / 2
    return round.mean(real) - round.mean(fake), second - 1
