"""Checks of how a variant is played: its turns, its gradients, its state."""

from __future__ import annotations

import copy
import tempfile
from pathlib import Path
from typing import Any

import torch

from ganzoo import checkpoint
from ganzoo.engine import Engine
from ganzoo.game import Minibatch, Turn
from ganzoo.state import read_state
from ganzoo.testing.subject import NotApplicable, Subject, fail, sentence, stray
from ganzoo.testing.watching import Watched, same
from ganzoo.two_player import TwoPlayer

HINT = "; keep all state in buffers, and draw random numbers with torch, in deal() and in costs only"


def plays(subject: Subject) -> None:
    """Every turn can be played, for 20 steps, and all numbers stay finite."""
    try:
        subject.engine().rehearse()
        subject.watched  # noqa: B018 (it is played here)
    except Exception as error:  # whatever a plugin may raise
        subject.unplayable = sentence(error)
        fail(subject.unplayable)


def builds_from_its_seed(subject: Subject) -> None:
    """Two builds of one recipe are the same to the bit, whatever the caller's random state."""
    states = []
    for ambient in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(ambient)
            states.append(subject.engine().game.state_dict())
    for name, tensor in states[0].items():
        if not same(tensor, states[1][name]):
            text = f"two builds from one seed differ in '{name}'"
            fail(f"{text}; make networks with build.network() and other parts with build.part(), which seed them")


def plays_in_bf16(subject: Subject) -> None:
    """20 steps in bf16 leave all numbers finite."""
    engine = subject.engine("bf16")
    try:
        engine.play(subject.steps)
        engine.verify()
    except Exception as error:  # whatever a plugin may raise
        fail(f"in bf16 it cannot be played: {sentence(error)}; Term.precision = 'fp32' asks for a turn in fp32")


def a_turn_moves_its_own_player(subject: Subject) -> None:
    """A turn moves its own player's parameters and no other's, by its step and its settle; no cost moves a thing."""
    for moved in subject.watched.moved:
        where = f"{moved.player}'s turn moves '{moved.parameter}'"
        if moved.phase == "cost":
            where = f"{where} while its cost is computed"
            fail(f"{where}; a cost returns numbers: weights move by the optimiser, state in settle()")
        fail(f"{where}, which is not {moved.player}'s, in its {moved.phase}; move it in a turn of its owner")


def one_step_a_turn(subject: Subject) -> None:
    """A turn makes exactly one step of one optimiser."""
    for player, count in subject.watched.steps_taken:
        if count != 1:
            text = f"{player}'s turn makes {count} optimiser steps; exactly 1 is expected"
            fail(f"{text}: return every summand from the cost and leave stepping to the engine")


def one_backward_of_the_sum(subject: Subject) -> None:
    """The gradient of a turn is the gradient of its summed costs."""
    for player, parameter in subject.watched.unlike_sum.items():
        text = f"the gradient that {player}'s turn gives '{parameter}' is not that of its summed costs"
        fail(f"{text}; a cost must not call backward() itself: return each summand, differentiable")


def every_parameter_learns(subject: Subject) -> None:
    """Every owned parameter gets a gradient over a run, but an offset of D's score that no cost can see."""
    watched = subject.watched
    owners = {watched.names[id(p)]: player for player, own in watched.owned.items() for p in own}
    owned = {name: player for name, player in owners.items() if not name.startswith(watched.engine.game.fixed)}
    if not owned.keys() - watched.graded:
        return
    watched.rehearse()
    for name in owned:
        if name not in watched.graded and not _offset(watched, name):
            text = f"no turn of {owned[name]} gave '{name}' a gradient in {subject.steps} steps"
            fail(f"{text}; look for a detach() or a no_grad() on its way to the cost, or drop it if nothing uses it")


def _offset(watched: Watched, name: str) -> bool:
    """Whether a parameter that costs reach adds one number to all of D's scores: a cost that is made of differences
    of scores gives it the gradient 0."""
    game, engine = watched.game, watched.engine
    if name not in watched.reached or not isinstance(game, TwoPlayer) or not name.startswith("D."):
        return False
    batch = Minibatch(0, engine.batch, lambda: engine.draw(0, 0, engine.batch))
    D = copy.deepcopy(game.D).eval()
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        round = game.deal(batch, Turn("D", lambda _: {}))
        round.D = D
        before = round.judge_plain(round.x, round.conditions).score
        D.get_parameter(name.removeprefix("D.")).add_(1.0)
        shift = round.judge_plain(round.x, round.conditions).score - before
    return bool(shift.any()) and torch.allclose(shift, shift[:1].expand_as(shift), rtol=0, atol=1e-4)


def repeats_draw_afresh(subject: Subject) -> None:
    """Every repeat of a turn draws a minibatch of its own, and so does every turn and step."""
    watched = subject.watched
    seen: dict[bytes, tuple[int, int, int, int]] = {}
    drawn = {where[:2]: 0 for where in watched.minibatches}
    for where, batch in watched.minibatches.items():
        if where[3] == 0:
            drawn[where[:2]] += 1
        earlier = seen.setdefault(bytes(batch.contiguous().view(torch.uint8).numpy().tobytes()), where)
        if earlier != where:
            text = f"the minibatch of step {where[0]} (turn {where[1]}, repeat {where[2]}) was dealt before"
            text = f"{text}, at step {earlier[0]} (turn {earlier[1]}, repeat {earlier[2]})"
            fail(f"{text}; draw each from (seed, step, draw)")
    for (step, place), count in drawn.items():
        due = watched.repeats[step, place]
        if count < due:
            text = f"turn {place} of step {step} is repeated {due} times but draws {count} minibatches"
            fail(f"{text}; deal() must read the minibatch it is handed each time and keep none")
    if any(a is b for a, b in zip(watched.dealt, watched.dealt[1:])):
        fail("deal() returned the same object twice running; make a new one from the minibatch it is handed")


def resumes_to_the_bit(subject: Subject) -> None:
    """Stopped twice, inside a schedule and inside every cadence, and resumed from a file: the same run to the bit."""
    if subject.steps < 3:
        raise NotApplicable("its tiny run is too short to be stopped twice")
    changes: dict[str, Any] = (
        {} if subject.recipe.schedules else {"schedules.lr": {"name": "linear", "steps": 2 * subject.steps}}
    )
    whole = subject.engine(**changes)
    whole.play(subject.steps)
    parts = subject.engine(**changes)
    left = ""
    stops = sorted({max(1, subject.steps * 7 // 20), max(2, subject.steps * 13 // 20)})
    with tempfile.TemporaryDirectory() as folder:
        for stop in stops:
            parts.play(stop)
            path = Path(folder) / f"{stop}.safetensors"
            checkpoint.save(path, parts, {})
            stopped, parts = parts, subject.engine(**changes)
            checkpoint.restore(read_state(path), parts)
            stopped.set(stop)
            parts.set(stop)
            left = left or stray(stopped.game, parts.game)
        parts.play(subject.steps)
        a, b = (_everything(engine, Path(folder) / "end.safetensors") for engine in (whole, parts))
    for name in a:
        if not torch.equal(a[name], b[name]):
            text = f"stopped at steps {stops[0]} and {stops[-1]} and resumed it is another run at step {subject.steps}"
            fail(f"{text}, first in '{name}'{left or HINT}")


def _everything(engine: Engine, path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a checkpoint."""
    checkpoint.save(path, engine, {})
    return dict(read_state(path).tensors)
