"""Makhzani et al. 2015, Adversarial Autoencoders (arXiv:1511.05644).

An encoder E and a decoder G reconstruct pictures. D judges codes, not pictures: it tells those of a prior from those
that E makes, and E learns to make such as D takes for the prior's. Then G of the prior makes pictures like the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Annotated

from torch import Tensor, nn
from torch.nn.functional import softplus

import ganzoo

Encoder = Annotated[ganzoo.Use, ganzoo.Slot("network", "encoder")]
Generator = Annotated[ganzoo.Use, ganzoo.Slot("network", "generator")]
Discriminator = Annotated[ganzoo.Use, ganzoo.Slot("network", "discriminator")]
Prior = Annotated[ganzoo.Use, ganzoo.Slot("prior")]

Seen = tuple[Tensor, Tensor]  # z [N, latent] and x [N, C, H, W]


class AAE(ganzoo.Game):
    """Three turns a step (section 2): reconstruction by E and G, then D, then E against D. E has two owners.

    latent  dimensions of the code
    prior   what codes shall be distributed as
    """

    def __init__(
        self,
        build: ganzoo.Builder,
        *,
        generator: Generator,
        encoder: Encoder,
        discriminator: Discriminator,
        prior: Prior = "normal",
        latent: int = 8,
    ) -> None:
        super().__init__()
        self.z = build.latent("z", latent, prior)
        self.G = build.network(generator, "generator", inputs=(self.z,), output=build.output)
        self.E = build.network(encoder, "encoder", sample=self.G.spec.output, latent=self.z)
        self.D = build.discriminator(discriminator, ganzoo.OutputSpec("points", self.z.shape))

    def players(self) -> Mapping[str, nn.Module]:
        return {"AE": nn.ModuleList([self.E, self.G]), "D": self.D, "E": self.E}

    def generators(self) -> Mapping[str, nn.Module]:
        return {"generator": self.G, "encoder": self.E}

    def turns(self, step: int) -> Iterable[ganzoo.Turn]:
        return [
            ganzoo.Turn("AE", self.reconstruction),
            ganzoo.Turn("D", self.judgement),
            ganzoo.Turn("E", self.regularisation),
        ]

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Seen:
        return minibatch.draw(self.z), minibatch.real(self.G.spec.output)

    def reconstruction(self, seen: Seen) -> Mapping[str, Tensor]:
        """E[(x − G(E(x)))²]."""
        _, x = seen
        return {"reconstruction": (x - self.G(self.E(x))).square().mean()}

    def judgement(self, seen: Seen) -> Mapping[str, Tensor]:
        """−E[log D(z)] − E[log(1 − D(E(x)))]."""
        z, x = seen
        return {"prior": softplus(-self.score(z)).mean(), "codes": softplus(self.score(self.E(x))).mean()}

    def regularisation(self, seen: Seen) -> Mapping[str, Tensor]:
        """−E[log D(E(x))]."""
        _, x = seen
        return {"regularisation": softplus(-self.score(self.E(x))).mean()}

    def score(self, codes: Tensor) -> Tensor:
        """D's score of codes, float [N]."""
        return ganzoo.Judgement.of(self.D(codes)).score


def rectified(widths: tuple[int, ...]) -> list[nn.Module]:
    """Linear layers from each width to the next, a ReLU after each."""
    return [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]


class MlpEncoder(ganzoo.EncoderNet):
    """Linear layers with ReLU from pixels to a code, which is linear.

    widths  of the hidden layers
    """

    def __init__(
        self, sample: ganzoo.OutputSpec, latent: ganzoo.InputSpec, *, widths: tuple[int, ...] = (512, 512)
    ) -> None:
        super().__init__(sample, latent)
        sizes = (math.prod(sample.shape), *widths)
        self.body = nn.Sequential(*rectified(sizes), nn.Linear(sizes[-1], math.prod(latent.shape)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.flatten(1)).reshape(-1, *self.spec.output.shape)


class MlpDiscriminator(nn.Module):
    """Linear layers with ReLU from a code to one score.

    widths  of the hidden layers
    """

    separable = True  # no batch statistics

    def __init__(self, sample: ganzoo.OutputSpec, *, widths: tuple[int, ...] = (512, 512)) -> None:
        super().__init__()
        sizes = (math.prod(sample.shape), *widths)
        self.features = sizes[-1]
        self.body = nn.Sequential(*rectified(sizes))
        self.score = nn.Linear(self.features, 1)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.body(x.flatten(1))
        return {"score": self.score(features).squeeze(1), "features": features}
