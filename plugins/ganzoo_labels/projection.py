"""Miyato and Koyama 2018, cGANs with Projection Discriminator (arXiv:1802.05637), on convolutions of stride 2.

G learns scale and shift of its BatchNorm for each class (Dumoulin et al. 2017, arXiv:1610.07629); D adds the inner
product of its features with a vector for the class to its score. Without labels they are plain networks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class ConditionalBatchNorm(nn.Module):
    """BatchNorm of maps float [N, C, H, W] whose scale and shift are sums of one for each label's class.

    At first every scale is 1 and every shift 0. They are no layers: wraps leave them, as those of BatchNorm, alone.
    """

    def __init__(self, channels: int, labels: Sequence[ganzoo.InputSpec]) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not labels)
        self.scales, self.shifts = (
            nn.ParameterList(torch.zeros(len(spec.classes), channels) for spec in labels) for _ in range(2)
        )

    def forward(self, x: Tensor, labels: Sequence[Tensor]) -> Tensor:
        """x with labels int64 [N], one tensor for each spec."""
        x = self.norm(x)
        for y, scale, shift in zip(labels, self.scales, self.shifts):
            x = x * (1 + scale[y])[:, :, None, None] + shift[y][:, :, None, None]
        return x


class Generator(ganzoo.GeneratorNet):
    """A linear layer from the noise, then transposed convolutions 4×4 of stride 2 with conditional BatchNorm, tanh.

    width  channels before the last layer; they double towards the smallest map
    """

    def __init__(self, inputs: tuple[ganzoo.InputSpec, ...], output: ganzoo.OutputSpec, *, width: int = 64) -> None:
        super().__init__(inputs, output)
        channels, height, breadth = _image(output)
        labels = [spec for spec in inputs if spec.kind == "label"]
        latents = sum(math.prod(spec.shape) for spec in inputs if spec.kind == "latent")
        self.start = (2 * width, height // 4, breadth // 4)
        self.project = nn.Linear(latents, math.prod(self.start))
        self.middle = nn.ConvTranspose2d(2 * width, width, 4, 2, 1)
        self.last = nn.ConvTranspose2d(width, channels, 4, 2, 1)
        self.norms = nn.ModuleList([ConditionalBatchNorm(2 * width, labels), ConditionalBatchNorm(width, labels)])
        _initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        kinds = [(spec.kind, t) for spec, t in zip(self.spec.inputs, inputs)]
        labels = [t for kind, t in kinds if kind == "label"]
        z = torch.cat([t.flatten(1) for kind, t in kinds if kind == "latent"], 1)
        first, second = self.norms
        x = first(self.project(z).reshape(-1, *self.start), labels).relu()
        return self.last(second(self.middle(x), labels).relu()).tanh()


class Projected(nn.Module):
    """A discriminator f(x, y) = yᵀ V φ(x) + ψ(φ(x)) (Eq. 4): φ is the sum over the last map of a body, ψ is linear.

    body        float [N, C, H, W] -> a map float [N, features, h, w]
    conditions  a V for each label
    """

    separable = True

    def __init__(self, body: nn.Module, features: int, conditions: tuple[ganzoo.InputSpec, ...]) -> None:
        super().__init__()
        self.conditions = tuple(spec.name for spec in conditions)
        self.body = body
        self.features = features
        self.score = nn.Linear(features, 1)
        if others := [spec.name for spec in conditions if spec.kind != "label"]:
            raise RecipeError(f"a projection is of labels, and '{others[0]}' is no label; choose another discriminator")
        self.classes = nn.ModuleList(nn.Embedding(len(spec.classes), features) for spec in conditions)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        features = self.body(x).sum((2, 3))
        score = self.score(features).squeeze(1)
        for y, vectors in zip(conditions, self.classes):
            score = score + (vectors(y) * features).sum(1)
        return {"score": score, "features": features}


class Discriminator(Projected):
    """Convolutions without a norm, two of them of stride 2.

    width  channels of the first convolution; they double with each of the two of stride 2
    """

    def __init__(
        self, sample: ganzoo.OutputSpec, conditions: tuple[ganzoo.InputSpec, ...] = (), *, width: int = 64
    ) -> None:
        channels = _image(sample)[0]
        body = nn.Sequential(
            nn.Conv2d(channels, width, 3, 1, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(2 * width, 4 * width, 4, 2, 1), nn.LeakyReLU(0.1),
            nn.Conv2d(4 * width, 4 * width, 3, 1, 1), nn.LeakyReLU(0.1),
        )  # fmt: skip
        super().__init__(body, 4 * width, conditions)
        _initialise(self)


def _image(spec: ganzoo.OutputSpec) -> tuple[int, ...]:
    if spec.kind != "image":
        raise RecipeError(
            "projection makes and judges pictures, and these data are points; set generator=cgan-mlp and "
            "discriminator=cgan-mlp"
        )
    if spec.shape[1] % 4 or spec.shape[2] % 4:
        raise RecipeError(
            f"projection needs sides that divide by 4; {spec.shape[1]}x{spec.shape[2]} do not: resize the data"
        )
    return spec.shape


def _initialise(network: nn.Module) -> None:
    """Weights by Glorot and Bengio 2010, biases 0, as in the code of the paper."""
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear, nn.Embedding)):
            nn.init.xavier_uniform_(module.weight)
            if isinstance(bias := getattr(module, "bias", None), Tensor):
                nn.init.zeros_(bias)
