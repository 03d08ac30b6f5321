"""Mao et al. 2019, Mode Seeking Generative Adversarial Networks for Diverse Image Synthesis (arXiv:1903.05628)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class ModeSeeking(ganzoo.Term):
    """Two latents far from each other make samples far from each other (Eq. 3).

    The paper maximises the ratio of distances of samples and of latents; as in its authors' code G descends the
    inverse of the mean ratio, which is bounded. Latents are paired with those of the neighbour in the batch, under
    the same label.

    epsilon  keeps both quotients finite
    """

    def __init__(self, *, epsilon: float = 1e-5) -> None:
        super().__init__()
        self.epsilon = epsilon

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """RecipeError for a G without a latent."""
        if not G.spec.of_kind("latent"):
            raise RecipeError("mode-seeking compares samples of two latents, and G has none; set latent above 0")

    def generator(self, round: ganzoo.Round) -> Tensor:
        """1 / (ratio + ε), ratio = mean |G(c, z₁) − G(c, z₂)| / mean |z₁ − z₂|; 0 for a batch of one."""
        latents = {spec.name for spec in round.G.spec.inputs if spec.kind == "latent"}
        others = {name: t.roll(1, 0) if name in latents else t for name, t in round.inputs.items()}
        samples = _distance(round.x_fake, round.generate(**others))
        apart = sum((_distance(round.inputs[name], others[name]) for name in latents), samples.new_zeros(()))
        return (apart > 0) / (samples / (apart + self.epsilon) + self.epsilon)


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """The mean over samples and dimensions of |a − b|."""
    return (a - b).abs().mean(dtype=torch.promote_types(a.dtype, torch.float32))
