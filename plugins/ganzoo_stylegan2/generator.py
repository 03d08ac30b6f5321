"""The generator of Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv:1912.04958): a
mapping from z to w, and a synthesis from a w for each layer to a picture, by sums of what each level adds ("skips")."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.specs import GIVEN
from ganzoo_stylegan2.layers import Linear, Styled, ToPixels, doubled, levels, rectified

TRUNCATION = ganzoo.InputSpec(
    "truncation", "scalar", (), GIVEN, range=(0.0, 1.5), default=1.0,
    doc="how far w is from the mean w: 1 as trained, less: nearer the mean, less varied",
)  # fmt: skip


class Mapping(ganzoo.GeneratorNet):
    """z -> w: z at norm √(its dimensions), linear layers with a hundredth of the learning rate; the same w for all
    layers of the synthesis, pulled towards the mean w by the truncation.

    mean  the running mean of w, float [d]; state, moved in training by `MeanW`
    """

    mean: Tensor

    def __init__(self, inputs: tuple[ganzoo.InputSpec, ...], layers: int, latent: int, depth: int) -> None:
        made = ganzoo.OutputSpec("latent", (layers, latent), gives="w")
        super().__init__(inputs, made)
        self.spec = ganzoo.GeneratorSpec("mapping", (*inputs, TRUNCATION), made)
        sizes = [self.width, *[latent] * depth]
        self.body = nn.ModuleList(Linear(*pair, pace=0.01) for pair in pairwise(sizes))
        self.register_buffer("mean", torch.zeros(latent))

    def styles(self, *inputs: Tensor) -> Tensor:
        """w [N, d] as it is, of all inputs but the truncation."""
        x = self.joined(*inputs)
        x = x / torch.sqrt(x.square().mean(1, keepdim=True) + 1e-8)
        for layer in self.body:
            x = rectified(layer(x))
        return x

    def forward(self, *inputs: Tensor) -> Tensor:
        """w [N, layers, d]."""
        *given, truncation = inputs
        w = self.mean + truncation * (self.styles(*given) - self.mean)
        return w[:, None].repeat(1, self.spec.output.shape[0], 1)


class Synthesis(nn.Module):
    """A learnt smallest map; at each level two modulated convolutions with noise, the first of which doubles the sides,
    and a convolution to pixels, added to the doubled pixels so far. w [N, layers, d], where the convolution to pixels
    shares its w with the layer after it, and a noise [N, 1, H, W] for each other convolution."""

    def __init__(self, widths: list[int], smallest: tuple[int, int], latent: int, output: ganzoo.OutputSpec) -> None:
        super().__init__()
        sides = [(smallest[0] * 2**level, smallest[1] * 2**level) for level in range(len(widths))]
        noises = [sides[0], *(side for side in sides[1:] for _ in range(2))]
        w = ganzoo.InputSpec("w", "latent", (len(noises) + 1, latent), GIVEN)
        noise = [ganzoo.InputSpec(f"noise_{k}", "latent", (1, *side)) for k, side in enumerate(noises)]
        self.spec = ganzoo.GeneratorSpec("synthesis", (w, *noise), output)
        self.start = nn.Parameter(torch.randn(widths[0], *smallest))
        self.first = Styled(widths[0], widths[0], latent, doubles=False)
        pairs = list(pairwise(widths))
        self.doubling = nn.ModuleList(Styled(a, b, latent, doubles=True) for a, b in pairs)
        self.keeping = nn.ModuleList(Styled(b, b, latent, doubles=False) for _, b in pairs)
        self.pixels = nn.ModuleList(ToPixels(n, output.shape[0], latent) for n in widths)

    def forward(self, w: Tensor, *noise: Tensor) -> Tensor:
        x = self.first(self.start.expand(w.shape[0], -1, -1, -1), w[:, 0], noise[0])
        picture = self.pixels[0](x, w[:, 1])
        for level, (doubling, keeping) in enumerate(zip(self.doubling, self.keeping)):
            layer = 2 * level + 1
            x = doubling(x, w[:, layer], noise[layer])
            x = keeping(x, w[:, layer + 1], noise[layer + 1])
            picture = doubled(picture) + self.pixels[level + 1](x, w[:, layer + 2])
        return picture.tanh()


class Generator(ganzoo.GeneratorNet):
    """Synthesis of what the mapping makes. Its inputs are those of the game, the truncation, and the noises.

    width   channels at the greatest sides; twice that at each level below
    most    channels at any level
    styles  dimensions of w
    depth   layers of the mapping
    """

    def __init__(
        self,
        inputs: tuple[ganzoo.InputSpec, ...],
        output: ganzoo.OutputSpec,
        *,
        width: int = 16,
        most: int = 512,
        styles: int = 64,
        depth: int = 8,
    ) -> None:
        super().__init__(inputs, output)
        self.synthesis = Synthesis(*levels(output, width, most), styles, output)
        w, *noise = self.synthesis.spec.inputs
        self.mapping = Mapping(inputs, w.shape[0], styles, depth)
        self.spec = replace(self.spec, inputs=(*self.mapping.spec.inputs, *noise))

    def forward(self, *inputs: Tensor) -> Tensor:
        split = len(self.mapping.spec.inputs)
        return self.synthesis(self.mapping(*inputs[:split]), *inputs[split:])
