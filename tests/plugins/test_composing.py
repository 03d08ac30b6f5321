"""What is set beside each other and would mean nothing is refused before the first step, in a sentence."""

from __future__ import annotations

import pytest
import torch

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.data import open_source
from ganzoo.errors import RecipeError

PICTURES, POINTS = open_source("digits").spec, open_source("ring").spec

AUTOENCODER = "needs a discriminator that is an autoencoder"
TARGET = "label-smoothing needs a loss that has a target"
CENTRED = "ada needs a loss by which D says 0 of what it cannot tell"


def build(variant, changes, data=PICTURES):
    return game_of(zoo.variant(variant).but(changes=changes), data)


@pytest.mark.parametrize(
    ("variant", "changes", "said"),
    [
        ("lsgan", {"loss": "ebgan"}, f"ebgan {AUTOENCODER}"),
        ("lsgan", {"loss": "magan"}, f"magan {AUTOENCODER}"),
        ("lsgan", {"loss": "began"}, f"began {AUTOENCODER}"),
        ("lsgan", {"terms.reconstruction.weight": 8.0}, f"reconstruction {AUTOENCODER}"),
        ("mmd-gan", {"discriminator": "infogan-net"}, f"reconstruction {AUTOENCODER}"),
        ("wgan", {"terms.label-smoothing.target": 0.9}, TARGET),
        ("hinge", {"terms.label-smoothing.target": 0.9}, TARGET),
        ("ralsgan", {"terms.label-smoothing.target": 0.9}, TARGET),
        ("ebgan", {"terms.label-smoothing.target": 0.9}, TARGET),
        ("wgan-gp", {"augment": "ada"}, CENTRED),
        ("lsgan", {"augment": "ada"}, CENTRED),
        ("rsgan", {"augment": "ada"}, CENTRED),
        ("lsgan", {"terms.path-length.weight": 1.0}, "path-length needs a game in which fakes are made of styles"),
        ("lsgan", {"terms.supervised.weight": 1.0}, "supervised needs a game with labelled samples"),
        ("lsgan", {"loss": "bidirectional"}, "bidirectional needs a game with an encoder"),
        ("ebgan", {"game": "top-k"}, "the game top-k keeps the fakes with the highest scores"),
        ("pix2pix", {"terms.mode-seeking.weight": 1.0}, "mode-seeking compares samples of two latents"),
        ("pix2pix", {"terms.latent-consistency.dis": 1.0}, "latent-consistency moves latents"),
    ],
)
def test_what_means_nothing_together_is_refused(variant, changes, said):
    data = open_source("drawn-pairs").spec if variant == "pix2pix" else PICTURES
    with pytest.raises(RecipeError, match=f"^{said}"):
        build(variant, changes, data)


@pytest.mark.parametrize(
    ("variant", "changes"),
    [
        ("vanilla", {"terms.label-smoothing.target": 0.9}),
        ("lsgan", {"terms.label-smoothing.target": 0.9}),
        ("fgan-gan", {"terms.label-smoothing.target": 0.9, "augment": "ada"}),
        ("bgan", {"terms.label-smoothing.target": 0.9, "augment": "ada"}),
        ("hinge", {"augment": "ada"}),
        ("lsgan", {"augment": "ada", "loss": {"name": "lsgan", "a": -1.0, "b": 1.0}}),
        ("wgan-gp", {"augment": {"name": "ada", "images": float("inf"), "start": 0.3}}),
        ("mmd-gan", {"terms.reconstruction.weight": 1.0}),
        ("wgan-gp", {"terms.mode-seeking.weight": 1.0, "terms.pulling-away.weight": 0.1}),
    ],
)
def test_what_means_something_together_is_built(variant, changes):
    assert isinstance(build(variant, changes), ganzoo.TwoPlayer)


@pytest.mark.parametrize("loss", ["ebgan", "magan", "began"])
def test_energies_of_points_are_those_of_an_autoencoder_of_points(loss):
    changes = {"generator": "mlp", "discriminator": "autoencoder-mlp", "terms": {}, "loss": loss}
    assert build("lsgan", changes, POINTS).D.energy


@pytest.mark.parametrize(
    ("loss", "undecided"),
    [
        ("minimax", 0.0), ("non-saturating", 0.0), ("bgan", 0.0), ("hinge", 0.0), ("fgan-gan", 0.0), ("fgan-js", 0.0),
        ("fgan-pearson", 0.0), ("fgan-hellinger", 0.0), ("fgan-reverse-kl", 0.0), ("fgan-kl", 1.0), ("lsgan", 0.5),
        ("feature-matching", 0.0),
    ],
)  # fmt: skip
def test_centred_is_a_loss_whose_best_score_is_0_where_data_and_fakes_are_as_dense(loss, undecided):
    """Where p = q the least cost of D is at one score, found here by search: at 0 if and only if the loss says so."""
    term = build("lsgan", {"loss": loss}).terms[loss]
    scores = torch.linspace(-2, 2, 401, dtype=torch.float64)

    def cost(score):
        said = ganzoo.Judgement.of(score.expand(4))
        seen = type("Seen", (), {"real": said, "fake": said, "pair": lambda self: (said.score, said.score)})()
        return term.discriminator(seen).item()

    costs = torch.tensor([cost(score) for score in scores])
    least = scores[costs <= costs.min() + 1e-12]
    assert least.mean().item() == pytest.approx(undecided, abs=1e-9)
    assert getattr(term, "centred", False) == (undecided == 0)


@pytest.mark.parametrize("discriminator", ["resnet", "autoencoder"])
def test_a_game_of_conditions_has_a_d_that_is_told_them(discriminator):
    with pytest.raises(RecipeError, match=f"discriminator '{discriminator}' is not told 'label'"):
        build("cgan", {"discriminator": discriminator})
    assert build("acgan", {}).told() == ()


@pytest.mark.parametrize("every", [0, -2])
def test_a_lazy_term_acts_at_whole_numbers_of_steps(every):
    recipe = zoo.variant("r1gan").but(changes={"terms.r1.every": every})
    with pytest.raises(RecipeError, match=f"a turn of D has every={every}"):
        engine_of(recipe, open_source("digits"), {"device": "cpu", "precision": "fp32"})


def test_an_augmentation_can_be_left_out():
    assert build("ada", {"augment": "none"}).augment is not None
    assert not isinstance(build("ada", {"augment": "none"}).augment, ganzoo.Term)


def test_the_best_of_patches_are_no_samples():
    data = open_source("drawn-pairs")
    recipe = zoo.variant("pix2pix").but(changes={"game": "top-k", "generator.width": 4, "discriminator.width": 4})
    with pytest.raises(RecipeError, match="top-k keeps whole samples"):
        engine_of(recipe, data, {"device": "cpu", "precision": "fp32"}).rehearse()
