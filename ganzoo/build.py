"""From a recipe to a game: builds each part from its own seed, so that one part's options never change
how another is initialised."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo import zoo
from ganzoo.averages import Averages
from ganzoo.data import Source
from ganzoo.engine import Engine, Schedule
from ganzoo.errors import RecipeError, did_you_mean
from ganzoo.game import Game, kind_of
from ganzoo.parts import Use, convert, name_of, named, slots
from ganzoo.recipes import NAME, Recipe, flatten
from ganzoo.seeds import mix
from ganzoo.specs import DataSpec, GeneratorSpec, InputSpec, OutputSpec


class Builder:
    """What a game builds its parts with.

    data       the spec of what D sees as real
    marginals  () -> the mean sample float [C, H, W] in [0, 1], or None where there is no data, as when
               a trained model is loaded
    """

    def __init__(self, data: DataSpec, seed: int, marginals: Callable[[], Tensor | None] = lambda: None) -> None:
        self.data, self.seed, self.marginals = data, seed, marginals

    def name(self, use: Use) -> str:
        """The name of the part that is used."""
        return name_of(use)

    def part(self, kind: str, use: Use, path: str, **context: Any) -> Any:
        """Build a part at a path of the recipe; its factory may ask for `data` and `marginals` too."""
        name = self.name(named(use, path.rsplit(".", 1)[-1]))
        found = zoo.part(kind, name)
        given = {"data": self.data, "marginals": self.marginals, "build": self, **context}
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(mix(self.seed, zlib.crc32(path.encode())))
            return found.build(use, given)

    def network(self, use: Use, role: str, path: str = "", **context: Any) -> Any:
        """Build a network in a role ('generator', 'discriminator', 'encoder'), and wrap it if asked.

        path  its own name where there are several of a role: it is initialised from a seed of its own, and
              the spec of a generator or an encoder calls it so
        RecipeError for a generator or an encoder without a spec.
        """
        options = {"name": use} if isinstance(use, str) else dict(use)
        wrap = options.pop("wrap", "")
        network = self.part(role, options, path or role, **context)
        if role != "discriminator":
            spec = _spec_of(network, f"{role} '{options.get('name', path)}'")
            network.spec = replace(spec, name=path) if path else spec
        return self.part("wrap", wrap, f"{path or role}.wrap", module=network) if wrap else network

    @property
    def output(self) -> OutputSpec:
        """The spec of a generator that makes what the data are."""
        return OutputSpec(self.data.kind, self.data.shape)

    def discriminator(self, use: Use, sample: OutputSpec, conditions: tuple[InputSpec, ...] = ()) -> Any:
        """Build a judge of such samples that is told these conditions; RecipeError for one that takes none."""
        made = self.network(use, "discriminator", sample=sample, conditions=conditions)
        for spec in conditions:
            if spec.name not in getattr(made, "conditions", ()):
                raise RecipeError(
                    f"discriminator '{self.name(use)}' is not told '{spec.name}', which this game is about; choose one "
                    f"that takes conditions, such as mlp"
                )
        return made

    def condition(self, name: str) -> InputSpec:
        """The spec of an input that is dealt with the data: 'label' is the class, others are pictures."""
        if name in self.data.pictures:
            return InputSpec(name, "image", self.data.pictures[name], "given", range=(-1.0, 1.0))
        if name != "label":
            known = ", ".join(f"'{one}'" for one in ("label", *self.data.pictures))
            raise RecipeError(f"conditions has '{name}'; what can be told of a sample of these data is {known}")
        if not self.data.classes:
            raise RecipeError("these data have no classes to be conditioned on; choose data with labels")
        return InputSpec(name, "label", (), "data", self.data.classes, self.data.frequencies)

    def attach(self, term: Any, number: int, G: nn.Module, D: nn.Module) -> None:
        """Let a term make what depends on the networks, from its own seed."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(mix(self.seed, zlib.crc32(b"attach"), number))
            term.attach(G, D)

    def latent(self, name: str, size: int, prior: Use) -> InputSpec:
        """The spec of a latent input of that many dimensions, drawn from a prior."""
        given = {} if isinstance(prior, str) else {k: v for k, v in prior.items() if k != "name"}
        found, called = zoo.prior(self.name(prior)), self.name(prior)
        options = found.options(called)
        if unknown := given.keys() - options.keys():
            raise RecipeError(f"prior '{called}' has no option '{min(unknown)}'{did_you_mean(min(unknown), options)}")
        bounds = (float(given.get("low", found.range[0])), float(given.get("high", found.range[1])))
        return InputSpec(name, "latent", (size,), called, range=bounds if given else None)


