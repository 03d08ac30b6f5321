"""Brock et al. 2018, Large Scale GAN Training for High Fidelity Natural Image Synthesis (arXiv:1809.11096)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import ganzoo

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class Orthogonal(ganzoo.Term):
    """The filters of every layer of G, pulled towards right angles to each other; their lengths are free (Eq. 3).

    weight  the paper's β
    """

    def __init__(self, *, weight: float = 1e-4) -> None:
        super().__init__()
        self.weight = weight

    def generator(self, round: ganzoo.Round) -> Tensor:
        """Σ ‖W Wᵀ ⊙ (1 − I)‖² over linear and convolutional layers, the rows of W being their filters."""
        return torch.stack([crossing(filters) for filters in _filters(round.G)]).sum()


def crossing(filters: Tensor) -> Tensor:
    """The sum of squared products of different rows, of float [rows, size]."""
    products = filters @ filters.T
    return (products - products.diagonal().diag()).square().sum()


def _filters(network: nn.Module) -> list[Tensor]:
    """The weights of every layer, one row for each of its outputs."""
    found = [_weight(layer).flatten(1) for layer in network.modules() if isinstance(layer, LAYERS)]
    return found + [_weight(m).transpose(0, 1).flatten(1) for m in network.modules() if isinstance(m, TRANSPOSED)]


def _weight(layer: nn.Module) -> Tensor:
    """A layer's weight as it was used: by `spectral` it is computed, and a look in training would move its state."""
    training = layer.training
    weight = layer.eval().weight
    layer.train(training)
    assert isinstance(weight, Tensor)
    return weight
