"""Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data (arXiv:2104.03310)."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import ganzoo


class LeCam(ganzoo.Term):
    """D's scores of data stay near the moving average of its scores of fakes, and the other way
    round (section 3.2).

    The averages α_R and α_F are state. They begin with the scores of the first step, which costs nothing.

    decay   of the averages, the paper's γ
    weight  the paper's λ
    """

    anchors: Tensor  # α_R, α_F
    seen: Tensor  # whether there are anchors, 0 or 1

    def __init__(self, *, decay: float = 0.99, weight: float = 0.3) -> None:
        super().__init__()
        self.decay, self.weight = decay, weight
        self.register_buffer("anchors", torch.zeros(2))
        self.register_buffer("seen", torch.zeros(()))

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[(D(x) − α_F)²] + E[(D(G(z)) − α_R)²]."""
        real, fake = round.pair()
        return self.seen * ((real - self.anchors[1]).square().mean() + (fake - self.anchors[0]).square().mean())

    def settle(self, round: ganzoo.Round) -> None:
        """α ← γ α + (1 − γ) E[D], by D's scores of this turn."""
        newest = torch.stack([round.mean(score) for score in round.pair()]).to(self.anchors.dtype)
        self.anchors.lerp_(newest, torch.where(self.seen > 0, 1 - self.decay, 1.0))
        self.seen.fill_(1)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        return {"anchor of data": self.anchors[0], "anchor of fakes": self.anchors[1]}
