"""Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs (arXiv:1610.09585).

A head on D's trunk says which class a sample is of. Both players raise its log-likelihood of the right class, D on data
and on fakes, G on fakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import ganzoo
from ganzoo.errors import RecipeError
from ganzoo_networks.asked import width_of


class AuxiliaryClassifier(ganzoo.Term):
    """Cross entropy of the class of samples, by a linear head on D's features; gives G the input `label`.

    D is not told the label. A fake has the label of the real sample in its place, so that classes are as often among
    fakes as among data.
    """

    def __init__(self, data: ganzoo.DataSpec) -> None:
        super().__init__()
        if not data.classes:
            raise RecipeError(
                "an auxiliary classifier needs classes, and these data have none; choose data with labels"
            )
        self.classes = len(data.classes)
        self.inputs = (ganzoo.InputSpec("label", "label", (), "data", data.classes, data.frequencies),)

    def attach(self, G: Any, D: Any) -> None:
        self.head = nn.Linear(width_of(D, "auxiliary-classifier"), self.classes)

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−L_C = −E[log P(C = c | x)] − E[log P(C = c | G(c, z))] (Eq. 3)."""
        round.pair()
        return self._entropy(round, round.real) + self._entropy(round, round.fake)

    def generator(self, round: ganzoo.Round) -> Tensor:
        """The part of −L_C that depends on G."""
        return self._entropy(round, round.fake)

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """The share of data and of fakes whose class the head knows."""
        said = {"accuracy": round.real, "accuracy of fakes": round.fake}
        label = round.inputs["label"]
        return {name: (self.head(of.features).argmax(1) == label).float().mean() for name, of in said.items()}

    def _entropy(self, round: ganzoo.Round, said: ganzoo.Judgement) -> Tensor:
        return cross_entropy(self.head(said.features), round.inputs["label"])
