"""Lin et al. 2018, PacGAN: The power of two samples in generative adversarial networks (arXiv:1712.04086)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

import ganzoo
from ganzoo.errors import RecipeError


class Pack(ganzoo.Round):
    """A round whose D gives one score to m samples side by side: `real.score` and `fake.score` are float [N/m]."""

    def __init__(self, game: Packed, minibatch: ganzoo.Minibatch, watch: tuple[str, ...]) -> None:
        super().__init__(game, minibatch, watch)
        self.m = game.m

    def judge_plain(self, x: Tensor, conditions: Mapping[str, Tensor]) -> ganzoo.Judgement:
        return super().judge_plain(packed(x, self.m), conditions)


class Packed(ganzoo.TwoPlayer):
    """D judges packs of m samples, all of the data or all made: too little variety in G is then in plain sight.

    m  samples in a pack; D's first layer sees their channels, or coordinates, side by side
    """

    def __init__(self, build: ganzoo.Builder, *, m: int = 2, **options: Any) -> None:
        if m < 1:
            raise RecipeError(f"m is {m}; packs have at least one sample")
        if options.get("conditions"):
            raise RecipeError("a pack has no label of its own: packed games take no conditions")
        self.m = m  # before the networks are made: `sample` needs it
        super().__init__(build, **options)
        self.separable = False
        self.smallest_batch = 2 * m  # two packs, for BatchNorm
        self.whole = m

    def sample(self) -> ganzoo.OutputSpec:
        one = super().sample()
        return ganzoo.OutputSpec(one.kind, (self.m * one.shape[0], *one.shape[1:]), range=one.range)

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Pack:
        return Pack(self, minibatch, turn.watch)


def packed(x: Tensor, m: int) -> Tensor:
    """Samples [N, C, ...] as packs [N/m, m·C, ...] of m that stand together in the batch."""
    if len(x) % m:
        raise RecipeError(f"{len(x)} samples make no whole packs of {m}; choose a batch that {m} divides")
    return x.reshape(len(x) // m, m * x.shape[1], *x.shape[2:])
