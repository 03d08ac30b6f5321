"""A run: a recipe played on data, in a folder that can be resumed, sampled, exported and served."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from ganzoo import checkpoint, zoo
from ganzoo.averages import Averages
from ganzoo.build import game_of, optimizers_of, schedules_of
from ganzoo.data import Source, open_source
from ganzoo.engine import Engine
from ganzoo.errors import DataError, GanzooError, Interrupted, NonFiniteError, RecipeError
from ganzoo.files import write_text
from ganzoo.folder import RunFolder, snapshot_due
from ganzoo.recipes import Recipe

EVALUATION_SEED = 1_000_000  # evaluations look at other samples than the pictures show

Observe = Callable[["Run"], Any]  # what `ganzoo_observe` is: a run -> an object with any of the events
Stop = Callable[[], "int | None"]  # the signal that asked to stop, or None


class Run:
    """A training run and its folder.

    path     the folder
    recipe   what is played
    until    the step this run ends at
    device, precision, threads, layout
             what `auto` was resolved to when the run began
    """

    def __init__(self, folder: RunFolder, recipe: Recipe, until: int, settled: Mapping[str, Any]) -> None:
        self.folder, self.recipe, self.until, self.settled = folder, recipe, until, dict(settled)
        self.path: Path = folder.path

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The rows of metrics.jsonl."""
        rows: list[dict[str, Any]] = self.folder.rows()
        return rows

    def sampler(self, generator: str | None = None, *, step: int | None = None, raw: bool = False) -> Any:
        """A `Sampler` over the newest checkpoint."""
        from ganzoo.sampler import load

        return load(self.path, generator=generator, step=step, raw=raw)

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, {self.recipe.name!r})"


def train(
    variant: str | Path,
    *,
    data: str | None = None,
    data_root: str | Path | None = None,
    steps: int | None = None,
    seed: int | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    precision: str | None = None,
    set: Mapping[str, Any] | None = None,
    observers: Sequence[Observe] = (),
    stop: Stop = lambda: None,
) -> Run:
    """Train a variant, by name or from a recipe file, in a new run folder.

    steps   the step the run ends at; the recipe's own number if not given
    set     changes by path: `{"generator.widths": [64], "optimizers.D.lr": 4e-4}`
    stop    asked between steps; a signal's number ends the run, saved, with `Interrupted`
    """
    recipe = Recipe.read(Path(variant)) if str(variant).endswith(".toml") else zoo.variant(str(variant))
    given = {"data": data, "steps": steps, "seed": seed, "precision": precision}
    changes = {key: value for key, value in given.items() if value is not None}
    recipe = recipe.but(changes={**changes, **(set or {})})
    source = open_data(recipe, data_root)
    metric = _metric(recipe, source)
    settled = settle(recipe, device)
    with _threads(settled["threads"]):
        engine = _engine(recipe, source, settled)
        engine.rehearse()
        folder = RunFolder.create(recipe.name, recipe.data["name"], out)
        write_text(folder.recipe, recipe.to_toml())
        run = Run(folder, recipe, recipe.steps, settled)
        return _play(Session(run, engine, source, metric, data_root, observers, stop))


def resume(
    path: str | Path,
    *,
    steps: int | None = None,
    set: Mapping[str, Any] | None = None,
    data_root: str | Path | None = None,
    observers: Sequence[Observe] = (),
    stop: Stop = lambda: None,
) -> Run:
    """Go on with a run from its newest good checkpoint, exactly as if it had never stopped.

    steps   the step to end at, counted from the run's beginning; by default where it was going
    set     may change `evaluate` and `log` only: anything else would be another run
    """
    folder = RunFolder.open(Path(path))
    state = checkpoint.newest(folder)
    checkpoint.require_plugins(state.meta.get("plugins", []))
    for change in set or {}:
        if change.split(".")[0] not in ("evaluate", "log"):
            raise RecipeError(f"'{change}' cannot change in a run that has begun; train a new one with it")
    recipe = Recipe.from_dict(state.meta["recipe"]).but(changes=set)
    done, until = int(state.meta["step"]), steps or recipe.steps
    if until <= done:
        raise RecipeError(f"'{path}' is at step {done} already; give --steps with a number above {done}")
    settled = state.meta["settled"]
    data_root = data_root or state.meta.get("data_root")
    source = open_data(recipe, data_root)
    if source.fingerprint != state.meta["fingerprint"]:
        raise DataError(f"the data of '{path}' have changed since it was trained; resume with the data as they were")
    metric = _metric(recipe, source)
    with _threads(settled["threads"]):
        engine = _engine(recipe, source, settled)
        checkpoint.restore(state, engine)
        with folder.lock():
            folder.cut(done)
        run = Run(folder, recipe, until, settled)
        return _play(Session(run, engine, source, metric, data_root, observers, stop))


def open_data(recipe: Recipe, root: str | Path | None) -> Source:
    """The source a recipe names: `name`, or `name:argument`."""
    options = {key: value for key, value in recipe.data.items() if key != "name"}
    name = str(recipe.data["name"])
    source = open_source(name, Path(root) if root else None, **options)
    if source.spec.size < recipe.batch:
        raise DataError(f"'{name}' has {source.spec.size} samples; a batch of {recipe.batch} needs as many")
    return source


