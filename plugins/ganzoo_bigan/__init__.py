"""Games with an encoder in G's team: D judges pairs of a picture and its latent."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The game, its loss and its networks, by reference: listing them imports no torch."""
    zoo.game("bigan", "ganzoo_bigan.bigan:BiGAN")
    zoo.loss("bidirectional", "ganzoo_bigan.bigan:Bidirectional")
    zoo.network(
        "bigan-mlp",
        generator="ganzoo_bigan.networks:Generator",
        encoder="ganzoo_bigan.networks:Encoder",
        discriminator="ganzoo_bigan.networks:Discriminator",
    )
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "bigan",
            {
                "generator": "bigan-mlp",
                "encoder": "bigan-mlp",
                "discriminator": "bigan-mlp",
                "prior": "uniform",
                "latent": 50,
                "optimizers.G": {"name": "adam", "lr": 5e-4},
                "optimizers.D": {"name": "adam", "lr": 2e-4},
                "evaluate.metric": "reconstructed",
            },
            game="bigan",
            loss="bidirectional",
            title="an encoder E in G's team; D tells (x, E(x)) from (G(z), z)",
            paper="Donahue et al. 2017, Adversarial Feature Learning (arXiv:1605.09782); Dumoulin et al. 2017, "
            "Adversarially Learned Inference (arXiv:1606.00704)",
            formula="""
D ascends      V = E[log D(x, E(x))] + E[log(1 − D(G(z), z))]
G, E ascend    E[log D(G(z), z)] + E[log(1 − D(x, E(x)))]
at the optimum, E inverts G
""",
            deviations=[
                "E is a function, as in Donahue et al.; that of Dumoulin et al. draws its latents",
                "linear layers of 512 units, batch 64 and no weight decay (Donahue et al.: 1,024, 128, 2.5e-5)",
                "G and E learn at 5e-4, D at 2e-4 (Donahue et al.: 2e-4)",
                "D has two hidden layers and no BatchNorm",
                "samples and latents come from exponential averages of G's and E's weights",
            ],
            steps=12_000,
            tiny={
                "steps": 20, "batch": 8, "generator.widths": [16], "encoder.widths": [16], "discriminator.widths": [16],
                "latent": 8, "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
            },
        )
    )  # fmt: skip
