"""StyleGAN2: a mapping to styles, convolutions modulated by them, and lazy penalties on both networks."""

from __future__ import annotations

import ganzoo

TINY = {
    "data": "digits", "steps": 20, "batch": 8, "latent": 8, "generator.width": 4, "discriminator.width": 4,
    "generator.most": 8, "discriminator.most": 8, "generator.styles": 8, "generator.depth": 2,
    "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
}  # fmt: skip

PAPER = (
    "Karras et al. 2020, Analyzing and Improving the Image Quality of StyleGAN (arXiv:1912.04958); "
    "Karras et al. 2019, A Style-Based Generator Architecture for Generative Adversarial Networks (arXiv:1812.04948)"
)

FORMULA = """
D descends  E[softplus(−D(x))] + E[softplus(D(G(z)))] + γ/2 E[‖∇D(x)‖²], the last at every 16th step
G descends  E[softplus(−D(G(z)))] + γ_p E[(‖Jᵀy‖ − a)²], the last at every 4th step
J = ∂g(w)/∂w,  w = f(z),  y ~ N(0, I),  a the running mean of ‖Jᵀy‖
γ_p = 2/(H W · layers): y is divided by √(H W) and the squares are averaged over layers, for a weight of 2
"""

COMMON = [
    "tanh at the end of G, since pixels have a range",
    "sides are doubled by linear interpolation, the paper's filter but at the borders, and then convolved",
    "D halves the sides and then convolves (the authors: blurred, and convolved with a stride of 2)",
    "a moves after the penalty that it is in (the authors: before)",
    "the path length is taken of the whole minibatch (the paper: of half)",
    "the layer at which styles are mixed is drawn for each sample",
    "a lazy turn has noise and data of its own",
]

RATES = (
    "Adam at 2.5e-3 (the authors: 2e-3 at most sizes), and the average of G's weights has a half-life of 50,000 "
    "pictures, at most 5 % of those seen (the authors: 10,000)"
)


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The game, networks, term and variants, by reference: listing them imports no torch."""
    zoo.game("stylegan2", "ganzoo_stylegan2.game:StyleGAN2")
    zoo.term("path-length", "ganzoo_stylegan2.game:PathLength")
    zoo.network(
        "stylegan2",
        generator="ganzoo_stylegan2.generator:Generator",
        discriminator="ganzoo_stylegan2.discriminator:Discriminator",
    )
    digits = ganzoo.recipe("vanilla-ns").but(
        "stylegan2",
        {
            "generator": {"name": "stylegan2", "width": 16, "most": 64, "styles": 64, "depth": 4},
            "discriminator": {"name": "stylegan2", "width": 16, "most": 64},
            "latent": 64,
            "batch": 32,
            "optimizers.G": {"name": "adam", "lr": 2.5e-3, "beta1": 0.0, "beta2": 0.99},
            "optimizers.D": {"name": "adam", "lr": 2.5e-3, "beta1": 0.0, "beta2": 0.99},
            "terms.r1": {"name": "r1", "gamma": 0.1, "every": 16},
            "terms.path-length": {"name": "path-length", "weight": 2.0, "every": 4},
        },
        game="stylegan2",
        title="mapping network, modulated convolutions, noise, lazy regularisation",
        paper=PAPER,
        formula=FORMULA,
        deviations=[
            *COMMON,
            "4 layers of mapping, 16-64 channels, styles of 64, batch 32 and γ = 0.1, for two CPU cores "
            "(the paper: 8, 32-512, 512, 32 and 10 at 1024 pixels)",
            RATES,
        ],
        steps=3400,
        tiny=TINY,
    )
    colour = {
        "data": {"name": "cifar10", "flip": True},
        "generator.width": 32,
        "discriminator.width": 32,
        "generator.most": 128,
        "discriminator.most": 128,
        "generator.styles": 128,
        "latent": 128,
        "terms.r1.gamma": 0.01,
        "evaluate.metric": "swd",
    }
    zoo.variant(digits)
    zoo.variant(
        digits.but(
            "stylegan2-32",
            colour,
            title="32 pixels in colour, for hours of a CPU",
            paper=PAPER,
            formula=FORMULA,
            deviations=[
                *COMMON,
                "4 layers of mapping, 32-128 channels, styles of 128, batch 32 and γ = 0.01, for a CPU",
                RATES,
            ],
            steps=20_000,
            tiny={**TINY, "evaluate.metric": "found"},
        )
    )
    for side, width, gamma in ((128, 128, 0.2), (256, 64, 1.0)):
        zoo.variant(
            digits.but(
                f"stylegan2-{side}",
                {
                    "data": {"name": "folder:pictures", "size": side, "flip": True},
                    "generator": {"name": "stylegan2", "width": width, "styles": 512, "depth": 8},
                    "discriminator": {"name": "stylegan2", "width": width},
                    "latent": 512,
                    "optimizers.G.lr": 2e-3,
                    "optimizers.D.lr": 2e-3,
                    "averages.half_life": 10_000.0,
                    "averages.ramp": 0.0,
                    "terms.r1.gamma": gamma,
                    "evaluate.metric": "swd",
                },
                title=f"{side} pixels, for a GPU: --data folder:PATH",
                paper=PAPER,
                formula=FORMULA,
                deviations=[
                    *COMMON,
                    f"up to 512 channels from {width} at {side} pixels, and γ = {gamma:g} (the paper: 10 at 1024 "
                    "pixels, 32 channels there); the smaller the pictures, the smaller γ has to be",
                    "not trained by the project: it needs days of a GPU",
                ],
                steps=500_000,
                tiny={**TINY, "evaluate.metric": "found"},
            )
        )
