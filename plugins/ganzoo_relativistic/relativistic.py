"""Jolicoeur-Martineau 2018, The relativistic discriminator: a key element missing from standard GAN
(arXiv:1807.00734).

D's score C has no scale of its own: only differences between real and generated samples count, so that a constant
added to it changes nothing. G's cost reads real samples too; swapping real and fake swaps the two costs.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import softplus

import ganzoo


class Paired(ganzoo.Term):
    """RSGAN: the i-th real sample against the i-th fake, both drawn independently."""

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−E[log σ(C(x) − C(G(z)))]."""
        real, fake = round.pair()
        return softplus(fake - real).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[log σ(C(G(z)) − C(x))]."""
        real, fake = round.pair()
        return softplus(real - fake).mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"real above fake": (real > fake).float().mean()}


class Average(ganzoo.Term):
    """RaSGAN: each sample against the average of the other kind, cross entropies of the differences."""

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−E[log σ(r)] − E[log(1 − σ(f))]."""
        r, f = differences(round)
        return softplus(-r).mean() + softplus(f).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[log σ(f)] − E[log(1 − σ(r))]."""
        r, f = differences(round)
        return softplus(-f).mean() + softplus(r).mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        r, f = differences(round)
        return {"r": r.mean(), "f": f.mean()}


class AverageLeastSquares(Average):
    """RaLSGAN: squared distances of the differences from 1 and −1."""

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[(r − 1)²] + E[(f + 1)²]."""
        r, f = differences(round)
        return (r - 1).square().mean() + (f + 1).square().mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """E[(f − 1)²] + E[(r + 1)²]."""
        r, f = differences(round)
        return (f - 1).square().mean() + (r + 1).square().mean()


def differences(round: ganzoo.Round) -> tuple[Tensor, Tensor]:
    """r = C(x) − E[C(G(z))] and f = C(G(z)) − E[C(x)], float [N] each; the means are over the whole batch."""
    real, fake = round.pair()
    return real - round.mean(fake), fake - round.mean(real)
