"""The look-up of everything registered: `part("loss", "vanilla")`, `variant("vanilla")`, and the lists."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from ganzoo import builtin, plugins
from ganzoo.errors import PluginError, RecipeError, did_you_mean
from ganzoo.parts import KINDS, Part
from ganzoo.plugins import Plugin
from ganzoo.priors import Prior
from ganzoo.recipes import Recipe
from ganzoo.registrar import Registrar

_folder: Path | None = None
_strict = False


class Zoo:
    """All parts and variants of the core and of the plugins that loaded.

    The core and the families shipped with it keep the short name in a clash; strangers that clash with
    each other are reachable as `plugin/name` only, whichever loaded first. Who uses a name that a stranger
    claims in vain is told so."""

    def __init__(self, folder: Path | None = None) -> None:
        registrar = Registrar("ganzoo")
        builtin.register(registrar)
        version = metadata.version("ganzoo")
        core = Plugin("ganzoo", "ganzoo", version, str(builtin.__file__), first_party=True, registered=registrar)
        self.manager, loaded = plugins.load_all(folder)
        self.plugins = [core, *loaded]
        owners: dict[tuple[str, str], list[tuple[Plugin, Any]]] = defaultdict(list)
        for plugin in self.plugins:
            if plugin.registered is not None:
                for part in plugin.registered.parts:
                    owners[part.kind, part.name].append((plugin, part))
                for recipe in plugin.registered.recipes:
                    owners["variant", recipe.name].append((plugin, recipe))
        self._names: dict[str, dict[str, tuple[Plugin, Any]]] = defaultdict(dict)
        self._clashes: dict[tuple[str, str], str] = {}
        self._told: set[str] = set()
        for (kind, name), claims in owners.items():
            ours = [claim for claim in claims if claim[0].first_party]
            short = (ours or (claims if len(claims) == 1 else []))[:1]
            for claim in claims:
                self._names[kind][name if claim in short else f"{claim[0].name}/{name}"] = claim
            if len(claims) > 1:
                others = [plugin for plugin, _ in claims if plugin not in [keeper for keeper, _ in short]]
                self._clashes[kind, name] = _clash(kind, name, [keeper for keeper, _ in short], others)
                for plugin in others:
                    plugin.warnings.append(self._clashes[kind, name])

    def find(self, kind: str, name: str) -> tuple[Plugin, Any]:
        """Who registered it, and what; RecipeError that helps."""
        known = self._names[kind]
        clash = self._clashes.get((kind, name), "")
        if name in known:
            self.tell([clash] if clash else [])
            return known[name]
        if clash:
            raise RecipeError(clash)
        broken = [p for p in self.plugins if p.error]
        few = len(broken) < 3  # many errors in one sentence are no sentence
        said = [f"plugin '{p.name}', which failed to {p.stage}" + few * f" ({p.error})" for p in broken]
        guess = did_you_mean(name, known, "ganzoo variants" if kind == "variant" else f"ganzoo parts {kind}")
        may = f"; it may belong to {' or '.join(said)}" if broken else ""
        raise RecipeError(f"there is no {kind} '{name}'{guess}{may}")

    @property
    def by_name(self) -> dict[str, Plugin]:
        """The plugins by name; of several with one name, the one that works."""
        return {plugin.name: plugin for plugin in sorted(self.plugins, key=lambda plugin: not plugin.error)}

    def tell(self, warnings: Iterable[str]) -> None:
        """Log warnings, each once."""
        for text in warnings:
            if text not in self._told:
                self._told.add(text)
                logging.getLogger("ganzoo").warning(text)

    def names(self, kind: str) -> Iterator[tuple[str, Plugin, Any]]:
        """(name, plugin, part or recipe) of a kind, by name."""
        for name in sorted(self._names[kind]):
            yield (name, *self._names[kind][name])


def _clash(kind: str, name: str, keepers: list[Plugin], others: list[Plugin]) -> str:
    """What a name that several plugins claim means, and what the others are called."""
    longs = [f"{plugin.name}/{name}" for plugin in others]
    if not keepers:
        return f"two plugins have a {kind} '{name}'; write {' or '.join(longs)}"
    own = " and ".join(f"that of plugin '{plugin.name}' is called '{long}'" for plugin, long in zip(others, longs))
    return f"{kind} '{name}' is that of '{keepers[0].name}', which comes with ganzoo; {own}"


def configure(folder: Path | None = None, strict: bool = False) -> None:
    """Choose the plugins folder, and whether a failed plugin is an error; before anything is looked up."""
    global _folder, _strict
    _folder, _strict = folder, strict
    zoo.cache_clear()


def folder() -> Path | None:
    """The plugins folder that was chosen, if any."""
    return _folder


@cache
def zoo() -> Zoo:
    """The zoo of this process, loaded when first asked for."""
    loaded = Zoo(_folder)
    failed = [plugin for plugin in loaded.plugins if plugin.error]
    if _strict and failed:
        raise PluginError(f"plugin '{failed[0].name}' failed to {failed[0].stage}: {failed[0].error}")
    if failed:
        names = ", ".join(dict.fromkeys(plugin.name for plugin in failed))
        logging.getLogger("ganzoo").warning(f"left out, because broken: {names}; see: ganzoo plugins")
    return loaded


def part(kind: str, name: str) -> Part:
    """A part by kind and name; RecipeError with a guess if there is none."""
    found: Part = zoo().find(kind, name)[1]
    return found


def variant(name: str) -> Recipe:
    """A variant's recipe by name; RecipeError with a guess if there is none."""
    found: Recipe = zoo().find("variant", name)[1]
    return found


