"""Arjovsky et al. 2017, Wasserstein GAN (arXiv:1701.07875).

The distance W(p, q), what it costs to move q to p, is the greatest E_p[f(x)] − E_q[f(x)] over all f of slope at most 1
(Eq. 2). D's score stands for f. What keeps its slope small is a term: `clip`, or `gradient-penalty`.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class Wasserstein(ganzoo.Term):
    """D parts the mean scores of data and of fakes, G brings them together (Algorithm 1)."""

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """E[D(G(z))] − E[D(x)], the negative of what D ascends."""
        real, fake = round.pair()
        return fake.mean() - real.mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[D(G(z))], the part of the distance that depends on G."""
        return -round.fake.score.mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        """W, the distance as D sees it: in units of its slope."""
        real, fake = round.pair()
        return {"W": real.mean() - fake.mean()}


class Clip(ganzoo.Term):
    """After every turn of D but lazy ones, each of its weights is moved into [−c, c] (Algorithm 1, line 7).

    c     the greatest weight
    part  of D whose weights are clipped, by its path in the network, such as 'encoder'; '' for all of it
    """

    def __init__(self, *, c: float = 0.01, part: str = "") -> None:
        super().__init__()
        self.c, self.part = c, part

    def attach(self, G: nn.Module, D: nn.Module) -> None:
        """RecipeError if there is nothing to clip."""
        if self.c <= 0:
            raise RecipeError(f"clip.c is {self.c:g}; a number above 0 is expected")
        if self.part not in dict(D.named_modules()):
            parts = ", ".join(f"'{name}'" for name, _ in D.named_children())
            raise RecipeError(f"clip.part is '{self.part}'; the parts of this discriminator are {parts}")

    def settle(self, round: ganzoo.Round) -> None:
        """w ← clip(w, −c, c)."""
        for weight in round.D.get_submodule(self.part).parameters():
            weight.clamp_(-self.c, self.c)
