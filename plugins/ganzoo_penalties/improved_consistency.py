"""Zhao et al. 2020, Improved Consistency Regularization for GANs (arXiv:2002.04724): for fakes too, and for latents."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_penalties.consistency import Consistency


class BalancedConsistency(Consistency):
    """D says of a picture, of the data or a fake, what it says of it shifted and mirrored (section 3.1, bCR).

    shift   greatest shift, as a share of the side; what comes in at the edge is what was there
    flip    how often the picture is mirrored left to right; 0 where that makes another thing of it
    real    weight of the data's part, the paper's λ_real
    fake    weight of the fakes' part, the paper's λ_fake
    """

    name = "balanced-consistency"

    def __init__(
        self, *, shift: float = 0.125, flip: float = 0.5, real: float = 10.0, fake: float = 10.0, weight: float = 1.0
    ) -> None:
        super().__init__(shift=shift, flip=flip, weight=weight)
        self.real, self.fake = real, fake

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """λ_real E[(D(x) − D(T(x)))²] + λ_fake E[(D(G(z)) − D(T(G(z))))²]."""
        _, fake = round.pair()
        altered = round.judge(self.altered(round.x_fake), round.inputs).score
        return self.real * super().discriminator(round) + self.fake * (fake - altered).square().mean()


class LatentConsistency(ganzoo.Term):
    """A little noise on z changes D's score little, and G's picture much (section 3.2, zCR).

    sigma  standard deviation of the noise on z, the paper's σ_noise
    gen    weight of the part for G, the paper's λ_gen
    dis    weight of the part for D, the paper's λ_dis
    """

    def __init__(self, *, sigma: float = 0.03, gen: float = 0.5, dis: float = 5.0) -> None:
        super().__init__()
        self.sigma, self.gen, self.dis = sigma, gen, dis

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """RecipeError for a G without a latent."""
        if not G.spec.of_kind("latent"):
            raise RecipeError("latent-consistency moves latents, and G has none; set latent above 0")

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """λ_dis E[(D(G(z)) − D(G(T(z))))²]."""
        _, fake = round.pair()
        altered = self.altered(round)
        near = round.judge(round.generate(**altered), altered).score
        return self.dis * (fake - near).square().mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−λ_gen E[(G(z) − G(T(z)))²], a mean over samples and pixels."""
        near = round.generate(**self.altered(round))
        return -self.gen * (round.x_fake - near).float().square().mean()

    def altered(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """The generator's inputs with T(z) = z + σ ε of every latent z; labels as they are."""
        latents = {spec.name for spec in round.G.spec.inputs if spec.kind == "latent"}
        return {
            name: t + self.sigma * torch.randn_like(t) if name in latents else t for name, t in round.inputs.items()
        }
