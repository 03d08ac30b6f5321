"""Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks (arXiv:1802.05957)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize

from ganzoo.errors import RecipeError

LAYERS = (nn.Linear, nn.Embedding, nn.Bilinear, nn.modules.conv._ConvNd)


class SpectralNorm(nn.Module):
    """W / σ(W), the largest singular value by power iteration (Eq. 8, Algorithm 1). `u` and `v` are state.

    They move in every forward pass of training, in G's turn too, as in the authors' code; in evaluation they rest.
    σ is computed in float32, and to a gradient u and v are constants (Eq. 12).

    out         the dimension of the weight that counts outputs; all others are columns of the matrix
    iterations  of the power method in each forward pass
    """

    u: Tensor
    v: Tensor

    def __init__(self, weight: Tensor, out: int, iterations: int) -> None:
        super().__init__()
        self.out, self.iterations = out, iterations
        matrix = self.matrix(weight.detach())
        self.register_buffer("u", normalize(torch.randn(len(matrix), dtype=matrix.dtype), dim=0))
        self.register_buffer("v", normalize(matrix.T @ self.u, dim=0))

    def matrix(self, weight: Tensor) -> Tensor:
        """The weight as one row for each output, float32."""
        rows = weight.float() if weight.dtype.itemsize < 4 else weight
        return rows.movedim(self.out, 0).flatten(1)

    def forward(self, weight: Tensor) -> Tensor:
        with torch.autocast(weight.device.type, enabled=False):
            matrix = self.matrix(weight)
            u, v = self._estimate(matrix.detach()) if self.training else (self.u.clone(), self.v.clone())
            return weight / torch.dot(u, matrix @ v).clamp_min(1e-12)

    @torch.no_grad()
    def _estimate(self, matrix: Tensor) -> tuple[Tensor, Tensor]:
        """u and v after the power iterations, kept as state: ṽ ← Wᵀũ / ‖Wᵀũ‖, ũ ← Wṽ / ‖Wṽ‖ (Eq. 18 and 19)."""
        u = self.u
        for _ in range(self.iterations):
            v = normalize(matrix.T @ u, dim=0)
            u = normalize(matrix @ v, dim=0)
        self.u.copy_(u)
        self.v.copy_(v)
        return u, v


def spectral(module: nn.Module, *, iterations: int = 1) -> nn.Module:
    """Every weight of linear, convolutional and embedding layers divided by its largest singular value (Miyato et al.
    2018). Biases and BatchNorm stay as they are.

    iterations  of the power method in each forward pass of training
    """
    if iterations < 1:
        raise RecipeError(f"spectral.iterations is {iterations}; at least 1 is expected")
    for layer in weighted(module, "spectral"):
        parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, outputs(layer), iterations))
    return module


def outputs(layer: nn.Module) -> int:
    """Which dimension of a layer's weight counts its outputs: the second in a transposed convolution."""
    return 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0


def weighted(module: nn.Module, wrap: str) -> list[Any]:
    """The layers of a network that a wrap changes; RecipeError if it has none."""
    found = [layer for layer in module.modules() if isinstance(layer, LAYERS)]
    if not found:
        raise RecipeError(
            f"{wrap} finds no linear, convolutional or embedding layer in {type(module).__name__}; drop the wrap"
        )
    return found
