"""A discriminator of points that is an autoencoder, for the games on energies (see `autoencoder`)."""

from __future__ import annotations

import math

from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class Discriminator(nn.Module):
    """Two layers of ReLUs to a code, and two back. The score is how badly a point is reconstructed, per
    coordinate; `features` is the code.

    width  of the hidden layers
    code   dimensions of the code
    power  of the error: score = mean of |x − reconstruction|^power
    """

    separable = True
    energy = True  # the score is an error: not negative, and low for data

    def __init__(self, sample: ganzoo.OutputSpec, *, width: int = 128, code: int = 16, power: float = 2.0) -> None:
        super().__init__()
        if sample.kind != "points":
            raise RecipeError("autoencoder-mlp judges points, and these data are pictures; use autoencoder")
        if min(width, code) < 1:
            raise RecipeError(f"autoencoder-mlp needs a width and a code of at least 1; these are {width}, {code}")
        d = math.prod(sample.shape)
        self.features = code
        self.power = power
        self.encoder = nn.Sequential(
            nn.Linear(d, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, code)
        )
        self.decoder = nn.Sequential(
            nn.Linear(code, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, d)
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.encoder(x)
        error = self.decoder(features).float() - x.float()
        return {"score": error.abs().pow(self.power).flatten(1).mean(1), "features": features}
