"""Parts: what a recipe names. A part is a factory under a name; its signature is its schema.

Keyword-only parameters of a factory are its options, with their types and defaults; its other
parameters are what the caller hands it (the data's spec, a generator's inputs), by name, and it may
leave out those it does not want.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ganzoo.errors import GanzooError, PluginError, RecipeError, did_you_mean
from ganzoo.signals import Stopped

Use = str | Mapping[str, Any]  # a part by name, or {"name": ..., option: value, ...}


def name_of(use: Use) -> str:
    """The name of the part that is used; RecipeError for options without one, and for what is neither."""
    if not isinstance(use, str | Mapping):
        raise RecipeError(f"{use!r} is given where a part is expected; write its name")
    if not isinstance(use, str) and "name" not in use:
        raise RecipeError(f"{', '.join(map(str, use)) or 'nothing'} is set of a part that has no name; say which it is")
    return use if isinstance(use, str) else str(use["name"])


def named(use: Use, default: str) -> Use:
    """The use; where it has options and no name, called `default`."""
    return {"name": default, **use} if isinstance(use, Mapping) else use


KINDS = (
    "game", "generator", "discriminator", "encoder", "wrap", "loss", "term", "augment", "prior",
    "source", "optimizer", "schedule", "extractor", "metric",
)  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """Marks an option of a game as a part: of which kind, in which role, one or many by name."""

    kind: str
    role: str = ""
    many: bool = False

    @property
    def part_kind(self) -> str:
        """The kind it is registered under: a network's role is its kind."""
        return self.role or self.kind


WRAP = (typing.Annotated[Use, Slot("wrap")], "")

# options that every part of a kind takes, beside those in its signature; a class's own attribute is their default
COMMON: dict[str, dict[str, tuple[Any, Any]]] = {
    "term": {"weight": (float, 1.0), "every": (int, 1), "precision": (Literal["any", "fp32"], "any")},
    "generator": {"wrap": WRAP},
    "discriminator": {"wrap": WRAP},
    "encoder": {"wrap": WRAP},
}


@dataclass(frozen=True)
class Option:
    """One option of a part."""

    name: str
    type: Any
    default: Any
    required: bool

    @property
    def type_name(self) -> str:
        """The type as a person reads it."""
        for mark in getattr(self.type, "__metadata__", ()):
            if isinstance(mark, Slot):
                return f"{mark.kind}s by name" if mark.many else mark.kind
        if typing.get_origin(self.type) in (tuple, list):
            return str(self.type)
        if typing.get_origin(self.type) is Literal:
            return " | ".join(repr(choice) for choice in typing.get_args(self.type))
        return getattr(self.type, "__name__", None) or str(self.type).replace("typing.", "")


@dataclass(frozen=True)
class Part:
    """A registered factory.

    make    the factory, or 'package.module:name' of it, imported when first needed
    plugin  who registered it
    """

    kind: str
    name: str
    make: Callable[..., Any] | str
    plugin: str = "ganzoo"

    def factory(self) -> Callable[..., Any]:
        """The factory; PluginError if a reference does not lead to one."""
        if not isinstance(self.make, str):
            return self.make
        module, _, attribute = self.make.partition(":")
        try:
            return typing.cast(Callable[..., Any], getattr(_imported(module), attribute))
        except Stopped:
            raise
        except (Exception, SystemExit) as error:  # a module may raise anything while it is imported
            what = f"{self.kind} '{self.name}' of plugin '{self.plugin}'"
            raise PluginError(f"{what} cannot be loaded: {type(error).__name__}: {error}") from error

    @property
    def doc(self) -> str:
        """The first sentence of the factory's docstring, or all of its first paragraph if that has none."""
        own = getattr(self.factory(), "__doc__", None) or ""  # a class inherits none: its parent's is of something else
        paragraph = " ".join(inspect.cleandoc(own).split("\n\n")[0].split())
        return re.split(r"(?<=[^.][a-z0-9)\]]\.) (?=[A-Z])", paragraph)[0]

    def options(self) -> dict[str, Option]:
        """The options by name, in the order of the signature."""
        factory = self.factory()
        hints = _hints(factory)
        found = {}
        for p in parameters(factory).values():
            if p.kind is p.KEYWORD_ONLY:
                required = p.default is p.empty
                found[p.name] = Option(p.name, hints.get(p.name, Any), None if required else p.default, required)
        for name, (kind, default) in COMMON.get(self.kind, {}).items():
            found.setdefault(name, Option(name, kind, getattr(factory, name, default), False))
        return found

    def bind(self, use: Use) -> dict[str, Any]:
        """The options a use sets, checked and converted; RecipeError in one sentence."""
        given = {} if isinstance(use, str) else {k: v for k, v in use.items() if k != "name"}
        options = self.options()
        for name in given:
            if name not in options:
                self.check_not_handed(name)
                raise RecipeError(f"{self.kind} '{self.name}' has no option '{name}'{did_you_mean(name, options)}")
        for name, option in options.items():
            if option.required and name not in given:
                raise RecipeError(f"{self.kind} '{self.name}' needs the option '{name}' ({option.type_name})")
        of = f"of {self.kind} '{self.name}'"
        return {name: convert(value, options[name].type, f"option '{name}' {of}") for name, value in given.items()}

    def check_not_handed(self, name: str) -> None:
        """RecipeError for a parameter that is set like an option and is none."""
        if name in parameters(self.factory()):
            raise RecipeError(
                f"{self.kind} '{self.name}' is handed '{name}', which is no option; "
                f"options are keyword-only, so write it after * in the signature if you mean it as one"
            )

    def build(self, use: Use, context: Mapping[str, Any]) -> Any:
        """What the factory makes of these options, given of the context what it asks for; RecipeError for whatever
        it raises, and for None."""
        options = self.bind(use)
        known = parameters(self.factory())
        later = {name: options.pop(name) for name in list(options) if name not in known}
        wanted = {k: v for k, v in context.items() if k in known}
        what = f"{self.kind} '{self.name}'"
        try:
            made = self.factory()(**wanted, **options)
        except (GanzooError, ImportError, OSError, MemoryError):  # which have sentences and exit codes of their own
            raise
        except Exception as error:  # a plugin's code may raise anything
            raise RecipeError(f"{what} cannot be made: {type(error).__name__}: {error}") from error
        if made is None:
            raise RecipeError(f"{what} cannot be used: its factory returned None (is a return missing?)")
        for name, value in later.items():
            setattr(made, name, value)
        return made


