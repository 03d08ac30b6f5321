"""Augmentations of what D sees, for little data: any variant of pictures takes one by --set augment=NAME."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, DCGAN, RATES

BASE = DCGAN.but(steps=3000)

COMMON = [
    "networks of dcgan at width 32, batch 64, for two CPU cores (the paper: StyleGAN2, and others)",
    RATES,
    AVERAGED,
]


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The augmentations, by reference: listing them imports no torch."""
    zoo.augment("diffaugment", "ganzoo_augment.diffaugment:DiffAugment")
    zoo.variant(
        BASE.but(
            "diffaugment",
            augment="diffaugment",
            title="differentiable augmentation of all that D sees: colour, translation, cutout",
            paper="Zhao et al. 2020, Differentiable Augmentation for Data-Efficient GAN Training (arXiv:2006.10738)",
            formula="D descends  E[softplus(−D(T(x)))] + E[softplus(D(T(G(z))))]\n"
            "G descends  E[softplus(−D(T(G(z))))],  T drawn anew for each sample, its gradient taken too",
            deviations=COMMON,
        )
    )
    zoo.augment("ada", "ganzoo_augment.ada:AdaptiveAugment")
    zoo.variant(
        BASE.but(
            "ada",
            {
                "augment": {"name": "ada", "images": 100_000.0},
                "discriminator": {"name": "dcgan", "width": 32, "norm": "none"},
            },
            title="adaptive augmentation of all that D sees, stronger the more D overfits",
            paper="Karras et al. 2020, Training Generative Adversarial Networks with Limited Data (arXiv:2006.06676)",
            formula="D descends  E[softplus(−D(T(x)))] + E[softplus(D(T(G(z))))]\n"
            "G descends  E[softplus(−D(T(G(z))))],  each step of T with probability p\n"
            "every 4 minibatches of m: p ← p + sign(r_t − 0.6) · 4m/100,000 within [0, 1],  r_t = E[sign(D(T(x)))]",
            deviations=[
                *COMMON,
                "the D of dcgan without its BatchNorm, so that r_t is of each picture alone",
                "p may go from 0 to 1 in 100,000 images (the paper: 500,000), as the run is short",
                "resampled bilinearly without the paper's doubled resolution",
                "no R1 penalty: terms.r1=r1 adds it",
            ],
        )
    )
