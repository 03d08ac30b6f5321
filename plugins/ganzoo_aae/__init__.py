"""Autoencoders whose codes are made to be a prior's by a game."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The game and its networks, by reference: listing them imports no torch."""
    zoo.game("aae", "ganzoo_aae.aae:AAE")
    zoo.network("aae-mlp", encoder="ganzoo_aae.aae:MlpEncoder", discriminator="ganzoo_aae.aae:MlpDiscriminator")
    adam = {"name": "adam", "lr": 5e-4}
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "aae",
            {
                "loss": None,
                "k": None,
                "generator": {"name": "mlp", "widths": [512, 512]},
                "encoder": "aae-mlp",
                "discriminator": "aae-mlp",
                "latent": 8,
                "optimizers": {"AE": adam, "D": adam, "E": adam, "G": None},
                "evaluate.metric": "reconstructed",
            },
            game="aae",
            title="an autoencoder whose codes D cannot tell from a prior",
            paper="Makhzani et al. 2015, Adversarial Autoencoders (arXiv:1511.05644)",
            formula="""
E, G descend  E[(x − G(E(x)))²], the mean over pixels
D ascends     E[log D(z)] + E[log(1 − D(E(x)))]
E ascends     E[log D(E(x))]
""",
            deviations=[
                "E is a function, one of the paper's three choices",
                "Adam at 5e-4 and batch 64 instead of momentum SGD with decaying rates and batch 100",
                "linear layers of 512 units and z of 8 dimensions from N(0, I) (the paper on MNIST: 1,000, and 8 from "
                "N(0, 25 I))",
                "each turn has a minibatch of its own; the paper's are of one",
                "samples and codes come from exponential averages of G's and E's weights",
            ],
            steps=9_000,
            tiny={
                "steps": 20, "batch": 8, "generator.widths": [16], "encoder.widths": [16], "discriminator.widths": [16],
                "latent": 4, "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
            },
        )
    )  # fmt: skip
