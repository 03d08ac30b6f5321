"""Terms that go with any loss: penalties on D's gradient and its scores, consistency, noise, smoothing, averages."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import SEPARATE

TERMS = {
    "r1": "gradients:R1",
    "r2": "gradients:R2",
    "lecam": "lecam:LeCam",
    "consistency": "consistency:Consistency",
    "balanced-consistency": "improved_consistency:BalancedConsistency",
    "latent-consistency": "improved_consistency:LatentConsistency",
    "instance-noise": "noise:InstanceNoise",
    "label-smoothing": "smoothing:LabelSmoothing",
    "orthogonal": "orthogonal:Orthogonal",
    "mode-seeking": "mode_seeking:ModeSeeking",
    "historical-averaging": "historical:HistoricalAveraging",
}

BASE = SEPARATE.but(steps=4000)

LOSS = ganzoo.recipe("vanilla-ns").formula.strip()

SHIFTS = "T shifts by at most 3 pixels and does not mirror: a mirrored digit is no digit"


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The terms, by reference: listing them imports no torch."""
    for name, place in TERMS.items():
        zoo.term(name, f"ganzoo_penalties.{place}")
    zoo.variant(
        BASE.but(
            "r1gan",
            {
                "terms.r1": {"name": "r1", "gamma": 10.0},
                "suites.ring": {
                    "optimizers.G.lr": 5e-4,
                    "optimizers.D.lr": 1e-3,
                    "averages.half_life": 5000.0,
                    "terms.r1.gamma": 0.003,
                },
            },
            title="R1: a penalty on D's gradient at data, with which the game converges locally",
            paper="Mescheder et al. 2018, Which Training Methods for GANs do actually Converge? (arXiv:1801.04406)",
            formula=f"{LOSS}\nD descends  γ/2 E[‖∇D(x)‖²] too, over data,  γ = 10",
            deviations=[*BASE.deviations, "the paper has RMSProp, or Adam with β₁ = 0, at 1e-4"],
        )
    )
    zoo.variant(
        BASE.but(
            "lecam",
            {"terms.lecam": "lecam"},
            title="D's scores of data and fakes are each tied to the other's moving average",
            paper="Tseng et al. 2021, Regularizing Generative Adversarial Networks under Limited Data"
            " (arXiv:2104.03310)",
            formula=f"{LOSS}\nD descends  λ (E[(D(x) − α_F)²] + E[(D(G(z)) − α_R)²]) too\n"
            "α_R ← γ α_R + (1 − γ) E[D(x)],  α_F ← γ α_F + (1 − γ) E[D(G(z))],  D the score,  λ = 0.3, γ = 0.99",
            deviations=[
                *BASE.deviations,
                "the non-saturating loss and no spectral normalisation; the paper's BigGAN has the hinge, and "
                "discriminator.wrap=spectral",
                "both sides of the squares, from the first step on, as in the paper; the authors' code counts what a "
                "score is beyond the average only, and nothing in the first 1,000 steps of BigGAN",
            ],
        )
    )
    zoo.variant(
        BASE.but(
            "crgan",
            {"terms.consistency": {"name": "consistency", "flip": 0.0}},
            title="consistency regularisation: D scores a picture of the data as it does its augmented copy",
            paper="Zhang et al. 2019, Consistency Regularization for Generative Adversarial Networks"
            " (arXiv:1910.12027)",
            formula=f"{LOSS}\nD descends  λ E[(D(x) − D(T(x)))²] too, D the score,  λ = 10",
            deviations=[*BASE.deviations, SHIFTS, "no spectral normalisation; discriminator.wrap=spectral has it"],
        )
    )
    zoo.variant(
        BASE.but(
            "bcr",
            {"terms.balanced-consistency": {"name": "balanced-consistency", "flip": 0.0}},
            title="balanced consistency regularisation: the same of data and of fakes",
            paper="Zhao et al. 2020, Improved Consistency Regularization for GANs (arXiv:2002.04724)",
            formula=f"{LOSS}\n"
            "D descends  λ_real E[(D(x) − D(T(x)))²] + λ_fake E[(D(G(z)) − D(T(G(z))))²] too, D the score,\n"
            "λ_real = λ_fake = 10",
            deviations=[*BASE.deviations, SHIFTS, "no spectral normalisation; discriminator.wrap=spectral has it"],
        )
    )
    zoo.variant(
        BASE.but(
            "zcr",
            {"terms.latent-consistency": "latent-consistency"},
            title="latent consistency regularisation: noise on z changes D's score little, and G's picture much",
            paper="Zhao et al. 2020, Improved Consistency Regularization for GANs (arXiv:2002.04724)",
            formula=f"{LOSS}\nD descends  λ_dis E[(D(G(z)) − D(G(T(z))))²] too, D the score\n"
            "G descends  −λ_gen E[(G(z) − G(T(z)))²] too,  T(z) = z + σ ε,  λ_dis = 5, λ_gen = 0.5, σ = 0.03",
            deviations=[
                *BASE.deviations,
                "the square of pictures is a mean over pixels",
                "no spectral normalisation; discriminator.wrap=spectral has it",
            ],
        )
    )
