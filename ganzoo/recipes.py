"""A recipe: one variant, as plain data.

It names a game, the parts the game is made of, the data, the optimisers and the lengths. `but` and the
command line's `--set` change it by the same paths; a TOML file holds the whole of it.
"""

from __future__ import annotations

import copy
import dataclasses
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ganzoo.errors import RecipeError, did_you_mean
from ganzoo.parts import Use, convert

NAME = re.compile(r"[a-z0-9][a-z0-9-]*")

SECTIONS: dict[str, dict[str, tuple[Any, Any]]] = {
    "averages": {"half_life": (float, 10_000.0), "ramp": (float, 0.05)},
    "log": {"every": (int, 100), "pictures": (int, 500), "checkpoint": (int, 2000), "snapshot": (int, 250)},
    "evaluate": {"every": (int, 0), "metric": (Use, "found"), "samples": (int, 0)},
}


MAY_BE_0 = {
    ("averages", "half_life"), ("averages", "ramp"), ("log", "snapshot"),
    ("evaluate", "every"), ("evaluate", "samples"),
}  # fmt: skip
"""Settings of which 0 is none, or what the metric is meant for."""

WORDS = ("title", "paper", "formula", "deviations")  # for people; they change nothing that is played
ASIDE = ("tiny", "suites")  # changes kept for later, each a whole


