"""What happens around the steps of a run: rows, pictures, checkpoints, and those who watch."""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo import checkpoint, zoo
from ganzoo.build import OPTIMIZER, main_share, uses
from ganzoo.card import measured, played
from ganzoo.data import Source
from ganzoo.engine import Engine
from ganzoo.errors import Interrupted
from ganzoo.evaluation import SEED, Measure
from ganzoo.files import write_bytes
from ganzoo.folder import snapshot_due
from ganzoo.images import png_bytes
from ganzoo.parts import name_of, named, slots
from ganzoo.recipes import Recipe
from ganzoo.shown import drawn, sheet
from ganzoo.signals import Stopped

if TYPE_CHECKING:
    from ganzoo.run import Run

Observe = Callable[["Run"], Any]  # what `ganzoo_observe` is: a run -> an object with any of the events
Stop = Callable[[], "int | None"]  # the signal that asked to stop, or None


AT_LEAST_EVERY = 120.0
"""Seconds: a run that is killed loses no more, however long its steps take."""


class Session:
    """What happens between the steps of a run: rows, pictures, checkpoints, events."""

    def __init__(
        self,
        run: Run,
        engine: Engine,
        source: Source,
        measure: Measure | None,
        root: Any,
        observers: Sequence[Observe],
        stop: Stop,
    ) -> None:
        self.run, self.engine, self.source, self.measure, self.stop = run, engine, source, measure, stop
        self.log = run.recipe.section("log")
        self.evaluate = run.recipe.section("evaluate")
        self.meta = _meta(run, source, root)
        self.folder = run.folder
        self.metric_name = name_of(self.evaluate["metric"])
        self.meta["card"] |= played(engine.game, engine.step) | measured(self.folder.rows(), self.metric_name)
        self.watchers = Watchers(run, observers)
        self.ticked_at = self.saved_at = self.curves_at = time.monotonic()

    def begin(self) -> None:
        """Say what is played on what, and draw the untrained picture."""
        engine, recipe, settled = self.engine, self.run.recipe, self.run.settled
        self.folder.update(
            status="running", started_at=time.time(), settled=settled, versions=versions(), until=self.run.until,
            fingerprint=self.source.fingerprint, plugins=self.meta["plugins"], variant=recipe.name,
        )  # fmt: skip
        self.watchers.tell("started")
        self._say(f"{recipe.name} on {recipe.data['name']}: steps {engine.step} to {self.run.until}")
        if self.run.until < self.log["every"]:
            self._say(f"no metrics before step {self.log['every']}; --set log.every=1 has a row for each step")
        for what, why in settled.get("why", {}).items():
            self._say(f"{what:9} {settled[what]}: {why}")
        for player, share in main_share(engine.game).items():
            rates = engine.optimizers[player].param_groups[0]
            betas = f", betas {rates['betas'][0]:.4g} and {rates['betas'][1]:.4g}" if "betas" in rates else ""
            self._say(f"{player} has lazy turns too: lr {rates['lr']:.4g}{betas}, corrected by {share:.4g}")
        if engine.step == 0:
            self._picture()

    def between(self, engine: Engine) -> None:
        """After each step."""
        step = engine.step
        best = step % self.log["every"] == 0 and self._row()
        if step % self.log["pictures"] == 0 and step < self.run.until:
            self._picture()
        if snapshot_due(step, self.log["snapshot"]):
            checkpoint.save_snapshot(self.folder.snapshot_path(step), engine, self.meta)
        now, signal = time.monotonic(), self.stop()
        due = step % self.log["checkpoint"] == 0 or now - self.saved_at > AT_LEAST_EVERY
        if (due or best or signal) and step < self.run.until:
            self._checkpoint()
        if signal and step < self.run.until:
            raise Interrupted(f"stopped at step {step}, saved; go on with: ganzoo resume {self.run.path}", signal)
        if now - self.ticked_at > 0.1:
            self.ticked_at = now
            self.watchers.tell("stepped", step)

    def finish(self, status: str) -> None:
        """Leave the folder as its readers expect it."""
        if status == "done":
            self._picture()
            self._checkpoint()
        self.folder.update(status=status, ended_at=time.time(), step=self.engine.step)
        self._curves()
        self.watchers.tell("stepped", self.engine.step)
        self.folder.say(f"{status} at step {self.engine.step}")
        self.watchers.tell("ended", status)

    def _say(self, text: str) -> None:
        self.folder.say(text)
        self.watchers.tell("said", text)

    def _row(self) -> bool:
        """A row of metrics; whether its figures are the best so far."""
        engine = self.engine
        engine.verify()
        row: dict[str, Any] = {"step": engine.step, "images": engine.images}
        told = sorted(engine.measured.items(), key=lambda item: "/" in item[0])  # reports first, then each player's own
        row |= {name: float(f"{value.item():.7g}") for name, value in told}
        every = self.evaluate["every"]
        if self.measure and engine.step % every == 0:
            row |= self._figures(self.measure)
        self.meta["card"] |= measured([self.folder.append(row)], self.metric_name)
        self.watchers.tell("measured", engine.step, row)
        return self._best() == engine.step

    def _figures(self, measure: Measure) -> dict[str, float]:
        sampler = self._sampler()
        figures = measure.figures(sampler, lambda n: drawn(sampler, self.source, n, SEED))
        return {f"{self.metric_name}/{figure}": value for figure, value in figures.items()}

    def _best(self) -> int | None:
        """The step whose evaluation was best by the metric's own figure, the first of equals."""
        if not self.measure:
            return None
        metric: Any = self.measure.metric
        key, sign = f"{self.metric_name}/{metric.figure}", metric.sign
        scores = [(sign * row[key], -row["step"]) for row in self.folder.rows() if row.get(key) is not None]
        return -max(scores)[1] if scores else None

    def _picture(self) -> None:
        path = self.folder.sample_path(self.engine.step)
        sampler = self._sampler()
        if sampler.spec.of_kind("image"):
            write_bytes(path, png_bytes(sheet(sampler, self.source, 16, across=4)))
        else:
            sampler.sample(64, seed=0).save(path)
        self.watchers.tell("pictured", self.engine.step, path)

    def _checkpoint(self) -> None:
        path = self.folder.checkpoint_path(self.engine.step)
        self.folder.flush()
        checkpoint.save(path, self.engine, self.meta)
        self.saved_at = time.monotonic()
        self.folder.keep(best=self._best())
        if time.monotonic() - self.curves_at > 60:  # a second's work, too long for every checkpoint
            self._curves()
        self.watchers.tell("saved", self.engine.step, path)

    def _curves(self) -> None:
        from ganzoo import curves

        self.curves_at = time.monotonic()
        if rows := self.folder.rows():
            curves.draw(rows, self.folder.curves, self.run.recipe.name)

    def _sampler(self) -> Any:
        """The averaged generator as a user would sample it; it draws from seeds, so that watching changes nothing."""
        from ganzoo.sampler import Sampler
        from ganzoo.torch_backend import TorchBackend

        samplers: dict[str, Sampler] = {}
        for name, module in self.engine.averages.generators.items():
            samplers[name] = Sampler(TorchBackend(module, {**self.meta["card"], "step": self.engine.step}), samplers)
        return next(iter(samplers.values()))