def tiny_of(recipe: Recipe) -> Recipe:
    """The recipe with its `tiny` changes; RecipeError for one that its parts know nothing of."""
    tiny = recipe.but(changes=dict(recipe.tiny))
    known = slots(zoo.part("game", tiny.game))
    for path, _ in flatten(recipe.tiny):
        head, *rest = path.split(".")
        use = tiny.parts.get(head)
        if head not in known or known[head].many or not rest or not isinstance(use, Mapping) or "name" not in use:
            continue
        part = zoo.part(known[head].part_kind, use["name"])
        if rest[0] not in part.options():
            raise RecipeError(
                f"{part.kind} '{part.name}' has no option '{rest[0]}', which the tiny of recipe '{recipe.name}' sets "
                f"as '{path}': but() hands tiny on from recipe to recipe, so give this one its own, tiny={{...}}"
            )
    return tiny


def game_of(recipe: Recipe, data: DataSpec, marginals: Callable[[], Tensor | None] = lambda: None) -> Game:
    """The game of a recipe, freshly initialised from its seed."""
    part = zoo.part("game", recipe.game)
    options = part.options()
    for path in recipe.parts:
        if path not in options:
            part.check_not_handed(path)
            known = [*options, *(f for f in Recipe.__dataclass_fields__ if f != "parts")]
            hint = did_you_mean(path, known, f"ganzoo variants {recipe.name}")
            inside = [full for full, _ in flatten(recipe.to_dict()) if full.endswith(f".{path}")]
            hint = f"; did you mean '{inside[0]}'?" if inside else hint  # lr: optimizers.D.lr
            raise RecipeError(f"game '{recipe.game}' has nothing called '{path}'{hint}")
    for name, slot in slots(part).items():
        use = recipe.parts.get(name)
        if not slot.many:
            _check_named(use, slot.kind, name)
            _check_named(use.get("wrap") if isinstance(use, Mapping) else None, "wrap", f"{name}.wrap")
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(mix(recipe.seed))
        game: Game = part.build({"name": recipe.game, **recipe.parts}, {"build": Builder(data, recipe.seed, marginals)})
    for name, found in (
        ("players()", game.players()),
        ("turns(0)", game.turns(0)),
        ("generators()", game.generators()),
    ):
        if found is None:
            raise RecipeError(f"{name} of game '{recipe.game}' returned None (is a return missing?)")
    _check_generators(game)
    if any(p.dim() == 4 for p in game.parameters()):
        game.to(memory_format=torch.channels_last)
    return game


def _check_generators(game: Game) -> None:
    """A generator has one name, by which it is loaded, exported and asked for."""
    generators = game.generators()
    if not generators:
        raise RecipeError("generators() of the game is empty; name at least one: return {'generator': self.G}")
    for name, module in generators.items():
        spec = _spec_of(module, f"generator '{name}'")
        if not NAME.fullmatch(name):
            raise RecipeError(f"'{name}' is no name for a generator; small letters, digits and '-' are expected")
        if spec.name != name:
            raise RecipeError(
                f"generators() calls '{name}' what its spec calls '{spec.name}'; give each a name of its own and build "
                f"it under that: build.network(USE, ROLE, '{name}', ...)"
            )


def _spec_of(module: Any, what: str) -> GeneratorSpec:
    spec = getattr(module, "spec", None)
    if not isinstance(spec, GeneratorSpec):
        raise RecipeError(
            f"{what} has no spec; derive it from ganzoo.GeneratorNet, or ganzoo.EncoderNet, which keep one"
        )
    return spec


def _check_named(use: Any, kind: str, path: str) -> None:
    if isinstance(use, Mapping) and "name" not in use:
        raise RecipeError(f"'{path}' has options but no name; say which {kind} it is: {path}=NAME")


def engine_of(recipe: Recipe, source: Source, settled: Mapping[str, Any]) -> Engine:
    """The engine of a recipe on these data at step 0; `settled` is what `auto` was resolved to."""
    game = game_of(recipe, source.spec, lambda: _marginals(source)).to(settled["device"])
    optimizers = optimizers_of(recipe, game)
    bf16 = settled["precision"] == "bf16"
    kind = torch.device(settled["device"]).type
    return Engine(
        game,
        lambda step, draw, size: source.minibatch(recipe.seed, step, draw, size),
        optimizers,
        Averages(game.generators(), **recipe.section("averages")),
        batch=recipe.batch,
        seed=recipe.seed,
        schedules=schedules_of(recipe, game, optimizers),
        accumulate=recipe.accumulate,
        clip={player: float(norm) for player, norm in recipe.clip.items()},
        autocast=(lambda: torch.autocast(kind, torch.bfloat16)) if bf16 else nullcontext,
        log_every=recipe.section("log")["every"],
        device=settled["device"],
    )


def _marginals(source: Source) -> torch.Tensor | None:
    if source.spec.kind != "image":
        return None
    return source.all(10_000).float().mean(0) / 255.0


OPTIMIZER = "adam"
"""Where a recipe gives options of an optimiser and no name."""


