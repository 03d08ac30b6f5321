"""SAGAN: residual networks with self-attention, spectral normalisation in both, two learning rates."""

from __future__ import annotations

import ganzoo

TINY = {
    "steps": 20, "batch": 8, "generator.width": 4, "discriminator.width": 4, "latent": 8,
    "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
}  # fmt: skip


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The networks, by reference: listing them imports no torch."""
    zoo.network("sagan", generator="ganzoo_sagan.network:Generator", discriminator="ganzoo_sagan.network:Discriminator")
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "sagan",
            {
                "conditions": ["label"],
                "generator": {"name": "sagan", "width": 16, "wrap": "spectral"},
                "discriminator": {"name": "sagan", "width": 16, "wrap": "spectral"},
                "optimizers.G": {"name": "adam", "lr": 4e-4, "beta1": 0.0, "beta2": 0.9},
                "optimizers.D": {"name": "adam", "lr": 1.6e-3, "beta1": 0.0, "beta2": 0.9},
                "latent": 128,
                "batch": 32,
                "evaluate.metric": "asked",
            },
            loss="hinge",
            title="self-attention in G and D, which are told the class",
            paper="Zhang et al. 2018, Self-Attention Generative Adversarial Networks (arXiv:1805.08318)",
            formula="o_j = v(Σ_i β_ji h(x_i)),  β_j = softmax_i(f(x_i)ᵀ g(x_j)),  y = γ o + x,  γ = 0 at first\n"
            "D descends  E[max(0, 1 − D(x, y))] + E[max(0, 1 + D(G(z, y), y))]\nG descends  −E[D(G(z, y), y)]\n"
            "every weight of both is used as W / σ(W), σ(W) the largest singular value by power iteration",
            deviations=[
                "width 16 (32 at the smallest map) and batch 32, for a CPU (the paper at 128 pixels: 64 to 1024, 256)",
                "four times the paper's learning rates, 1e-4 and 4e-4, as a CPU affords few steps",
                "attention is the authors' code's: keys and values are the greatest of 2×2 places, and values have C/2 "
                "channels (the text: every place, C/8)",
                "samples come from an exponential average of G's weights",
            ],
            steps=4000,
            tiny=TINY,
        )
    )
