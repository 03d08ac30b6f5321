"""A run: a recipe played on data, in a folder that can be resumed, sampled, exported and served."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo import auto, checkpoint, zoo
from ganzoo.build import engine_of
from ganzoo.data import Source, open_source
from ganzoo.engine import Engine
from ganzoo.errors import DataError, GanzooError, Interrupted, NonFiniteError, RecipeError
from ganzoo.evaluation import Measure, measure
from ganzoo.files import write_text
from ganzoo.folder import RunFolder
from ganzoo.parts import name_of
from ganzoo.recipes import ASIDE, WORDS, Recipe
from ganzoo.session import Observe, Session, Stop, versions
from ganzoo.specs import GeneratorSpec

if TYPE_CHECKING:
    from ganzoo.sampler import Sampler


class Run:
    """A training run and its folder.

    path     the folder
    recipe   what is played
    until    the step this run ends at
    settled  device, precision, layout and threads, and why each: what was asked for or chosen when the run began
    spec     what its first generator takes and makes
    """

    def __init__(
        self, folder: RunFolder, recipe: Recipe, until: int, settled: Mapping[str, Any], spec: GeneratorSpec
    ) -> None:
        self.folder, self.recipe, self.until, self.settled, self.spec = folder, recipe, until, dict(settled), spec
        self.path: Path = folder.path

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        rows: list[dict[str, Any]] = self.folder.rows()
        return rows

    def sampler(self, generator: str | None = None, *, step: int | None = None, raw: bool = False) -> Sampler:
        """A `Sampler` over the newest checkpoint."""
        from ganzoo.loading import load

        return load(self.path, generator=generator, step=step, raw=raw)

    def __fspath__(self) -> str:
        """A run is given where its folder is."""
        return str(self.path)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.recipe.name!r})"


def _recipe(variant: str | Path) -> Recipe:
    return Recipe.read(Path(variant)) if str(variant).endswith(".toml") else zoo.variant(str(variant))


_ITS_OWN = {"data", "steps", "seed", "precision", "log", "evaluate", *WORDS, *ASIDE}
"""What a run has for itself: who sets it still plays the recipe's game."""


def train(
    variant: str | Path | Recipe,
    *,
    data: str | None = None,
    data_root: str | Path | None = None,
    steps: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    precision: str | None = None,
    threads: int | None = None,
    set: Mapping[str, Any] | None = None,
    observers: Sequence[Observe] = (),
    stop: Stop = lambda: None,
) -> Run:
    """Train a variant, by name, from a recipe file or as a `Recipe`, in a new run folder.

    data        'NAME' or 'NAME:ARGUMENT'; the recipe's own if not given
    data_root   where data sets lie
    steps       the step the run ends at; the recipe's own number if not given
    seed        of everything that is drawn; the recipe's own if not given
    out         the run's folder; by default runs/<variant>-<data>-<n>
    device, precision, threads  what `auto` chooses unless they are given; see `ganzoo.auto`
    set         changes by path: `{"generator.widths": [64], "optimizers.D.lr": 4e-4}`
    observers   run -> an object with any of the events of `ganzoo_observe`
    stop        asked between steps; a signal's number ends the run, saved, with `Interrupted`
    """
    recipe = variant if isinstance(variant, Recipe) else _recipe(variant)
    given = {"data": data, "steps": steps, "seed": seed, "precision": precision}
    changes = {key: value for key, value in given.items() if value is not None}
    recipe = recipe.but(changes={**changes, **(set or {})})
    if told := [f"{path}={value}" for path, value in (set or {}).items() if path.split(".")[0] not in _ITS_OWN]:
        recipe = recipe.but(deviations=[*recipe.deviations, f"set for this run: {', '.join(told)}"])
    source = open_data(recipe, data_root)
    judge = _measure(recipe, source, data_root)
    if threads is not None and threads < 1:
        raise GanzooError(f"threads is {threads}; a number of at least 1 is expected")
    settled = auto.settle(recipe, source.spec, device)
    engine = _engine(recipe, source, settled)
    settled = auto.rehearse(engine, settled, threads)
    with auto.using(settled["threads"]):
        folder = RunFolder.create(recipe.name, recipe.data["name"], out)
        write_text(folder.recipe, recipe.to_toml())
        run = Run(folder, recipe, recipe.steps, settled, _spec(engine))
        with folder.lock():
            return _play(Session(run, engine, source, judge, data_root, observers, stop))


def resume(
    path: str | Path | Run,
    *,
    steps: int | None = None,
    set: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    observers: Sequence[Observe] = (),
    stop: Stop = lambda: None,
) -> Run:
    """Go on with a run from its newest good checkpoint, exactly as if it had never stopped.

    steps      the step to end at, counted from the run's beginning; by default where it was going
    set        may change `evaluate` and `log` only: anything else would be another run
    data_root  where data sets lie now
    """
    folder = RunFolder.open(Path(path))
    with folder.lock():
        return _go_on(folder, steps, set, data_root, observers, stop)