def optimizers_of(recipe: Recipe, game: Game) -> dict[str, torch.optim.Optimizer]:
    """One optimiser for each player of the game."""
    players = game.players()
    for name, norm in recipe.clip.items():
        if not convert(norm, float, f"clip.{name}") > 0:
            raise RecipeError(f"clip.{name} is {norm!r}; a gradient norm above 0 is expected")
    for name in [*recipe.optimizers, *recipe.clip]:
        if name not in players:
            raise RecipeError(f"the game has no player '{name}'{did_you_mean(name, players)}")
    if missing := players.keys() - recipe.optimizers.keys():
        raise RecipeError(f"player {min(missing)} has no optimiser; add optimizers.{min(missing)}=adam")
    made = {name: _optimizer(recipe.optimizers[name], player) for name, player in players.items()}
    for name, share in main_share(game).items():
        for group in made[name].param_groups:
            group["lr"] *= share
            if "betas" in group:
                group["betas"] = tuple(beta**share for beta in group["betas"])
    return made


def main_share(game: Game) -> dict[str, float]:
    """For each player that has lazy turns, which share of its optimiser steps are not: an optimiser that
    steps n + 1 times where the paper's steps n keeps its pace with lr·c and betas^c, c = n/(n + 1)
    (Karras et al. 2020, arXiv:1912.04958, appendix B)."""
    main: dict[str, float] = {}
    lazy: dict[str, float] = {}
    for turns in game.turns(0):
        for turn in turns if isinstance(turns, tuple) else (turns,):
            kind = main if turn.every == 1 else lazy
            kind[turn.player] = kind.get(turn.player, 0.0) + turn.repeat / turn.every
    return {name: main[name] / (main[name] + lazy[name]) for name in lazy if name in main}


def _optimizer(use: Use, player: nn.Module) -> torch.optim.Optimizer:
    use = named(use, OPTIMIZER)
    given = {"parameters": list(player.parameters())}
    made: torch.optim.Optimizer = zoo.part("optimizer", name_of(use)).build(use, given)
    return made


def schedules_of(recipe: Recipe, game: Game, optimizers: Mapping[str, torch.optim.Optimizer]) -> list[Schedule]:
    """What the engine calls at each step to set the scheduled numbers."""
    found: list[Schedule] = []
    for path, use in uses(recipe.schedules):
        player, _, number = path.rpartition(".")
        if player and player not in optimizers:
            found.append(_schedule_attribute(game, path, use))
        else:
            for name in [player] if player else optimizers:
                found += [_schedule_group(group, number, use, path) for group in optimizers[name].param_groups]
    return found


def uses(tree: Mapping[str, Any], below: str = "") -> list[tuple[str, Use]]:
    """(path, use) of every schedule, however deep the table; `below` is the path to it, with its last dot."""
    found: list[tuple[str, Use]] = []
    for key, node in tree.items():
        path = f"{below}{key}"
        if isinstance(node, str) or (isinstance(node, Mapping) and "name" in node):
            found.append((path, node))
        elif isinstance(node, Mapping):
            found += uses(node, f"{path}.")
        else:
            raise RecipeError(f"schedules.{path} names no schedule; write schedules.{path}=linear, for instance")
    return found


def _schedule_group(group: dict[str, Any], number: str, use: Use, path: str) -> Schedule:
    """lr, momentum, ... of an optimiser; beta1 and beta2 stand for Adam's pair."""
    pair = {"beta1": 0, "beta2": 1}.get(number)
    key = "betas" if pair is not None else number
    if key not in group:
        numbers = [k for k, v in group.items() if isinstance(v, float)] + ["beta1", "beta2"] * ("betas" in group)
        raise RecipeError(f"schedules.{path}: the optimiser has no number '{number}'{did_you_mean(number, numbers)}")
    value = _curve(use, group[key] if pair is None else group[key][pair])

    def set_number(step: int) -> None:
        if pair is None:
            group[key] = value(step)
        else:
            betas = list(group[key])
            betas[pair] = value(step)
            group[key] = tuple(betas)

    return set_number


def _schedule_attribute(game: Game, path: str, use: Use) -> Schedule:
    parent, _, attribute = path.rpartition(".")
    try:
        module = game.get_submodule(parent)
        value = _curve(use, float(getattr(module, attribute)))
    except (AttributeError, TypeError) as error:
        raise RecipeError(f"schedules.{path}: the game has no number there ({error})") from None
    return lambda step: setattr(module, attribute, value(step))


def _curve(use: Use, base: float) -> Callable[[int], float]:
    name = name_of(use)
    made: Callable[[int], float] = zoo.part("schedule", name).build(use, {"base": base})
    if not callable(made):
        raise RecipeError(f"schedule '{name}' gave {kind_of(made)}; a function from the step to a number is expected")
    return made