def settle(recipe: Recipe, device: str) -> dict[str, Any]:
    """What `auto` means here; written into the run, so that resuming never decides again."""
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise GanzooError(f"device '{device}' cannot be used here; try --device cpu") from error
    precision = "fp32" if recipe.precision == "auto" else recipe.precision
    return {"device": device, "precision": precision, "threads": torch.get_num_threads()}


def _engine(recipe: Recipe, source: Source, settled: Mapping[str, Any]) -> Engine:
    game = game_of(recipe, source.spec, lambda: _marginals(source)).to(settled["device"])
    optimizers = optimizers_of(recipe, game)
    every = recipe.section("log")["every"]
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
        listen=lambda step: (step + 1) % every == 0,
        device=settled["device"],
    )


def _marginals(source: Source) -> torch.Tensor | None:
    if source.spec.kind != "image":
        return None
    return source.all(10_000).float().mean(0) / 255.0


def _metric(recipe: Recipe, source: Source) -> Any:
    """What evaluates the run: `samples -> {figure: number}`, with the `figure` that picks the best
    checkpoint and its `sign`, +1 where more is better; None where nothing is evaluated."""
    asked, every = recipe.section("evaluate"), recipe.section("log")["every"]
    if not asked["every"]:
        return None
    if asked["every"] % every:
        raise RecipeError(f"evaluate.every is {asked['every']}; a multiple of log.every ({every}) is expected")
    return zoo.part("metric", asked["metric"]).build(asked["metric"], {"source": source})


def _play(session: Session) -> Run:
    run = session.run
    with run.folder.lock():
        session.begin()
        try:
            session.engine.play(run.until, session.between)
            session.finish("done")
        except Interrupted:
            session.finish("interrupted")
            raise
        except NonFiniteError as error:
            session.finish("non-finite")
            raise NonFiniteError(f"{error}; the last good checkpoint is kept in '{run.path}'") from error
        except BaseException:
            session.finish("failed")
            raise
    return run


class Session:
    """What happens between the steps of a run: rows, pictures, checkpoints, events."""

    def __init__(
        self, run: Run, engine: Engine, source: Source, metric: Any, root: Any, observers: Sequence[Observe], stop: Stop
    ) -> None:
        self.run, self.engine, self.source, self.metric, self.stop = run, engine, source, metric, stop
        self.log = run.recipe.section("log")
        self.evaluate = run.recipe.section("evaluate")
        self.meta = _meta(run, source, root)
        self.folder = run.folder
        self.watchers = Watchers(run, observers)
        self.ticked = self.drawn = time.monotonic()

    def begin(self) -> None:
        """Say what is played on what, and draw the untrained picture."""
        engine, recipe, settled = self.engine, self.run.recipe, self.run.settled
        self.folder.update(
            status="running", started_at=time.time(), settled=settled, versions=versions(), until=self.run.until,
            fingerprint=self.source.fingerprint, plugins=self.meta["plugins"], variant=recipe.name,
        )  # fmt: skip
        self.watchers.tell("started")
        where = f"{settled['device']}, {settled['precision']}, {settled['threads']} threads"
        text = f"{recipe.name} on {recipe.data['name']}: steps {engine.step} to {self.run.until} on {where}"
        self.folder.say(text)
        self.watchers.tell("said", text)
        if engine.step == 0:
            self._picture()

    def between(self, engine: Engine) -> None:
        """After each step."""
        step = engine.step
        if step % self.log["every"] == 0:
            self._row()
        if step % self.log["pictures"] == 0 and step < self.run.until:
            self._picture()
        if snapshot_due(step, self.log["snapshot"]):
            checkpoint.save_snapshot(self.folder.snapshot_path(step), engine, self.meta)
        signal = self.stop()
        if (step % self.log["checkpoint"] == 0 or signal) and step < self.run.until:
            self._checkpoint()
        if signal and step < self.run.until:
            raise Interrupted(f"stopped at step {step}, saved; go on with: ganzoo resume {self.run.path}", signal)
        now = time.monotonic()
        if now - self.ticked > 0.1:
            self.ticked = now
            self.watchers.tell("stepped", step)

    def finish(self, status: str) -> None:
        """Leave the folder as its readers expect it."""
        if status == "done":
            self._picture()
            self._checkpoint()
        self._curves()
        self.folder.update(status=status, ended_at=time.time(), step=self.engine.step)
        self.watchers.tell("stepped", self.engine.step)
        self.folder.say(f"{status} at step {self.engine.step}")
        self.watchers.tell("ended", status)

    def _row(self) -> None:
        engine = self.engine
        engine.verify()
        row: dict[str, Any] = {"step": engine.step, "images": engine.images}
        row |= {name: float(f"{value.item():.7g}") for name, value in engine.measured.items()}
        every = self.evaluate["every"]
        if self.metric and engine.step % every == 0:
            row |= self._figures()
        self.folder.append(row)
        self.watchers.tell("measured", engine.step, row)
        if self._best() == engine.step:
            self._checkpoint()

    def _figures(self) -> dict[str, float]:
        figures = self.metric(self._sampler().sample(self.evaluate["samples"], seed=EVALUATION_SEED))
        return {f"{self.evaluate['metric']}/{name}": float(value) for name, value in figures.items()}

    def _best(self) -> int | None:
        """The step whose evaluation was best by the metric's own figure, the first of equals."""
        if not self.metric:
            return None
        key, sign = f"{self.evaluate['metric']}/{self.metric.figure}", self.metric.sign
        scores = [(sign * row[key], -row["step"]) for row in self.folder.rows() if row.get(key) is not None]
        return -max(scores)[1] if scores else None

    def _picture(self) -> None:
        path = self.folder.sample_path(self.engine.step)
        self._sampler().sample(64, seed=0).save(path)
        self.watchers.tell("pictured", self.engine.step, path)

    def _checkpoint(self) -> None:
        path = self.folder.checkpoint_path(self.engine.step)
        checkpoint.save(path, self.engine, self.meta)
        self.folder.keep(best=self._best())
        if time.monotonic() - self.drawn > 60:  # a second's work, too long for every checkpoint
            self._curves()
        self.watchers.tell("saved", self.engine.step, path)

    def _curves(self) -> None:
        from ganzoo import curves

        self.drawn = time.monotonic()
        if rows := self.folder.rows():
            curves.draw(rows, self.folder.curves, self.run.recipe.name)

    def _sampler(self) -> Any:
        """The averaged generator as a user would sample it; it draws from seeds, so that watching changes nothing."""
        from ganzoo.sampler import Sampler
        from ganzoo.torch_backend import TorchBackend

        module = next(iter(self.engine.averages.generators.values()))
        return Sampler(TorchBackend(module, self.meta["card"]))


