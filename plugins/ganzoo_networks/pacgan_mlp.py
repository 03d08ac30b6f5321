"""Networks for points in the plane, of Lin et al. 2018, PacGAN (arXiv:1712.04086), as in the code of its authors."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo.vanilla import Maxout


class Generator(ganzoo.GeneratorNet):
    """Four layers of 400 ReLUs with BatchNorm instead of a bias, then a linear one. Weights N(0, 0.02²).

    widths  of the hidden layers
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        widths: tuple[int, ...] = (400, 400, 400, 400),
    ) -> None:
        super().__init__(inputs, output)
        _points(output)
        sizes = (self.width, *widths)
        layers: list[nn.Module] = []
        for wide, next_wide in pairwise(sizes):
            layers += [nn.Linear(wide, next_wide, bias=False), nn.BatchNorm1d(next_wide, momentum=0.05), nn.ReLU()]
        self.body = nn.Sequential(*layers, nn.Linear(sizes[-1], math.prod(output.shape)))
        _initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.joined(*inputs)).reshape(-1, *self.spec.output.shape)


class Discriminator(nn.Module):
    """Three maxout layers of 200 units of 5 pieces, without dropout, then one score. Weights N(0, 0.02²).

    units, pieces  of each layer
    layers         how many
    """

    separable = True

    def __init__(self, sample: ganzoo.OutputSpec, *, units: int = 200, pieces: int = 5, layers: int = 3) -> None:
        super().__init__()
        _points(sample)
        if min(units, pieces, layers) < 1:
            raise RecipeError(
                f"pacgan-mlp needs at least one unit, piece and layer; these are {units}, {pieces}, {layers}"
            )
        sizes = (math.prod(sample.shape), *[units] * layers)
        self.body = nn.Sequential(*(Maxout(*pair, pieces) for pair in pairwise(sizes)))
        self.features = units
        self.score = nn.Linear(units, 1)
        _initialise(self)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x.flatten(1))
        return {"score": self.score(features).squeeze(1), "features": features}


def _points(spec: ganzoo.OutputSpec) -> None:
    if spec.kind != "points":
        raise RecipeError(
            f"pacgan-mlp makes and judges points, and these data are of kind '{spec.kind}'; "
            f"choose dcgan, infogan-net or resnet, or data such as ring and grid"
        )


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0.0, 0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
