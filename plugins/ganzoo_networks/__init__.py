"""Networks that many variants share."""

from __future__ import annotations

import ganzoo

NETWORKS = (
    "the networks of InfoGAN, on which Lucic et al. 2018 (arXiv:1711.10337) compare losses, at width 32 and batch 64, "
    "for two CPU cores"
)
SEPARATELY = "D without the BatchNorm that InfoGAN's has"
RATES = "Adam at 1e-3 in G and 2e-4 in D, with β₁ = 0.5"
AVERAGED = "samples come from an exponential average of G's weights"

DCGAN = ganzoo.recipe("vanilla-ns").but(
    "dcgan",
    {
        "generator": {"name": "dcgan", "width": 32},
        "discriminator": {"name": "dcgan", "width": 32},
        "optimizers.G.lr": 1e-3,
        "optimizers.D.lr": 2e-4,
    },
    title="convolutional networks with BatchNorm",
    paper="Radford et al. 2015, Unsupervised Representation Learning with DCGANs (arXiv:1511.06434)",
    formula=ganzoo.recipe("vanilla-ns").formula,
    deviations=[
        "width 32 and batch 64 for two CPU cores (the paper: 128, batch 128)",
        "Adam at 1e-3 in G, for few steps (the paper: 2e-4 in both)",
        "kernels of 4×4 and a normal z (the paper's figure 1: 5×5, uniform; prior=uniform has it)",
        AVERAGED,
    ],
    steps=4000,
    tiny={
        "steps": 20, "batch": 8, "generator.width": 8, "discriminator.width": 8, "latent": 8,
        "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
    },
)  # fmt: skip

COMPARED = ganzoo.recipe("vanilla-ns").but(
    changes={
        "generator": {"name": "infogan-net", "width": 32},
        "discriminator": {"name": "infogan-net", "width": 32},
        "optimizers.G.lr": 1e-3,
        "optimizers.D.lr": 2e-4,
    },
    deviations=[NETWORKS, RATES, AVERAGED],
    steps=3000,
    tiny={**DCGAN.tiny, "generator.width": 4, "discriminator.width": 4},
)
"""What families of two-player games on pictures start from: one pair of networks, so that only the game differs."""

SEPARATE = COMPARED.but(
    changes={"discriminator.norm": "none"},
    deviations=[NETWORKS, SEPARATELY, RATES, AVERAGED],
)
"""The same with a D that judges each sample by itself, as penalties on its gradient ask for."""


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
