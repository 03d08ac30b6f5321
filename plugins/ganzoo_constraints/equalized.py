"""Karras et al. 2018, Progressive Growing of GANs (arXiv:1710.10196), section 4.1: the equalised learning rate."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn.utils import parametrize

from ganzoo_constraints.spectral import outputs, weighted


class Scaled(nn.Module):
    """A weight times a constant, at every use."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.scale


def equalized(module: nn.Module, *, gain: float = math.sqrt(2)) -> nn.Module:
    """Weights N(0, 1), scaled when used by He's constant gain/√(inputs of a unit), so that Adam moves all layers at one
    pace (Karras et al. 2018). Biases start at 0. The network's own initialisation is replaced. The inputs of an
    embedding are the classes, of which one is 1: its vectors are N(0, gain²/classes).

    gain  √2 before ReLUs, as He et al. 2015 (arXiv:1502.01852); the authors' code has 1 in the last layers
    """
    for layer in weighted(module, "equalized"):
        inputs = layer.weight.numel() // layer.weight.shape[outputs(layer)]
        if isinstance(layer, nn.Embedding):
            inputs = layer.num_embeddings
        nn.init.normal_(layer.weight)
        bias = getattr(layer, "bias", None)
        if bias is not None:
            nn.init.zeros_(bias)
        parametrize.register_parametrization(layer, "weight", Scaled(gain / math.sqrt(inputs)))
    return module
