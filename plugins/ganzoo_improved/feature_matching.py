"""Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498), section 3.1: feature matching."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import softplus

import ganzoo


class FeatureMatching(ganzoo.Term):
    """The mean features of fakes come near those of data, beside whatever else G descends. D must return `features`."""

    def generator(self, round: ganzoo.Round) -> Tensor:
        """‖E f(x) − E f(G(z))‖², f the features of D."""
        round.pair()
        return (round.real.features.mean(0) - round.fake.features.mean(0)).square().sum()


class InsteadOfTheScore(FeatureMatching):
    """The paper's own use of it: D tells data from fakes by cross entropy, and G matches features and nothing else."""

    targets = centred = True  # 1 and 0 for σ(score), which is ½ where it cannot tell

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−E[log D(x)] − E[log(1 − D(G(z)))], D(x) the sigmoid of the score."""
        real, fake = round.pair()
        return softplus(-real).mean() + softplus(fake).mean()
