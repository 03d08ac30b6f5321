"""Karras et al. 2018, Progressive Growing of GANs for Improved Quality, Stability, and Variation (arXiv:1710.10196),
section 3."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

import ganzoo


class MinibatchStd(ganzoo.Term):
    """D's last layer sees one number more: how much features vary over the batch, on average.

    Data and fakes are judged apart. The paper has it as one more map, some layers before the end.
    """

    separable = False

    def __init__(self) -> None:
        super().__init__()
        self.of_spread = nn.Linear(1, 1, bias=False)

    def judged(self, said: ganzoo.Judgement, conditions: Mapping[str, Tensor]) -> ganzoo.Judgement:
        """The score, with what the last layer makes of the spread."""
        shift = self.of_spread(spread(said.features).reshape(1, 1)).squeeze(1)
        return ganzoo.Judgement({**said, "score": said.score + shift})


def spread(features: Tensor) -> Tensor:
    """The mean over features of their standard deviation over the batch: a scalar, of float [N, d]. The variance has
    1e-8 added, so that its root has a slope where all samples are one."""
    return torch.sqrt(features.var(0, correction=0) + 1e-8).mean()
