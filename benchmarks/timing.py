"""What `speed.py` compares, and how it takes times."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import plain
import torch

from ganzoo import auto, zoo
from ganzoo.build import engine_of, game_of
from ganzoo.data import Source, open_source, prepare
from ganzoo.engine import Engine
from ganzoo.recipes import Recipe

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A training step that is compared with the plain loop's.

    variant, changes  what ganzoo plays
    shape             of a picture, [C, H, W]; None: points of `ring`
    costs             of the plain loop
    goal              how many times as fast as the plain loop it is to be; 0: none is set
    side              in which precision
    loop              the plain loop
    cycle             after so many steps the turns repeat
    """

    variant: str
    shape: tuple[int, int, int] | None
    costs: plain.Costs
    goal: float = 0
    side: str = "bf16"
    changes: Mapping[str, Any] = field(default_factory=dict)
    loop: type[plain.Plain] = plain.Plain
    cycle: int = 1

    def recipe(self) -> Recipe:
        """The variant as it is played here."""
        return zoo.variant(self.variant).but(changes=dict(self.changes))


MLP_2014 = {"generator": "mlp-2014", "discriminator": "mlp-2014", "batch": 100}
WIDE = {"generator.width": 64, "discriminator.width": 64}
NARROW = {"generator.width": 32, "discriminator.width": 32}
ROUNDED_GP = {"terms.gradient-penalty.precision": "any"}
ROUNDED = {"terms.r1.precision": "any", "terms.r2.precision": "any"}

CASES = {
    "MLP of 2014": Case("vanilla-ns", (1, 28, 28), plain.SIGMOID, 2, changes=MLP_2014),
    "DCGAN-32": Case("dcgan", (3, 32, 32), plain.SIGMOID, 6, changes=WIDE),
    "DCGAN-64": Case("dcgan", (3, 64, 64), plain.SIGMOID, 6, changes=WIDE),
    "WGAN-GP-32": Case("wgan-gp", (3, 32, 32), plain.WGAN_GP, 2, changes=ROUNDED_GP),
    "WGAN-GP-32, penalty in fp32": Case("wgan-gp", (3, 32, 32), plain.WGAN_GP),
    "SNGAN-ResNet-32": Case("sngan-resnet", (3, 32, 32), plain.HINGE, 4, changes=NARROW),
    "R3GAN-32": Case("r3gan", (3, 32, 32), plain.PAIRED, 2.5),
    "R3GAN-32, penalties in any precision": Case("r3gan", (3, 32, 32), plain.PAIRED, changes=ROUNDED),
    "StyleGAN2-32": Case("stylegan2-32", (3, 32, 32), plain.SOFTPLUS, 2, loop=plain.PlainStyles, cycle=16),
    "ring MLP": Case("vanilla-ns", None, plain.SIGMOID, 1.2, "fp32"),
}  # fmt: skip


class Bench:
    """One run of the benchmarks: its options, files that its sections share, and the cases whose rows are there."""

    def __init__(self, rounds: int, seconds: float, threads: int, folder: Path) -> None:
        self.rounds, self.seconds, self.threads, self.folder = rounds, seconds, threads, folder
        self.there: set[str] = set()

    def cases(self, *names: str) -> list[str]:
        """Those of the cases, all by default, that have no row yet."""
        return [name for name in names or CASES if name not in self.there]

    def source(self, shape: tuple[int, int, int] | None, count: int = 2_000) -> Source:
        """Random pictures, or `ring`: what they show does not change the time."""
        if shape is None:
            return open_source("ring")
        path = self.folder / f"{'x'.join(map(str, shape))}.npz"
        if not path.exists():
            x = np.random.default_rng(0).integers(0, 256, (count, *shape[1:], shape[0]), dtype=np.uint8)
            np.savez(path, images=x)
        return open_source(f"npz:{path}")

    def engine(self, case: Case, precision: str = "fp32") -> tuple[Engine, Source]:
        """ganzoo's side of a case."""
        source = self.source(case.shape)
        return engine_of(case.recipe(), source, {"device": "cpu", "precision": precision}), source

    def plain(self, case: Case) -> plain.Plain:
        """The same networks, from the same seed, in the loop of a tutorial."""
        source, recipe = self.source(case.shape), case.recipe()
        game: Any = game_of(recipe, source.spec)
        images = source.all()
        floats = prepare(images, game.G.spec.output.range) if case.shape else images
        latent = game.G.spec.inputs[0].shape[0]
        return case.loop(game.G, game.D, floats, batch=recipe.batch, latent=latent, k=game.k, costs=case.costs)

    def by_turns(self, sides: Mapping[str, Callable[[int], Any]], cycle: int = 1) -> dict[str, list[float]]:
        """Seconds a step of each, round by round; each side plays for about as long as asked, in whole cycles."""
        counts = {}
        for name, play in sides.items():
            play(2 * cycle)
            once = max(clock(lambda p=play: p(2 * cycle)) / 2, 1e-6)  # type: ignore[misc]
            counts[name] = max(1, round(self.seconds / once)) * cycle
        found: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(self.rounds):
            for name, play in sides.items():
                found[name].append(clock(lambda p=play, n=counts[name]: p(n)) / counts[name])  # type: ignore[misc]
        return found

    def median(self, play: Callable[[int], Any]) -> float:
        """Seconds a step of one side alone."""
        return statistics.median(self.by_turns({"it": play})["it"])

    def gemm(self, kind: torch.dtype) -> float:
        """GFLOP/s of a product of two 1024×1024 matrices: the best of the rounds."""
        a, b = torch.randn(2, 1024, 1024).to(kind)
        return max(2 * 1024**3 / clock(lambda: a @ b) / 1e9 for _ in range(self.rounds + 3))


def clock(do: Callable[[], Any]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun


def aimed(row: Row, column: str, *, least: float = -math.inf, most: float = math.inf) -> Row:
    """The row with its goal, and whether it is reached; a column may be missing on this machine."""
    bound = f"at least {least:g}" if math.isinf(most) else f"at most {most:g}"
    reached = {True: "yes", False: "no"}[least <= row[column] <= most] if column in row else "not measured here"
    return {**row, "goal": f"{column}: {bound}", "reached": reached}


def ratio(found: dict[str, list[float]], slow: str, fast: str) -> float:
    """The median over rounds of how many times as long `slow` takes."""
    return statistics.median(a / b for a, b in zip(found[slow], found[fast]))


def player(engine: Engine, play: Callable[[int], None] | None = None) -> Callable[[int], None]:
    """Plays so many steps more, or plays what is given, with as many threads as a run of the engine would take."""
    threads = auto.rehearse(engine, {"why": {}})["threads"]

    def threaded(steps: int) -> None:
        with auto.using(threads):
            (play or (lambda more: engine.play(engine.step + more)))(steps)

    return threaded
