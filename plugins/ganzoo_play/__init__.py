"""Games of two players that differ in what D is shown, or in whom G plays against."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import COMPARED as BASE


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The games and the term, by reference: listing them imports no torch."""
    zoo.game("packed", "ganzoo_play.pacgan:Packed")
    zoo.variant(
        BASE.but(
            "pacgan",
            {
                "game": "packed",
                "suites.ring": {
                    "optimizers.G.lr": 5e-4,
                    "optimizers.D.lr": 5e-4,
                    "averages.half_life": 5000.0,
                },
            },
            title="D judges two samples at a time",
            paper="Lin et al. 2018, PacGAN: The power of two samples in generative adversarial networks"
            " (arXiv:1712.04086)",
            formula="D descends  −E[log σ(D(x₁, …, x_m))] − E[log(1 − σ(D(G(z₁), …, G(z_m))))]\n"
            "G descends  −E[log σ(D(G(z₁), …, G(z_m)))],  m = 2",
            deviations=[*BASE.deviations, "a minibatch of 64 samples is 32 packs (the paper: 64 packs)"],
        )
    )
    zoo.game("top-k", "ganzoo_play.topk:TopK")
    zoo.variant(
        BASE.but(
            "topk",
            {"game": "top-k", "decay": 0.9, "every": 156, "tiny.every": 2},
            title="G learns from the samples that D takes for real the most",
            paper="Sinha et al. 2020, Top-k Training of GANs: Improving GAN Performance by Throwing Away Bad Samples"
            " (arXiv:2002.06224)",
            formula=f"{BASE.formula.strip()}\n"
            "G's mean is over the k samples of the batch of N with the highest scores,\n"
            "k/N = max(γ^⌊step/T⌋, ν),  γ = 0.9, T = 156 steps (an epoch), ν = ½",
            deviations=[*BASE.deviations, "γ = 0.9 an epoch, to come to ν after 7 of them (the paper: 0.99)"],
        )
    )
    zoo.game("unrolled", "ganzoo_play.unrolled:Unrolled")
    zoo.variant(
        BASE.but(
            "unrolled",
            {
                "game": "unrolled",
                "discriminator": {"name": "dcgan", "width": 16},
                "unroll": 5,
                "rate": 2e-4,
                "beta1": 0.5,
                "beta2": 0.999,
                "steps": 2000,
                "suites.ring": {
                    "discriminator.units": 100,
                    "optimizers.G.lr": 2e-4,
                    "optimizers.D.lr": 2e-4,
                    "rate": 2e-4,
                    "beta1": 0.8,
                    "averages.half_life": 5000.0,
                },
            },
            title="G's gradient goes through the steps by which D would answer",
            paper="Metz et al. 2017, Unrolled Generative Adversarial Networks (arXiv:1611.02163)",
            formula=f"{BASE.formula.strip()}\n"
            "in G's turn D is θ_K:  θ_0 D's weights,  θ_{k+1} a step of D's Adam from θ_k,  K = 5\n"
            "and G's gradient goes through θ_K",
            deviations=[
                "the G of InfoGAN at width 32 and the D of DCGAN at width 16, which has a fortieth of the weights of "
                "InfoGAN's, since five of its steps are foreseen in each of G's; batch 64",
                "G descends −E[log σ(D(G(z)))] before θ_K; the paper's surrogate is the value function itself",
                "D and G take turns; the authors' code takes both steps from one minibatch",
                *BASE.deviations[1:],
            ],
        )
    )
    zoo.term("rotation", "ganzoo_play.ssgan:Rotation")
    zoo.variant(
        BASE.but(
            "ssgan",
            {
                "discriminator.norm": "none",
                "discriminator.wrap": "spectral",
                "terms.rotation": "rotation",
            },
            loss="hinge",
            title="self-supervised: D also tells how a picture was rotated",
            paper="Chen et al. 2019, Self-Supervised GANs via Auxiliary Rotation Loss (arXiv:1811.11212)",
            formula="D descends  E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))] − β E[log Q(r | x turned by r)]\n"
            "G descends  −E[D(G(z))] − α E[log Q(r | G(z) turned by r)]\n"
            "r in {0°, 90°, 180°, 270°},  α = 0.2,  β = 1,  every weight of D but Q's last layer used as W / σ(W)",
            deviations=[
                *BASE.deviations,
                "the layer that says Q is not normalised; the authors' code normalises it, too",
                "a digit turned by 180° may be another digit: 6 and 9, or the same: 0, 1, 8",
            ],
        )
    )
