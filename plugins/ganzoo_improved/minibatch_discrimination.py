"""Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498), section 3.2."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.asked import width_of


class MinibatchDiscrimination(ganzoo.Term):
    """D sees how near each sample is to the others of its batch, so that fakes that are all alike give G away.

    Beside its features f(x_i) [A] the last layer of D sees o(x_i) [B], o(x_i)_b = Σ_j exp(−‖M_i,b − M_j,b‖₁) with
    M_i = f(x_i) T [B, C]. Data and fakes are judged apart. T and the weights of o belong to D.

    kernels  the paper's B
    size     of each, the paper's C
    """

    separable = False

    def __init__(self, *, kernels: int = 32, size: int = 5) -> None:
        super().__init__()
        if min(kernels, size) < 1:
            raise RecipeError(
                f"minibatch-discrimination needs kernels and size of at least 1; these are {kernels}, {size}"
            )
        self.kernels, self.size = kernels, size

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """T [A, B·C] and the weights of o. RecipeError if D does not say how many features it has."""
        self.T = nn.Linear(width_of(D, "minibatch-discrimination"), self.kernels * self.size, bias=False)
        self.of_nearness = nn.Linear(self.kernels, 1, bias=False)

    def judged(self, said: ganzoo.Judgement, conditions: Mapping[str, Tensor]) -> ganzoo.Judgement:
        """The score, with what the last layer makes of o(x)."""
        near = nearness(self.T(said.features).to(said.score.dtype).unflatten(1, (self.kernels, self.size)))
        return ganzoo.Judgement({**said, "score": said.score + self.of_nearness(near).squeeze(1)})


def nearness(M: Tensor) -> Tensor:
    """o [N, B] of M [N, B, C]: for each sample and kernel the sum of exp(−L1 distance) to all samples, itself too."""
    return torch.exp(-(M[:, None] - M[None]).abs().sum(3)).sum(1)
