"""Zhang et al. 2019, Consistency Regularization for Generative Adversarial Networks (arXiv:1910.12027)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

import ganzoo
from ganzoo.errors import RecipeError


class Consistency(ganzoo.Term):
    """D says of a picture of the data what it says of the same picture shifted and mirrored (Algorithm 1).

    shift   greatest shift, as a share of the side; what comes in at the edge is what was there
    flip    how often the picture is mirrored left to right; 0 where that makes another thing of it
    weight  the paper's λ
    """

    name = "consistency"

    def __init__(self, *, shift: float = 0.125, flip: float = 0.5, weight: float = 10.0) -> None:
        super().__init__()
        self.shift, self.flip, self.weight = shift, flip, weight

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """RecipeError for points, which cannot be mirrored."""
        if G.spec.output.kind != "image":
            raise RecipeError(
                f"{self.name} shifts and mirrors pictures, and these data are points; latent-consistency can do without"
            )

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[(D(x) − D(T(x)))²] over data."""
        real, _ = round.pair()
        return (real - round.judge(self.altered(round.x), round.conditions).score).square().mean()

    def altered(self, x: Tensor) -> Tensor:
        """T(x) of pictures float [N, C, H, W], each shifted and mirrored by chance."""
        mirrored = torch.rand(len(x), 1, 1, 1, device=x.device) < self.flip
        return shifted(torch.where(mirrored, x.flip(3), x), self.shift)


def shifted(x: Tensor, share: float) -> Tensor:
    """Pictures float [N, C, H, W], each moved by whole pixels, at most that share of a side; edges are repeated."""
    n, _, height, breadth = x.shape
    up, left = int(share * height), int(share * breadth)
    rows = torch.randint(2 * up + 1, (n, 1, 1), device=x.device) + torch.arange(height, device=x.device)[:, None]
    columns = torch.randint(2 * left + 1, (n, 1, 1), device=x.device) + torch.arange(breadth, device=x.device)
    wide = pad(x, (left, left, up, up), mode="replicate")
    return wide.permute(0, 2, 3, 1)[torch.arange(n, device=x.device)[:, None, None], rows, columns].permute(0, 3, 1, 2)
