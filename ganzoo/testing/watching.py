"""A run that is watched: what every turn draws, computes, moves and settles."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.overrides import TorchFunctionMode

from ganzoo.engine import Engine
from ganzoo.game import Turn
from ganzoo.two_player import Term


@dataclasses.dataclass(frozen=True)
class Moved:
    """A parameter or state that changed: in which phase ('cost', 'step', 'settle') of whose turn."""

    phase: str
    player: str
    parameter: str


@dataclasses.dataclass(frozen=True)
class Fed:
    """The labels that a generator was given, and those of the minibatch (None if it was not drawn)."""

    name: str
    given: Tensor
    dealt: Tensor | None


class Watched:
    """Plays an engine and writes down what every turn does.

    moved          parameters, or buffers of terms, that changed where they must not
    steps_taken    (player, how many optimiser steps) of every turn
    unlike_sum     player -> a parameter whose gradient was not that of the summed costs
    graded         names of parameters that got a gradient other than 0 in their player's turn
    reached        names of parameters that got a gradient there, be it 0
    minibatches    (step, turn, repeat, part) -> the samples drawn then
    dealt          what `deal` returned, in order
    fed            labels that generators were given
    probabilities  players whose cost takes the cross-entropy of probabilities
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.game = engine.game
        self.names = {id(p): name for name, p in self.game.named_parameters()}
        self.owned = {name: list(player.parameters()) for name, player in self.game.players().items()}
        self.moved: list[Moved] = []
        self.steps_taken: list[tuple[str, int]] = []
        self.unlike_sum: dict[str, str] = {}
        self.graded: set[str] = set()
        self.reached: set[str] = set()
        self.minibatches: dict[tuple[int, int, int, int], Tensor] = {}
        self.repeats: dict[tuple[int, int], int] = {}
        self.dealt: list[Any] = []
        self.fed: list[Fed] = []
        self.probabilities: set[str] = set()
        self._drawn: Mapping[str, Tensor] = {}
        self._expected: dict[str, list[Tensor | None]] = {}
        self._counted = 0
        self._wrap()

    def play(self, until: int) -> None:
        """Play on to that step, and verify that all numbers are finite."""
        with self._looking():
            self.engine.play(until)
        self.engine.verify()

    def rehearse(self) -> None:
        """Grade the turns of the game's rehearsals too, for parameters that come into play later; leaves all as it
        was but what was written down."""
        state = {name: tensor.clone() for name, tensor in self.game.state_dict().items()}
        minibatches, begun = dict(self.minibatches), self.engine.step
        with torch.random.fork_rng(devices=[]), self._looking():
            for step in self.game.rehearsals():
                self.engine.step = step
                self.engine.set(step)
                for place, turns in enumerate(self.game.turns(step)):
                    for turn in turns if isinstance(turns, tuple) else (turns,):
                        self.engine.grade(turn, place, 0, self.engine.batch)
                        self._note_gradients(turn.player)
        self._expected.clear()
        self.minibatches = minibatches
        self.game.load_state_dict(state)
        self.engine.step = begun
        self.engine.set(begun)

    def _wrap(self) -> None:
        """Put an eye on every phase of a turn: what is drawn, dealt, computed, moved and settled."""
        engine, game = self.engine, self.game
        turns, deal, draw, move = game.turns, game.deal, engine.draw, engine.move

        def watched_turns(step: int) -> list[Turn | tuple[Turn, ...]]:
            found = list(turns(step))
            for place, one in enumerate(found):
                for turn in one if isinstance(one, tuple) else (one,):
                    if step % turn.every == 0:
                        self.repeats[step, place] = turn.repeat
            return [tuple(map(self._watch, t)) if isinstance(t, tuple) else self._watch(t) for t in found]

        def watched_draw(step: int, key: int, size: int) -> Mapping[str, Tensor]:
            self._drawn = draw(step, key, size)
            where = (step, key >> 40, key >> 20 & 0xFFFFF, key & 0xFFFFF)
            self.minibatches[where] = next(iter(self._drawn.values()))
            return self._drawn

        def watched_deal(minibatch: Any, turn: Turn) -> Any:
            self._drawn = {}
            self.dealt.append(seen := deal(minibatch, turn))
            return seen

        def watched_move(turn: Turn) -> None:
            self._compare_gradients(turn.player)
            self._note_gradients(turn.player)
            with self._still("step", turn.player, self.owned[turn.player]):
                self._counted = 0
                move(turn)
            self.steps_taken.append((turn.player, self._counted))

        for owner, name, action in (
            (game, "turns", watched_turns),
            (game, "deal", watched_deal),
            (engine, "draw", watched_draw),
            (engine, "move", watched_move),
        ):
            owner.__dict__[name] = action

    def _watch(self, turn: Turn) -> Turn:
        def cost(seen: Any) -> Mapping[str, Tensor]:
            with self._still("cost", turn.player), Entropies() as entropies:
                self._counted = 0
                costs = turn.cost(seen)
            if entropies.of_probabilities:
                self.probabilities.add(turn.player)
            self._note_steps(turn.player)
            self._expect(turn, costs)
            return costs

        def settle(seen: Any) -> None:
            with self._still("settle", turn.player, self.owned[turn.player]):
                self._counted = 0
                turn.settle(seen)
            self._note_steps(turn.player)

        return dataclasses.replace(turn, cost=cost, settle=settle)

    def _note_steps(self, player: str) -> None:
        if self._counted:
            self.steps_taken.append((player, 1 + self._counted))

    @contextmanager
    def _still(self, phase: str, player: str, free: Sequence[nn.Parameter] = ()) -> Iterator[None]:
        """Write down which parameters but the `free` ones change."""
        may = {id(p) for p in free}
        state = self._term_state() if phase == "cost" else []
        watched = [*self.game.named_parameters(), *state]
        before = [(name, t, t.detach().clone()) for name, t in watched if id(t) not in may]
        yield
        self.moved += [Moved(phase, player, name) for name, p, old in before if not same(p, old)]

    def _term_state(self) -> list[tuple[str, Tensor]]:
        """(name, buffer) of all that terms keep themselves; BatchNorm statistics in their heads are not theirs."""
        terms = [(path, term) for path, term in self.game.named_modules() if isinstance(term, Term)]
        return [(f"{path}.{name}", b) for path, term in terms for name, b in term.named_buffers(recurse=False)]

    def _expect(self, turn: Turn, costs: Mapping[str, Tensor]) -> None:
        """Remember the gradient of the summed costs, over the parts of an accumulated minibatch."""
        own = self.owned[turn.player]
        total = torch.stack([value.float() for value in costs.values()]).sum() / self.engine.accumulate
        if not total.requires_grad:
            return  # the engine says it better
        found = torch.autograd.grad(total, own, retain_graph=True, allow_unused=True)
        sums = self._expected.setdefault(turn.player, [None] * len(own))
        for i, gradient in enumerate(found):
            if gradient is not None:
                old = sums[i]
                sums[i] = gradient if old is None else old + gradient

    def _compare_gradients(self, player: str) -> None:
        for parameter, expected in zip(self.owned[player], self._expected.pop(player, [])):
            ours = torch.zeros_like(parameter) if expected is None else expected
            theirs = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
            scale = float(ours.abs().max()) if ours.numel() else 0.0
            if math.isfinite(scale) and not torch.allclose(
                ours, theirs, rtol=1e-3, atol=1e-6 + 1e-3 * scale, equal_nan=True
            ):
                self.unlike_sum.setdefault(player, self.names[id(parameter)])

    def _note_gradients(self, player: str) -> None:
        own = self.owned[player]
        self.graded |= {self.names[id(p)] for p in own if p.grad is not None and bool(p.grad.any())}
        self.reached |= {self.names[id(p)] for p in own if p.grad is not None}

    @contextmanager
    def _looking(self) -> Iterator[None]:
        """Count optimiser steps, of any optimiser, and read the labels that generators are given."""

        def count(*_: Any) -> None:
            self._counted += 1

        handles: list[Any] = [register_optimizer_step_post_hook(count)]
        for module in self.game.generators().values():
            handles.append(module.register_forward_pre_hook(self._read_labels))
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _read_labels(self, module: Any, inputs: tuple[Any, ...]) -> None:
        for spec, given in zip(module.spec.inputs, inputs):
            if spec.kind == "label":
                self.fed.append(Fed(spec.name, given.detach(), self._drawn.get(spec.name)))


class Entropies(TorchFunctionMode):
    """Notices a cross-entropy whose 'logits' are probabilities already: rows from 0 up that sum to 1."""

    of_probabilities = False

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is cross_entropy:
            logits = (args[0] if args else (kwargs or {})["input"]).detach().float()
            sums = logits.sum(-1)
            if (
                logits.dim() > 1
                and bool((logits >= 0).all())
                and torch.allclose(sums, torch.ones_like(sums), atol=1e-3)
            ):
                self.of_probabilities = True
        return func(*args, **(kwargs or {}))


def same(a: Tensor, b: Tensor) -> bool:
    """Equal to the bit, NaN like NaN."""
    return bool(torch.equal(a.detach(), b.detach())) or bool(torch.allclose(a, b, rtol=0, atol=0, equal_nan=True))
