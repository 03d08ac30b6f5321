"""Relativistic losses: how much more real data look than fakes."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import COMPARED as BASE

PAPER = "Jolicoeur-Martineau 2018, The relativistic discriminator: a key element missing from standard GAN"

AVERAGES = "r = C(x) − E[C(G(z))],  f = C(G(z)) − E[C(x)],  C the score"

VARIANTS = {
    "rsgan": (
        "Paired",
        "a real sample against a fake, the cross entropy of their difference",
        "D descends  −E[log σ(C(x) − C(G(z)))]\nG descends  −E[log σ(C(G(z)) − C(x))]\nC the score, in pairs",
    ),
    "ragan": (
        "Average",
        "each sample against the average of the other kind, cross entropy",
        "D descends  −E[log σ(r)] − E[log(1 − σ(f))]\nG descends  −E[log σ(f)] − E[log(1 − σ(r))]\n" + AVERAGES,
    ),
    "ralsgan": (
        "AverageLeastSquares",
        "each sample against the average of the other kind, least squares",
        "D descends  E[(r − 1)²] + E[(f + 1)²]\nG descends  E[(f − 1)²] + E[(r + 1)²]\n" + AVERAGES,
    ),
}


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The losses, by reference: listing them imports no torch."""
    for name, (loss, title, formula) in VARIANTS.items():
        zoo.loss(name, f"ganzoo_relativistic.relativistic:{loss}")
        zoo.variant(
            BASE.but(
                name,
                loss=name,
                title=title,
                paper=f"{PAPER} (arXiv:1807.00734)",
                formula=formula,
                deviations=BASE.deviations,
            )
        )