def core_recipe(name: str) -> Recipe:
    """A variant of the core, to build another upon: `ganzoo.recipe("vanilla-ns").but("mine", loss="mine")`."""
    for recipe in builtin.RECIPES:
        if recipe.name == name:
            return recipe
    raise RecipeError(f"the core has no variant '{name}'{did_you_mean(name, [r.name for r in builtin.RECIPES])}")


def prior(name: str) -> Prior:
    """A prior by name."""
    found: Prior = part("prior", name).factory()()
    return found


def owner(kind: str, name: str) -> Plugin:
    """The plugin that registered it."""
    return zoo().find(kind, name)[0]


def variants() -> list[dict[str, Any]]:
    """Every variant, as a row of plain data."""
    return [
        {"name": name, "title": r.title, "paper": r.paper, "plugin": plugin.name, "data": r.data.get("name", "")}
        for name, plugin, r in zoo().names("variant")
    ]


def parts(kind: str | None = None, name: str | None = None) -> list[dict[str, Any]]:
    """Every part with its options, as rows of plain data; of one kind, or one name, if given."""
    if kind is not None and kind not in (*KINDS, "network"):
        raise RecipeError(f"there is no kind of part '{kind}'{did_you_mean(kind, KINDS)}")
    kinds = ("generator", "discriminator", "encoder") if kind == "network" else (kind,) if kind else KINDS
    row = _row if name is None else _described  # who asks for one part is told what is wrong with it
    rows = [row(k, label, plugin, p) for k in kinds for label, plugin, p in zoo().names(k) if name in (None, label)]
    if name is not None and not rows:
        if kind is not None and kind != "network":
            zoo().find(kind, name)  # which says whose it may be
        known = [label for k in kinds for label, *_ in zoo().names(k)]
        raise RecipeError(f"there is no {kind or 'part'} '{name}'{did_you_mean(name, known)}")
    for found in rows if name is not None else []:
        zoo().find(found["kind"], found["name"])  # which says what else is called so
    return rows


def plugin_rows() -> list[dict[str, Any]]:
    """Every plugin, as a row of plain data."""
    keys = ("name", "distribution", "version", "file", "provides", "status", "error", "warnings")
    rows = [{key: getattr(plugin, key) for key in keys} for plugin in zoo().plugins]
    owners = metadata.packages_distributions()
    for row, plugin in zip(rows, zoo().plugins):
        module = getattr(plugin.module, "__name__", "").partition(".")[0]
        others = sorted(set(owners.get(module, [])) - {plugin.distribution})
        if plugin.first_party and others:
            row["status"] = "overwritten"
            row["error"] = f"{others[0]} has installed files over it; remove {others[0]} and reinstall ganzoo"
    return rows


def _row(kind: str, label: str, plugin: Plugin, found: Part) -> dict[str, Any]:
    try:
        return _described(kind, label, plugin, found)
    except PluginError as error:  # a reference that leads nowhere spoils its own row only
        return {"kind": kind, "name": label, "plugin": plugin.name, "doc": str(error), "options": []}


def _described(kind: str, label: str, plugin: Plugin, found: Part) -> dict[str, Any]:
    if kind == "prior":
        prior = found.factory()()
        options = [{"name": k, "type": "float", "default": v} for k, v in prior.options(label).items()]
        return {"kind": kind, "name": label, "plugin": plugin.name, "doc": prior.doc, "options": options}
    options = [{"name": o.name, "type": o.type_name, "default": o.default} for o in found.options().values()]
    return {"kind": kind, "name": label, "plugin": plugin.name, "doc": found.doc, "options": options}