class Watchers:
    """The observers of a run: the caller's, and every plugin's. One that raises is named once and left out."""

    def __init__(self, run: Run, observers: Sequence[Observe]) -> None:
        hooks = [(impl.plugin_name, impl.function) for impl in zoo.zoo().manager.hook.ganzoo_observe.get_hookimpls()]
        named = [(getattr(observe, "__name__", "observer"), observe) for observe in observers] + hooks
        self.folder = run.folder
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
        except Stopped:
            raise
        except (Exception, SystemExit) as error:  # one that calls sys.exit() must not end the run either
            text = f"observer '{name}' failed and is left out: {type(error).__name__}: {error}"
            logging.getLogger("ganzoo").warning(text)
            self.folder.say(f"warning: {text}")
            return None


def versions() -> dict[str, str]:
    """Of what decides whether two runs are the same to the bit."""
    found = {name: metadata.version(name) for name in ("ganzoo", "torch", "numpy")}
    return {**found, "python": platform.python_version(), "machine": platform.machine()}


def _meta(run: Run, source: Source, root: Any) -> dict[str, Any]:
    recipe = run.recipe
    used = [("variant", recipe.name)] if _registered(recipe.name) else []
    plugins: dict[str, Any] = {}
    for kind, name in dict.fromkeys([*used, *_parts_of(recipe)]):
        p = zoo.owner(kind, name)
        about = {"name": p.name, "distribution": p.distribution, "version": p.version, "parts": []}
        plugins.setdefault(p.name, about)["parts"].append(f"{kind} {name}")
    plugins.pop("ganzoo", None)
    card = {
        "variant": recipe.name, "title": recipe.title, "paper": recipe.paper, "formula": recipe.formula.strip(),
        "deviations": list(recipe.deviations), "data": recipe.data["name"], "data_card": source.card,
        "data_options": {key: value for key, value in recipe.data.items() if key != "name"},
        "seed": recipe.seed, "batch": recipe.batch, "versions": versions(),
    }  # fmt: skip
    return {
        "recipe": recipe.to_dict(), "data": source.spec.to_json(),
        "fingerprint": source.fingerprint, "settled": run.settled, "plugins": list(plugins.values()), "card": card,
        "data_root": str(Path(root).resolve()) if root else None,
    }  # fmt: skip


def _registered(name: str) -> bool:
    return any(row["name"] == name for row in zoo.variants())


def _parts_of(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """(kind, name) of every part that a recipe uses."""
    yield "game", recipe.game
    for path, slot in slots(zoo.part("game", recipe.game)).items():
        use = recipe.parts.get(path)
        many = use.items() if slot.many and isinstance(use, Mapping) else [(path, use)]
        for key, one in many:
            if one is not None:
                yield slot.part_kind, name_of(named(one, key))
    for use in recipe.parts.values():
        if isinstance(use, Mapping) and (wrap := use.get("wrap")):
            yield "wrap", name_of(wrap)
    for use in recipe.optimizers.values():
        yield "optimizer", name_of(named(use, OPTIMIZER))
    for _, use in uses(recipe.schedules):
        yield "schedule", name_of(use)
    if recipe.section("evaluate")["every"]:
        yield "metric", name_of(recipe.section("evaluate")["metric"])
    yield "source", str(recipe.data["name"]).partition(":")[0]
