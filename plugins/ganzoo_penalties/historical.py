"""Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498), section 3.3."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

import ganzoo


class HistoricalAveraging(ganzoo.Term):
    """Each network stays near the average of all its past parameters, from its first ones on; heads of terms are free.

    The averages are state, moved after each of D's steps; the paper gives no weight.

    weight  of ‖θ − (1/t) Σ θ[i]‖² in both players' costs
    """

    past: Tensor  # t, how many parameters the averages are of

    def __init__(self, *, weight: float = 1e-3) -> None:
        super().__init__()
        self.weight = weight
        self.register_buffer("past", torch.ones(()))

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """The averages begin with the networks' first parameters."""
        for player, network in (("G", G), ("D", D)):
            for number, parameter in enumerate(network.parameters()):
                self.register_buffer(f"{player}{number}", parameter.detach().clone())

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """‖θ_D − average‖²."""
        return self._distance("D", round.D)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """‖θ_G − average‖²."""
        return self._distance("G", round.G)

    def settle(self, round: ganzoo.Round) -> None:
        """t ← t + 1, average ← average + (θ − average)/t."""
        self.past.add_(1)
        for player, network in (("G", round.G), ("D", round.D)):
            for average, parameter in self._pairs(player, network):
                average.add_((parameter - average) / self.past)

    def _distance(self, player: str, network: nn.Module) -> Tensor:
        return torch.stack([(p - average).square().sum() for average, p in self._pairs(player, network)]).sum()

    def _pairs(self, player: str, network: nn.Module) -> Iterator[tuple[Tensor, nn.Parameter]]:
        """(average, parameter) of every parameter of the network."""
        for number, parameter in enumerate(network.parameters()):
            yield self.get_buffer(f"{player}{number}"), parameter
