"""What networks of pictures ask of the sizes of their data."""

from __future__ import annotations

import ganzoo
from ganzoo.errors import RecipeError


def picture(spec: ganzoo.OutputSpec, network: str) -> tuple[int, int, int]:
    """Channels, height and breadth; RecipeError for points, which names the network."""
    if spec.kind != "image":
        raise RecipeError(
            f"{network} makes and judges pictures, and these data are points; set generator=mlp and discriminator=mlp"
        )
    channels, height, breadth = spec.shape
    return channels, height, breadth


def halvings(height: int, breadth: int, network: str, least: int = 8) -> int:
    """How often both sides halve evenly until the smaller is below `least`; RecipeError if they do not, or need not."""
    smaller, count = min(height, breadth), 0
    while smaller >> count >= least and height % 2 ** (count + 1) == 0 and breadth % 2 ** (count + 1) == 0:
        count += 1
    if count == 0 or smaller >> count >= least:
        raise RecipeError(
            f"{network} halves pictures evenly to less than {least} pixels a side, and {height}x{breadth} cannot be; "
            f"resize the data to 28, 32 or 64"
        )
    return count


def maps(height: int, breadth: int, network: str, least: int = 7) -> list[tuple[int, int]]:
    """The sides of a picture's maps, each half of the one before, rounded down, until the smaller is below `least`;
    RecipeError for pictures of less than 8 pixels a side."""
    if min(height, breadth) < 8:
        raise RecipeError(f"{network} needs sides of at least 8 pixels, and these pictures have {height}x{breadth}")
    sides = [(height, breadth)]
    while min(sides[-1]) >= least:
        sides.append((sides[-1][0] // 2, sides[-1][1] // 2))
    return sides
