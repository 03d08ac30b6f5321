"""The networks of Brock et al. 2018, Large Scale GAN Training for High Fidelity Natural Image Synthesis
(arXiv:1809.11096), appendix B: those of SAGAN, with orthogonal weights at first, and a G whose blocks see their own
part of the noise beside one vector for the class. For pictures whose sides halve evenly to less than 8.

The paper's spectral normalisation is not part of the networks: generator.wrap=spectral, discriminator.wrap=spectral.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_sagan import network as sagan


class ConditionedBatchNorm(nn.Module):
    """BatchNorm of maps float [N, C, H, W] whose scale, beside 1, and shift are linear functions of a vector for each
    sample, float [N, width]."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale = nn.Linear(width, channels, bias=False)
        self.shift = nn.Linear(width, channels, bias=False)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        return self.norm(x) * (1 + self.scale(told))[:, :, None, None] + self.shift(told)[:, :, None, None]


class Generator(ganzoo.GeneratorNet):
    """SAGAN's, with split noise: the first part goes through a linear layer to the smallest map; each other part,
    beside a vector of the class that all blocks share, sets the scales and shifts of a block (figure 15).

    width      channels of the last block; twice that at each level below
    attention  of the maps that blocks make, the greatest up to this side and below the picture's attends to itself
    embedding  dimensions of a class's vector
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        width: int = 64,
        attention: int = 64,
        embedding: int = 128,
    ) -> None:
        super().__init__(inputs, output)
        widths, (height, breadth) = sagan.levels(output, width)
        labels = [spec for spec in inputs if spec.kind == "label"]
        self.sizes = split(sum(math.prod(spec.shape) for spec in inputs if spec.kind == "latent"), len(widths))
        # no layers: as in the authors' code, the wrap leaves them alone
        self.classes = nn.ParameterList(torch.empty(len(spec.classes), embedding) for spec in labels)
        self.start = (widths[0], height, breadth)
        self.project = nn.Linear(self.sizes[0], math.prod(self.start))
        told = [len(labels) * embedding + size for size in self.sizes[1:]]
        norms = [partial(ConditionedBatchNorm, width) for width in told]
        self.body = sagan.Rising(widths, max(height, breadth), attention, norms)
        self.pixels = sagan.Pixels(width, output)
        sagan.initialise(self, nn.init.orthogonal_)
        for vectors in self.classes:
            nn.init.normal_(vectors)

    def forward(self, *inputs: Tensor) -> Tensor:
        kinds = [(spec.kind, t) for spec, t in zip(self.spec.inputs, inputs)]
        labels = [t for kind, t in kinds if kind == "label"]
        z = torch.cat([t.flatten(1) for kind, t in kinds if kind == "latent"], 1)
        first, *rest = torch.split(z, self.sizes, 1)
        vectors = [vectors[y] for vectors, y in zip(self.classes, labels)]
        x = self.project(first).reshape(-1, *self.start)
        return self.pixels(self.body(x, [torch.cat([*vectors, part], 1) for part in rest]))


class Discriminator(sagan.Discriminator):
    """SAGAN's, with orthogonal weights at first."""

    def __init__(
        self, sample: ganzoo.OutputSpec, conditions: tuple[ganzoo.InputSpec, ...] = (), **options: Any
    ) -> None:
        super().__init__(sample, conditions, **options)
        sagan.initialise(self, nn.init.orthogonal_)


def split(noise: int, parts: int) -> list[int]:
    """The sizes of the parts of the noise, as even as can be, no later one greater; RecipeError if one is empty."""
    if noise < parts:
        raise RecipeError(
            f"biggan splits its noise in {parts}, for the first layer and each block, and there are {noise} "
            f"dimensions; set latent to {parts} or more"
        )
    return [len(part) for part in torch.arange(noise).tensor_split(parts)]
