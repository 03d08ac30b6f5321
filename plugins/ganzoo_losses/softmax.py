"""Lin 2017, Softmax GAN (arXiv:1704.06191).

The batch B of real and generated samples is one distribution, softmax of D's scores (the paper's −μ). D moves
all of its mass to the real ones, G spreads it evenly over all: cross entropies with these two targets.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import ganzoo


class Softmax(ganzoo.Term):
    """Cross entropy of a softmax over the batch; the generator's cost reads real samples too.

    On several processes, or with accumulated minibatches, B is what one process sees at once.
    """

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """log Z − mean of D(x): the target is 1/|real| on data and 0 on fakes."""
        real, fake = round.pair()
        return torch.cat([real, fake]).logsumexp(0) - real.mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """log Z − mean of D over both: the target is 1/|B| everywhere."""
        both = torch.cat(round.pair())
        return both.logsumexp(0) - both.mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"real share": torch.cat([real, fake]).softmax(0)[: len(real)].sum()}
