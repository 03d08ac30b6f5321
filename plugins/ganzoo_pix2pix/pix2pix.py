"""Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks (arXiv:1611.07004).

    G* = arg min_G max_D  E[log D(x, y)] + E[log(1 − D(x, G(x)))] + λ E[|y − G(x)|]              (Eq. 4)

x is the input, y its target. A game of two players who are both told the input, with one term more for G; the rest is
the networks: a U-Net, and a D that judges patches.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class L1(ganzoo.Term):
    """The mean absolute difference of G's samples and the targets they should be (Eq. 3), in G's range of output.
    For G; the samples must be made of the data's own inputs."""

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        if not G.spec.of_kind("image"):
            raise RecipeError(
                "term 'l1' compares samples with their targets; choose data of pairs, conditions=['input']"
            )

    def generator(self, round: ganzoo.Round) -> Tensor:
        return (round.x - round.x_fake).abs().mean()


class UNet(ganzoo.GeneratorNet):
    """Convolutions 4×4 of stride 2 down to one pixel and back, each level of the way up told the same level of the way
    down (section 3.2.1). Weights N(0, 0.02²).

    width    channels of the first level; they double with every level up to eight times as many
    dropout  share dropped in the three innermost levels of the way up, in training
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        width: int = 64,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(inputs, output)
        channels, height, breadth = sides(output, "u-net")
        if [spec.kind for spec in inputs] != ["image"] or inputs[0].shape[1:] != output.shape[1:]:
            raise RecipeError("u-net starts from one picture of its output's size; use data of pairs, latent=0")
        levels = min(height, breadth).bit_length() - 1
        if height % 2**levels or breadth % 2**levels or levels < 2:
            raise RecipeError(f"u-net halves pictures down to one pixel; {height}x{breadth} does not halve so often")
        wide = [min(2**level, 8) * width for level in range(levels)]
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level, (before, after) in enumerate(zip([inputs[0].shape[0], *wide], wide)):
            first, last = level == 0, level == levels - 1
            self.down.append(
                nn.Sequential(
                    nn.Identity() if first else nn.LeakyReLU(0.2),
                    nn.Conv2d(before, after, 4, 2, 1),
                    nn.Identity() if first or last else nn.InstanceNorm2d(after, affine=True),
                )
            )
            self.up.append(
                nn.Sequential(
                    nn.ReLU(),
                    nn.ConvTranspose2d(after if last else 2 * after, channels if first else before, 4, 2, 1),
                    nn.Tanh() if first else nn.InstanceNorm2d(before, affine=True),
                    nn.Dropout(dropout) if level > 0 and level >= levels - 3 else nn.Identity(),
                )
            )
        initialise(self)

    def forward(self, *inputs: Tensor) -> Tensor:
        maps = [inputs[0]]
        for down in self.down:
            maps.append(down(maps[-1]))
        found = self.up[-1](maps[-1])
        for up, beside in zip(reversed(self.up[:-1]), reversed(maps[1:-1])):
            found = up(torch.cat([found, beside], 1))
        return found


class PatchGAN(nn.Module):
    """Convolutions 4×4, the first `layers` of stride 2, to a map of scores [N, H, W]: one for each patch that the last
    map sees (section 3.2.2). Pictures it is told lie beside the sample. Weights N(0, 0.02²).

    width   channels of the first layer; they double with every layer up to eight times as many
    layers  1, 2, 3, 4: patches of 16, 34, 70, 142 pixels
    """

    separable = True  # each picture is normalised by its own statistics

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        conditions: tuple[ganzoo.InputSpec, ...] = (),
        *,
        width: int = 64,
        layers: int = 3,
    ) -> None:
        super().__init__()
        channels, height, breadth = sides(sample, "patchgan")
        if any(spec.kind != "image" or spec.shape[1:] != (height, breadth) for spec in conditions):
            raise RecipeError("patchgan can be told pictures of the sample's size only; choose another discriminator")
        if layers < 1 or min(height, breadth) < 2 ** (layers + 2):
            raise RecipeError(f"patchgan of {layers} layers is not for {height}x{breadth} pixels; set layers from 1 up")
        self.conditions = tuple(spec.name for spec in conditions)
        seen = channels + sum(spec.shape[0] for spec in conditions)
        body: list[nn.Module] = [nn.Conv2d(seen, width, 4, 2, 1), nn.LeakyReLU(0.2)]
        for level in range(1, layers + 1):
            before, after = (width * min(2**k, 8) for k in (level - 1, level))
            stride = 2 if level < layers else 1
            body += [nn.Conv2d(before, after, 4, stride, 1), nn.InstanceNorm2d(after, affine=True), nn.LeakyReLU(0.2)]
        self.features = width * min(2**layers, 8)
        self.body = nn.Sequential(*body)
        self.score = nn.Conv2d(self.features, 1, 4, 1, 1)
        initialise(self)

    def forward(self, x: Tensor, *conditions: Tensor) -> dict[str, Tensor]:
        features = self.body(torch.cat([x, *conditions], 1))
        return {"score": self.score(features).squeeze(1), "features": features.mean((2, 3))}


def initialise(network: nn.Module) -> None:
    """Weights N(0, 0.02²), scales of the normalisation N(1, 0.02²), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.InstanceNorm2d):
            nn.init.normal_(module.weight, float(isinstance(module, nn.InstanceNorm2d)), 0.02)
            assert module.bias is not None
            nn.init.zeros_(module.bias)


def sides(spec: ganzoo.OutputSpec, name: str) -> tuple[int, ...]:
    """The shape of a picture; RecipeError for points."""
    if spec.kind != "image":
        raise RecipeError(f"{name} is for pictures, and these data are points; choose data of pairs")
    return spec.shape
