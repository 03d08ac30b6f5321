"""Improved GAN: what D sees of a whole batch, and features for G to match."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import COMPARED

PAPER = "Salimans et al. 2016, Improved Techniques for Training GANs (arXiv:1606.03498)"


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The terms, by reference: listing them imports no torch."""
    zoo.loss("feature-matching", "ganzoo_improved.feature_matching:InsteadOfTheScore")
    zoo.term("feature-matching", "ganzoo_improved.feature_matching:FeatureMatching")
    zoo.term("minibatch-discrimination", "ganzoo_improved.minibatch_discrimination:MinibatchDiscrimination")
    zoo.term("minibatch-std", "ganzoo_improved.minibatch_std:MinibatchStd")
    zoo.variant(
        COMPARED.but(
            "improved-gan",
            {
                "terms": {
                    "feature-matching": {"name": "feature-matching", "weight": 0.01},
                    "minibatch-discrimination": {"name": "minibatch-discrimination"},
                    "historical-averaging": {"name": "historical-averaging", "weight": 1e-4},
                    "label-smoothing": {"name": "label-smoothing", "target": 0.9},
                },
            },
            title="feature matching, minibatch discrimination, historical averaging, one-sided label smoothing",
            paper=PAPER,
            formula="D descends  −E[0.9 log D(x) + 0.1 log(1 − D(x))] − E[log(1 − D(G(z)))] + λ_h ‖θ_D − average‖²\n"
            "G descends  −E[log D(G(z))] + λ_f ‖E f(x) − E f(G(z))‖² + λ_h ‖θ_G − average‖²\n"
            "D's last layer sees f(x_i) and  o(x_i)_b = Σ_j exp(−‖M_i,b − M_j,b‖₁),  M_i = f(x_i) T",
            deviations=[
                "all of section 3 but virtual batch normalisation at once; the paper chooses some for each experiment",
                "feature matching is beside the score in G's cost; the paper has it alone, which is "
                "loss=feature-matching and terms.feature-matching=none",
                "unsupervised: no classes in D",
                *COMPARED.deviations,
            ],
            tiny={**COMPARED.tiny, "terms.minibatch-discrimination.kernels": 4},
        )
    )  # fmt: skip
