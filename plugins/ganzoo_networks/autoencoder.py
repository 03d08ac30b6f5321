"""A discriminator that is an autoencoder: its score is how badly it reconstructs a sample, per pixel.

The energy of Zhao et al. 2016, Energy-based Generative Adversarial Network (arXiv:1609.03126), and with power 1 the
L of Berthelot et al. 2017, BEGAN (arXiv:1703.10717). Low is what the network takes for data.
"""

from __future__ import annotations

import math
from typing import Literal

from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.flatten import Flatten

ENERGY = (
    "energy",
    "a discriminator that is an autoencoder, whose score is its error: discriminator=autoencoder, or "
    "discriminator=autoencoder-mlp for points",
)
"""What the losses and terms that read the score as an error need."""


class Discriminator(nn.Module):
    """Two convolutions 4×4 of stride 2 to a code, and back; `features` is the code.

    width  channels of the first layer, half of those of the second
    code   dimensions of the code
    power  of the error: score = mean of |x − reconstruction|^power
    norm   'batch': BatchNorm in all layers but the first and the last, the code among them; 'none': D judges each
           sample by itself
    """

    energy = True  # the score is an error: not negative, and low for data

    def __init__(
        self,
        sample: ganzoo.OutputSpec,
        *,
        width: int = 32,
        code: int = 64,
        power: float = 2.0,
        norm: Literal["none", "batch"] = "none",
    ) -> None:
        super().__init__()
        self.separable = norm == "none"
        if sample.kind != "image" or sample.shape[1] % 4 or sample.shape[2] % 4:
            given = "x".join(str(side) for side in sample.shape)
            raise RecipeError(f"autoencoder judges pictures with sides that divide by 4; these data are {given}")
        channels, height, breadth = sample.shape
        smallest = (2 * width, height // 4, breadth // 4)
        self.features = code
        self.power = power
        of_maps, of_vectors = {"none": (nn.Identity, nn.Identity), "batch": (nn.BatchNorm2d, nn.BatchNorm1d)}[norm]
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, 4, 2, 1), nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, 2, 1), of_maps(2 * width), nn.LeakyReLU(0.2),
            Flatten(), nn.Linear(math.prod(smallest), code), of_vectors(code),
        )  # fmt: skip
        self.decoder = nn.Sequential(
            nn.Linear(code, math.prod(smallest)), of_vectors(math.prod(smallest)), nn.LeakyReLU(0.2),
            nn.Unflatten(1, smallest),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1), of_maps(width), nn.LeakyReLU(0.2),
            nn.ConvTranspose2d(width, channels, 4, 2, 1),
        )  # fmt: skip

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.encoder(x)
        error = self.decoder(features).float() - x.float()
        return {"score": error.abs().pow(self.power).flatten(1).mean(1), "features": features}
