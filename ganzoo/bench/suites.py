"""What a suite plays: which variants, with which changes, seeds, metrics and limits. Imports no torch.

Suites name no variant: one takes part by being registered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo import zoo
from ganzoo.errors import RecipeError, did_you_mean
from ganzoo.evaluation import SEED
from ganzoo.files import canonical
from ganzoo.recipes import ASIDE, WORDS, Recipe

DIGITS = "digits"  # the data of variants that take part in the suite of that name


@dataclass(frozen=True)
class Suite:
    """One table.

    what         a sentence for lists
    plays        a variant's recipe -> the recipe as it is played here; None if it takes no part
    seeds        of each variant, unless others are asked for
    metrics      what the samples are judged by
    shown        the figures of the table, `metric/figure`; the first is the one the rows are sorted by
    cpu_seconds  when a trial stops, is saved and judged as it is; twice that where a player repeats its turn (k > 1);
                 0: never
    partial      a variant that cannot be built this way is reported, and is no failure
    caution      a sentence on what its table cannot say
    """

    name: str
    what: str
    plays: Callable[[Recipe], Recipe | None]
    seeds: tuple[int, ...] = (0,)
    metrics: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    cpu_seconds: float = 0.0
    partial: bool = False
    caution: str = ""

    @property
    def protocol(self) -> dict[str, Any]:
        """What beside its recipe decides a trial's figures."""
        return {"suite": self.name, "metrics": list(self.metrics), "seed": SEED, "cpu_seconds": self.cpu_seconds}


@dataclass(frozen=True)
class Trial:
    """One run of a suite: a variant's recipe as it is played, with its seed."""

    suite: Suite
    variant: str
    recipe: Recipe

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.recipe.seed

    @property
    def adapted(self) -> bool:
        """Whether the variant's recipe has numbers of its own for this suite."""
        return self.suite.name in self.recipe.suites

    @property
    def hash(self) -> str:
        """Of the whole configuration. Words for people and how often things are logged are no part of it, nor is
        the version of the code: a trial counts until its recipe changes or `--again` asks for it."""
        body = self.recipe.to_dict()
        for key in (*WORDS, *ASIDE, "log", "evaluate"):
            body.pop(key, None)
        return hashlib.sha256(canonical([self.suite.protocol, self.variant, body]).encode()).hexdigest()[:12]

    @property
    def id(self) -> str:
        """The name of its files."""
        return f"{self.variant.replace('/', '_')}-{self.seed}-{self.hash}"


def tiny(recipe: Recipe) -> Recipe:
    """The variant as tests play it."""
    return recipe.but(changes=dict(recipe.tiny))


def as_it_is(recipe: Recipe) -> Recipe | None:
    """The variant's own recipe, if it trains on digits, maybe through another source; saved every 500 steps, so that
    little is lost."""
    if recipe.data["name"].rpartition(":")[2] != DIGITS:
        return None
    return recipe.but(changes={"log.checkpoint": 500, "log.pictures": 2000})


def on_ring(recipe: Recipe) -> Recipe:
    """The variant's game, loss, terms and turns on the networks and numbers of PacGAN's 2-D experiments (Lin et al.
    2018, arXiv:1712.04086), with fewer steps. Networks keep their wraps; the recipe's own `suites.ring` goes last."""
    adam = {"name": "adam", "lr": 1e-4, "beta1": 0.8, "beta2": 0.999}
    changes: dict[str, Any] = {
        "data": "ring", "batch": 100, "steps": RING_STEPS, "accumulate": 1, "averages": None, "averages.half_life": 0.0,
        "schedules": None, "optimizers": dict.fromkeys(recipe.optimizers, adam),
        "log": None, "log.every": 100, "log.pictures": 2500, "log.checkpoint": 250,
    }  # fmt: skip
    changes |= {path: value for path, value in (("latent", 2), ("prior", "normal")) if path in recipe.parts}
    for role in ("generator", "discriminator"):
        if role in recipe.parts:
            used = recipe.parts[role]
            wrap = {"wrap": used["wrap"]} if not isinstance(used, str) and "wrap" in used else {}
            changes[role] = {"name": _points_network(), **wrap}
    return recipe.but(changes=changes).but(changes=dict(recipe.suites.get("ring", {})))


def _points_network() -> str:
    """That of PacGAN's experiments; where no plugin has it, the core's own, which is said once."""
    if any(name == PACGAN for name, _, _ in zoo.zoo().names("discriminator")):
        return PACGAN
    instead = "the suite 'ring' plays mlp, whose figures are not to be compared with those of PacGAN's networks"
    zoo.zoo().tell([f"no plugin here has the network '{PACGAN}'; {instead}"])
    return "mlp"


PACGAN = "pacgan-mlp"
RING_STEPS = 2_500  # about a minute on one core where k = 1

SUITES = {
    suite.name: suite
    for suite in (
        Suite("smoke", "every variant in its tiny form: it trains, saves and ends; seconds each", tiny),
        Suite(
            "digits",
            "every variant that trains on digits, by its own recipe, for at most 600 CPU seconds (five minutes of two "
            "cores), 1,200 where a player repeats its turn",
            as_it_is,
            metrics=("found", "fid"),
            shown=("found/classes", "found/confident", "fid/fid"),
            cpu_seconds=600,
            caution="This is no ranking: a row is one seed, and three seeds of one variant differ by 3 points in "
            "confident samples; those that have a figure `asked` below were told the classes.",
        ),
        Suite(
            "ring",
            f"eight Gaussians on a circle, PacGAN's networks and rule, {RING_STEPS:,} steps of 100 points (PacGAN: "
            "400,000), every variant that can be built on points, seeds 0 to 4",
            on_ring,
            seeds=(0, 1, 2, 3, 4),
            metrics=("modes",),
            shown=("modes/covered", "modes/high_quality", "modes/reverse_kl"),
            cpu_seconds=300,
            partial=True,
            caution="Rows with and without § are not a comparison of methods, nor are two with §.",
        ),
    )
}


def suite(name: str) -> Suite:
    """The suite of that name; RecipeError with a guess if there is none."""
    if name not in SUITES:
        raise RecipeError(f"there is no suite '{name}'{did_you_mean(name, SUITES)}")
    return SUITES[name]


def trials(chosen: Suite, variants: Sequence[str] | None = None, seeds: Sequence[int] | None = None) -> list[Trial]:
    """Every trial of a suite, or those of these variants and seeds; RecipeError for one that takes no part."""
    names = [name for name, _, _ in zoo.zoo().names("variant")] if variants is None else list(variants)
    found = []
    for name in names:
        recipe = chosen.plays(zoo.variant(name))
        if recipe is None and variants is not None:
            raise RecipeError(f"variant '{name}' takes no part in the suite '{chosen.name}': {chosen.what}")
        if recipe is not None:
            found += [Trial(chosen, name, recipe.but(changes={"seed": s})) for s in seeds or chosen.seeds]
    return found