def _go_on(
    folder: RunFolder,
    steps: int | None,
    set: Mapping[str, Any] | None,
    data_root: str | Path | None,
    observers: Sequence[Observe],
    stop: Stop,
) -> Run:
    state = checkpoint.newest(folder)
    checkpoint.require_plugins(state.meta.get("plugins", []))
    for change in set or {}:
        if change.split(".")[0] not in ("evaluate", "log"):
            raise RecipeError(f"'{change}' cannot change in a run that has begun; train a new one with it")
    recipe = Recipe.from_dict(state.meta["recipe"]).but(changes=set)
    done, going = int(state.meta["step"]), folder.read().get("until", 0)
    until = steps or (going if going > done else recipe.steps)
    if until <= done:
        raise RecipeError(f"'{folder.path}' is at step {done} already; give --steps with a number above {done}")
    settled = state.meta["settled"]
    auto.require(settled["device"], f"'{folder.path}' was begun on it, and its bits are that device's: resume it there")
    data_root = data_root or state.meta.get("data_root")
    source = open_data(recipe, data_root)
    if source.fingerprint != state.meta["fingerprint"]:
        raise DataError(
            f"the data of '{folder.path}' have changed since it was trained; resume with the data as they were"
        )
    then, now = state.meta["card"]["versions"], versions()
    if changed := [f"{name} {then.get(name)} is now {now[name]}" for name in now if then.get(name) != now[name]]:
        logging.getLogger("ganzoo").warning(f"the bits of this run may differ from here on: {', '.join(changed)}")
    judge = _measure(recipe, source, data_root)
    engine = _engine(recipe, source, settled)
    with auto.using(settled["threads"]):
        checkpoint.restore(state, engine)
        folder.cut(done)
        if set:
            write_text(folder.recipe, recipe.to_toml())
        run = Run(folder, recipe, until, settled, _spec(engine))
        return _play(Session(run, engine, source, judge, data_root, observers, stop))


def open_data(recipe: Recipe, root: str | Path | None) -> Source:
    """The source a recipe names: `name`, or `name:argument`."""
    options = {key: value for key, value in recipe.data.items() if key != "name"}
    name = str(recipe.data["name"])
    source = open_source(name, Path(root) if root else None, **options)
    if source.spec.size < recipe.batch:
        raise DataError(
            f"'{name}' has {source.spec.size} samples; a batch of {recipe.batch} needs as many, or --set batch=..."
        )
    return source


def _engine(recipe: Recipe, source: Source, settled: Mapping[str, Any]) -> Engine:
    """The engine, built by one thread: how a network begins does not depend on how many there are."""
    with auto.using(1):
        return engine_of(recipe, source, settled)


def _spec(engine: Engine) -> GeneratorSpec:
    spec: Any = next(iter(engine.game.generators().values())).spec
    assert isinstance(spec, GeneratorSpec)
    return spec


def _measure(recipe: Recipe, source: Source, root: str | Path | None) -> Measure | None:
    """What evaluates the run, with the `figure` that picks the best checkpoint and its `sign`, +1 where more is better;
    None where nothing is evaluated."""
    asked, every = recipe.section("evaluate"), recipe.section("log")["every"]
    name = name_of(asked["metric"])
    zoo.part("metric", name)  # one that there is, also where nothing is evaluated
    if not asked["every"]:
        return None
    if asked["every"] % every:
        raise RecipeError(f"evaluate.every is {asked['every']}; a multiple of log.every ({every}) is expected")
    found = measure(asked["metric"], source, Path(root) if root else None)
    for needed in ("figure", "sign"):
        if getattr(found.metric, needed, None) is None:
            text = f"metric '{name}' has no '{needed}', by which the best checkpoint is picked"
            raise RecipeError(f"{text}; write figure, sign = 'NAME', +1 or -1 in its class")
    return replace(found, samples=asked["samples"]) if asked["samples"] and found.of is None else found


def _play(session: Session) -> Run:
    run = session.run
    try:
        session.begin()
        session.engine.play(run.until, session.between)
        session.finish("done")
    except (Interrupted, KeyboardInterrupt):
        session.finish("interrupted")
        raise
    except NonFiniteError as error:
        session.finish("non-finite")
        kept = run.folder.checkpoints()
        rest = f"the last good checkpoint is {kept[-1]}" if kept else "no checkpoint had been written yet"
        lower = "train anew with lower learning rates, such as --set optimizers.D.lr=1e-4"
        raise NonFiniteError(f"{error}; {rest}; {lower}") from error
    except BaseException:
        session.finish("failed")
        raise
    return run
