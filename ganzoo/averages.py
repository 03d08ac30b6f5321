"""Averages of the generators' weights over training (Yazici et al. 2018, arXiv:1806.04498)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ganzoo.game import stepped


class Averages(nn.Module):
    """One copy of all generators whose weights follow theirs as an exponential moving average.

    half_life  in images: a weight this many images old counts half; 0 keeps the newest weights
    ramp       the half-life is at most this share of the images seen so far, so that the
               first random weights are soon forgotten (Karras et al. 2020)

    Parameters and floating-point statistics of BatchNorm are averaged, every other buffer is copied.
    The mapping is copied at once: modules that two generators share stay shared.
    """

    def __init__(self, generators: Mapping[str, nn.Module], half_life: float, ramp: float = 0.05) -> None:
        super().__init__()
        live = nn.ModuleDict(dict(generators))
        self.generators = copy.deepcopy(live).requires_grad_(False).eval()
        self._stepped = stepped(self.generators)
        self.half_life = half_life
        self.ramp = ramp
        averaged = {id(p) for p in live.parameters()}
        for module in live.modules():
            if isinstance(module, nn.modules.batchnorm._NormBase):
                averaged |= {id(b) for b in (module.running_mean, module.running_var) if b is not None}
        self._lerped: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._copied: tuple[list[Tensor], list[Tensor]] = ([], [])
        mirrored: list[Tensor] = [*self.generators.parameters(), *self.generators.buffers()]
        for mine, theirs in zip(mirrored, [*live.parameters(), *live.buffers()]):
            into = self._lerped if id(theirs) in averaged else self._copied
            into[0].append(mine)
            into[1].append(theirs)

    def decay(self, batch: int, images: int) -> float:
        """The weight of the old average when `batch` images bring the count to `images`."""
        half_life = min(self.half_life, self.ramp * images) if self.ramp > 0 else self.half_life
        return float(0.5 ** (batch / half_life)) if half_life > 0 else 0.0

    def at(self, step: int) -> None:
        """Tell the copies the step, as the game tells its own networks."""
        for part in self._stepped:
            part.at(step)

    @torch.no_grad()
    def update(self, batch: int, images: int) -> None:
        """Move towards the live weights by one step of `batch` images, the newest being number `images`."""
        if self._lerped[0]:
            torch._foreach_lerp_(self._lerped[0], self._lerped[1], 1.0 - self.decay(batch, images))
        for mine, theirs in zip(*self._copied):
            mine.copy_(theirs)
