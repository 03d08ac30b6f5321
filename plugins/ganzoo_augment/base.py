"""What the augmentations share: what they refuse, and where the middle of the pixels' range is."""

from __future__ import annotations

from torch import nn

import ganzoo
from ganzoo.errors import RecipeError


class Augmentation(ganzoo.Term):
    """Alters pictures float [N, C, H, W], each by numbers of its own, drawn from torch's default generator.

    middle, reach  of the range of G's pixels, middle ± reach: the papers have 0 and 1
    """

    name = ""
    middle, reach = 0.0, 1.0

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """RecipeError for points, and for a D that is told pictures, which would stay where they are."""
        if G.spec.output.kind != "image":
            raise RecipeError(f"{self.name} augments pictures, and these data are points; leave out augment")
        told = getattr(D, "conditions", ())
        if pictures := [spec.name for spec in G.spec.of_kind("image") if spec.name in told]:
            raise RecipeError(
                f"{self.name} would move what D judges and not the picture '{pictures[0]}' that it is told; "
                "leave out augment"
            )
        low, high = G.spec.output.range
        self.middle, self.reach = (high + low) / 2, (high - low) / 2