@dataclass(frozen=True)
class Recipe:
    """Everything a training run needs to know.

    name        of the variant
    title       one line for lists
    paper       authors, year, arXiv id
    formula     the costs, as text
    deviations  every place where it is not the paper
    game        the game's name
    parts       the game's options: networks, loss, terms, prior, k, ...
    data        the source and its options
    steps       the step a run ends at unless told otherwise; nothing else may read it
    batch       images in a minibatch
    accumulate  minibatches whose gradients are averaged before a player moves; what terms keep (averages, multipliers)
                follows the last of them
    precision   'auto', 'fp32' or 'bf16'
    optimizers  one for each player
    schedules   of numbers, by path: 'lr' (every player's), 'D.lr', 'terms.r1.weight'
    averages    half_life and ramp of the averaged weights, see `Averages`
    clip        greatest gradient norm, by player
    log         steps between metric rows, pictures and checkpoints; `snapshot`: the first kept generator
    evaluate    steps between evaluations, their metric, how many samples (0: as many as it is meant for)
    tiny        changes that make it run in seconds, for tests
    suites      changes with which a suite of `ganzoo bench` plays it, by the suite's name
    """

    name: str
    title: str = ""
    paper: str = ""
    formula: str = ""
    deviations: tuple[str, ...] = ()
    game: str = "two-player"
    data: Mapping[str, Any] = field(default_factory=lambda: {"name": "digits"})
    steps: int = 10_000
    batch: int = 64
    accumulate: int = 1
    seed: int = 0
    precision: str = "auto"
    parts: Mapping[str, Any] = field(default_factory=dict)
    optimizers: Mapping[str, Any] = field(default_factory=dict)
    schedules: Mapping[str, Any] = field(default_factory=dict)
    averages: Mapping[str, Any] = field(default_factory=dict)
    clip: Mapping[str, Any] = field(default_factory=dict)
    log: Mapping[str, Any] = field(default_factory=dict)
    evaluate: Mapping[str, Any] = field(default_factory=dict)
    tiny: Mapping[str, Any] = field(default_factory=dict)
    suites: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("name", *WORDS):
            texts = getattr(self, name) if name == "deviations" else [getattr(self, name)]
            if not all(isinstance(text, str) for text in texts):
                raise RecipeError(f"{name} is {getattr(self, name)!r}; text is expected")
        if not NAME.fullmatch(self.name):
            raise RecipeError(f"'{self.name}' is not a name: small letters, digits and '-' are expected")
        for name in ("steps", "batch", "accumulate", "seed"):
            least = 0 if name == "seed" else 1
            if convert(getattr(self, name), int, name) < least:
                raise RecipeError(f"{name} is {getattr(self, name)}; at least {least} is expected")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise RecipeError(f"precision is '{self.precision}'; auto, fp32 or bf16 is expected")
        for section in SECTIONS:
            _check_section(section, getattr(self, section))

    def section(self, name: str) -> dict[str, Any]:
        """A section with its defaults filled in and its numbers converted."""
        given = getattr(self, name)
        return {
            key: convert(given.get(key, default), kind, f"{name}.{key}")
            for key, (kind, default) in SECTIONS[name].items()
        }

    def but(self, name: str | None = None, changes: Mapping[str, Any] | None = None, **more: Any) -> Recipe:
        """This recipe with changes by path: `but("mine", {"optimizers.D.lr": 4e-4}, loss="mine")`.

        Under a new name it says of itself what is given here: title, paper, formula and deviations are not
        inherited, and the title is the changes if there is none."""
        tree = self.to_dict()
        if name is not None:
            for words in ("paper", "formula", "deviations"):
                tree.pop(words, None)
            told = [f"{path}={value}" for path, value in {**more, **(changes or {})}.items() if path not in ASIDE]
            tree["title"] = f"{self.name} with {', '.join(told)}"[:100]
        for path, value in {**(changes or {}), **more, **({"name": name} if name else {})}.items():
            assign(tree, path, value)
        return Recipe.from_dict(tree)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, the game's options beside the other fields; `from_dict` is its inverse."""
        tree = {f.name: copy.deepcopy(getattr(self, f.name)) for f in dataclasses.fields(self) if f.name != "parts"}
        tree["deviations"] = list(self.deviations)
        said = {key: value for key, value in tree.items() if value not in ({}, "", [])}
        parts = {key: value for key, value in copy.deepcopy(dict(self.parts)).items() if value != {}}
        return {key: _plain(value) for key, value in {**said, **parts}.items()}

    @classmethod
    def from_dict(cls, tree: Mapping[str, Any]) -> Recipe:
        """The recipe of `to_dict`, or of a TOML file; RecipeError for what a recipe cannot hold."""
        own = {f.name for f in dataclasses.fields(cls)} - {"parts"}
        known = {key: value for key, value in tree.items() if key in own}
        if "name" not in known:
            raise RecipeError('the recipe has no name; add a line like: name = "mine"')
        deviations = known.get("deviations", ())
        known["deviations"] = tuple(deviations) if isinstance(deviations, list | tuple) else (deviations,)
        if isinstance(known.get("data"), str):
            known["data"] = {"name": known["data"]}
        for name in ("data", "optimizers", "schedules", "clip", *ASIDE, *SECTIONS):
            if not isinstance(known.get(name, {}), Mapping):
                raise RecipeError(f"{name} is {known[name]!r}; a table is expected, such as {name}.KEY=VALUE")
        if "name" not in known.get("data", {"name": ""}):
            raise RecipeError("data has no name; write data=digits, for instance")
        return cls(**known, parts={key: value for key, value in tree.items() if key not in own})

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """The recipe in a TOML file."""
        try:
            return cls.from_dict(tomllib.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise RecipeError(f"there is no recipe file '{path}'") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise RecipeError(f"'{path}' is not a TOML file: {error}") from error

    def to_toml(self) -> str:
        """The whole recipe as a TOML file."""
        import tomli_w

        return tomli_w.dumps(self.to_dict(), multiline_strings=True)

    def describe(self) -> str:
        """What `ganzoo variants NAME` prints."""
        lines = [f"{self.name}: {self.title}", f"paper       {self.paper}", ""]
        lines += [f"  {line}" for line in self.formula.strip().splitlines()] + [""]
        lines += [f"  differs from the paper: {text}" for text in self.deviations] + [""] * bool(self.deviations)
        body = self.to_dict()
        for key in ("name", *WORDS, *ASIDE):
            body.pop(key, None)
        body.update({name: self.section(name) for name in SECTIONS})
        return "\n".join(lines + [f"{path} = {value}" for path, value in flatten(body)])


def assign(tree: dict[str, Any], path: str, value: Any) -> None:
    """Set a value by path: a part by its name replaces the old part, a mapping without a name is merged
    into what is there, 'none' drops it."""
    *parents, last = path.split(".")
    node = tree
    for key in parents:
        child = node.get(key)
        node[key] = {"name": child} if isinstance(child, str) else dict(child) if isinstance(child, Mapping) else {}
        node = node[key]
    old = node.get(last)
    # of a part's options 'none' is a value, but for its wrap, which is a part itself
    if value is None or (value == "none" and ("name" not in node or last == "wrap" or not parents)):
        node.pop(last, None)
    elif isinstance(value, Mapping) and "name" not in value and isinstance(old, (Mapping, str)) and path not in ASIDE:
        node[last] = {"name": old} if isinstance(old, str) else dict(old)
        for key, inner in value.items():
            assign(node[last], key, inner)
    elif parents == [] and last == "data" and isinstance(value, str):
        node[last] = {"name": value}
    else:
        node[last] = value


def flatten(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """(path, value) of every leaf; a part's name stands at the part's own path."""
    leaves: list[tuple[str, Any]] = []
    for key, value in tree.items():
        path = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            if "name" in value:
                leaves.append((path, value["name"]))
            leaves += flatten({k: v for k, v in value.items() if k != "name"}, path)
        else:
            leaves.append((path, value))
    return leaves


def _check_section(name: str, given: Mapping[str, Any]) -> None:
    for key, value in given.items():
        if key not in SECTIONS[name]:
            raise RecipeError(f"'{name}' has no setting '{key}'{did_you_mean(key, SECTIONS[name])}")
        number = convert(value, SECTIONS[name][key][0], f"{name}.{key}")
        least = 0 if (name, key) in MAY_BE_0 else 1
        if isinstance(number, int | float) and not number >= least:
            raise RecipeError(f"{name}.{key} is {value}; at least {least} is expected")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(v) for v in value] if isinstance(value, (list, tuple)) else value
