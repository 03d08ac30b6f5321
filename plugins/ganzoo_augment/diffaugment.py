"""Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training (arXiv:2006.10738).

    L_D = E_x[f_D(−D(T(x)))] + E_z[f_D(D(T(G(z))))],   L_G = E_z[f_G(−D(T(G(z))))]               (Eqs. 4, 5)

T alters data and fakes alike, in the turns of both players, and G's gradient goes through it. The numbers of T are
those of the released code. Augmenting the data alone teaches G the altered pictures; augmenting in D's turn alone
unbalances the two (section 3.1).
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from ganzoo.errors import RecipeError
from ganzoo_augment.base import Augmentation

Policy = Literal["color", "translation", "cutout"]


class DiffAugment(Augmentation):
    """Random colours, shifts and holes for each picture that D sees (Zhao et al. 2020, arXiv:2006.10738).

    policy       which of 'color' (brightness, saturation, contrast), 'translation' and 'cutout'
    translation  greatest shift, as a share of each side
    cutout       sides of the hole, as a share of the picture's
    """

    name = "diffaugment"

    def __init__(
        self,
        *,
        policy: tuple[Policy, ...] = ("color", "translation", "cutout"),
        translation: float = 0.125,
        cutout: float = 0.5,
    ) -> None:
        super().__init__()
        for name, share in (("translation", translation), ("cutout", cutout)):
            if not 0 <= share <= 1:
                raise RecipeError(f"augment.{name} is {share}; a share of the picture's sides, 0 to 1, is expected")
        self.policy, self.shift, self.hole = policy, translation, cutout

    def forward(self, images: Tensor) -> Tensor:
        """T of pictures float [N, C, H, W]."""
        steps = {"color": self.color, "translation": self.translation, "cutout": self.cutout}
        for name in self.policy:
            images = steps[name](images)
        return images

    def color(self, x: Tensor) -> Tensor:
        """Brightness U(−0.5, 0.5) in a range of 2, saturation U(0, 2), contrast U(0.5, 1.5), in this order."""
        brightness, saturation, contrast = torch.rand(3, len(x), device=x.device)
        x = brightened(x, self.reach * (brightness - 0.5))
        return contrasted(saturated(x, 2 * saturation), contrast + 0.5)

    def translation(self, x: Tensor) -> Tensor:
        """Moved by whole pixels, evenly up to the greatest shift both ways; what comes in is mid-grey."""
        down, right = (torch.randint(-most, most + 1, (len(x),), device=x.device) for most in _share(x, self.shift))
        return moved(x, down, right, self.middle)

    def cutout(self, x: Tensor) -> Tensor:
        """A mid-grey hole whose centre is anywhere in the picture, so that part of it may lie outside."""
        sides = _share(x, self.hole)
        centres = (side + 1 - hole % 2 for side, hole in zip(x.shape[2:], sides))  # a hole of even sides has two
        top, left = (torch.randint(n, (len(x),), device=x.device) - hole // 2 for n, hole in zip(centres, sides))
        return holed(x, top, left, sides, self.middle)


def brightened(x: Tensor, amount: Tensor) -> Tensor:
    """Pictures [N, C, H, W], each with its amount [N] added to every pixel."""
    return x + _wide(amount)


def saturated(x: Tensor, factor: Tensor) -> Tensor:
    """The distance of every channel from its pixel's mean over channels times a factor [N]; grey stays as it is."""
    grey = x.mean(1, keepdim=True)
    return (x - grey) * _wide(factor) + grey


def contrasted(x: Tensor, factor: Tensor) -> Tensor:
    """The distance of every pixel from its picture's mean times a factor [N]."""
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * _wide(factor) + mean


def moved(x: Tensor, down: Tensor, right: Tensor, fill: float = 0.0) -> Tensor:
    """Pictures [N, C, H, W] moved by whole pixels, int64 [N] each; `fill` comes in."""
    height, breadth = x.shape[2:]
    rows = torch.arange(height, device=x.device) - down[:, None]
    columns = torch.arange(breadth, device=x.device) - right[:, None]
    outside = ~_within(rows, columns, height, breadth)
    which = torch.arange(len(x), device=x.device)[:, None, None]
    rows, columns = rows.clamp(0, height - 1)[:, :, None], columns.clamp(0, breadth - 1)[:, None]
    return x.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2).masked_fill(outside, fill)


def holed(x: Tensor, top: Tensor, left: Tensor, sides: tuple[int, int], fill: float = 0.0) -> Tensor:
    """Pictures [N, C, H, W] with `fill` in a rectangle of these sides; its corner int64 [N] each, perhaps outside."""
    rows = torch.arange(x.shape[2], device=x.device) - top[:, None]
    columns = torch.arange(x.shape[3], device=x.device) - left[:, None]
    return x.masked_fill(_within(rows, columns, *sides), fill)


def _share(x: Tensor, share: float) -> tuple[int, int]:
    """A share of height and breadth, in whole pixels."""
    return int(x.shape[2] * share + 0.5), int(x.shape[3] * share + 0.5)


def _within(rows: Tensor, columns: Tensor, height: int, breadth: int) -> Tensor:
    """Where rows [N, H] and columns [N, W] both lie in a rectangle from 0 on: bool [N, 1, H, W]."""
    down, right = (rows >= 0) & (rows < height), (columns >= 0) & (columns < breadth)
    return (down[:, :, None] & right[:, None])[:, None]


def _wide(numbers: Tensor) -> Tensor:
    return numbers[:, None, None, None]
