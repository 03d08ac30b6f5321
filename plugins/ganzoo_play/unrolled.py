"""Metz et al. 2017, Unrolled Generative Adversarial Networks (arXiv:1611.02163)."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
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
        other.__dict__["x"] = self.x.clone()  # of its own: a slope of D by x must not run through how D came of x
        other.__dict__["x_fake"] = self.x_fake.clone()
        other.D = D
        return other


class Ahead:
    """D with other weights: a function of x, as D is, that knows its weights."""

    def __init__(self, D: nn.Module, weights: State, buffers: State) -> None:
        self.D, self.weights, self.buffers = D, dict(weights), dict(buffers)

    def __call__(self, *x: Tensor) -> Any:
        return functional_call(self.D, (self.weights, self.buffers), x)

    def parameters(self) -> Iterable[Tensor]:
        """The weights, in the order of D's."""
        return self.weights.values()


class Moments(nn.Module):
    """Adam's running means of D's gradients and of their squares, as D's own turns move them: state."""

    count: Tensor

    def __init__(self, weights: State, beta1: float, beta2: float) -> None:
        super().__init__()
        self.beta1, self.beta2, self.names = beta1, beta2, tuple(weights)
        self.register_buffer("count", torch.zeros(()))
        for number, weight in enumerate(weights.values()):
            self.register_buffer(f"first{number}", torch.zeros_like(weight))
            self.register_buffer(f"second{number}", torch.zeros_like(weight))

    def now(self) -> Adam:
        """What a look-ahead starts from: copies."""
        buffers = dict(self.named_buffers())
        numbers = range(len(self.names))
        first, second = ([buffers[f"{which}{n}"].clone() for n in numbers] for which in ("first", "second"))
        return Adam(self.beta1, self.beta2, first, second, self.count.clone())

    def follow(self, slopes: Sequence[Tensor]) -> None:
        """One step of D: the means move by its gradients."""
        adam = self.now().after(slopes)
        self.count.copy_(adam.count)
        for number, (first, second) in enumerate(zip(adam.first, adam.second)):
            self.get_buffer(f"first{number}").copy_(first)
            self.get_buffer(f"second{number}").copy_(second)


@dataclasses.dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2014, arXiv:1412.6980) as a function that can be differentiated."""

    beta1: float
    beta2: float
    first: Sequence[Tensor]
    second: Sequence[Tensor]
    count: Tensor

    def after(self, slopes: Sequence[Tensor]) -> Adam:
        """With one more gradient in its means."""
        first = [self.beta1 * m + (1 - self.beta1) * slope for m, slope in zip(self.first, slopes)]
        second = [self.beta2 * v + (1 - self.beta2) * slope.square() for v, slope in zip(self.second, slopes)]
        return dataclasses.replace(self, first=first, second=second, count=self.count + 1)

    def steps(self) -> list[Tensor]:
        """m̂ / (√v̂ + ε), ε = 1e-8: what weights go down by, times the rate. The root has no slope at 0."""
        first, second = 1 - self.beta1**self.count, 1 - self.beta2**self.count
        return [m / first / ((v / second).clamp_min(1e-30).sqrt() + 1e-8) for m, v in zip(self.first, self.second)]


class Unrolled(ganzoo.TwoPlayer):
    """In G's turn D is the one that it would become in some steps on the same samples, and G's gradient goes through
    those steps too (Eq. 6 to 10). D itself, its weights and buffers, is left as it was.

    unroll  steps of D that G foresees, the paper's K; 0 is the game without
    rate, beta1, beta2  of these steps, which are Adam's, as in the paper's experiments; those of D's optimiser
    """

    def __init__(
        self,
        build: ganzoo.Builder,
        *,
        unroll: int = 5,
        rate: float = 2e-4,
        beta1: float = 0.5,
        beta2: float = 0.999,
        **options: Any,
    ) -> None:
        super().__init__(build, **options)
        if heads := [name for name, term in self.terms.items() if term.owner == "D" and list(term.parameters())]:
            raise RecipeError(
                f"the game unrolled foresees D's own weights, and {heads[0]} gives D others beside; leave that out"
            )
        self.moments = Moments(dict(self.D.named_parameters()), beta1, beta2)
        if unroll < 0:
            raise RecipeError(f"unroll is {unroll}; a number of steps is expected, 0 or more")
        self.unroll, self.rate = unroll, rate

    def turns(self, step: int) -> Iterable[Any]:
        """D's turns as they are; G's, but for lazy ones, before the D that comes of the first of D's turns."""
        found: list[Any] = list(super().turns(step))
        own = next(turn for turn in found if turn.player == "D")
        foresees = [self._foreseeing(own, turn) if turn.player == "G" and turn.every == 1 else turn for turn in found]
        return [self._followed(turn) if turn.player == "D" else turn for turn in foresees]

    def deal(self, minibatch: ganzoo.Minibatch, turn: ganzoo.Turn) -> Foresight:
        return Foresight(self, minibatch, turn.watch)

    def ahead(self, round: Foresight, own: Callable[[Any], Mapping[str, Tensor]]) -> Ahead:
        """D after the steps, which knows how it came of G's samples.

        own  what D descends: a round -> named summands
        """
        weights: State = {name: p.detach().clone().requires_grad_() for name, p in self.D.named_parameters()}
        buffers: State = {name: b.clone() for name, b in self.D.named_buffers()}
        adam = self.moments.now()
        for _ in range(self.unroll):
            cost = torch.stack(list(own(round.before(Ahead(self.D, weights, buffers))).values())).sum()
            slopes = torch.autograd.grad(cost, list(weights.values()), create_graph=True, materialize_grads=True)
            adam = adam.after(slopes)
            weights = {name: w - self.rate * step for (name, w), step in zip(weights.items(), adam.steps())}
        return Ahead(self.D, weights, buffers)

    def _followed(self, turn: ganzoo.Turn) -> ganzoo.Turn:
        def settle(round: Foresight) -> None:
            turn.settle(round)
            self.moments.follow([torch.zeros_like(p) if p.grad is None else p.grad for p in self.D.parameters()])

        return dataclasses.replace(turn, settle=settle)

    def _foreseeing(self, own: ganzoo.Turn, turn: ganzoo.Turn) -> ganzoo.Turn:
        def cost(round: Foresight) -> Mapping[str, Tensor]:
            return turn.cost(round.before(self.ahead(round, own.cost)))

        return dataclasses.replace(turn, cost=cost, watch=tuple(dict.fromkeys((*turn.watch, *own.watch))))
