"""What the core itself registers, by the same registrar as any plugin: the game of two players, the
networks and recipes of 2014, optimisers, schedules, priors, sources. Imports no torch."""

from __future__ import annotations

import math

from ganzoo.priors import PRIORS
from ganzoo.recipes import Recipe
from ganzoo.registrar import Registrar

PAPER = "Goodfellow et al. 2014, Generative Adversarial Nets (arXiv:1406.2661)"

TINY = {
    "steps": 20, "batch": 8, "discriminator.units": 8, "latent": 8,
    "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
}  # fmt: skip

VANILLA = Recipe(
    name="vanilla",
    title="the value function and Algorithm 1 of 2014, minimax",
    paper=PAPER,
    formula="""
D ascends   V(D, G) = E[log D(x)] + E[log(1 − D(G(z)))]
G descends  E[log(1 − D(G(z)))]
at the optimum  D = 1/2,  V = −log 4 = −1.3863
""",
    deviations=(
        "Adam instead of momentum SGD, with which this loss collapsed at this size",
        "smaller networks: G 100-256-512-784 with tanh, D two maxout layers of 128 units of 5 pieces",
        "z is normal (the released code: uniform)",
        "samples come from an exponential average of G's weights",
    ),
    parts={"loss": "minimax", "generator": "mlp", "discriminator": "mlp", "prior": "normal", "latent": 100, "k": 1},
    optimizers={"G": {"name": "adam", "lr": 5e-4}, "D": {"name": "adam", "lr": 1e-3}},
    averages={"half_life": 50_000.0},
    steps=18_000,
    tiny={**TINY, "generator.widths": [16]},
)

NON_SATURATING = VANILLA.but(
    "vanilla-ns",
    title="section 3's advice: G ascends E[log D(G(z))]",
    paper=PAPER,
    deviations=list(VANILLA.deviations),
    formula="""
D ascends   V(D, G) = E[log D(x)] + E[log(1 − D(G(z)))]
G ascends   E[log D(G(z))]
""",
    loss="non-saturating",
)

RELEASED = Recipe(
    name="vanilla-2014",
    title="the networks and training that were released with the paper, for MNIST",
    paper=PAPER + "; the authors' code, mnist.yaml",
    formula="""
D descends  −½ E[log D(x)] − ½ E[log(1 − D(G(z)))]
G descends  −E[log D(G(z))]
both gradients from one minibatch, both steps at once
""",
    deviations=(
        "the default data are 10,000 digits; the release used the first 50,000 of MNIST (--data mnist)",
        "momentum in torch's form, with the learning rate outside the velocity",
        "samples come from the newest weights, as in the release, but training ends at a fixed step",
    ),
    game="two-player-simultaneous",
    parts={
        "loss": {"name": "non-saturating", "discriminator_scale": 0.5},
        "generator": "mlp-2014",
        "discriminator": "mlp-2014",
        "prior": {"name": "uniform", "low": -math.sqrt(3.0), "high": math.sqrt(3.0)},
        "latent": 100,
    },
    batch=100,
    optimizers={name: {"name": "sgd", "lr": 0.1, "momentum": 0.5} for name in ("G", "D")},
    schedules={
        "lr": {"name": "exponential", "factor": 1 / 1.000004, "floor": 1e-6},
        "momentum": {"name": "linear", "end": 0.7, "begin": 500, "steps": 249 * 500, "every": 500},
    },
    averages={"half_life": 0.0},
    steps=25_000,
    tiny={**TINY, "generator.width": 16},
)

RECIPES = (VANILLA, NON_SATURATING, RELEASED)

SOURCES = ("digits", "mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100", "svhn", "celeba",
           "ring", "grid", "stacked-mnist", "folder", "npz", "pairs")  # fmt: skip


def register(zoo: Registrar) -> None:
    """Everything the core brings."""
    zoo.game("two-player", "ganzoo.two_player:TwoPlayer")
    zoo.game("two-player-simultaneous", "ganzoo.two_player:Simultaneous")
    zoo.loss("minimax", "ganzoo.vanilla:Minimax")
    zoo.loss("non-saturating", "ganzoo.vanilla:NonSaturating")
    zoo.network("mlp", generator="ganzoo.vanilla:MlpGenerator", discriminator="ganzoo.vanilla:MaxoutDiscriminator")
    zoo.network(
        "mlp-2014", generator="ganzoo.vanilla:Mlp2014Generator", discriminator="ganzoo.vanilla:Mlp2014Discriminator"
    )
    for name in ("adam", "sgd", "rmsprop"):
        zoo.optimizer(name, f"ganzoo.optimizers:{name}")
    for name in ("linear", "cosine", "exponential", "warm-up"):
        zoo.schedule(name, f"ganzoo.optimizers:{name.replace('-', '_')}")
    for name, prior in PRIORS.items():
        zoo.prior(name, prior)
    for name in SOURCES:
        zoo.source(name, f"ganzoo.data:{name.replace('-', '_')}")
    zoo.metric("found", "ganzoo.evaluation:FoundDigits")
    zoo.metric("fid", "ganzoo.evaluation:FrechetDistance")
    zoo.metric("modes", "ganzoo.evaluation:CoveredModes")
    zoo.metric("asked", "ganzoo.label_metrics:Asked")
    zoo.metric("purity", "ganzoo.label_metrics:Purity")
    zoo.metric("reconstructed", "ganzoo.picture_metrics:Reconstructed")
    zoo.metric("l1", "ganzoo.picture_metrics:ToTarget")
    zoo.extractor("digits-cnn", "ganzoo.evaluation:DigitsCnn")
    for recipe in RECIPES:
        zoo.variant(recipe)
