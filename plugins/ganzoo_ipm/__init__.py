"""Integral probability metrics: how far apart D can bring the means of what it says of data and of samples."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, COMPARED, NETWORKS, SEPARATE, SEPARATELY


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The losses and the term, by reference: listing them imports no torch."""
    zoo.loss("cramer", "ganzoo_ipm.cramer:Cramer")
    zoo.loss("fisher", "ganzoo_ipm.fisher:Fisher")
    zoo.loss("mmd", "ganzoo_ipm.mmd:Mmd")
    zoo.term("reconstruction", "ganzoo_ipm.mmd:Reconstruction")
    adam = {"name": "adam", "lr": 2e-4, "beta1": 0.5, "beta2": 0.9}
    zoo.variant(
        SEPARATE.but(
            "cramer-gan",
            {
                "optimizers": {"G": {**adam, "lr": 5e-4}, "D": adam},
                "suites.ring": {
                    "optimizers.G": {**adam, "lr": 5e-4},
                    "optimizers.D": {**adam, "lr": 1e-3},
                    "averages.half_life": 5000.0,
                    "loss.penalty": 0.1,
                },
                "tiny": {**SEPARATE.tiny, "k": 2, "loss.dimensions": 8},
            },
            loss="cramer",
            k=5,
            title="energy distance between D's embeddings of data and of samples",
            paper="Bellemare et al. 2017, The Cramer Distance as a Solution to Biased Wasserstein Gradients"
            " (arXiv:1705.10743)",
            formula="D descends  E[f(G(z))] − E[f(x)] + λ E[(‖∇f(x̂)‖ − 1)²],  f(x) = ‖h(x) − h(G(z'))‖ − ‖h(x)‖, "
            "five times\n"
            "G descends  E‖h(x) − h(G(z))‖ + E‖h(x) − h(G(z'))‖ − E‖h(G(z)) − h(G(z'))‖\n"
            "h what D says, in 256 dimensions,  x̂ between a real sample and a fake, on the line,  λ = 10",
            deviations=[
                NETWORKS,
                SEPARATELY,
                "Adam at 5e-4 in G and 2e-4 in D",
                AVERAGED,
                "G(z') is another fake of the same minibatch, not one more of its own",
            ],
        )
    )
    zoo.variant(
        COMPARED.but(
            "fisher-gan",
            {
                "suites.ring": {
                    "optimizers.G": {"name": "adam", "lr": 2e-4},
                    "optimizers.D": {"name": "adam", "lr": 5e-4},
                    "averages.half_life": 10_000.0,
                },
            },
            loss="fisher",
            title="distance of means, the second moment of D's scores held at 1 by a Lagrange multiplier",
            paper="Mroueh and Sercu 2017, Fisher GAN (arXiv:1705.09675)",
            formula="D ascends   Ê + λ (1 − Ω̂) − ρ/2 (Ω̂ − 1)²\n"
            "G descends  −E[D(G(z))]\n"
            "Ê = E[D(x)] − E[D(G(z))],  Ω̂ = ½ E[D(x)²] + ½ E[D(G(z))²]\n"
            "λ ← λ + ρ (Ω̂ − 1) after each of D's turns, from 0,  ρ = 1e-6",
            deviations=[
                *COMPARED.deviations,
                "one turn of D for one of G (the authors' commands: two, and Adam at 2e-4 in both)",
            ],
        )
    )
    rmsprop = {"name": "rmsprop", "lr": 5e-5}
    zoo.variant(
        SEPARATE.but(
            "mmd-gan",
            {
                "discriminator": {"name": "autoencoder", "width": 32, "code": 16},
                "optimizers": {"G": {**rmsprop, "lr": 5e-4}, "D": {**rmsprop, "lr": 2e-4}},
                "terms": {
                    "reconstruction": {"name": "reconstruction", "weight": 8.0},
                    "clip": {"name": "clip", "c": 0.1, "part": "encoder"},
                },
                "latent": 16,
                "suites.ring": {
                    "discriminator": "autoencoder-mlp",
                    "optimizers.G": {**rmsprop, "lr": 5e-4},
                    "optimizers.D": {**rmsprop, "lr": 6e-4},
                    "averages.half_life": 10_000.0,
                    "loss.bandwidths": [0.1, 0.2, 0.5, 1.0, 2.0],
                    "terms.clip.c": 0.3,
                },
                "tiny": {**SEPARATE.tiny, "k": 2, "discriminator.code": 4},
            },
            loss="mmd",
            k=5,
            steps=3500,
            title="maximum mean discrepancy of features that D's encoder learns",
            paper="Li et al. 2017, MMD GAN: Towards Deeper Understanding of Moment Matching Network (arXiv:1705.08584)",
            formula="M = E[k(f(x), f(x'))] + E[k(f(G(z)), f(G(z')))] − 2 E[k(f(x), f(G(z)))]\n"
            "D ascends   M − λ E[‖x − decoder(f(x))‖²] − λ E[‖G(z) − decoder(f(G(z)))‖²], five times\n"
            "G descends  M\n"
            "k = Σ exp(−‖a − b‖²/2σ²),  σ in 1, 2, 4, 8, 16;  f D's encoder, its weights clipped to ±c after each turn",
            deviations=[
                "G of infogan-net and a small convolutional autoencoder at width 32, for two CPU cores",
                "RMSProp at 5e-4 in G and 2e-4 in D (the paper: 5e-5)",
                AVERAGED,
                "the errors of reconstruction are means over pixels",
                "c = 0.1 (the paper: 0.01): at 0.01 this encoder's codes lie so close that M is nothing beside "
                "the reconstruction",
                "D has five turns for one of G from the first step on; the authors' code has 100 in the first 25 steps "
                "and in every 500th",
                "M itself, unbiased, as in the paper; the authors' code has the root of the biased estimate, and a "
                "hinge on the difference of the codes' means",
            ],
        )
    )
