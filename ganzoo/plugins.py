"""Finding plugins and calling them, each step guarded: a broken plugin contributes nothing and hurts nobody."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pluggy

from ganzoo import hooks, observers
from ganzoo.errors import PluginError, did_you_mean
from ganzoo.registrar import Registrar
from ganzoo.signals import Stopped

OWN = ("ganzoo", "tensorboard")  # names of plugins that the core itself has


@dataclass
class Plugin:
    """A plugin, and what became of it. `error` is empty when all went well; `warnings` are sentences about
    names of it that others have too."""

    name: str
    distribution: str = ""
    version: str = ""
    file: str = ""
    first_party: bool = False
    module: Any = None
    registered: Registrar | None = None
    error: str = ""
    stage: str = ""
    warnings: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        return f"failed to {self.stage}" if self.error else "ok"

    @property
    def provides(self) -> list[str]:
        if self.registered is None:
            return []
        named = [f"{part.kind} {part.name}" for part in self.registered.parts]
        named += [f"variant {recipe.name}" for recipe in self.registered.recipes]
        return named + (["observer"] if hasattr(self.module, "ganzoo_observe") else [])

    def guard(self, stage: str, action: Callable[[], Any]) -> Any:
        """The action's result; whatever it raises becomes this plugin's error, and whatever it prints is talk."""
        if self.error:
            return None
        try:
            with contextlib.redirect_stdout(sys.stderr):  # results, which programs read, are ganzoo's alone
                return action()
        except (KeyboardInterrupt, MemoryError, Stopped):
            raise
        except BaseException as error:  # a plugin may even call sys.exit() at import
            reason = " ".join(str(error).split())
            self.error, self.stage = f"{type(error).__name__}: {reason}", stage
            return None


@dataclass(frozen=True)
class Found:
    """A plugin's name and how to import it."""

    plugin: Plugin
    load: Callable[[], Any] = field(repr=False)


def load_all(folder: Path | None = None) -> tuple[pluggy.PluginManager, list[Plugin]]:
    """Discover, import, validate and register every plugin, in the order of their names."""
    manager = pluggy.PluginManager("ganzoo")
    manager.add_hookspecs(hooks)
    manager.register(observers, "tensorboard")
    plugins = []
    for found in discover(folder):
        plugin = found.plugin
        plugin.module = plugin.guard("import", found.load)
        plugin.guard("validate", lambda p=plugin: _validate(manager, p))  # type: ignore[misc]
        plugin.guard("register", lambda p=plugin: _register(p))  # type: ignore[misc]
        if plugin.error and manager.is_registered(plugin.module):
            manager.unregister(plugin.module)
        plugins.append(plugin)
    return manager, plugins


def discover(folder: Path | None = None) -> list[Found]:
    """Entry points of the group `ganzoo` and the files of the plugins folder, by name, narrowed by GANZOO_PLUGINS."""
    names = os.environ.get("GANZOO_PLUGINS")
    wanted = None if names is None else {n.strip() for n in names.split(",")} - {"", "none"}
    every = sorted([*_entry_points(), *_files(folder)], key=lambda found: found.plugin.name)
    chosen = [found for found in every if wanted is None or found.plugin.name in wanted]
    for found in chosen:
        _check_name(found.plugin, [other.plugin for other in chosen if other is not found])
    for missing in sorted((wanted or set()) - {found.plugin.name for found in chosen}):
        logging.getLogger("ganzoo").warning(f"GANZOO_PLUGINS names '{missing}', which is not installed")
    return chosen


def _check_name(plugin: Plugin, others: list[Plugin]) -> None:
    """Leave out a plugin whose name another one has, whichever was found first; what comes with ganzoo stays."""
    same = [other for other in others if other.name == plugin.name]
    takers = [f"the installed {other.distribution}" if other.distribution else other.file for other in same]
    takers += ["ganzoo itself"] * (plugin.name in OWN)
    if takers and not plugin.first_party:
        plugin.error = f"its name is also that of {' and '.join(takers)}; rename one of them, or leave one out"
        plugin.stage = "discover"


def _entry_points() -> Iterator[Found]:
    for point in metadata.entry_points(group="ganzoo"):
        dist = point.dist
        name = dist.metadata["Name"] if dist else ""
        version = dist.version if dist else ""
        plugin = Plugin(point.name, name, version, point.value, first_party=name == "ganzoo")
        yield Found(plugin, lambda p=point, q=plugin: _imported(q, p.load()))  # type: ignore[misc]


def _files(folder: Path | None) -> Iterator[Found]:
    given = folder or (Path(os.environ["GANZOO_PLUGINS_DIR"]) if os.environ.get("GANZOO_PLUGINS_DIR") else None)
    if given is None:
        return
    if not given.is_dir():
        raise PluginError(f"the plugins folder '{given}' does not exist; create it or leave out --plugins-dir")
    for path in sorted(given.glob("[!.]*.py")):
        plugin = Plugin(path.stem.replace("_", "-"), file=str(path))
        yield Found(plugin, lambda p=path: _import_file(p))  # type: ignore[misc]


def _imported(plugin: Plugin, module: Any) -> Any:
    plugin.file = getattr(module, "__file__", None) or plugin.file
    return module


def _import_file(path: Path) -> Any:
    name = f"ganzoo_plugin_file_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _validate(manager: pluggy.PluginManager, plugin: Plugin) -> None:
    known = {name for name in dir(hooks) if name.startswith("ganzoo_")}
    found = {name for name in dir(plugin.module) if name.startswith("ganzoo_")}
    marked = {name for name in found if hasattr(getattr(plugin.module, name), "ganzoo_impl")}
    if unknown := marked - known:
        raise PluginError(f"unknown hook {sorted(unknown)[0]}{did_you_mean(sorted(unknown)[0], known)}")
    if bare := (found & known) - marked:
        raise PluginError(f"{sorted(bare)[0]} is not marked; write @ganzoo.hookimpl above it")
    if not marked:
        raise PluginError("it has no hook; define ganzoo_register(zoo) or ganzoo_observe(run)")
    try:
        manager.register(plugin.module, plugin.name)
    except pluggy.PluginValidationError as error:
        text = "a hook takes its parameter by name, as in ganzoo_register(zoo) or ganzoo_observe(run)"
        raise PluginError(f"{text}: {error}") from error


def _register(plugin: Plugin) -> None:
    registrar = Registrar(plugin.name)
    hook = getattr(plugin.module, "ganzoo_register", None)
    if hook is not None:
        hook(registrar)
    plugin.registered = registrar
