"""From picture to picture, learnt from pairs."""

from __future__ import annotations

import ganzoo


@ganzoo.hookimpl
def ganzoo_register(zoo: ganzoo.Registrar) -> None:
    """The networks, the term and a source of drawn pairs, by reference: listing them imports no torch."""
    zoo.network("u-net", generator="ganzoo_pix2pix.pix2pix:UNet")
    zoo.network("patchgan", discriminator="ganzoo_pix2pix.pix2pix:PatchGAN")
    zoo.term("l1", "ganzoo_pix2pix.pix2pix:L1")
    zoo.source("drawn-pairs", "ganzoo_pix2pix.drawn:drawn_pairs")
    zoo.variant(
        ganzoo.recipe("vanilla-ns").but(
            "pix2pix",
            {
                "data": {"name": "pairs:facades-256.tar", "size": 64, "flip": True, "jitter": 8},
                "conditions": ["input"],
                "latent": 0,
                "generator": {"name": "u-net", "width": 16},
                "discriminator": {"name": "patchgan", "width": 16, "layers": 2},
                "loss.discriminator_scale": 0.5,
                "terms.l1": {"name": "l1", "weight": 100.0},
                "optimizers.G": {"name": "adam", "lr": 5e-4},
                "optimizers.D": {"name": "adam", "lr": 2e-4},
                "batch": 8,
                "evaluate.metric": "l1",
            },
            title="from picture to picture: a U-Net, a D of patches, and the distance to the target",
            paper="Isola et al. 2017, Image-to-Image Translation with Conditional Adversarial Networks"
            " (arXiv:1611.07004)",
            formula="""
D ascends   ½ E[log D(x, y)] + ½ E[log(1 − D(x, G(x)))]
G ascends   E[log D(x, G(x))] − 100 E[|y − G(x)|]
x the input, y its target; D judges each patch, and its costs are means over patches
""",
            deviations=[
                "G is a function of the input alone: its dropout, the paper's only noise, works in training and not in "
                "samples, since a seed must give the same picture everywhere",
                "facades from photographs to labels, which an input decides; the paper has labels to photographs, "
                "data.direction=b-to-a, where most of the distance to the target is colours that no label tells",
                "64 pixels, width 16 and patches of 34 for two CPU cores (the paper: 256, 64 and 70; data.size=256, "
                "generator.width=64, discriminator.width=64, discriminator.layers=3, data.jitter=30)",
                "3,000 minibatches of 8 pairs instead of 80,000 of 1, and G's learning rate 5e-4 instead of 2e-4",
                "each picture is normalised by its own statistics, as the paper's BatchNorm does at batch 1; G's "
                "innermost layer, where that would leave zeros, is not normalised",
                "samples come from an exponential average of G's weights",
            ],
            steps=3000,
            tiny={
                "data": {"name": "drawn-pairs", "size": 16, "count": 40}, "steps": 20, "batch": 4,
                "generator.width": 4, "discriminator.width": 4, "discriminator.layers": 1,
                "log.every": 5, "log.pictures": 10, "log.checkpoint": 10,
            },
        )
    )  # fmt: skip
