"""Mao et al. 2016, Least Squares Generative Adversarial Networks (arXiv:1611.04076)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

import ganzoo


class LeastSquares(ganzoo.Term):
    """Squared distances of D's scores from labels (Eq. 2).

    With b − c = 1 and b − a = 2, G descends Pearson's χ² of 2q from p + q, halved (section 3.2).

    a, b  what D should say of fakes and of data
    c     what G wants D to say of fakes
    """

    targets = True  # a and b

    def __init__(self, *, a: float = 0.0, b: float = 1.0, c: float = 1.0) -> None:
        super().__init__()
        self.a, self.b, self.c = a, b, c
        self.centred = a == -b  # whether the score is 0 where D cannot tell

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """½ E[(D(x) − b)²] + ½ E[(D(G(z)) − a)²]."""
        real, fake = round.pair()
        return (real - self.b).square().mean() / 2 + (fake - self.a).square().mean() / 2

    def generator(self, round: ganzoo.Round) -> Tensor:
        """½ E[(D(G(z)) − c)²]."""
        return (round.fake.score - self.c).square().mean() / 2

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"D(x)": real.mean(), "D(G(z))": fake.mean()}
