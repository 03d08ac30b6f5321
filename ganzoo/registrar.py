"""What a plugin is handed to register with: one verb for each kind of part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ganzoo.errors import PluginError
from ganzoo.parts import Part
from ganzoo.priors import Prior
from ganzoo.recipes import NAME, Recipe

Make = Callable[..., Any] | str  # a factory, or 'package.module:name' of one


class Registrar:
    """Collects what one plugin registers. Nothing counts until its whole registration has succeeded."""

    def __init__(self, plugin: str) -> None:
        self.plugin = plugin
        self.parts: list[Part] = []
        self.recipes: list[Recipe] = []

    def game(self, name: str, make: Make) -> None:
        """A `Game`: `make(build, *, options) -> Game`."""
        self._add("game", name, make)

    def network(self, name: str, **roles: Make) -> None:
        """Networks of one name: `generator=make(inputs, output, *, options)`,
        `discriminator=make(sample, *, options)`, `encoder=...`; each gives an `nn.Module`."""
        if not roles:
            raise PluginError(f"network '{name}' has no role; give generator=, discriminator= or encoder=")
        for role, make in roles.items():
            self._add(role, name, make)

    def wrap(self, name: str, make: Make) -> None:
        """A change of every layer of a network: `make(module, *, options) -> module`."""
        self._add("wrap", name, make)

    def loss(self, name: str, make: Make) -> None:
        """A `Term` with a cost for both players."""
        self._add("loss", name, make)

    def term(self, name: str, make: Make) -> None:
        """A `Term` that is added to a loss."""
        self._add("term", name, make)

    def augment(self, name: str, make: Make) -> None:
        """A `Term` with `forward(images) -> images`, applied to everything D sees."""
        self._add("augment", name, make)

    def prior(self, name: str, prior: Prior) -> None:
        """A distribution of latents."""
        self._add("prior", name, lambda: prior)

    def source(self, name: str, make: Make) -> None:
        """Data: `make(argument, root, *, options)` gives an object with `spec` and `minibatch`."""
        self._add("source", name, make)

    def optimizer(self, name: str, make: Make) -> None:
        """`make(parameters, *, options) -> torch.optim.Optimizer`."""
        self._add("optimizer", name, make)

    def schedule(self, name: str, make: Make) -> None:
        """`make(base, *, options) -> (step -> number)`; `base` is the number without a schedule."""
        self._add("schedule", name, make)

    def extractor(self, name: str, make: Make) -> None:
        """`make() -> (uint8 images [N, H, W, C] -> float32 features [N, D])`."""
        self._add("extractor", name, make)

    def metric(self, name: str, make: Make) -> None:
        """`make(source, *, options) -> (Samples -> {figure: number})`."""
        self._add("metric", name, make)

    def variant(self, recipe: Recipe) -> None:
        """A recipe under its own name."""
        if any(known.name == recipe.name for known in self.recipes):
            raise PluginError(f"variant '{recipe.name}' is registered twice")
        self.recipes.append(recipe)

    def _add(self, kind: str, name: str, make: Make) -> None:
        if not NAME.fullmatch(name):
            raise PluginError(f"'{name}' is not a name for a {kind}: small letters, digits and '-' are expected")
        if any(part.kind == kind and part.name == name for part in self.parts):
            raise PluginError(f"{kind} '{name}' is registered twice")
        if not callable(make) and not (isinstance(make, str) and ":" in make):
            raise PluginError(f"{kind} '{name}' needs a factory or 'module:name', not {make!r}")
        self.parts.append(Part(kind, name, make, self.plugin))