def _imported(name: str) -> types.ModuleType:
    """The module; what it prints while it is imported is no result."""
    if name in sys.modules:
        return sys.modules[name]
    with contextlib.redirect_stdout(sys.stderr):
        return importlib.import_module(name)


def convert(value: Any, kind: Any, what: str) -> Any:
    """The value as that type: an int where a float is due becomes one; anything else that differs is an error."""
    origin = typing.get_origin(kind)
    if kind is Any or isinstance(kind, str):
        return value
    if origin is typing.Annotated:
        return _convert_uses(value, kind, what)
    if origin in (typing.Union, types.UnionType):
        return _convert_union(value, kind, what)
    if origin is Literal:
        choices = typing.get_args(kind)
        if value in choices:
            return value
        raise RecipeError(f"{what} is {value!r}; one of {', '.join(map(repr, choices))} is expected")
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if origin in (tuple, list):  # one alone is a tuple of one
        inner = typing.get_args(kind)[0] if typing.get_args(kind) else Any
        return tuple(convert(v, inner, what) for v in (value if isinstance(value, (list, tuple)) else [value]))
    plain = origin or kind
    if isinstance(plain, type) and isinstance(value, plain) and not (plain is int and isinstance(value, bool)):
        return value
    raise RecipeError(f"{what} is {value!r}; a value of type {getattr(plain, '__name__', plain)} is expected")


def _convert_uses(value: Any, kind: Any, what: str) -> Any:
    """A use as it is; of many by name, that they are."""
    for mark in kind.__metadata__:
        if isinstance(mark, Slot) and mark.many:
            wrong = not isinstance(value, Mapping) or not all(isinstance(use, (str, Mapping)) for use in value.values())
            if wrong:
                example = f"{mark.kind}s.NAME.weight=1"
                raise RecipeError(f"{what} is {value!r}; {mark.kind}s by name are expected, such as {example}")
    return value


def _convert_union(value: Any, kind: Any, what: str) -> Any:
    for choice in typing.get_args(kind):
        try:
            return convert(value, choice, what)
        except RecipeError:
            continue
    raise RecipeError(f"{what} is {value!r}; {kind} is expected")


def parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """The parameters of a factory by name. A class that takes `**options` for its parent takes its
    parent's too."""
    found: dict[str, inspect.Parameter] = {}
    for maker in _makers(factory):
        own = list(inspect.signature(maker).parameters.values())
        for p in own[1:] if inspect.isclass(factory) else own:
            if p.kind is not p.VAR_KEYWORD:
                found.setdefault(p.name, p)
    return found


def _makers(factory: Callable[..., Any]) -> Iterator[Callable[..., Any]]:
    """A function alone; of a class its `__init__` and, while that passes `**options` on, its parent's."""
    if not inspect.isclass(factory):
        yield factory
        return
    for owner in factory.__mro__:
        if "__init__" in vars(owner):
            maker = vars(owner)["__init__"]
            yield maker
            if not any(p.kind is p.VAR_KEYWORD for p in inspect.signature(maker).parameters.values()):
                return


def _hints(factory: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for maker in _makers(factory):
        try:
            found = {**typing.get_type_hints(maker, include_extras=True), **found}
        except Exception:  # a stranger's annotations may not resolve; the options are then unchecked
            continue
    return found


def slots(game: Part) -> dict[str, Slot]:
    """Which options of a game are parts."""
    found = {}
    for name, option in game.options().items():
        for mark in getattr(option.type, "__metadata__", ()):
            if isinstance(mark, Slot):
                found[name] = mark
    return found
