"""Checks of the costs of two players: scores, entropies, and penalties against what they come to by hand."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd import grad

from ganzoo.game import Minibatch, Turn
from ganzoo.testing.subject import CheckFailed, NotApplicable, Subject, fail, sentence
from ganzoo.two_player import Round, Term, TwoPlayer

SLOPES = (0.0, 0.5, 1.0, 3.0)
BATCHES = (1, 3, 16)


def costs_are_finite(subject: Subject) -> None:
    """Costs and their gradients are finite where D's scores are +100 and -100."""
    for signs in ((1.0, 1.0), (-1.0, -1.0), (1.0, -1.0), (-1.0, 1.0)):
        engine = subject.engine()
        game = _two_player(engine.game)
        handle = game.D.register_forward_hook(lambda _m, _i, said, s=signs: _sure(said, s))
        with torch.random.fork_rng(devices=[]):
            engine.set(0)
            for place, turns in enumerate(list(game.turns(0))):
                for turn in turns if isinstance(turns, tuple) else (turns,):
                    _finite(engine, turn, place)
        handle.remove()


def _finite(engine: Any, turn: Turn, place: int) -> None:
    _, costs = engine.grade(turn, place, 0, engine.batch)
    for name, value in costs.items():
        if not bool(value.isfinite().all()):
            text = f"the cost '{turn.player}/{name}' is {value.sum().item()} at scores of ±100"
            fail(f"{text}; write it with the score, as softplus(-score), not as log(sigmoid(score))")
    for name, parameter in engine.game.named_parameters():
        if parameter.grad is not None and not bool(parameter.grad.isfinite().all()):
            text = f"{turn.player}'s cost gives '{name}' a gradient that is not finite at scores of ±100"
            fail(f"{text}; write it with the score, as softplus(-score), not as log(sigmoid(score))")
    for parameter in engine.game.parameters():
        parameter.grad = None


def _sure(said: Any, signs: tuple[float, float]) -> Any:
    """What D said, its scores moved to ±100: one sign for the first half of the batch, one for the second."""
    score = said if isinstance(said, Tensor) else said["score"]
    half = len(score) - len(score) // 2
    sure = torch.full_like(score, 100.0 * signs[0])
    sure[half:] = 100.0 * signs[1]
    moved = score - score.detach() + sure
    return moved if isinstance(said, Tensor) else {**said, "score": moved}


def scores_are_raw(subject: Subject) -> None:
    """D's score is a raw number: no sigmoid or tanh is left on it."""
    engine = subject.watched.engine
    game = _two_player(engine.game)
    loud = copy.deepcopy(game.D).eval()
    batch = Minibatch(0, engine.batch, lambda: engine.draw(0, 0, engine.batch))
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for parameter in loud.parameters():
            parameter.mul_(1e3)
        round = game.deal(batch, Turn("D", lambda _: {}))
        round.D = loud
        score = round.judge_plain(1e4 * round.x, round.conditions).score
    if bool((score.abs() <= 1).all()):
        low, high = (0, 1) if bool((score >= 0).all()) else (-1, 1)
        text = f"D's score stays in [{low}, {high}], however large its weights and inputs are"
        fail(f"{text}; return the score before the sigmoid or tanh: the loss applies what it needs")


def entropies_take_logits(subject: Subject) -> None:
    """A cross-entropy is given logits, not probabilities."""
    for player in subject.watched.probabilities:
        text = f"{player}'s cost takes the cross-entropy of probabilities, which applies a second softmax"
        fail(f"{text}; give cross_entropy the logits and leave out the softmax")


def penalties_are_per_sample(subject: Subject) -> None:
    """A penalty on D's gradient has one value for a linear D, whatever the batch, and the term's closed form."""
    engine = subject.engine()
    game = _two_player(engine.game)
    penalties = {name: term for name, term in game.terms.items() if _is_penalty(game, cast(Term, term), engine)}
    if not penalties:
        raise NotApplicable("no term differentiates D or declares closed_form(slope)")
    for name, term in penalties.items():
        try:
            _hold(game, cast(Term, term), engine)
        except CheckFailed as error:
            fail(f"term '{name}': {error}")


def _is_penalty(game: TwoPlayer, term: Term, draws: Any) -> bool:
    """Whether a term of D declares a closed form, or differentiates a critic as it is computed."""
    if not term.acts("D"):
        return False
    if getattr(term, "closed_form", None) is not None:
        return True
    with _differentiated() as inside, contextlib.suppress(CheckFailed, NotApplicable):
        _values(game, term, draws, 1.0)
    return bool(inside or term.watch)


def _hold(game: TwoPlayer, term: Term, draws: Any) -> None:
    closed_form = getattr(term, "closed_form", None)
    if closed_form is not None:
        _compare(game, term, draws, closed_form)
        return
    _values(game, term, draws, 0.0)
    values = _values(game, term, draws, 1.0)
    if max(values) - min(values) > 1e-3 * max(1.0, abs(values[0])):
        found = ", ".join(f"{value:.4g} at batch {size}" for size, value in zip(BATCHES, values))
        text = f"of a linear critic of slope 1 it is {found}"
        fail(f"{text}; take the norm of each sample's gradient (dim 1 up), then the mean over the batch")


