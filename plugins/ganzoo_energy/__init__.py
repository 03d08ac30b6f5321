"""Games on an energy: D is an autoencoder whose score is its error, low on data."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, COMPARED, RATES

BASE = COMPARED.but(
    changes={"discriminator": {"name": "autoencoder", "width": 32}},
    tiny={**COMPARED.tiny, "discriminator.code": 8},
)

COMMON = [
    "G of infogan-net and a small convolutional autoencoder at width 32, batch 64, for two CPU cores",
    RATES,
    AVERAGED,
]


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The losses and the term, by reference: listing them imports no torch."""
    zoo.loss("ebgan", "ganzoo_energy.ebgan:Margin")
    zoo.term("pulling-away", "ganzoo_energy.ebgan:PullingAway")
    zoo.variant(
        BASE.but(
            "ebgan",
            {
                "discriminator.norm": "batch",
                "terms.pulling-away": {"name": "pulling-away", "weight": 0.1},
                "suites.ring": {"discriminator": "autoencoder-mlp"},
            },
            loss={"name": "ebgan", "margin": 0.2},
            title="an autoencoder's error as energy, up to a margin; fakes pull away from each other",
            paper="Zhao et al. 2016, Energy-based Generative Adversarial Network (arXiv:1609.03126)",
            formula="D descends  E[D(x)] + E[max(0, m − D(G(z)))]\n"
            "G descends  E[D(G(z))] + 0.1 · mean over pairs i ≠ j of cos²(code of G(zᵢ), code of G(zⱼ))\n"
            "D(x) the mean squared error per pixel",
            deviations=[
                *COMMON,
                "D(x) is the mean of squares (the paper: the norm), of pixels in [0, 1]; m = 0.2, three times what "
                "the mean digit in place of each would come to (the paper: by a search)",
            ],
        )
    )
    zoo.loss("magan", "ganzoo_energy.magan:Adaptive")
    zoo.variant(
        BASE.but(
            "magan",
            {
                "discriminator.norm": "batch", "tiny.loss.epoch": 3, "tiny.loss.pretrain": 3,
                # a wider code copies any point of the plane, and leaves no energy for a margin
                "suites.ring": {"discriminator": {"name": "autoencoder-mlp", "code": 1}},
            },
            loss={"name": "magan", "epoch": 156, "pretrain": 312},
            title="an autoencoder's error as energy, up to a margin that follows the energy of data",
            paper="Wang et al. 2017, MAGAN: Margin Adaptation for Generative Adversarial Networks (arXiv:1704.03817)",
            formula="D descends  E[D(x)] + E[max(0, m − D(G(z)))]\n"
            "G descends  E[D(G(z))]\n"
            "m, at first the mean of D(x) over an epoch of D alone, becomes that of each later epoch t in which\n"
            "E_t[D(x)] < m,  E_t[D(x)] < E_t[D(G(z))]  and  E_{t−1}[D(G(z))] < E_t[D(G(z))]\n"
            "D(x) the mean squared error per pixel",
            deviations=[*COMMON, "the energies of fakes are those of D's turns, not of G's"],
        )
    )  # fmt: skip
    zoo.loss("began", "ganzoo_energy.began:Equilibrium")
    zoo.variant(
        BASE.but(
            "began",
            {
                "discriminator.power": 1.0,
                "prior": "uniform",
                "latent": 64,
                "suites.ring": {"discriminator": {"name": "autoencoder-mlp", "power": 1.0}},
            },
            loss={"name": "began", "gamma": 0.9, "rate": 0.03},
            steps=5000,
            title="an autoencoder's errors on data and samples, kept at a ratio",
            paper="Berthelot et al. 2017, BEGAN: Boundary Equilibrium Generative Adversarial Networks"
            " (arXiv:1703.10717)",
            formula="D descends  E[D(x)] − k E[D(G(z))]\nG descends  E[D(G(z))]\n"
            "k ← k + λ (γ E[D(x)] − E[D(G(z))]), kept in [0, 1], from 0\n"
            "D(x) the mean absolute error per pixel",
            deviations=[
                *COMMON,
                "λ = 0.03, so that k arrives in 5,000 steps (the paper: 0.001); γ = 0.9, for variety (0.3 to 0.7)",
                "k moves by the samples of D's turn, not of G's",
                "G is no copy of D's decoder, and the learning rate does not decay",
            ],
        )
    )
