"""Labels and codes: what a generator is asked for beside its noise."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import AVERAGED, COMPARED, DCGAN, NETWORKS, RATES

BASE = DCGAN.but(changes={"evaluate.metric": "asked"})


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """Networks, terms and variants, by reference: listing them imports no torch."""
    zoo.network(
        "cgan-mlp",
        generator="ganzoo_labels.cgan_mlp:Generator",
        discriminator="ganzoo_labels.cgan_mlp:Discriminator",
    )
    zoo.network(
        "projection",
        generator="ganzoo_labels.projection:Generator",
        discriminator="ganzoo_labels.projection:Discriminator",
    )
    zoo.network("sgan", discriminator="ganzoo_labels.sgan:Discriminator")
    zoo.source("semi", "ganzoo_labels.semi:semi")
    zoo.game("semi-supervised", "ganzoo_labels.sgan:SemiSupervised")
    zoo.metric("classified", "ganzoo_labels.classified:Classified")
    zoo.term("supervised", "ganzoo_labels.sgan:Supervised")
    zoo.term("auxiliary-classifier", "ganzoo_labels.auxiliary:AuxiliaryClassifier")
    zoo.term("information", "ganzoo_labels.information:Information")
    zoo.variant(
        BASE.but(
            "cgan",
            {"conditions": ["label"]},
            title="G and D are told the class",
            paper="Mirza and Osindero 2014, Conditional Generative Adversarial Nets (arXiv:1411.1784)",
            formula="D ascends  E[log D(x | y)] + E[log(1 − D(G(z | y) | y))]\nG ascends  E[log D(G(z | y) | y)]",
            deviations=[
                "the networks of dcgan at width 32, the label one-hot beside z and as planes beside the picture; the "
                "paper's, of linear and maxout layers, are generator=cgan-mlp and discriminator=cgan-mlp",
                "G ascends log D instead of descending log(1 − D) (Eq. 2)",
                "z is normal (the paper: uniform); prior=uniform has it",
                f"{RATES}, and batch 64, instead of momentum SGD with a decaying rate and batch 100",
                AVERAGED,
            ],
        )
    )
    zoo.variant(
        COMPARED.but(
            "acgan",
            {"terms.auxiliary-classifier": {"name": "auxiliary-classifier"}, "evaluate.metric": "asked"},
            title="auxiliary classifier: D also says the class, and both players want it right",
            paper="Odena et al. 2017, Conditional Image Synthesis with Auxiliary Classifier GANs (arXiv:1610.09585)",
            formula="L_S = E[log P(S = real | x)] + E[log P(S = fake | G(c, z))]\n"
            "L_C = E[log P(C = c | x)] + E[log P(C = c | G(c, z))]\n"
            "D ascends  L_S + L_C\nG ascends  L_C + E[log P(S = real | G(c, z))]",
            deviations=[
                "G ascends log P(S = real) of its fakes instead of descending L_S",
                NETWORKS,
                RATES,
                "no dropout in D",
                AVERAGED,
            ],
        )
    )
    zoo.variant(
        BASE.but(
            "projection",
            {
                "conditions": ["label"],
                "generator.name": "projection",
                "discriminator": {"name": "projection", "width": 16, "wrap": "spectral"},
            },
            loss="hinge",
            title="D's features are projected on the class, G's BatchNorm has scale and shift for each",
            paper="Miyato and Koyama 2018, cGANs with Projection Discriminator (arXiv:1802.05637)",
            formula="D(x, y) = yᵀ V φ(x) + ψ(φ(x))\n"
            "D descends  E[max(0, 1 − D(x, y))] + E[max(0, 1 + D(G(z, y), y))]\nG descends  −E[D(G(z, y), y)]\n"
            "every weight W of D is used as W / σ(W), σ(W) the largest singular value by power iteration",
            deviations=[
                "plain convolutions of width 32 in G and 16 in D instead of residual networks, for two CPU cores",
                "one turn of D for one of G (the paper: five, Adam at 2e-4 with betas of 0 and 0.9)",
                RATES,
                AVERAGED,
            ],
        )
    )
    zoo.variant(
        COMPARED.but(
            "infogan",
            {
                "steps": 4000,
                "terms.information": {"name": "information", "caution": 1.0, "least": 1.0},
                "latent": 62,
                "prior": "uniform",
                "evaluate.metric": "purity",
            },
            title="codes that can be read off the sample, learnt without labels",
            paper="Chen et al. 2016, InfoGAN: Interpretable Representation Learning by Information Maximizing"
            " Generative Adversarial Nets (arXiv:1606.03657)",
            formula="D descends  −V(D, G) − L_I(G, Q)\nG descends  −E[log D(G(z, c))] − L_I(G, Q)\n"
            "L_I = E[log Q(c₁ | x)] + H(c₁) + Σ (E[log Q(cₖ | x)] + H(cₖ)),  c₁ ~ Cat(10), c₂, c₃ ~ U(−1, 1)\n"
            "Q(cₖ | x) = N(μₖ(x), 1), as in the authors' code for digits",
            deviations=[
                "G ascends log D instead of descending log(1 − D) (Eq. 6)",
                "the paper's layers at width 32 and batch 64 (the paper: 64 and 128), for two CPU cores, with leaky "
                "ReLU of slope 0.2 throughout as in Lucic et al. 2018 (the paper: ReLU in G, slope 0.1 in D)",
                AVERAGED,
            ],
        )
    )
    zoo.variant(
        BASE.but(
            "sgan",
            {
                "data": {"name": "semi:digits", "labelled": 100},
                "terms.supervised": {"name": "supervised"},
                "discriminator": {"name": "sgan", "width": 32},
                "optimizers.G.lr": 1e-3,
                "optimizers.D.lr": 1e-3,
                "evaluate.metric": "classified",
            },
            game="semi-supervised",
            loss="feature-matching",
            title="D classifies, with 100 labels, and 'fake' is one class more",
            paper="Odena 2016, Semi-Supervised Learning with Generative Adversarial Networks (arXiv:1606.01583);"
            " Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498), section 5",
            formula="D(x) = Z / (Z + 1),  Z = Σₖ exp lₖ(x)\n"
            "D descends  −E[log D(x)] − E[log(1 − D(G(z)))] − E[log p(y | x, y ≤ K)], the last of labelled samples\n"
            "G descends  ‖E f(x) − E f(G(z))‖², f the features of D",
            deviations=[
                "small convolutional networks of width 32 with dropout instead of deep linear ones with noise and "
                "normalised weights; Adam at 1e-3 and batch 64, for two CPU cores",
                "G matches features, as Salimans et al. found to classify best; Odena's raises the score of its fakes: "
                "loss=non-saturating",
                "samples and the classifier come from an exponential average of the weights",
            ],
        )
    )
