"""A GAN is a game: players own networks, an iteration is a list of turns.

In a turn one player takes one gradient step on a named sum of costs. Algorithm 1 of Goodfellow et al.
2014 (arXiv:1406.2661) is the game with two turns, D (k times) and then G; most of the zoo differs from
it in nothing but the costs, and the rest in the list of turns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn

from ganzoo import zoo
from ganzoo.data import prepare
from ganzoo.errors import RecipeError
from ganzoo.specs import InputSpec, OutputSpec


def nothing(_: Any) -> None:
    """What a turn settles when it settles nothing."""


def kind_of(value: Any) -> str:
    """What a part returned where something else is expected, for a sentence."""
    if value is None:
        return "None (is a return missing?)"
    if isinstance(value, Tensor):
        return f"a tensor of shape {list(value.shape)}"
    return f"a {type(value).__name__}"


@dataclass(frozen=True)
class Turn:
    """One line of Algorithm 1: a player descends a cost.

    player     whose parameters move
    cost       what `Game.deal` returned -> named summands, each a scalar tensor; their sum is descended
    repeat     how many times, each on a fresh minibatch: the paper's k
    every      only at steps divisible by this: lazy regularisation, an optimiser step of its own
    settle     after the optimiser step, without gradients, given what the cost saw (the last of accumulated
               minibatches): clip weights, move a controller's state
    watch      what the cost differentiates by beside the player's parameters: names of inputs such as
               'x' or 'x_fake', or names of other players (their gradients are not kept)
    restart    forget the player's optimiser state first
    precision  'fp32' asks for a turn outside autocast; 'any' takes the run's precision
    """

    player: str
    cost: Callable[[Any], Mapping[str, Tensor]]
    repeat: int = 1
    every: int = 1
    settle: Callable[[Any], None] = nothing
    watch: tuple[str, ...] = ()
    restart: bool = False
    precision: Literal["any", "fp32"] = "any"

    def __post_init__(self) -> None:
        for name, number in (("repeat", self.repeat), ("every", self.every)):
            if not isinstance(number, int) or number < 1:
                raise RecipeError(
                    f"a turn of {self.player} has {name}={number!r}; a whole number from 1 up is expected"
                )


class Minibatch:
    """m samples of the data, drawn when first read: a turn that asks for no data draws none.

    step      the training step
    size      m
    batch[c]  column c as the source dealt it, on the run's device: `x` uint8 [m, C, H, W] or float32 [m, d],
              `label` int64 [m]
    """

    def __init__(
        self,
        step: int,
        size: int,
        columns: Callable[[], Mapping[str, Tensor]],
        device: torch.device | str = "cpu",
        layout: torch.memory_format = torch.contiguous_format,
    ) -> None:
        self.step, self.size, self.device, self.layout = step, size, torch.device(device), layout
        self._deal = columns
        self._columns: Mapping[str, Tensor] | None = None

    def __getitem__(self, column: str) -> Tensor:
        if self._columns is None:
            self._columns = self._deal()
        if column not in self._columns:
            raise RecipeError(f"the data deal {', '.join(self._columns)}; this game needs the column '{column}'")
        return self._columns[column]

    def mean(self, values: Tensor) -> Tensor:
        """The mean of a tensor over the whole batch: on one process the tensor's own mean."""
        return values.mean()

    def real(self, like: OutputSpec, column: str = "x") -> Tensor:
        """The data in the range of a generator's output: uint8 becomes float, points stay as they are."""
        return self._laid(prepare(self[column], like.range))

    def draw(self, spec: InputSpec) -> Tensor:
        """A batch of what a generator is given in training: latents by their prior, labels by their
        distribution, pictures from the data's column of that name, a scalar's default."""
        if spec.kind == "latent":
            prior = zoo.prior(spec.distribution)
            noise = torch.randn if prior.base == "normal" else torch.rand
            return prior.push(noise(self.size, *spec.shape, device=self.device), spec.range or prior.range)
        if spec.kind == "label" and spec.distribution == "uniform":
            return torch.randint(len(spec.classes), (self.size,), device=self.device)
        if spec.kind == "scalar":
            return torch.tensor(spec.default, device=self.device)
        x = self[spec.name]
        return self._laid(prepare(x, spec.range or (-1.0, 1.0))) if spec.kind == "image" else x

    def _laid(self, x: Tensor) -> Tensor:
        return x.to(memory_format=self.layout) if x.dim() == 4 else x


class Game(nn.Module):
    """Players, turns, and what they see. All state is in tensors of this module; see `Engine`."""

    smallest_batch = 1  # what one turn needs at the least, a packed discriminator for instance
    whole = 1  # what a batch must be a multiple of
    fixed: tuple[str, ...] = ()  # prefixes of parameters that no player owns on purpose

    def players(self) -> Mapping[str, nn.Module]:
        """Whose optimiser moves what, under the paper's letters. A module may have two owners."""
        raise NotImplementedError

    def turns(self, step: int) -> Iterable[Turn | tuple[Turn, ...]]:
        """The turns of this step, without side effects. Turns in a tuple are taken together: all see
        the same minibatch, and every gradient is computed before any player moves."""
        raise NotImplementedError

    def at(self, step: int) -> None:
        """Set everything that depends on the step; a pure function of the step. A part sets its own: a
        network or a term that has a method `at(step)` is told."""
        for part in self._stepped:
            part.at(step)

    @cached_property
    def _stepped(self) -> list[Any]:
        return stepped(self)

    def deal(self, minibatch: Minibatch, turn: Turn) -> Any:
        """What the costs of this turn see; draws the noise of the turn, before anything else does."""
        raise NotImplementedError

    def report(self, seen: Any, turn: Turn) -> Mapping[str, Tensor]:
        """Scalars worth logging, from what the cost of this turn already computed; no gradients."""
        return {}

    def generators(self) -> Mapping[str, nn.Module]:
        """What can be averaged, sampled and exported; each has a `.spec`. The first is the default."""
        raise NotImplementedError

    def rehearsals(self) -> Iterable[int]:
        """Steps whose turns are tried before step 0."""
        return (0,)


def stepped(module: nn.Module) -> list[Any]:
    """The parts of a module that have a method `at(step)`."""
    return [part for part in module.modules() if part is not module and callable(getattr(part, "at", None))]
