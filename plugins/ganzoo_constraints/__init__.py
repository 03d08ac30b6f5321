"""Constraints on the weights of a network, as wraps that any network takes."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, SEPARATE

PAPER = "Miyato et al. 2018, Spectral Normalization for Generative Adversarial Networks (arXiv:1802.05957)"

FORMULA = """\
D descends  E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]
G descends  −E[D(G(z))]
every weight of D is used as W / σ(W), σ(W) the largest singular value by power iteration"""


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The wraps, by reference: listing them imports no torch."""
    zoo.wrap("spectral", "ganzoo_constraints.spectral:spectral")
    zoo.wrap("equalized", "ganzoo_constraints.equalized:equalized")
    zoo.variant(
        SEPARATE.but(
            "sngan",
            {"discriminator.wrap": "spectral"},
            loss="hinge",
            title="spectral normalisation of every layer of D, hinge loss",
            paper=PAPER,
            formula=FORMULA,
            deviations=[
                *SEPARATE.deviations,
                "one turn of D for one of G, as in the paper's settings B and C; its residual networks, with five, are "
                "sngan-resnet",
            ],
        )
    )
    adam = {"name": "adam", "lr": 2e-4, "beta1": 0.0, "beta2": 0.9}
    zoo.variant(
        SEPARATE.but(
            "sngan-resnet",
            {
                "data": "cifar10",
                "generator": {"name": "resnet", "width": 256},
                "discriminator": {"name": "resnet", "width": 128, "wrap": "spectral"},
                "optimizers.G": adam,
                "optimizers.D": adam,
                "latent": 128,
            },
            loss="hinge",
            k=5,
            title="the residual networks of its table 4, for a GPU",
            paper=PAPER,
            formula=FORMULA,
            deviations=[
                "G's turn has 64 samples (the paper: 128), and the learning rate does not decay",
                AVERAGED,
                "not trained by the project: it needs hours of a GPU",
            ],
            steps=50_000,
            tiny={**SEPARATE.tiny, "data": "digits", "k": 2},
        )
    )
