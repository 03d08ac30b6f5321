"""Penalties on D's slope, the norm of its gradient by its input, that ask for a slope or for no more than that.

    λ E[|‖∇D(x̂)‖ − centre|^power]    the excess over the centre alone where only that counts

Gulrajani et al. 2017, Improved Training of Wasserstein GANs (arXiv:1704.00028), Eq. 3: slope 1 between data and fakes.
Petzka et al. 2017, On the regularization of Wasserstein GANs (arXiv:1709.08894): slopes above 1 only.
Wu et al. 2017, Wasserstein Divergence for GANs (arXiv:1712.01026): centre 0, power 6, weight 2.
Kodali et al. 2017, On Convergence and Stability of GANs (arXiv:1705.07215): slope 1 around data, DRAGAN.

The norm is of every sample's gradient by itself: one norm of a whole batch's would charge a D of slope 1 the more, the
more samples there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

import ganzoo
from ganzoo_networks.asked import check_slopes

EPSILON = 1e-12  # under the root, whose derivative at 0 is infinite

Place = tuple[Tensor, Mapping[str, Tensor]]  # samples, and what D is told beside them


class GradientPenalty(ganzoo.Term):
    """What D pays where its slope, of every sample (or pack of them) by itself, is not what is asked for.

    points  where: on lines 'between' data and fakes, 'around' data, at 'real' samples or at 'fake' ones
    centre  the slope asked for
    side    which slopes pay: on 'both' sides of the centre, or those 'above' it
    norm    of a gradient; l1 where the distance of samples is that of their most distant pixels, max where it is
            the sum over pixels
    power   of what a slope is off by
    spread  of the Gaussian noise around data, in standard deviations of all pixels in the minibatch
    weight  the paper's λ

    Its turn is in fp32 unless `precision` says 'any'; the norm is taken in fp32 even then.
    """

    precision = "fp32"

    def __init__(
        self,
        *,
        points: Literal["between", "around", "real", "fake"] = "between",
        centre: float = 1.0,
        side: Literal["both", "above"] = "both",
        norm: Literal["l2", "l1", "max"] = "l2",
        power: float = 2.0,
        spread: float = 0.5,
        weight: float = 10.0,
    ) -> None:
        super().__init__()
        places: dict[str, Callable[[ganzoo.Round], Place]] = {
            "between": between, "around": partial(around, spread), "real": real, "fake": fake,
        }  # fmt: skip
        self.place, self.norm, self.off = places[points], NORMS[norm], SIDES[side]
        self.centre, self.power, self.weight = centre, power, weight

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """RecipeError if D has BatchNorm."""
        check_slopes(D, "gradient-penalty")

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[|‖∇D(x̂)‖ − centre|^power]."""
        x, told = self.place(round)
        x = x.detach().requires_grad_()
        score = round.judge(x, told).score
        (gradient,) = torch.autograd.grad(score.sum(), x, create_graph=True)
        return self.off(self.norm(gradient.reshape(len(score), -1)) - self.centre).pow(self.power).mean()


def between(round: ganzoo.Round) -> Place:
    """x̂ = ε x + (1 − ε) G(z), ε uniform in [0, 1] for each sample, or for all that have one score."""
    x, x_fake = round.x, round.x_fake
    share = torch.rand(len(x) // round.m, *[1] * (x.dim() - 1), device=x.device, dtype=x.dtype)
    share = share.repeat_interleave(round.m, 0)
    return share * x + (1 - share) * x_fake, round.conditions


def around(spread: float, round: ganzoo.Round) -> Place:
    """x̂ = x + δ, δ Gaussian, as wide as `spread` standard deviations of all numbers in x."""
    x = round.x
    return x + spread * x.std(correction=0) * torch.randn_like(x), round.conditions


def real(round: ganzoo.Round) -> Place:
    """x̂ = x."""
    return round.x, round.conditions


def fake(round: ganzoo.Round) -> Place:
    """x̂ = G(z)."""
    return round.x_fake, round.inputs


NORMS: dict[str, Callable[[Tensor], Tensor]] = {  # of gradients float [N, d] -> [N]
    "l2": lambda gradients: (gradients.square().sum(1) + EPSILON).sqrt(),
    "l1": lambda gradients: gradients.abs().sum(1),
    "max": lambda gradients: gradients.abs().amax(1),
}

SIDES: dict[str, Callable[[Tensor], Tensor]] = {"both": torch.abs, "above": relu}
