"""Constraints on the weights of a network, as wraps that any network takes."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The wraps, by reference: listing them imports no torch."""
    zoo.wrap("spectral", "ganzoo_constraints.spectral:spectral")
    zoo.wrap("equalized", "ganzoo_constraints.equalized:equalized")
    adam = {"name": "adam", "lr": 2e-4, "beta1": 0.0, "beta2": 0.9}
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "sngan",
            {
                "generator": {"name": "resnet", "width": 32},
                "discriminator": {"name": "resnet", "width": 32, "wrap": "spectral"},
                "optimizers.G": adam,
                "optimizers.D": adam,
            },
            loss="hinge",
            k=5,
            latent=128,
            title="every layer of D divided by its greatest singular value, residual networks, hinge loss",
            paper="Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks (arXiv:1802.05957)",
            formula="D descends  E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]\n"
            "G descends  −E[D(G(z))]\n"
            "every weight of D is used as W / σ(W), σ(W) the greatest singular value by power iteration",
            deviations=[
                "width 32 for two CPU cores (the paper: 256 in G, 128 in D)",
                "G's turn has 64 samples (the paper: 128), and the learning rate does not decay",
                "samples come from an exponential average of G's weights",
            ],
            steps=700,
            tiny={
                "steps": 20, "batch": 8, "generator.width": 8, "discriminator.width": 8, "latent": 8, "k": 2,
                "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
            },
        )
    )  # fmt: skip
