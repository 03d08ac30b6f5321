"""Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498), section 3.4: one-sided smoothing.

With the target α for data instead of 1, the cross entropy −α log D(x) − (1 − α) log(1 − D(x)) is that of the target 1
and (1 − α) times the score. Targets of fakes stay 0.
"""

from __future__ import annotations

from torch import Tensor

import ganzoo


class LabelSmoothing(ganzoo.Term):
    """The target of data for D is α instead of 1; that of fakes stays.

    Exact for losses that are cross entropies, and for ½(D(x) − b)², where it moves b by 1 − α; they say so by
    `targets`, the number that they are multiplied by. A loss that only knows differences of scores has none: this would
    shift all of its scores for ever.

    target  the paper's α
    """

    targets: float
    needs = ("targets", "a loss that has a target for D's score of data, such as loss=non-saturating or loss=lsgan")

    def __init__(self, *, target: float = 0.9) -> None:
        super().__init__()
        self.target = target

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """(1 − α) E[D(x)], D(x) the score, as often as the loss counts: the smoothed cost less the plain one."""
        real, _ = round.pair()
        return self.targets * (1 - self.target) * real.mean()
