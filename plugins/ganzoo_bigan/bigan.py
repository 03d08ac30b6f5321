"""Donahue et al. 2017, Adversarial Feature Learning (arXiv:1605.09782), and Dumoulin et al. 2017, Adversarially
Learned Inference (arXiv:1606.00704), which are one game.

    min_{G, E} max_D  E_x [log D(x, E(x))] + E_z [log(1 − D(G(z), z))]                            (Eq. 3)

D judges pairs of a picture and a latent. Only where E and G invert each other can it not tell the pair that E made of
a picture from the pair that G made of a latent (Theorem 2).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from torch import Tensor, nn
from torch.nn.functional import softplus

import ganzoo

Encoder = Annotated[ganzoo.Use, ganzoo.Slot("network", "encoder")]


class Bidirectional(ganzoo.Term):
    """D tells the pairs apart; G and E want each taken for the other (section 3.4, the stronger gradient)."""

    targets = centred = True  # 1 and 0 for σ(score), which is ½ where it cannot tell
    needs = ("paired", "a game with an encoder, whose latents D is told, game=bigan")

    def discriminator(self, round: ganzoo.Round) -> Tensor:
        """−E[log D(x, E(x))] − E[log(1 − D(G(z), z))]."""
        real, fake = round.pair()
        return softplus(-real).mean() + softplus(fake).mean()

    def generator(self, round: ganzoo.Round) -> Tensor:
        """−E[log D(G(z), z)] − E[log(1 − D(x, E(x)))]."""
        real, fake = round.pair()
        return softplus(-fake).mean() + softplus(real).mean()

    def report(self, round: ganzoo.Round) -> Mapping[str, Tensor]:
        real, fake = round.pair()
        return {"D(x, E(x))": real.sigmoid().mean(), "D(G(z), z)": fake.sigmoid().mean()}


class Pairs(ganzoo.Round):
    """A round in which D is told the latent of what it judges: z of a sample, E(x) of a picture."""

    def __init__(self, game: BiGAN, minibatch: ganzoo.Minibatch, watch: tuple[str, ...]) -> None:
        super().__init__(game, minibatch, watch)
        self.E = game.E

    @cached_property
    def conditions(self) -> Mapping[str, Tensor]:
        return {**super().conditions, "z": self.E(self.x)}


class BiGAN(ganzoo.TwoPlayer):
    """D against G and E.

    encoder  E: x -> z; one player with G
    """

    paired = True

    def __init__(self, build: ganzoo.Builder, *, encoder: Encoder, **options: Any) -> None:
        super().__init__(build, **options)
        self.E = build.network(encoder, "encoder", sample=self.G.spec.output, latent=self.G.spec.input("z"))

    def told(self) -> tuple[ganzoo.InputSpec, ...]:
        return (self.G.spec.input("z"), *super().told())

    def players(self) -> Mapping[str, nn.Module]:
        players = super().players()
        return {**players, "G": nn.ModuleList([players["G"], self.E])}

    def generators(self) -> Mapping[str, nn.Module]:
        return {"generator": self.G, "encoder": self.E}

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Pairs:
        return Pairs(self, minibatch, turn.watch)