def penalty_check(term: Term, closed_form: Callable[[float], float], shape: tuple[int, ...] = (1, 8, 8)) -> None:
    """Holds a penalty against what it comes to for a linear critic D(x) = slope * u.x with |u| = 1.

    term         whose `discriminator(round)` is the penalty, without its weight
    closed_form  slope -> the penalty: `lambda s: (s - 1) ** 2` for a gradient penalty, `lambda s: s ** 2` for R1
    shape        of a sample, (C, H, W) or (d,)
    CheckFailed (an AssertionError) unless it agrees at batch 1, 3 and 16 and slopes 0, 0.5, 1 and 3, is finite with
    its gradient, and pulls on the critic where it should.
    """
    from ganzoo import zoo
    from ganzoo.build import game_of
    from ganzoo.specs import DataSpec

    spec = DataSpec("image" if len(shape) == 3 else "points", shape, size=16)
    core = zoo.variant("vanilla")
    game = _two_player(game_of(core.but(changes=dict(core.tiny)), spec))

    class Noise:
        @staticmethod
        def draw(step: int, key: int, size: int) -> Mapping[str, Tensor]:
            x = torch.randn(size, *shape) if spec.kind == "points" else torch.randint(256, (size, *shape)).byte()
            return {"x": x}

    _compare(game, term, Noise, closed_form)


class Linear(nn.Module):
    """D(x) = slope * u.x with a fixed direction u of norm 1, the same for every shape of x."""

    separable = True

    def __init__(self, shape: tuple[int, ...], slope: float) -> None:
        super().__init__()
        size = math.prod(shape)
        direction = torch.cos(torch.arange(size, dtype=torch.float32))
        self.weight = nn.Parameter(slope * direction / direction.norm())

    def forward(self, x: Tensor, *_: Tensor) -> Tensor:
        return x.flatten(1) @ self.weight


def _compare(game: TwoPlayer, term: Term, draws: Any, closed_form: Callable[[float], float]) -> None:
    for slope in SLOPES:
        due = float(closed_form(slope))
        for size, value in zip(BATCHES, _values(game, term, draws, slope)):
            if not abs(value - due) <= 1e-3 * max(1.0, abs(due)):
                text = f"of a linear critic of slope {slope:g} it is {value:.4g} at batch {size}"
                fail(f"{text} where the closed form gives {due:.4g}; take the norm of each sample's gradient")


def _values(game: TwoPlayer, term: Term, draws: Any, slope: float) -> list[float]:
    """The penalty of a linear critic at each batch; CheckFailed if it or its gradient is not finite."""
    found = []
    for size in BATCHES:
        with torch.random.fork_rng(devices=[]), _linear(game, slope) as critic:
            torch.default_generator.manual_seed(size)
            batch = Minibatch(0, size, lambda n=size: draws.draw(0, n, n))  # type: ignore[misc]
            try:
                value = term.discriminator(Round(game, batch, term.watch))
            except Exception as error:  # whatever a plugin may raise, such as another output that it needs
                raise NotApplicable(f"a linear critic cannot be judged by it: {sentence(error)}") from error
            if value.requires_grad:
                gradient = grad(value, critic.weight, allow_unused=True)[0]
                if gradient is not None and not bool(gradient.isfinite().all()):
                    text = f"its gradient is not finite for a linear critic of slope {slope:g}"
                    fail(f"{text}; add a small epsilon under the root of the norm")
            elif slope:
                fail("it gives D no gradient; differentiate with create_graph=True")
            if not bool(value.isfinite()):
                fail(f"it is {value.item()} for a linear critic of slope {slope:g}")
            found.append(float(value.detach()))
    return found


@contextlib.contextmanager
def _linear(game: TwoPlayer, slope: float) -> Iterator[Linear]:
    """The game with a linear critic and no augmentation."""
    real, augment, separable = game.D, game.augment, game.separable
    critic = Linear(game.G.spec.output.shape, slope)
    game.D, game.augment, game.separable = critic, nn.Identity(), True
    try:
        yield critic
    finally:
        game.D, game.augment, game.separable = real, augment, separable


@contextlib.contextmanager
def _differentiated() -> Iterator[list[bool]]:
    """Notices whether `torch.autograd.grad` is called within."""
    found: list[bool] = []

    def noticed(*args: Any, **options: Any) -> Any:
        found.append(True)
        return grad(*args, **options)

    torch.autograd.grad = noticed
    try:
        yield found
    finally:
        torch.autograd.grad = grad


def _two_player(game: Any) -> TwoPlayer:
    if not isinstance(game, TwoPlayer):
        raise NotApplicable("its game is not one of D against G")
    return game
