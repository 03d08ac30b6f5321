"""Zhao et al. 2016, Energy-based Generative Adversarial Network (arXiv:1609.03126). D's score is an energy."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import normalize, relu

import ganzoo
from ganzoo_networks.autoencoder import ENERGY


class Margin(ganzoo.Term):
    """Data get a low energy, fakes one of at least the margin (Eq. 1 and 2).

    margin  the paper's m: D lets fakes be beyond it
    """

    margin: float | Tensor
    needs = ENERGY

    def __init__(self, *, margin: float = 1.0) -> None:
        super().__init__()
        self.margin = margin

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[D(x)] + E[max(0, m − D(G(z)))]."""
        real, fake = round.pair()
        return real.mean() + relu(self.margin - fake).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """E[D(G(z))]."""
        return round.fake.score.mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"D(x)": real.mean(), "D(G(z))": fake.mean()}


class PullingAway(ganzoo.Term):
    """The mean of squared cosines between the features of different fakes: 0 if they are orthogonal, 1 if all point
    one way (section 2.4). For G; D must return `features`. A batch of one has no pairs, and costs nothing."""

    def generator(self, round: ganzoo.Round) -> Tensor:
        directions = normalize(round.fake.features, dim=1)
        n = len(directions)
        squares = (directions @ directions.T).square()
        return (squares.sum() - squares.diagonal().sum()) / max(n * (n - 1), 1)
