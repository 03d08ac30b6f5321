"""Chen et al. 2016, InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial
Nets (arXiv:1606.03657).

G is given codes beside its noise, and Q, a head on D's trunk, reads them off the fake. Both players raise the lower
bound of the mutual information between codes and fakes,

    L_I(G, Q) = E[log Q(c | x)] + H(c) ≤ I(c; G(z, c)),  c ~ P(c), x = G(z, c)                      (Eq. 5)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.asked import width_of

NORMAL = math.log(2 * math.pi) / 2  # −log of the standard normal density at 0


class Information(ganzoo.Term):
    """−L_I of one categorical code, the input `c1`, and of continuous ones, `c2`, `c3`, ..., for D and for G.

    categories  values of the categorical code, equally likely
    continuous  how many codes are uniform on (−1, 1); Q(c | x) is normal with a mean and a deviation
    caution     the weight of the continuous codes beside the categorical one
    least       the deviation of Q(c | x) that Q may claim at the least. The pull of a continuous code grows as one over
                its square; from 1 on, as no uniform code needs as much, the deviation is fixed there
    width       of Q's hidden layer
    """

    def __init__(
        self,
        *,
        categories: int = 10,
        continuous: int = 2,
        caution: float = 0.1,
        least: float = 1e-3,
        width: int = 128,
    ) -> None:
        super().__init__()
        if least <= 0:
            raise RecipeError(f"information.least is {least:g}; a deviation above 0 is expected")
        self.categories, self.caution, self.least, self.width = categories, caution, math.log(least), width
        names = tuple(_letters(k) for k in range(categories))
        told = "a code that was learnt without labels, from -1 to 1"
        self.inputs = (
            ganzoo.InputSpec("c1", "label", (), "uniform", names, doc="a code that was learnt without labels"),
            *(
                ganzoo.InputSpec(f"c{k + 2}", "latent", (1,), "uniform", range=(-1.0, 1.0), doc=told)
                for k in range(continuous)
            ),
        )
        self.names = tuple(spec.name for spec in self.inputs[1:])

    def attach(self, G: Any, D: Any) -> None:
        """Q: a hidden layer over D's features, then logits, means and log deviations. Its BatchNorm keeps no
        averages, for Q reads whole minibatches only."""
        norm = nn.BatchNorm1d(self.width, track_running_stats=False)
        self.Q = nn.Sequential(
            nn.Linear(width_of(D, "information"), self.width), norm, nn.LeakyReLU(0.1),
            nn.Linear(self.width, self.categories + 2 * len(self.names)),
        )  # fmt: skip

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−L_I: Q and the trunk learn to read the codes."""
        return self._cost(round)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−L_I: G learns to make them readable."""
        return self._cost(round)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """The two parts of L_I in nats, at most log(categories) for the first."""
        categorical, continuous = self._bounds(round)
        return {"L_I categorical": categorical, "L_I continuous": continuous}

    def _cost(self, round: ganzoo.Round) -> Tensor:
        categorical, continuous = self._bounds(round)
        return -(categorical + self.caution * continuous)

    def _bounds(self, round: ganzoo.Round) -> tuple[Tensor, Tensor]:
        logits, means, deviations = self.Q(round.fake.features).split(
            [self.categories, len(self.names), len(self.names)], 1
        )
        categorical = math.log(self.categories) - cross_entropy(logits, round.inputs["c1"])
        codes = torch.cat([round.inputs[name] for name in self.names], 1) if self.names else means
        return categorical, normal_bound(codes, means, deviations.clamp_min(self.least))


def normal_bound(codes: Tensor, means: Tensor, deviations: Tensor) -> Tensor:
    """E[log Q(c | x)] + H(c), summed over codes c uniform on (−1, 1), H = log 2 each, Q(c | x) normal.

    codes, means, deviations  float [N, number of codes]; deviations by their logarithm
    """
    likelihood = -NORMAL - deviations - ((codes - means) / deviations.exp()).square() / 2
    return (likelihood + math.log(2)).sum(1).mean()


def _letters(k: int) -> str:
    """0 -> 'A', 25 -> 'Z', 26 -> 'AA': codes stand for nothing by themselves."""
    return ("" if k < 26 else _letters(k // 26 - 1)) + chr(ord("A") + k % 26)
