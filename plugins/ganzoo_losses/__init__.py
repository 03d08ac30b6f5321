"""Losses of two players beside the cross entropy: squares, margins, divergences, a softmax over the batch."""

from __future__ import annotations

import ganzoo
from ganzoo_networks import COMPARED as BASE
from ganzoo_networks import SEPARATE

FGAN = "Nowozin et al. 2016, f-GAN: Training Generative Neural Samplers using Variational Divergence Minimization"

OUTPUT = "G's turn is that of section 3.2; loss.generator=bound is Algorithm 1, where G descends F"

EXPONENTIALS = (
    "exponentials go on linearly above an exponent of 10, or a score of 100 would overflow: where scores are beyond, F "
    "bounds nothing"
)

DIVERGENCES = {  # the divergence, the bound F that D ascends, the T that G ascends, are exponentials cut, steps
    "kl": ("KL(data ‖ samples)", "E[v(x)] − E[exp(v(G(z)) − 1)]", "v", True, 3000),
    "reverse-kl": (
        "KL(samples ‖ data)", "−E[exp(−v(x))] − E[v(G(z)) − 1]", "−exp(−v)", True,
        3000,
    ),
    "pearson": ("Pearson's χ² divergence", "E[v(x)] − E[v(G(z))²/4 + v(G(z))]", "v", False, 5000),
    "hellinger": (
        "the squared Hellinger distance", "E[1 − exp(−v(x))] − E[exp(v(G(z))) − 1]", "1 − exp(−v)", True, 3000,
    ),
    "js": (
        "twice the Jensen-Shannon divergence", "2 log 2 + E[log σ(v(x))] + E[log(1 − σ(v(G(z))))]",
        "log 2 + log σ(v)", False, 3000,
    ),
    "gan": (
        "the divergence of the 2014 game, that of fgan-js but for constants: the same steps",
        "E[log σ(v(x))] + E[log(1 − σ(v(G(z))))]", "log σ(v)", False, 3000,
    ),
}  # fmt: skip


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The losses, by reference: listing them imports no torch."""
    zoo.loss("lsgan", "ganzoo_losses.least_squares:LeastSquares")
    zoo.variant(
        BASE.but(
            "lsgan",
            loss="lsgan",
            title="least squares instead of cross entropy",
            paper="Mao et al. 2016, Least Squares Generative Adversarial Networks (arXiv:1611.04076)",
            formula="D descends  ½ E[(D(x) − b)²] + ½ E[(D(G(z)) − a)²]\n"
            "G descends  ½ E[(D(G(z)) − c)²],  a = 0, b = c = 1",
            deviations=BASE.deviations,
        )
    )
    zoo.loss("hinge", "ganzoo_losses.hinge:Hinge")
    zoo.variant(
        BASE.but(
            "hinge",
            loss="hinge",
            title="D asks for a margin, G shifts samples along its normal",
            paper="Lim and Ye 2017, Geometric GAN (arXiv:1705.02894)",
            formula="D descends  E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]\nG descends  −E[D(G(z))]",
            deviations=[*BASE.deviations, "the hinge costs alone: the support vector machine's ½‖w‖² is left out"],
        )
    )
    zoo.loss("softmax-gan", "ganzoo_losses.softmax:Softmax")
    zoo.variant(
        BASE.but(
            "softmax-gan",
            loss="softmax-gan",
            title="cross entropy of a softmax over the batch",
            paper="Lin 2017, Softmax GAN (arXiv:1704.06191)",
            formula="Z = Σ exp(D(x)) over real and generated samples of the batch\n"
            "D descends  log Z − mean of D(x)\n"
            "G descends  log Z − mean of D over both",
            deviations=BASE.deviations,
        )
    )
    zoo.loss("bgan", "ganzoo_losses.boundary:BoundarySeeking")
    zoo.variant(
        BASE.but(
            "bgan",
            loss="bgan",
            title="G seeks D's decision boundary",
            paper="Hjelm et al. 2017, Boundary-Seeking Generative Adversarial Networks (arXiv:1702.08431)",
            formula="D ascends   E[log D(x)] + E[log(1 − D(G(z)))]\nG descends  ½ E[(log D(G(z)) − log(1 − D(G(z))))²]",
            deviations=[*BASE.deviations, "the continuous game only: samples are pixels, not symbols"],
        )
    )
    for name, (title, bound, output, exponential, steps) in DIVERGENCES.items():
        zoo.loss(f"fgan-{name}", "ganzoo_losses.fgan:" + "".join(word.capitalize() for word in name.split("-")))
        zoo.variant(  # on D's BatchNorm the unbounded scores of Hellinger and reverse KL end in noise
            SEPARATE.but(
                f"fgan-{name}",
                loss=f"fgan-{name}",
                steps=steps,
                title=f"a bound of {title}",
                paper=f"{FGAN} (arXiv:1606.00709)",
                formula=f"D ascends  F = {bound}\nG ascends  E[T(G(z))],  T = {output}\nv is D's score",
                deviations=[*SEPARATE.deviations, OUTPUT, *([EXPONENTIALS] if exponential else [])],
            )
        )
