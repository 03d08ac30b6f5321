"""Chen et al. 2019, Self-Supervised GANs via Auxiliary Rotation Loss (arXiv:1811.11212)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.asked import width_of


class Rotation(ganzoo.Term):
    """D, and G through it, learn to tell by how many quarter turns a picture was turned: a head on D's features says
    which of four (section 3). D learns of data, G of its samples.

    alpha  weight in G's turn
    beta   weight in D's turn
    share  of the batch that is turned, every way
    """

    def __init__(self, *, alpha: float = 0.2, beta: float = 1.0, share: float = 0.25) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise RecipeError(f"rotation turns a share of the batch in (0, 1]; share is {share}")
        self.alpha, self.beta, self.share = alpha, beta, share

    def attach(self, G: Any, D: Any) -> None:
        output = G.spec.output
        if output.kind != "image" or output.shape[1] != output.shape[2]:
            raise RecipeError(f"rotation turns square pictures, and these data are {output.kind} {list(output.shape)}")
        self.head = nn.Linear(width_of(D, "rotation"), 4)

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """β times the cross entropy of the turns of data."""
        return self.beta * self.entropy(round, round.x, round.conditions)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """α times the cross entropy of the turns of samples."""
        return self.alpha * self.entropy(round, round.x_fake, round.inputs)

    def entropy(self, round: ganzoo.Round, x: Tensor, conditions: Mapping[str, Tensor]) -> Tensor:
        """The mean of −log Q(turn | turned picture) over the four turns of a share of the batch."""
        count = max(1, int(self.share * len(x)))
        turned = torch.cat([torch.rot90(x[:count], turns, (2, 3)) for turns in range(4)])
        told = {name: conditions[name][:count].repeat(4) for name in round.conditions}
        answer = self.head(round.judge(turned, told).features)
        return cross_entropy(answer, torch.arange(4, device=x.device).repeat_interleave(count))
