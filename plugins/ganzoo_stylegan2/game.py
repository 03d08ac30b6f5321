"""How Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv:1912.04958), is played: fakes of
mixed styles, a running mean of w, and a penalty on how far a step in w moves the picture."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

import ganzoo
from ganzoo.errors import RecipeError


class Mixed(ganzoo.Round):
    """A round whose fakes have, with probability `mixing`, the w of another z from a random layer on (Karras et al.
    2019, arXiv:1812.04948, section 3.1).

    w        of the fakes, float [N, layers, d]
    lengths  ‖Jᵀy‖ of the fakes by w, see `path_lengths`; float [N]
    """

    def __init__(self, game: StyleGAN2, minibatch: ganzoo.Minibatch, watch: tuple[str, ...]) -> None:
        super().__init__(game, minibatch, watch)
        self._other = {**self.inputs, "z": minibatch.draw(game.G.spec.input("z"))}
        layers = game.G.mapping.spec.output.shape[0]
        crossing = torch.randint(1, layers, (minibatch.size,), device=minibatch.device)
        alone = torch.rand(minibatch.size, device=minibatch.device) >= game.mixing
        self._early = torch.arange(layers, device=minibatch.device) < crossing.masked_fill(alone, layers)[:, None]

    @cached_property
    def w(self) -> Tensor:
        self._open("w")
        given = [spec.name for spec in self.G.mapping.spec.inputs if spec.kind != "scalar"]
        own, other = (self.G.mapping.styles(*(d[name] for name in given)) for d in (self.inputs, self._other))
        return torch.where(self._early[:, :, None], own[:, None], other[:, None])

    @cached_property
    def x_fake(self) -> Tensor:
        self._open("x_fake")
        noise = (self.inputs[spec.name] for spec in self.G.synthesis.spec.inputs[1:])
        return self._watched("x_fake", self.G.synthesis(self.w, *noise))

    @cached_property
    def lengths(self) -> Tensor:
        self._open("lengths")
        return path_lengths(self.x_fake, self.w)


def path_lengths(x: Tensor, w: Tensor) -> Tensor:
    """‖Jᵀy‖ of each sample, J the Jacobian of x [N, C, H, W] by w [N, layers, d], y ~ N(0, 1/(H W)) (section 3.2): the
    root of the mean over layers of the squared norm. As y is divided by √(H W), the weight of a squared length is the
    paper's γ times H W and the layers."""
    y = torch.randn_like(x) / (x.shape[2] * x.shape[3]) ** 0.5
    (slope,) = torch.autograd.grad((x * y).sum(), w, create_graph=True)
    return torch.linalg.vector_norm(slope, dim=(1, 2)) / slope.shape[1] ** 0.5


class PathLength(ganzoo.Term):
    """E[(‖Jᵀy‖ − a)²] (Eq. 4): a step of one length in w should change a picture by one amount. a is a running mean.

    decay  of the running mean, each time it is moved
    """

    needs = ("styles", "a game in which fakes are made of styles, game=stylegan2")

    mean: Tensor
    precision = "fp32"

    def __init__(self, *, decay: float = 0.99) -> None:
        super().__init__()
        self.decay = decay
        self.register_buffer("mean", torch.zeros(()))

    def generator(self, round: Mixed) -> Tensor:  # type: ignore[override]
        return (round.lengths - self.mean).square().mean()

    def settle(self, round: Mixed) -> None:  # type: ignore[override]
        self.mean.lerp_(round.mean(round.lengths), 1 - self.decay)


class MeanW(ganzoo.Term):
    """Keeps the running mean of w, towards which the truncation pulls; no cost.

    decay  of the running mean, each step
    """

    def __init__(self, *, decay: float = 0.995) -> None:
        super().__init__()
        self.decay = decay

    def settle(self, round: Mixed) -> None:  # type: ignore[override]
        round.G.mapping.mean.lerp_(round.w.float().mean((0, 1)), 1 - self.decay)


class StyleGAN2(ganzoo.TwoPlayer):
    """D against a G of a mapping and a synthesis, which are generators of their own.

    mixing  the probability that a fake has two styles
    """

    styles = True

    def __init__(self, build: ganzoo.Builder, *, mixing: float = 0.9, **options: Any) -> None:
        super().__init__(build, **options)
        self.mixing = mixing
        parts = {name for name, _ in self.G.named_children()}
        if not {"mapping", "synthesis"} <= parts or not any(spec.name == "z" for spec in self.G.spec.inputs):
            raise RecipeError(
                "the game stylegan2 needs a generator of a mapping and a synthesis, and a latent above 0; "
                "choose generator=stylegan2, or game=two-player"
            )
        self.terms["mean-w"] = MeanW()

    def generators(self) -> Mapping[str, nn.Module]:
        return {"generator": self.G, "mapping": self.G.mapping, "synthesis": self.G.synthesis}

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Mixed:
        return Mixed(self, minibatch, turn.watch)
