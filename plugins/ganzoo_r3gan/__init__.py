"""R3GAN: the relativistic loss in pairs, both gradient penalties, residual networks without normalisation."""

from __future__ import annotations

import ganzoo

STEPS = 2300

BURN_IN = 1000


def falling(end: float, **more: float) -> dict[str, object]:
    """The paper's cosine, from the number itself to `end` within the burn-in."""
    return {"name": "cosine", "end": end, "steps": BURN_IN, **more}


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The networks, by reference: listing them imports no torch."""
    zoo.network("r3gan", generator="ganzoo_r3gan.network:Generator", discriminator="ganzoo_r3gan.network:Discriminator")
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "r3gan",
            {
                "generator": "r3gan",
                "discriminator": "r3gan",
                "optimizers.G": {"name": "adam", "lr": 2e-3, "beta1": 0.0, "beta2": 0.9},
                "optimizers.D": {"name": "adam", "lr": 2e-3, "beta1": 0.0, "beta2": 0.9},
                "schedules": {
                    "lr": falling(3e-4),
                    "beta2": falling(0.99),
                    "terms": {"r1": {"gamma": falling(0.1)}, "r2": {"gamma": falling(0.1)}},
                },
                "terms": {"r1": {"name": "r1", "gamma": 1.0}, "r2": {"name": "r2", "gamma": 1.0}},
                "latent": 64,
                "suites.ring": {
                    "optimizers.G.lr": 5e-4,
                    "optimizers.D.lr": 1e-3,
                    "averages.half_life": 5000.0,
                    "terms.r1.gamma": 0.003,
                    "terms.r2.gamma": 0.003,
                },
            },
            loss="rsgan",
            title="a modern baseline: pairs, two gradient penalties, no normalisation, no tricks",
            paper="Huang et al. 2024, The GAN is dead; long live the GAN! A Modern GAN Baseline (arXiv:2501.05441)",
            formula="D descends  E[log(1 + exp(D(G(z)) − D(x)))] + γ/2 E[‖∇D(x)‖²] + γ/2 E[‖∇D(G(z))‖²]\n"
            "G descends  E[log(1 + exp(D(x) − D(G(z))))]\n"
            f"lr, β₂ and γ on half a cosine over the first {BURN_IN:,} steps",
            deviations=[
                "width 8-32, one block a level, batch 64 and an lr from 2e-3 to 3e-4, for two CPU cores "
                "(the paper's smallest: width 768, two blocks, batch 512, 10 million pictures)",
                "the 3×3 convolutions have 2 groups",
                "tanh at the end of G, since pixels have a range",
                "no augmentation of what D sees; the authors' settings have it for every one of their data",
                "a level has its 1×1 convolution also where the width stays; labels are planes for D and one-hot for G",
                "the half-life of the average of G's weights is at most 5 % of the pictures seen, instead of a cosine",
            ],
            steps=STEPS,
            tiny={
                "steps": 10, "batch": 8, "generator.width": 2, "discriminator.width": 2, "latent": 8,
                "schedules.lr.steps": 7,
                "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
            },
        )
    )  # fmt: skip
