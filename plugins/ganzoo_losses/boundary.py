"""Hjelm et al. 2017, Boundary-Seeking Generative Adversarial Networks (arXiv:1702.08431), for continuous data.

With D = σ(score), log D − log(1 − D) is the score itself: an estimate of log p/q, which is 0 on D's boundary.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import softplus

import ganzoo


class BoundarySeeking(ganzoo.Term):
    """D ascends the value function of 2014; G wants D to be undecided."""

    targets = centred = True  # 1 and 0 for σ(score), which is ½ where it cannot tell

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−E[log D(x)] − E[log(1 − D(G(z)))]."""
        real, fake = round.pair()
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """½ E[(log D(G(z)) − log(1 − D(G(z))))²]."""
        return round.fake.score.square().mean() / 2

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"D(x)": real.sigmoid().mean(), "D(G(z))": fake.sigmoid().mean()}
