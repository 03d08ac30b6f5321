"""What is checked: a variant in its tiny form, built as training builds it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from torch import Tensor, nn

from ganzoo import zoo
from ganzoo.averages import Averages
from ganzoo.build import engine_of, tiny_of
from ganzoo.data import Source
from ganzoo.engine import Engine
from ganzoo.errors import DataError, GanzooError
from ganzoo.recipes import Recipe
from ganzoo.run import open_data
from ganzoo.testing.watching import Watched, same

STEPS = 20
"""How long a watched run is; shorter if the tiny recipe ends sooner."""


class CheckFailed(AssertionError):
    """One sentence for the author of a variant."""


class NotApplicable(Exception):
    """Why a check says nothing about a variant."""


def fail(text: str) -> NoReturn:
    """A check's verdict."""
    raise CheckFailed(text)


class Subject:
    """A variant with its `tiny` changes.

    given       the recipe as it is registered
    recipe      the tiny recipe; RecipeError for a tiny that does not fit it
    steps       of its watched run
    unplayable  the reason why it cannot be played, once that is known
    """

    def __init__(self, variant: str) -> None:
        self.given = zoo.variant(variant)
        self.name = variant
        self.unplayable = ""

    @cached_property
    def recipe(self) -> Recipe:
        return tiny_of(self.given)

    @property
    def steps(self) -> int:
        return min(self.recipe.steps, STEPS)

    @cached_property
    def source(self) -> Source:
        """The data of the tiny recipe; CheckFailed if they are not on this machine."""
        try:
            return open_data(self.recipe, None)
        except DataError as error:
            fail(f"{error}; let tiny name data that need no download, such as data=digits")

    def engine(self, precision: str = "fp32", **changes: Any) -> Engine:
        """A fresh engine of the tiny recipe on the CPU, at step 0."""
        settled = {"device": "cpu", "precision": precision, "threads": torch.get_num_threads()}
        return engine_of(self.recipe.but(changes=changes), self.source, settled)

    @cached_property
    def watched(self) -> Watched:
        """A run of `steps` steps that was looked at; made once."""
        run = Watched(self.engine())
        run.play(self.steps)
        return run

    def held(self, weights: Literal["newest", "averaged"]) -> dict[str, nn.Module]:
        """Copies of the generators as they stand at the end of the watched run."""
        engine = self.watched.engine
        engine.set(engine.step)
        copied = Averages(engine.game.generators(), half_life=0.0)
        if weights == "averaged":  # averages are of tensors; what else a picture depends on is the game's
            copied.load_state_dict(engine.averages.state_dict())
        return dict(copied.generators.items())

    def generators(self) -> dict[str, nn.Module]:
        """The averaged generators of the watched run as an export sees them, by name, in eval mode: copies."""
        from ganzoo.exporter import plain_copy

        return {name: plain_copy(module) for name, module in self.held("averaged").items()}

    @cached_property
    def exports(self) -> dict[str, bytes | GanzooError]:
        """The ONNX file of each generator, by name, or why there is none; made once."""
        from ganzoo.exporter import build

        made: dict[str, bytes | GanzooError] = {}
        for name, module in self.generators().items():
            try:
                made[name] = build(module, {"variant": self.name}, Path(f"{name}.onnx")).data
            except GanzooError as error:
                made[name] = error
        return made


def stray(live: nn.Module, fresh: nn.Module) -> str:
    """What two games differ in beside their tensors, as the end of a sentence: '' if it cannot be said."""
    others = dict(fresh.named_modules())
    for path, module in live.named_modules():
        for name, value in vars(module).items():
            twin = vars(others[path]).get(name) if path in others else None
            where = f"{path}.{name}".lstrip(".")
            if name == "training" or not isinstance(value, bool | int | float | str | Tensor):
                continue
            if isinstance(value, Tensor):
                if not (isinstance(twin, Tensor) and value.shape == twin.shape and same(value, twin)):
                    return f": '{where}' is a tensor that is not saved; register it as a buffer"
            elif value != twin:
                text = f": '{where}' is {value!r} in the one and {twin!r} in the other"
                return f"{text}; make it a buffer, or set it in at()"
    return ""


def sentence(error: BaseException) -> str:
    """What an exception says, in one line."""
    text = " ".join(str(error).split())
    return text if isinstance(error, GanzooError | CheckFailed) else f"{type(error).__name__}: {text[:300]}"
