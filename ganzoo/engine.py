"""Algorithm 1 of Goodfellow et al. 2014 (arXiv:1406.2661), for any game.

State is tensors in the game, the optimisers' moments, and the step. Everything random or scheduled is
a function of (seed, step): a run that is stopped and resumed is the run that was never stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.averages import Averages
from ganzoo.errors import GanzooError, NonFiniteError, RecipeError
from ganzoo.game import Game, Minibatch, Turn, kind_of, nothing
from ganzoo.seeds import mix

Draw = Callable[[int, int, int], Mapping[str, Tensor]]  # (step, draw, size) -> columns
Schedule = Callable[[int], None]  # sets one number to its value at a step


class Engine:
    """Plays a game.

    game        the players and their turns
    draw        (step, draw, size) -> a minibatch's columns; a pure function
    optimizers  one for each player
    averages    of the game's generators
    batch       images in a minibatch
    seed        of everything random
    schedules   each is told the step before it is played
    accumulate  minibatches whose gradients are averaged before a player moves
    clip        greatest gradient norm, for the players named
    autocast    makes the context that costs are computed in
    log_every   steps after which `measured` is read: the newest costs, and reports and gradient norms of the last turn
                of each kind before that step
    """

    def __init__(
        self,
        game: Game,
        draw: Draw,
        optimizers: Mapping[str, torch.optim.Optimizer],
        averages: Averages,
        *,
        batch: int,
        seed: int = 0,
        schedules: Sequence[Schedule] = (),
        accumulate: int = 1,
        clip: Mapping[str, float] | None = None,
        autocast: Callable[[], AbstractContextManager[Any]] = nullcontext,
        log_every: int = 1,
        device: torch.device | str = "cpu",
    ) -> None:
        self.game, self.draw, self.optimizers, self.averages = game, draw, optimizers, averages
        self.batch, self.seed, self.schedules, self.accumulate = batch, seed, schedules, accumulate
        self.clip, self.autocast, self.log_every = clip or {}, autocast, log_every
        self.device = torch.device(device)
        self.step = 0
        self.measured: dict[str, Tensor] = {}
        self._owned = {name: list(player.parameters()) for name, player in game.players().items()}
        self._costs: list[tuple[int, str, str, Tensor]] = []  # (step, player, name, value)
        self._share = torch.tensor(1 / accumulate, device=self.device)  # of a minibatch in its player's gradient
        self._check_owners()
        self._layout = layout(game)
        game.requires_grad_(False)

    @property
    def images(self) -> int:
        """step × batch × accumulate, one minibatch a step however many its turns drew: the unit of the averages'
        half-life."""
        return self.step * self.batch * self.accumulate

    def play(self, until: int, after: Callable[[Engine], None] = nothing) -> None:
        """Play up to step `until`; `after` is called between steps, where the state is whole."""
        with torch.random.fork_rng(devices=self._cuda()):
            while self.step < until:  # for number of training iterations do
                self.set(self.step)
                if self.step % self.log_every == 0:
                    self.measured = {}
                for place, turns in enumerate(self.game.turns(self.step)):
                    together = turns if isinstance(turns, tuple) else (turns,)
                    due = [turn for turn in together if self.step % turn.every == 0]
                    for again in range(max((turn.repeat for turn in due), default=0)):  # for k steps do
                        self.take(due, place, again)  # sample minibatches, then update by the gradient
                self.step += 1
                self.averages.update(self.batch * self.accumulate, self.images)
                after(self)

    def set(self, step: int) -> None:
        """Everything that depends on the step, and on nothing else."""
        for schedule in self.schedules:
            schedule(step)
        self.game.at(step)
        self.averages.at(step)

    def take(self, together: Sequence[Turn], place: int, again: int) -> None:
        """Every gradient first, then every step, then everything that settles."""
        seen = []
        for turn in together:
            what, costs = self.grade(turn, place, again, self.batch)
            seen.append(what)
            self._measure({f"{turn.player}/{name}": value.detach() for name, value in costs.items()})
            if self._heard(turn):
                self._report(turn, what)
        for turn in together:
            self.move(turn)
        with torch.no_grad():
            for turn, what in zip(together, seen):
                turn.settle(what)

    def grade(self, turn: Turn, place: int, again: int, size: int) -> tuple[Any, Mapping[str, Tensor]]:
        """Give the player's parameters the gradient of its cost on fresh minibatches; what the cost saw, and its
        summands, of the last of them."""
        own = self._owned[turn.player]
        self._freeze_all_but(turn)
        for parameter in own:
            parameter.grad = None
        for micro in range(self.accumulate):
            key = (place << 40) | (again << 20) | micro
            self._seed(key)
            seen = self.game.deal(self._minibatch(key, size), turn)
            with self.autocast() if turn.precision == "any" else nullcontext():
                costs = turn.cost(seen)
            values = summands(turn.player, costs)
            total = torch.stack(values).sum() if len(values) != 1 else values[0]
            if not total.requires_grad:
                raise RecipeError(
                    f"the cost of {turn.player}'s turn ({', '.join(costs)}) does not depend on any parameter of "
                    f"{turn.player}; look for a detach() or a no_grad() in it"
                )
            # a watched player needs gradients inside the cost but must not keep any
            inputs = own if self._watches_players(turn) else None
            torch.autograd.backward(total, self._share, inputs=inputs)
            self._costs += [(self.step, turn.player, name, v.detach()) for name, v in zip(costs, values)]
        return seen, costs

    def move(self, turn: Turn) -> None:
        """One step of the player's optimiser along the gradient that `grade` left."""
        own, optimizer = self._owned[turn.player], self.optimizers[turn.player]
        if turn.restart:
            optimizer.state.clear()
        heard = turn.every == 1 and self._heard(turn)
        if turn.player in self.clip:
            norm = nn.utils.clip_grad_norm_(own, self.clip[turn.player])
        elif heard:
            norm = nn.utils.get_total_norm([p.grad for p in own if p.grad is not None])
        if heard:
            self._measure({f"{turn.player}/grad_norm": norm})
        optimizer.step()

    def verify(self) -> None:
        """Raise NonFiniteError if a cost since the last call, or a weight now, is NaN or infinite.

        Read between steps, on the log interval and before anything is written: no step waits for it."""
        costs, self._costs = self._costs, []
        if costs and not bool(torch.stack([value for *_, value in costs]).isfinite().all()):
            step, player, name, value = next(cost for cost in costs if not bool(cost[3].isfinite()))
            raise NonFiniteError(f"at step {step} the cost '{player}/{name}' became {value.item()}")
        for name, tensor in [*self.game.named_parameters(), *self.game.named_buffers()]:
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise NonFiniteError(f"at step {self.step} '{name}' holds a number that is not finite")

    def rehearse(self) -> int:
        """Grade every turn once on the smallest batch, whose size is returned, and put everything back: what does not
        fit together is said before the first step."""
        before = {name: tensor.clone() for name, tensor in self.game.state_dict().items()}
        if self.batch % self.game.whole:
            raise RecipeError(f"batch is {self.batch}; in this game a multiple of {self.game.whole} is expected")
        size, begun = max(2, self.game.smallest_batch), self.step
        with torch.random.fork_rng(devices=self._cuda()):
            for step in self.game.rehearsals():
                self.step = step
                self.set(step)
                for place, turns in enumerate(self.game.turns(step)):
                    if isinstance(turns, tuple):
                        self._check_together(turns)
                    for turn in turns if isinstance(turns, tuple) else (turns,):
                        self._try(turn, place, size)
        self.game.load_state_dict(before)
        self.measured, self._costs, self.step = {}, [], begun
        self.set(begun)
        return size

    def _try(self, turn: Turn, place: int, size: int) -> None:
        if turn.player not in self.optimizers:
            raise RecipeError(f"player {turn.player} takes a turn but has no optimiser; add optimizers.{turn.player}")
        try:
            seen, _ = self.grade(turn, place, 0, size)
            self._report(turn, seen)
            with torch.no_grad():
                turn.settle(seen)
        except GanzooError:
            raise
        except Exception as error:
            reason = str(error).strip().split("\n")[0]
            raise RecipeError(f"{turn.player}'s turn cannot be played: {type(error).__name__}: {reason}") from error
        finally:
            for parameter in self.game.parameters():
                parameter.grad = None

    def _report(self, turn: Turn, seen: Any) -> None:
        with torch.no_grad():
            told = self.game.report(seen, turn)
        for name, value in told.items():
            if not isinstance(value, Tensor) or value.dim():
                raise RecipeError(f"report() gave '{name}' as {kind_of(value)}; a scalar tensor is expected")
        self._measure(told)

    def _measure(self, told: Mapping[str, Tensor]) -> None:
        """The newest last, so that the columns of a row do not depend on where a run was stopped."""
        for name, value in told.items():
            self.measured.pop(name, None)
            self.measured[name] = value

    def _heard(self, turn: Turn) -> bool:
        """Whether this turn, if it is played as often as it says, is the last of its kind before `measured` is read."""
        return self.step + turn.every >= (self.step // self.log_every + 1) * self.log_every

    def _check_together(self, turns: tuple[Turn, ...]) -> None:
        """What steps together has gradients of its own, and is played as often."""
        names = " and ".join(turn.player for turn in turns)
        if len({(turn.repeat, turn.every) for turn in turns}) > 1:
            raise RecipeError(
                f"{names} step together, and not equally often; give their turns one repeat and one every"
            )
        owned = [id(p) for turn in turns for p in self._owned.get(turn.player, ())]
        if len(owned) > len(set(owned)):
            raise RecipeError(
                f"{names} step together and share parameters, which can have one gradient; let them take turns"
            )

    def _freeze_all_but(self, turn: Turn) -> None:
        """With the others frozen G(z) is a constant in D's turn: nothing is detached, nothing computed in
        vain. Parameters only: BatchNorm statistics and spectral vectors move in every forward pass."""
        awake = {turn.player, *(set(turn.watch) & self._owned.keys())}
        for name, parameters in self._owned.items():
            if name not in awake:
                for parameter in parameters:
                    parameter.requires_grad = False
        for name in awake:  # last, for modules that two players own
            for parameter in self._owned[name]:
                parameter.requires_grad = True

    def _watches_players(self, turn: Turn) -> bool:
        return not self._owned.keys().isdisjoint(turn.watch)

    def _minibatch(self, key: int, size: int) -> Minibatch:
        def columns() -> Mapping[str, Tensor]:
            return {name: t.to(self.device, non_blocking=True) for name, t in self.draw(self.step, key, size).items()}

        return Minibatch(self.step, size, columns, self.device, self._layout)

    def _seed(self, key: int) -> None:
        seed = mix(self.seed, self.step, key)
        torch.default_generator.manual_seed(seed)
        for index in self._cuda():
            torch.cuda.default_generators[index].manual_seed(seed)
        if self.device.type == "mps":
            torch.mps.manual_seed(seed)

    def _cuda(self) -> list[int]:
        if self.device.type != "cuda":
            return []
        return [torch.cuda.current_device() if self.device.index is None else self.device.index]

    def _check_owners(self) -> None:
        owned = {id(p) for parameters in self._owned.values() for p in parameters}
        for name, parameter in self.game.named_parameters():
            if id(parameter) not in owned and not name.startswith(self.game.fixed):
                raise RecipeError(f"no player owns '{name}': return it from players(), or name it in `fixed`")


def summands(player: str, costs: Mapping[str, Tensor]) -> list[Tensor]:
    """The summands of a player's cost, in float32 at least; RecipeError for what is not a mapping of scalars."""
    if not isinstance(costs, Mapping) or not costs:
        what = f"the cost of {player}'s turn returned {'no summand' if costs == {} else kind_of(costs)}"
        raise RecipeError(f"{what}; named ones, such as {{'adversarial': cost}}, are expected")
    for name, value in costs.items():
        if not isinstance(value, Tensor) or value.dim():
            raise RecipeError(f"the cost '{player}/{name}' returned {kind_of(value)}; a scalar tensor is expected")
    return [value.float() if value.dtype.itemsize < 4 else value for value in costs.values()]


def layout(game: Game) -> torch.memory_format:
    """How pictures lie in memory in this game: as its convolutions' weights do."""
    first = next((p for p in game.parameters() if p.dim() == 4), None)
    last = first is not None and first.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format