class Watchers:
    """The observers of a run: the caller's, and every plugin's. One that raises is named once and left out."""

    def __init__(self, run: Run, observers: Sequence[Observe]) -> None:
        hooks = [(impl.plugin_name, impl.function) for impl in zoo.zoo().manager.hook.ganzoo_observe.get_hookimpls()]
        named = [(getattr(observe, "__name__", "observer"), observe) for observe in observers] + hooks
        self.alive: list[tuple[str, Any]] = []
        for name, observe in named:
            made = self._guard(name, lambda o=observe: o(run))  # type: ignore[misc]
            if made is not None:
                self.alive.append((name, made))

    def tell(self, event: str, *facts: Any) -> None:
        """Call `event` of every observer that has it."""
        for name, observer in list(self.alive):
            handler = getattr(observer, event, None)
            if handler is not None and self._guard(name, lambda h=handler: (h(*facts), True)) is None:  # type: ignore[misc]
                self.alive.remove((name, observer))

    def _guard(self, name: str, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception as error:
            text = f"warning: observer '{name}' failed and is left out: {type(error).__name__}: {error}"
            for _, observer in [pair for pair in getattr(self, "alive", []) if pair[0] != name]:
                if said := getattr(observer, "said", None):
                    said(text)
            return None


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def versions() -> dict[str, str]:
    """Of what decides whether two runs are the same to the bit."""
    found = {name: metadata.version(name) for name in ("ganzoo", "torch", "numpy")}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def _meta(run: Run, source: Source, root: Any) -> dict[str, Any]:
    recipe = run.recipe
    used = [zoo.owner("variant", recipe.name)] if _registered(recipe.name) else []
    used += [zoo.owner(kind, name) for kind, name in _parts_of(recipe)]
    plugins = {p.name: {"name": p.name, "distribution": p.distribution, "version": p.version} for p in used}
    plugins.pop("ganzoo", None)
    card = {
        "variant": recipe.name, "title": recipe.title, "paper": recipe.paper, "formula": recipe.formula.strip(),
        "deviations": list(recipe.deviations), "data": recipe.data["name"], "data_card": source.card,
        "seed": recipe.seed, "batch": recipe.batch, "versions": versions(),
    }  # fmt: skip
    return {
        "recipe": recipe.to_dict(), "data": source.spec.to_json(),
        "fingerprint": source.fingerprint, "settled": run.settled, "plugins": list(plugins.values()), "card": card,
        "data_root": str(root) if root else None,
    }  # fmt: skip


def _registered(name: str) -> bool:
    return any(row["name"] == name for row in zoo.variants())


def _parts_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """(kind, name) of every part that a recipe uses."""
    from ganzoo.parts import slots

    yield "game", recipe.game
    for path, slot in slots(zoo.part("game", recipe.game)).items():
        use = recipe.parts.get(path)
        many = use.items() if slot.many and isinstance(use, Mapping) else [(path, use)]
        for key, one in many:
            if one is not None:
                name = one if isinstance(one, str) else one.get("name", key)
                yield slot.part_kind, name
    yield "source", str(recipe.data["name"]).partition(":")[0]
