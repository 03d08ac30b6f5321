"""BigGAN: classes and a part of the noise for every block, orthogonal weights, truncation."""

from __future__ import annotations

import ganzoo
from ganzoo_sagan import TINY

PAPER = "Brock et al. 2018, Large Scale GAN Training for High Fidelity Natural Image Synthesis (arXiv:1809.11096)"

FORMULA = """
D descends  E[max(0, 1 − D(x, y))] + E[max(0, 1 + D(G(z, y), y))]
G descends  −E[D(G(z, y), y)] + β Σ ‖W Wᵀ ⊙ (1 − I)‖²,  the rows of W being the filters of a layer of G
every weight of both is used as W / σ(W), σ(W) the largest singular value by power iteration
"""

COMMON = [
    "the orthogonal penalty is of W / σ(W), the weights as they are used",
    "vectors of classes are N(0, 1) at first, like the noise beside them (the paper: orthogonal, which is smaller)",
    "truncated samples have the running statistics of BatchNorm (the paper: statistics of its own for each truncation)",
]


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The networks and variants, by reference: listing them imports no torch."""
    zoo.network(
        "biggan", generator="ganzoo_biggan.network:Generator", discriminator="ganzoo_biggan.network:Discriminator"
    )
    digits = ganzoo.recipe("vanilla-ns").but(
        "biggan",
        {
            "conditions": ["label"],
            "generator": {"name": "biggan", "width": 16, "embedding": 32, "wrap": "spectral"},
            "discriminator": {"name": "biggan", "width": 16, "wrap": "spectral"},
            "optimizers.G": {"name": "adam", "lr": 4e-4, "beta1": 0.0, "beta2": 0.9},
            "optimizers.D": {"name": "adam", "lr": 1.6e-3, "beta1": 0.0, "beta2": 0.9},
            "terms.orthogonal": {"name": "orthogonal", "weight": 1e-4},
            "prior": {"name": "normal", "low": -2.0, "high": 2.0},
            "latent": 60,
            "batch": 32,
            "evaluate.metric": "asked",
        },
        loss="hinge",
        title="classes and a part of the noise for every block, orthogonal regularisation, truncation",
        paper=PAPER,
        formula=FORMULA,
        deviations=[
            *COMMON,
            "width 16 (32 at the smallest map), vectors of 32 for classes, noise of 60 and batch 32, for a CPU (the "
            "paper at 128 pixels: 96 to 1536, 128, 120 and 2048)",
            "one turn of D for one of G, at 1.6e-3 and 4e-4 with β₂ = 0.9, as a CPU affords few steps (the paper: two, "
            "at 2e-4 and 5e-5 with 0.999)",
            "the half-life of the average of G's weights is at most 5 % of the pictures seen",
        ],
        steps=4000,
        tiny={**TINY, "generator.embedding": 4, "accumulate": 1},
    )
    zoo.variant(digits)
    zoo.variant(
        digits.but(
            "biggan-128",
            {
                "data": {"name": "folder:pictures", "size": 128, "flip": True},
                "generator.width": 96,
                "generator.embedding": 128,
                "discriminator.width": 96,
                "optimizers.G": {"name": "adam", "lr": 5e-5, "beta1": 0.0, "beta2": 0.999},
                "optimizers.D": {"name": "adam", "lr": 2e-4, "beta1": 0.0, "beta2": 0.999},
                "latent": 120,
                "k": 2,
                "batch": 64,
                "accumulate": 32,
                "averages.half_life": 14_000_000.0,
                "averages.ramp": 0.0,
                "evaluate.metric": "swd",
            },
            title="128 pixels of many classes, for GPUs: --data folder:PATH, a sub-folder a class",
            paper=PAPER,
            formula=FORMULA,
            deviations=[
                *COMMON,
                "32 minibatches of 64 make a step (the paper: one of 2048, with BatchNorm over all of it)",
                "not trained by the project: it needs weeks of a GPU",
            ],
            steps=150_000,
            tiny={**digits.tiny, "data": "digits", "k": 1, "evaluate.metric": "found"},
        )
    )
