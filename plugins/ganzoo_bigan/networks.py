"""Networks of linear layers for G, E and D of pairs, after those that Donahue et al. 2017, Adversarial Feature Learning
(arXiv:1605.09782), use on MNIST without regard to which pixels are neighbours."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


def hidden(widths: tuple[int, ...], activation: nn.Module) -> list[nn.Module]:
    """Linear layers from each width to the next, with BatchNorm and the activation after each."""
    return [
        layer
        for inputs, outputs in pairwise(widths)
        for layer in (nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), activation)
    ]


class Generator(ganzoo.GeneratorNet):
    """Linear layers with BatchNorm and ReLU from all inputs to tanh pixels, or to points.

    widths  of the hidden layers
    """

    def __init__(
        self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, widths: tuple[int, ...] = (512, 512)
    ) -> None:
        super().__init__(inputs, output)
        sizes = (self.width, *widths)
        last: list[nn.Module] = [nn.Tanh()] if output.kind == "image" else []
        self.body = nn.Sequential(*hidden(sizes, nn.ReLU()), nn.Linear(sizes[-1], math.prod(output.shape)), *last)

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.body(self.joined(*inputs)).reshape(-1, *self.spec.output.shape)


class Encoder(ganzoo.EncoderNet):
    """Linear layers with BatchNorm and leaky ReLU from pixels to a latent.

    widths  of the hidden layers
    """

    def __init__(
        self, sample: ganzoo.OutputSpec, latent: ganzoo.InputSpec, *, widths: tuple[int, ...] = (512, 512)
    ) -> None:
        super().__init__(sample, latent)
        sizes = (math.prod(sample.shape), *widths)
        last = nn.Linear(sizes[-1], math.prod(latent.shape))
        self.body = nn.Sequential(*hidden(sizes, nn.LeakyReLU(0.2)), last)

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.flatten(1)).reshape(-1, *self.spec.output.shape)


class Discriminator(nn.Module):
    """Linear layers with leaky ReLU from a sample and a latent, side by side, to one score.

    widths  of the hidden layers
    """

    separable = True  # no batch statistics

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        widths: tuple[int, ...] = (512, 512),
    ) -> None:
        super().__init__()
        if unfit := [spec.kind for spec in conditions if spec.kind not in ("latent", "label")]:
            raise RecipeError(f"bigan-mlp judges samples with latents and labels, not with a {unfit[0]}")
        self.told = conditions
        self.conditions = tuple(spec.name for spec in conditions)
        told = sum(len(spec.classes) or math.prod(spec.shape) for spec in conditions)
        sizes = (math.prod(sample.shape) + told, *widths)
        layers = [layer for pair in pairwise(sizes) for layer in (nn.Linear(*pair), nn.LeakyReLU(0.2))]
        self.features = sizes[-1]
        self.body = nn.Sequential(*layers)
        self.score = nn.Linear(self.features, 1)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        told = [
            ganzoo.one_hot(t, spec) if spec.kind == "label" else t.flatten(1) for t, spec in zip(conditions, self.told)
        ]
        features = self.body(torch.cat([x.flatten(1), *told], 1))
        return {"score": self.score(features).squeeze(1), "features": features}
