"""Wang et al. 2017, MAGAN: Margin Adaptation for Generative Adversarial Networks (arXiv:1704.03817)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_energy.ebgan import Margin


class Adaptive(Margin):
    """EBGAN's costs with a margin that follows the energy of data down (Algorithm 1). The margin and the energies of
    the epoch are state.

    Until step `pretrain` the margin is 0: D, whose energies are not negative, learns data alone, and G has no turn.
    Then the margin is the mean energy of data over an epoch; after each further epoch it becomes that again if the new
    one is lower, fakes have more energy than data, and more than an epoch ago, so that G no longer gains on D.

    epoch     steps of D that the energies are averaged over
    pretrain  steps before the first margin, whole epochs
    """

    margin: Tensor
    energies: Tensor
    before: Tensor
    count: Tensor

    def __init__(self, *, epoch: int = 156, pretrain: int = 312) -> None:
        super().__init__()
        if epoch < 1 or pretrain < epoch or pretrain % epoch:
            raise RecipeError(f"pretrain is {pretrain} and epoch {epoch}; whole epochs are expected, at least one")
        self.epoch, self.pretrain = epoch, pretrain
        self.rehearsed = (pretrain,)
        self.resting = False
        del self.margin
        self.register_buffer("margin", torch.zeros(()))
        self.register_buffer("energies", torch.zeros(2))  # of data and of fakes, summed over the epoch so far
        self.register_buffer("before", torch.tensor(torch.finfo(torch.float32).max))  # of fakes, an epoch ago
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    def at(self, step: int) -> None:
        """Whether G rests at a step."""
        self.resting = step < self.pretrain

    def acts(self, player: str) -> bool:
        return super().acts(player) and not (player == "G" and self.resting)

    def settle(self, round: ganzoo.Round) -> None:
        """m ← E[D(x)] of an epoch, if E[D(x)] < m, E[D(x)] < E[D(G(z))] and that of fakes did not fall."""
        real, fake = round.pair()
        self.energies.add_(torch.stack([round.mean(real), round.mean(fake)]))
        self.count.add_(1)
        over = self.count == self.epoch
        of_data, of_fakes = self.energies / self.count
        falls = (of_data < self.margin) & (of_data < of_fakes) & (self.before < of_fakes)
        first = (self.margin == 0) & (round.step + 1 >= self.pretrain)
        self.margin.copy_(torch.where(over & (first | falls), of_data, self.margin))
        self.before.copy_(torch.where(over & (self.margin > 0) & ~first, of_fakes, self.before))
        self.energies.mul_(~over)
        self.count.mul_(~over)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        return {"margin": self.margin, **super().report(round)}
