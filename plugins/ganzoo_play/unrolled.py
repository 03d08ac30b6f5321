"""Metz et al. 2017, Unrolled Generative Adversarial Networks (arXiv:1611.02163)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call

import ganzoo
from ganzoo.errors import RecipeError

State = Mapping[str, Tensor]


class Foresight(ganzoo.Round):
    """A round whose samples can be shown to another D."""

    def before(self, D: Callable[..., Any]) -> Foresight:
        """The same samples, not yet judged, before this D."""
        other = copy.copy(self)
        for name in ("real", "fake"):
            other.__dict__.pop(name, None)
        other.D = D
        return other


class Unrolled(ganzoo.TwoPlayer):
    """In G's turn D is the one that it would become in some steps on the same samples, and G's gradient goes through
    those steps too (Eq. 7 to 10). D itself, its weights and buffers, is left as it was.

    unroll  steps of D that G foresees, the paper's K; 0 is the game without
    rate    of these steps, the paper's η: gradient descent on what D descends
    """

    def __init__(self, build: ganzoo.Builder, *, unroll: int = 5, rate: float = 0.1, **options: Any) -> None:
        super().__init__(build, **options)
        if unroll < 0:
            raise RecipeError(f"unroll is {unroll}; a number of steps is expected, 0 or more")
        self.unroll, self.rate = unroll, rate

    def turns(self, step: int) -> Iterable[Any]:
        """D's turns as they are; G's before the D that comes of the first of D's turns."""
        found: list[Any] = list(super().turns(step))
        own = next(turn for turn in found if turn.player == "D")
        return [self._foreseeing(turn, own) if turn.player == "G" else turn for turn in found]

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Foresight:
        return Foresight(self, minibatch, turn.watch)

    def ahead(self, round: Foresight, own: Callable[[Any], Mapping[str, Tensor]]) -> Callable[..., Any]:
        """D after the steps, as a function of x that knows how it came of G's samples.

        own  what D descends: a round -> named summands
        """
        weights: State = {name: p.detach().clone().requires_grad_() for name, p in self.D.named_parameters()}
        buffers: State = {name: b.clone() for name, b in self.D.named_buffers()}
        round.x, round.x_fake  # noqa: B018 (computed once, for all steps)
        for _ in range(self.unroll):
            cost = torch.stack(list(own(round.before(self._with(weights, buffers))).values())).sum()
            slopes = torch.autograd.grad(cost, list(weights.values()), create_graph=True, materialize_grads=True)
            weights = {name: w - self.rate * slope for (name, w), slope in zip(weights.items(), slopes)}
        return self._with(weights, buffers)

    def _with(self, weights: State, buffers: State) -> Callable[..., Any]:
        return lambda *x: functional_call(self.D, (dict(weights), dict(buffers)), x)

    def _foreseeing(self, turn: ganzoo.Turn, own: ganzoo.Turn) -> ganzoo.Turn:
        def cost(round: Foresight) -> Mapping[str, Tensor]:
            return turn.cost(round.before(self.ahead(round, own.cost)))

        return dataclasses.replace(turn, cost=cost, watch=tuple(dict.fromkeys((*turn.watch, *own.watch))))
