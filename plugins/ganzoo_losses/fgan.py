"""Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization
(arXiv:1606.00709).

For convex f with f(1) = 0 and its conjugate f*(t) = sup_u tu − f(u), any function T bounds a divergence:

    D_f(p ‖ q) = ∫ q f(p/q) ≥ F(T) = E_p[T(x)] − E_q[f*(T(x))]                                  (Eq. 4)

with equality at T = f'(p/q). T = g_f(v) maps D's score v, any real number, into the domain of f* (Eq. 7, Table 2).
D ascends F. G descends it too, or ascends E_q[T], which has the same fixed point and does not fade while D is
confident (section 3.2). Two functions of the score make a divergence: T = g_f(v), and f*(T) = f*(g_f(v)),
which is written in v, where the logarithms and exponentials of Table 2 cancel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import softplus

import ganzoo

STEEPEST = 10.0  # the exponent from which on an exponential is a line, so that a score of 100 has a cost


class FGan(ganzoo.Term):
    """The variational bound of a divergence. A divergence overrides `T` and `conjugate`.

    generator  what G does: 'output' ascends E_q[T] (section 3.2), 'bound' descends F (Algorithm 1)
    """

    def __init__(self, *, generator: Literal["output", "bound"] = "output") -> None:
        super().__init__()
        self.believed = {"output": self.T, "bound": self.conjugate}[generator]

    def T(self, v: Tensor) -> Tensor:
        """g_f(v), what D's score v stands for."""
        raise NotImplementedError

    def conjugate(self, v: Tensor) -> Tensor:
        """f*(g_f(v))."""
        raise NotImplementedError

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−F(T), the negative of what D ascends."""
        return -self._bound(round)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E_q[T], or −E_q[f*(T)], the part of F that depends on G."""
        return -self.believed(round.fake.score).mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        return {"F": self._bound(round)}

    def _bound(self, round: ganzoo.Round) -> Tensor:
        real, fake = round.pair()
        return self.T(real).mean() - self.conjugate(fake).mean()


class Kl(FGan):
    """f(u) = u log u: the Kullback-Leibler divergence of p from q. f*(t) = exp(t − 1)."""

    def T(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return exponential(v - 1)


class ReverseKl(FGan):
    """f(u) = −log u: the Kullback-Leibler divergence of q from p. f*(t) = −1 − log(−t) for t < 0."""

    centred = True  # v is log p/q at best

    def T(self, v: Tensor) -> Tensor:
        return -exponential(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return v - 1


class Pearson(FGan):
    """f(u) = (u − 1)²: Pearson's χ². f*(t) = t²/4 + t."""

    centred = True  # v is 2(p/q − 1) at best

    def T(self, v: Tensor) -> Tensor:
        return v

    def conjugate(self, v: Tensor) -> Tensor:
        return v.square() / 4 + v


class Hellinger(FGan):
    """f(u) = (√u − 1)²: the squared Hellinger distance. f*(t) = t/(1 − t) for t < 1."""

    centred = True  # v is ½ log p/q at best

    def T(self, v: Tensor) -> Tensor:
        return 1 - exponential(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return exponential(v) - 1


class Js(FGan):
    """f(u) = u log u − (u + 1) log((u + 1)/2): twice the Jensen-Shannon divergence.
    f*(t) = −log(2 − exp t) for t < log 2."""

    targets = centred = True  # the cross entropy of 2014 and a constant

    def T(self, v: Tensor) -> Tensor:
        return math.log(2) - softplus(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v) - math.log(2)


class Gan(FGan):
    """f(u) = u log u − (u + 1) log(u + 1): the game of 2014, whose f(1) is −log 4. f*(t) = −log(1 − exp t)
    for t < 0."""

    targets = centred = True  # the cross entropy of 2014

    def T(self, v: Tensor) -> Tensor:
        return -softplus(-v)

    def conjugate(self, v: Tensor) -> Tensor:
        return softplus(v)


def exponential(a: Tensor) -> Tensor:
    """exp(a), and above `STEEPEST` its tangent there: finite, with a finite slope, for every finite a."""
    return torch.where(a < STEEPEST, a.clamp(max=STEEPEST).exp(), math.exp(STEEPEST) * (1 + a - STEEPEST))
