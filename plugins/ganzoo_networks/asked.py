"""What terms ask of a discriminator before the first step."""

from __future__ import annotations

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo.errors import RecipeError


def width_of(D: nn.Module, term: str) -> int:
    """How many features D returns; RecipeError if it does not say, which names the term."""
    width = getattr(D, "features", None)
    if not isinstance(width, int):
        raise RecipeError(
            f"{term} needs to know how many features the discriminator returns, and this one has no number `features`: "
            f"choose one that has, such as dcgan or mlp"
        )
    return width


def check_slopes(D: nn.Module, term: str) -> None:
    """RecipeError if D has BatchNorm, through which what it says of a sample depends on the other samples."""
    if any(isinstance(part, _BatchNorm) for part in D.modules()):
        raise RecipeError(
            f"{term} takes the slope of D at every sample by itself, and with BatchNorm the discriminator's scores "
            f"depend on all samples: choose one without, such as discriminator.norm=none where it has that option"
        )
