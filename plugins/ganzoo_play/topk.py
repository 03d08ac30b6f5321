"""Sinha et al. 2020, Top-k Training of GANs (arXiv:2002.06224)."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from torch import Tensor

import ganzoo
from ganzoo.errors import RecipeError


class Best(ganzoo.Round):
    """A round that can be narrowed to the fakes with the highest scores."""

    kept: int | None = None

    @cached_property
    def x(self) -> Tensor:
        return super().x[: self.kept]

    @cached_property
    def conditions(self) -> Mapping[str, Tensor]:
        return {name: t[: self.kept] for name, t in super().conditions.items()}

    def keep(self, k: int) -> Best:
        """From here on `inputs`, `x_fake` and `fake` are of the k best, and there are as many real samples, for
        losses that pair them. D and G have seen the whole batch."""
        if self.fake.score.dim() > 1:
            raise RecipeError("top-k keeps whole samples, and this discriminator scores patches; choose another")
        self.kept = k
        best = self.fake.score.topk(k).indices
        self.__dict__["fake"] = ganzoo.Judgement({name: t[best] for name, t in self.fake.items()})
        self.__dict__["x_fake"] = self.x_fake[best]
        self.inputs = {name: t[best] if t.dim() else t for name, t in self.inputs.items()}
        return self


class TopK(ganzoo.TwoPlayer):
    """In G's turn only the fakes that D scores highest count: k of them, all of the batch at first, then fewer. For
    losses whose high scores stand for data.

    decay  by which the share k/N of the batch falls, each time
    every  so many steps
    least  share that is always kept, the paper's ν
    """

    def __init__(
        self, build: ganzoo.Builder, *, decay: float = 0.99, every: int = 2000, least: float = 0.5, **options: Any
    ) -> None:
        super().__init__(build, **options)
        if getattr(self.D, "energy", False):
            raise RecipeError(
                "the game top-k keeps the fakes with the highest scores, and those of an autoencoder are its errors, "
                "highest for the worst; choose another discriminator"
            )
        if not (0 < decay <= 1 and 0 < least <= 1 and every >= 1):
            raise RecipeError(
                f"decay {decay} and least {least} must lie in (0, 1], and every, which is {every}, be 1 at least"
            )
        self.decay, self.every, self.least = decay, every, least
        self.smallest_batch = math.ceil(2 / least)  # of which two are kept, for BatchNorm

    def share(self, step: int) -> float:
        """k/N at a step: max(decay^(step // every), least)."""
        return max(self.decay ** (step // self.every), self.least)

    def turns(self, step: int) -> Iterable[Any]:
        found: list[Any] = list(super().turns(step))
        return [self._of_the_best(turn) if turn.player == "G" else turn for turn in found]

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Best:
        return Best(self, minibatch, turn.watch)

    def rehearsals(self) -> Iterable[int]:
        """The first step, and the one from which the least share is kept."""
        times = math.log(self.least) / math.log(self.decay) if self.decay < 1 else 0
        return (*super().rehearsals(), self.every * math.ceil(times))

    def _of_the_best(self, turn: ganzoo.Turn) -> ganzoo.Turn:
        def cost(round: Best) -> Mapping[str, Tensor]:
            return turn.cost(round.keep(max(1, int(self.share(round.step) * len(round.x_fake)))))

        return dataclasses.replace(turn, cost=cost)
