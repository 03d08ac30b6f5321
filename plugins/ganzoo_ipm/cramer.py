"""Bellemare et al. 2017, The Cramer Distance as a Solution to Biased Wasserstein Gradients (arXiv:1705.10743).

Samples become vectors h(x), and laws p and q of them are compared by the energy distance

    E(p, q) = 2 E‖h(x) − h(y)‖ − E‖h(x) − h(x')‖ − E‖h(y) − h(y')‖        x, x' of p and y, y' of q, independent,

in one dimension twice the squared Cramér distance, the integral of the squared difference of distribution functions.
Unlike Wasserstein's, its gradient on a minibatch is that of the whole in the mean.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.asked import check_slopes, width_of
from ganzoo_wasserstein.gradient_penalty import between

EPSILON = 1e-12  # under roots, whose derivative at 0 is infinite


class Cramer(ganzoo.Term):
    """G descends the energy distance; D, whose output is h, parts data and fakes by the critic
    f(x) = ‖h(x) − h(x')‖ − ‖h(x)‖, x' another fake, with its slope held at 1 between them (Algorithm 1).

    h is D's score and `dimensions` − 1 more linear functions of its features; x' is the next fake of the minibatch.

    dimensions  of h
    penalty     the weight of (‖∇f(x̂)‖ − 1)², the paper's λ
    """

    precision = "fp32"

    def __init__(self, *, dimensions: int = 256, penalty: float = 10.0) -> None:
        super().__init__()
        self.dimensions, self.penalty = dimensions, penalty

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """Make the rest of D's last layer. RecipeError if D has BatchNorm, or does not say how many features it has."""
        if self.dimensions < 2:
            raise RecipeError(f"the loss cramer has dimensions={self.dimensions}; at least 2 are expected")
        check_slopes(D, "cramer")
        self.head = nn.Linear(width_of(D, "cramer"), self.dimensions - 1)

    def judged(self, said: ganzoo.Judgement, conditions: Mapping[str, Tensor]) -> ganzoo.Judgement:
        """h(x) float [N, dimensions], beside what D says."""
        h = torch.cat([said.score[:, None], self.head(said.features)], 1)
        return ganzoo.Judgement({**said, "h": h})

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[f(G(z))] − E[f(x)] + λ E[(‖∇f(x̂)‖ − 1)²], x̂ between x and G(z)."""
        real, fake, other = vectors(round)
        distance = critic(real, other).mean() - critic(fake, other).mean()
        return self.penalty * self._penalty(round, other) - distance

    def generator(self, round: ganzoo.Round) -> Tensor:
        """The energy distance without E‖h(x) − h(x')‖, which does not depend on G."""
        real, fake, other = vectors(round)
        return (length(real - fake) + length(real - other) - length(fake - other)).mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake, other = vectors(round)
        return {"f(x) - f(G(z))": critic(real, other).mean() - critic(fake, other).mean()}

    def _penalty(self, round: ganzoo.Round, other: Tensor) -> Tensor:
        x, told = between(round)
        x = x.detach().requires_grad_()
        f = critic(round.judge(x, told).h, other)
        (gradient,) = torch.autograd.grad(f.sum(), x, create_graph=True)
        return (length(gradient.reshape(len(f), -1)) - 1).square().mean()


def vectors(round: ganzoo.Round) -> tuple[Tensor, Tensor, Tensor]:
    """h of x, of G(z) and of the next fake of the minibatch, float [N, dimensions] each; of packs, if D judges such."""
    round.pair()
    fake = round.fake.h
    return round.real.h, fake, fake.roll(-1, 0)


def critic(h: Tensor, other: Tensor) -> Tensor:
    """f, float [N], of vectors h against those of other fakes."""
    return length(h - other) - length(h)


def length(vectors: Tensor) -> Tensor:
    """The norm of each vector, float [N, d] -> [N]."""
    return (vectors.square().sum(1) + EPSILON).sqrt()
