"""Lim and Ye 2017, Geometric GAN (arXiv:1705.02894).

D is a support vector machine on its own features; with D at its optimum sign(p − q) its cost is
2(1 − TV(p, q)), TV the total variation.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import relu

import ganzoo


class Hinge(ganzoo.Term):
    """D asks for scores of at least 1 on data and at most −1 on fakes; G raises the score of fakes."""

    centred = True  # the score is 0 where it cannot tell

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]."""
        real, fake = round.pair()
        return relu(1 - real).mean() + relu(1 + fake).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[D(G(z))]."""
        return -round.fake.score.mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"D(x)": real.mean(), "D(G(z))": fake.mean()}
