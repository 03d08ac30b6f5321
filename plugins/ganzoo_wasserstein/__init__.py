"""Wasserstein's distance, and penalties on D's slope: clipped weights, slopes between or around samples."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, NETWORKS, SEPARATELY
from ganzoo_networks import SEPARATE as BASE

CRITIC = BASE.but(
    changes={
        "optimizers.G": {"name": "adam", "lr": 5e-4, "beta1": 0.0, "beta2": 0.9},
        "optimizers.D": {"name": "adam", "lr": 2e-4, "beta1": 0.0, "beta2": 0.9},
        "tiny.k": 2,
    },
    loss="wasserstein",
    k=5,
)

COMMON = [NETWORKS, SEPARATELY, AVERAGED]

DISTANCE = "D descends  E[D(G(z))] − E[D(x)]{penalty}, five times\nG descends  −E[D(G(z))]"

LINES = "x̂ between a real sample and a fake, on the line"

RATE = "Adam at 5e-4 in G and 2e-4 in D, with β₁ = 0 and β₂ = 0.9"

RING = {  # on points a few hundredths wide: rates for few steps, averaged weights, penalties that let D be steep
    "optimizers.G": {"name": "adam", "lr": 5e-4, "beta1": 0.5, "beta2": 0.9},
    "optimizers.D": {"name": "adam", "lr": 1e-3, "beta1": 0.5, "beta2": 0.9},
    "averages.half_life": 5000.0,
    "terms.gradient-penalty.weight": 0.1,
}


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The loss and the terms, by reference: listing them imports no torch."""
    zoo.loss("wasserstein", "ganzoo_wasserstein.wasserstein:Wasserstein")
    zoo.term("clip", "ganzoo_wasserstein.wasserstein:Clip")
    zoo.term("gradient-penalty", "ganzoo_wasserstein.gradient_penalty:GradientPenalty")
    zoo.variant(
        CRITIC.but(
            "wgan",
            {
                "discriminator.norm": "batch",
                "optimizers.G": {"name": "rmsprop", "lr": 5e-4},
                "optimizers.D": {"name": "rmsprop", "lr": 2e-4},
                "terms.clip": {"name": "clip", "c": 0.01},
                "suites.ring": {
                    "optimizers.G": {"name": "rmsprop", "lr": 2e-4},
                    "optimizers.D": {"name": "rmsprop", "lr": 1e-3},
                    "averages.half_life": 10_000.0,
                    "terms.clip.c": 0.1,
                },
            },
            title="Wasserstein distance, D's weights clipped",
            paper="Arjovsky et al. 2017, Wasserstein GAN (arXiv:1701.07875)",
            formula=f"{DISTANCE.format(penalty='')}\nafter each of D's turns  w ← clip(w, −c, c)",
            deviations=[
                NETWORKS,
                "RMSProp at 5e-4 in G and 2e-4 in D (the paper: 5e-5)",
                AVERAGED,
                "D has five turns for one of G from the first step on; the authors' code has 100 in the first 25 steps "
                "and in every 500th",
            ],
        )
    )
    zoo.variant(
        CRITIC.but(
            "wgan-gp",
            {"terms.gradient-penalty": {"name": "gradient-penalty", "weight": 10.0}, "suites.ring": RING},
            title="Wasserstein distance, gradient penalty: norm 1 between data and samples",
            paper="Gulrajani et al. 2017, Improved Training of Wasserstein GANs (arXiv:1704.00028)",
            formula=f"{DISTANCE.format(penalty=' + λ E[(‖∇D(x̂)‖ − 1)²]')}\n{LINES}",
            deviations=[*COMMON, f"{RATE} (the paper: 1e-4)"],
        )
    )
    zoo.variant(
        CRITIC.but(
            "wgan-lp",
            {
                "terms.gradient-penalty": {"name": "gradient-penalty", "side": "above", "weight": 10.0},
                "suites.ring": RING,
            },
            title="Wasserstein distance, one-sided gradient penalty: norm at most 1 between data and samples",
            paper="Petzka et al. 2017, On the regularization of Wasserstein GANs (arXiv:1709.08894)",
            formula=f"{DISTANCE.format(penalty=' + λ E[max(0, ‖∇D(x̂)‖ − 1)²]')}\n{LINES}",
            deviations=[*COMMON, RATE, "λ = 10 and the lines of WGAN-GP; the paper compares several"],
        )
    )
    zoo.variant(
        CRITIC.but(
            "wgan-div",
            {
                "terms.gradient-penalty": {"name": "gradient-penalty", "centre": 0.0, "power": 6.0, "weight": 2.0},
                "suites.ring": RING,
            },
            title="Wasserstein divergence: the sixth power of D's gradient norm is the penalty",
            paper="Wu et al. 2017, Wasserstein Divergence for GANs (arXiv:1712.01026)",
            formula=f"{DISTANCE.format(penalty=' + k E[‖∇D(x̂)‖^p]')}\nk = 2, p = 6,  {LINES}",
            deviations=[*COMMON, RATE],
        )
    )
    zoo.variant(
        BASE.but(
            "dragan",
            {
                "steps": 4000,
                "optimizers.G.lr": 5e-4,  # a G that is faster than D forgets digits
                "optimizers.D.lr": 5e-4,
                "terms.gradient-penalty": {"name": "gradient-penalty", "points": "around", "weight": 10.0},
                "suites.ring": {
                    "optimizers.G": {"name": "adam", "lr": 1e-3},
                    "optimizers.D": {"name": "adam", "lr": 1e-3},
                    "averages.half_life": 5000.0,
                    "terms.gradient-penalty.weight": 0.1,
                    "terms.gradient-penalty.spread": 0.1,
                },
            },
            title="gradient penalty around data: norm 1",
            paper="Kodali et al. 2017, On Convergence and Stability of GANs (arXiv:1705.07215)",
            formula=f"{BASE.formula.strip()}\n"
            "D descends  λ E[(‖∇D(x + δ)‖ − k)²] too,  δ Gaussian noise,  k = 1,  D the score",
            deviations=[
                *COMMON,
                "Adam at 5e-4 with β₁ = 0.5",
                "δ is half as wide as all pixels of the minibatch together; in the authors' code it is a random share "
                "of noise that is uniform from 0 to half a standard deviation",
            ],
        )
    )
