"""A training state as one file, and back: everything an engine needs to go on, or a generator to be sampled."""

from __future__ import annotations

import logging
import math
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.averages import Averages
from ganzoo.build import game_of
from ganzoo.engine import Engine
from ganzoo.errors import DamagedFile, GanzooError, PluginError
from ganzoo.folder import RunFolder
from ganzoo.recipes import Recipe
from ganzoo.specs import DataSpec
from ganzoo.state import State, pack_optimizer, read_state, unpack_optimizer, write_state

AROUND = ("variant", "optimizer", "schedule", "metric", "source")
"""Kinds of what a run is trained with and its generators are made without."""


def save(path: Path, engine: Engine, meta: Mapping[str, Any]) -> None:
    """Write a checkpoint: the game, its averages, the optimisers' moments and the step."""
    engine.verify()
    names = {parameter: name for name, parameter in engine.game.named_parameters()}
    tensors = {f"game/{name}": t for name, t in engine.game.state_dict().items()}
    tensors |= _averaged(engine)
    primitives = {}
    for player, optimizer in engine.optimizers.items():
        moments, primitives[player] = pack_optimizer(optimizer, names)
        tensors |= {f"optimizers/{player}/{name}": t for name, t in moments.items()}
    meta = {**meta, "kind": "checkpoint", "step": engine.step, "optimizers": primitives}
    if engine.step % engine.log_every:  # measured since the last row, to stand in the next
        told = [(name, value.item()) for name, value in engine.measured.items()]
        meta["measured"] = [[name, value if math.isfinite(value) else None] for name, value in told]
    write_state(path, tensors, meta)


def save_snapshot(path: Path, engine: Engine, meta: Mapping[str, Any]) -> None:
    """Write a snapshot: the averaged generators only."""
    engine.verify()
    write_state(path, _averaged(engine), {**meta, "kind": "snapshot", "step": engine.step})


def restore(state: State, engine: Engine) -> None:
    """Put an engine where the checkpoint was written."""
    _load(engine.game, _under(state.tensors, "game/"))
    _load(engine.averages, _under(state.tensors, "averages/"))
    names = {parameter: name for name, parameter in engine.game.named_parameters()}
    for player, optimizer in engine.optimizers.items():
        moments = _under(state.tensors, f"optimizers/{player}/")
        unpack_optimizer(optimizer, names, moments, state.meta["optimizers"][player])
    engine.step = int(state.meta["step"])
    told = dict(state.meta.get("measured", []))
    engine.measured = {name: torch.tensor(math.nan if value is None else value) for name, value in told.items()}


def generators(path: Path, step: int | None = None, raw: bool = False) -> tuple[dict[str, nn.Module], dict[str, Any]]:
    """The generators in a checkpoint, a snapshot, or a run folder (its newest good checkpoint, or the
    snapshot or checkpoint of `step`), in eval mode on the CPU, and the card of where they come from.
    Averaged weights, unless `raw` asks for the newest ones."""
    state = read_state(_file_of(path, step)) if step is not None or path.is_file() else newest(RunFolder.open(path))
    recipe = Recipe.from_dict(state.meta["recipe"])
    require_plugins(state.meta.get("plugins", []), but=AROUND)
    game = game_of(recipe, DataSpec.from_json(state.meta["data"]))
    if raw:
        if state.meta["kind"] == "snapshot":
            raise GanzooError("a snapshot keeps averaged weights only; leave out --raw, or name a checkpoint")
        _load(game, _under(state.tensors, "game/"))
    game.at(int(state.meta["step"]))
    averages = Averages(game.generators(), **recipe.section("averages"))
    averages.at(int(state.meta["step"]))
    if not raw:
        _load(averages, _under(state.tensors, "averages/"))
    return {name: module.eval() for name, module in averages.generators.items()}, {
        **state.meta["card"],
        "step": int(state.meta["step"]),
        "weights": "newest" if raw else "averaged",
    }


def _load(module: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put the tensors where they belong; GanzooError where the recipe's networks are others by now."""
    here = module.state_dict()
    odd = sorted(name for name in here.keys() | tensors.keys() if _shape(here, name) != _shape(tensors, name))
    if odd:
        apart = f"'{odd[0]}' is {_shape(tensors, odd[0])} in the file, and {_shape(here, odd[0])} is expected"
        text = f"these are weights of other networks than the recipe builds now ({apart})"
        raise GanzooError(f"{text}; load them with the version of the plugin that made them")
    module.load_state_dict(tensors)


def _shape(tensors: Mapping[str, Tensor], name: str) -> str:
    return str(list(tensors[name].shape)) if name in tensors else "none"


def newest(folder: RunFolder) -> State:
    """The newest checkpoint that is whole; a damaged one is passed over, loudly."""
    return folder.newest_good(read_state, logging.getLogger("ganzoo").warning)[1]


def require_plugins(needed: list[Mapping[str, Any]], but: Collection[str] = ()) -> None:
    """PluginError naming what to install when a plugin that made the file is not here.

    needed  each with the `parts` that it gave, as 'kind name'
    but     kinds of parts that will not be missed
    """
    from ganzoo.zoo import zoo

    here = zoo().by_name
    for plugin in needed:
        if "parts" in plugin and all(part.split()[0] in but for part in plugin["parts"]):
            continue
        name = plugin["name"]
        if name not in here:
            wanted = f"{plugin.get('distribution', '')} {plugin.get('version', '')}".strip()
            remedy = f"install {wanted}" if wanted else "name the folder of its file with --plugins-dir"
            raise PluginError(f"this was made with plugin '{name}', which is not here; {remedy}")
        if here[name].error:
            raise PluginError(f"this needs plugin '{name}', which failed to {here[name].stage}: {here[name].error}")


def _file_of(path: Path, step: int | None) -> Path:
    if step is None:
        return path
    folder = RunFolder.open(path)
    kept = {int(p.stem.split("-")[1]): p for p in [*folder.snapshots(), *folder.checkpoints()]}
    if step not in kept:
        raise GanzooError(
            f"'{path}' keeps nothing of step {step}; it keeps {', '.join(map(str, sorted(kept))) or 'nothing'}"
        )
    return kept[step]


def _averaged(engine: Engine) -> dict[str, Tensor]:
    return {f"averages/{name}": t for name, t in engine.averages.state_dict().items()}


def _under(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    found = {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    if not found and not prefix.startswith("optimizers/"):  # an optimiser may have no moments yet
        raise DamagedFile(f"the file holds no '{prefix}' tensors")
    return found
