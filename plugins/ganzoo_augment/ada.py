"""Karras et al. 2020, Training Generative Adversarial Networks with Limited Data (arXiv:2006.06676).

Every transformation of D's pictures is applied with a probability p < 1, so that G cannot hide in the altered ones
(section 2.2), and p follows a measure of how far D has learned its data by heart (section 3):

    r_t = E[sign(D(T(x)))] over data, 0 where D is fair and 1 where it knows them all                       (Eq. 1)

of the pictures as D sees them, altered, as the authors' code has it. Every four minibatches p goes up where r_t is
above 0.6 and down where it is not, from 0 to 1 in 500,000 images.
The pipeline is that of appendix B, pixel blitting and geometry in one resampling, then colours; without its filters
of the spectrum, its noise and cutout, which the paper's own runs leave out. It resamples bilinearly, where the paper
doubles the resolution first (by the wavelet sym6).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_augment.base import Augmentation
from ganzoo_augment.transforms import hue, luma_flip, recoloured, resampled, saturation, scaling, shift, turn

Policy = Literal["blit", "geometry", "color"]

CENTRED = (
    "centred",
    "a loss by which D says 0 of what it cannot tell, such as loss=non-saturating or loss=hinge, since p follows the "
    "sign of D(x); or hold p, with augment.images=inf and augment.start",
)

QUARTERS = torch.tensor([[1.0, 0.0, -1.0, 0.0], [0.0, 1.0, 0.0, -1.0]])
"""Cosines and sines of 0, 1, 2 and 3 quarter turns; those of π/2 are not whole in binary."""


class AdaptiveAugment(Augmentation):
    """Random flips, turns, zooms and colours for what D sees, as often as it learns by heart (Karras et al. 2020,
    arXiv:2006.06676).

    p, and the signs seen since it last moved, are state. p moves by the sign of D's scores, so the loss must be one
    by which D says 0 of what it cannot tell; `start` with `images=inf` holds p, with any loss.

    policy    which of 'blit' (flips, quarter turns, whole pixels), 'geometry' (zoom, turn, stretch, shift), 'color'
    target    r_t that p steers to
    images    images of the data in which p goes from 0 to 1; of accumulated minibatches the last alone counts
    interval  minibatches after which p moves
    start     p at first
    """

    name = "ada"
    p: Tensor  # in [0, 1]
    r_t: Tensor  # over the last whole interval
    signs: Tensor  # the sum of E[sign(D(x))] since
    turns: Tensor  # how many they are

    def __init__(
        self,
        *,
        policy: tuple[Policy, ...] = ("blit", "geometry", "color"),
        target: float = 0.6,
        images: float = 500_000.0,
        interval: int = 4,
        start: float = 0.0,
    ) -> None:
        super().__init__()
        if not 0 <= start <= 1:
            raise RecipeError(f"augment.start is {start}; a probability, 0 to 1, is expected")
        if images <= 0 or interval < 1:
            raise RecipeError(f"augment.images is {images}, augment.interval {interval}; both must be above 0")
        if math.isfinite(images):
            self.needs = CENTRED
        self.policy, self.target, self.images, self.interval = policy, target, images, interval
        self.register_buffer("p", torch.tensor(start))
        for name in ("r_t", "signs", "turns"):
            self.register_buffer(name, torch.zeros(()))

    def attach(self, G: ganzoo.GeneratorNet, D: nn.Module) -> None:
        """RecipeError for points, pictures told, and pictures neither grey nor in three colours."""
        super().attach(G, D)
        if (channels := G.spec.output.shape[0]) not in (1, 3):
            raise RecipeError(f"ada augments pictures of 1 or 3 channels; these have {channels}: leave out augment")

    def forward(self, images: Tensor) -> Tensor:
        """Pictures float [N, C, H, W], each transformed by chance."""
        n, _, height, breadth = images.shape
        with torch.autocast(images.device.type, enabled=False):  # coordinates need more than 8 bits
            where = self.geometry(n, height, breadth)
            return recoloured(resampled(images, where), self.colours(n), self.middle, self.reach)

    def geometry(self, n: int, height: int, breadth: int) -> Tensor:
        """Where each picture is read, [N, 3, 3], as `resampled` has it: the inverses, in the order of application."""
        found = torch.eye(3, device=self.p.device).expand(n, 3, 3)
        if "blit" in self.policy:
            flip, quarter = (self.some(self.whole(n, of), 0) for of in (2, 4))
            found = found @ scaling(1.0 - 2 * flip, torch.ones_like(self.p).expand(n))
            found = found @ turn(*QUARTERS.to(flip.device)[:, quarter])
            right, down = self.some(self.even(2, n, most=0.125), 0.0)
            found = found @ shift(-(right * breadth).round(), -(down * height).round())
        if "geometry" in self.policy:
            turned = 1 - (1 - self.p).sqrt()  # two turns: one of them at least with probability p
            zoom = self.some(self.normal(n, of=0.2), 0.0).exp2()
            found = found @ scaling(1 / zoom, 1 / zoom)
            found = found @ self.turned(n, turned)
            stretch = self.some(self.normal(n, of=0.2), 0.0).exp2()
            found = found @ scaling(1 / stretch, stretch)
            found = found @ self.turned(n, turned)
            right, down = self.some(self.normal(2, n, of=0.125), 0.0)
            found = found @ shift(-right * breadth, -down * height)
        return found

    def colours(self, n: int) -> Tensor:
        """What becomes of each picture's colours, [N, 4, 4], as `recoloured` has it: the first is rightmost."""
        found = torch.eye(4, device=self.p.device).expand(n, 4, 4)
        if "color" in self.policy:
            brightness = self.some(self.normal(n, of=0.2), 0.0)
            contrast = self.some(self.normal(n, of=0.5), 0.0).exp2()
            found = scaling(contrast, contrast, contrast) @ shift(brightness, brightness, brightness) @ found
            found = luma_flip(self.some(self.whole(n, 2), 0)) @ found
            found = hue(self.some(self.even(n, most=math.pi), 0.0)) @ found
            found = saturation(self.some(self.normal(n, of=1.0), 0.0).exp2()) @ found
        return found

    def turned(self, n: int, p: Tensor) -> Tensor:
        """A turn by any angle, with probability p."""
        angle = self.some(self.even(n, most=math.pi), 0.0, p)
        return turn(angle.cos(), angle.sin())

    def some(self, drawn: Tensor, neutral: float, p: Tensor | None = None) -> Tensor:
        """What was drawn, [..., N], for the pictures that chance picks, and what changes nothing for the others."""
        picked = torch.rand(drawn.shape[-1], device=drawn.device) < (self.p if p is None else p)
        return torch.where(picked, drawn, neutral)

    def whole(self, n: int, of: int) -> Tensor:
        """Whole numbers from 0 to of − 1, evenly."""
        return torch.randint(of, (n,), device=self.p.device)

    def even(self, *shape: int, most: float) -> Tensor:
        """U(−most, most)."""
        return (2 * torch.rand(shape, device=self.p.device) - 1) * most

    def normal(self, *shape: int, of: float) -> Tensor:
        """N(0, of²)."""
        return torch.randn(shape, device=self.p.device) * of

    def settle(self, round: ganzoo.Round) -> None:
        """Every `interval` turns p moves a step, up where r_t is above the target and else down, within [0, 1]."""
        self.signs += round.mean(round.real.score.sign())
        self.turns += 1
        due = self.turns >= self.interval
        self.r_t.copy_(torch.where(due, self.signs / self.turns, self.r_t))
        step = (self.r_t - self.target).sign() * (len(round.x) * self.interval / self.images)
        self.p.copy_(torch.where(due, (self.p + step).clamp(0, 1), self.p))
        for sum_ in (self.signs, self.turns):
            sum_.masked_fill_(due, 0)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        return {"p": self.p.clone(), "r_t": self.r_t.clone()}
