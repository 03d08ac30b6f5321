"""Networks that many variants share."""

from __future__ import annotations

import ganzoo

DCGAN = ganzoo.recipe("vanilla-ns").but(
    "dcgan",
    {
        "generator": {"name": "dcgan", "width": 32},
        "discriminator": {"name": "dcgan", "width": 32},
        "optimizers.G.lr": 2e-4,
        "optimizers.D.lr": 2e-4,
    },
    title="convolutional networks with BatchNorm",
    paper="Radford et al. 2015, Unsupervised Representation Learning with DCGANs (arXiv:1511.06434)",
    formula=ganzoo.recipe("vanilla-ns").formula,
    deviations=[
        "width 32 and batch 64 for two CPU cores (the paper: 128, batch 128)",
        "samples come from an exponential average of G's weights",
    ],
    steps=7000,
    tiny={
        "steps": 20, "batch": 8, "generator.width": 8, "discriminator.width": 8, "latent": 8,
        "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
    },
)  # fmt: skip
"""What families of pictures start from, too."""


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The networks, by reference: listing them imports no torch."""
    zoo.network(
        "dcgan", generator="ganzoo_networks.dcgan:Generator", discriminator="ganzoo_networks.dcgan:Discriminator"
    )
    zoo.network("autoencoder", discriminator="ganzoo_networks.autoencoder:Discriminator")
    zoo.network("autoencoder-mlp", discriminator="ganzoo_networks.autoencoder_mlp:Discriminator")
    for name in ("pacgan-mlp", "infogan-net", "resnet"):
        module = f"ganzoo_networks.{name.replace('-', '_')}"
        zoo.network(name, generator=f"{module}:Generator", discriminator=f"{module}:Discriminator")
    zoo.variant(DCGAN)
