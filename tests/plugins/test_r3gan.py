"""R3GAN: its costs together, its networks and their first weights, its schedules."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

import ganzoo
from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.run import open_data
from ganzoo.specs import DataSpec, OutputSpec


def network(role, shape, **options):
    torch.manual_seed(0)
    make = zoo.part(role, "r3gan").factory()
    if role == "discriminator":
        return make(OutputSpec("image", shape), **options)
    return make((ganzoo.InputSpec("z", "latent", (6,), "normal"),), OutputSpec("image", shape), **options)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (3, 64, 64), (1, 16, 24)])
def test_networks_take_their_sizes_from_the_data(shape):
    G, D = network("generator", shape, width=4), network("discriminator", shape, width=4)
    made = G(torch.randn(3, 6))
    assert made.shape == (3, *shape)
    said = D(made)
    assert said["score"].shape == (3,)
    assert said["features"].shape == (3, D.features) == (3, 16)


def test_nothing_is_normalised_and_no_sample_sees_another():
    for net in (network("generator", (1, 28, 28)), network("discriminator", (1, 28, 28))):
        assert not [
            m for m in net.modules() if isinstance(m, nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm)
        ]
    D = network("discriminator", (1, 28, 28))
    x = torch.randn(5, 1, 28, 28)
    torch.testing.assert_close(D(x)["score"][:2], D(x[:2])["score"])


@pytest.mark.parametrize("blocks", [1, 4])
def test_residuals_begin_as_the_identity_with_fixups_weights(blocks):
    """The last layer of each is 0; the others have the standard deviation of He et al. times L^(-1/4)."""
    D = network("discriminator", (1, 32, 32), width=64, groups=2, blocks=blocks)
    residuals = [m.residual for m in D.modules() if hasattr(m, "residual")]
    depth = len(residuals)
    assert depth == 4 * blocks
    for residual in residuals:
        first, middle, last = (m for m in residual if isinstance(m, nn.Conv2d))
        assert not last.weight.any()
        for layer, fan_in in ((first, first.in_channels), (middle, 9 * middle.in_channels // 2)):
            due = math.sqrt(2 / 1.04) * depth**-0.25 / math.sqrt(fan_in)
            assert layer.weight.std().item() == pytest.approx(due, rel=0.1)
    block = next(m for m in D.modules() if hasattr(m, "residual"))
    x = torch.randn(2, 64, 8, 8)
    assert torch.equal(block(x), x)


def test_sides_are_doubled_and_halved_by_a_filter_that_keeps_constants():
    """By hand: inside, (1, 3, 3, 1)/8 of a constant is that constant, and of a ramp the ramp between its points."""
    G, D = network("generator", (1, 28, 28), width=4), network("discriminator", (1, 28, 28), width=4)
    doubled = next(m for m in G.body if type(m).__name__ == "Doubled")
    halved = next(m for m in D.body if type(m).__name__ == "Halved")
    for layer in (doubled, halved):
        n = layer.channels.in_channels
        layer.channels = nn.Identity()
        ramp = torch.arange(8.0).expand(1, n, 8, 8)
        made = layer(ramp)[0, 0, 1]
        due = torch.arange(16.0) / 2 - 0.25 if layer is doubled else torch.arange(4.0) * 2 + 0.5
        torch.testing.assert_close(made[1:-1], due[1:-1])


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        (OutputSpec("points", (2,)), {}, "these data are points"),
        (OutputSpec("image", (1, 27, 27)), {}, "27x27 cannot"),
        (OutputSpec("image", (1, 28, 28)), {"width": 3, "groups": 4}, "width 3 and groups 4 do not fit"),
    ],
)
def test_what_cannot_be_built_says_why(spec, options, words):
    with pytest.raises(RecipeError, match=words):
        zoo.part("discriminator", "r3gan").factory()(spec, **options)


def test_it_can_be_told_labels():
    spec = DataSpec("image", (1, 28, 28), size=100, classes=tuple("ab"))
    recipe = zoo.variant("r3gan")
    game = game_of(recipe.but(changes={**recipe.tiny, "conditions": ["label"]}), spec)
    assert game.D.conditions == ("label",)
    x = torch.randn(2, 1, 28, 28)
    one, other = (game.D(x, torch.full((2,), label))["score"] for label in (0, 1))
    assert not torch.equal(one, other)


def test_ds_cost_is_the_papers():
    """softplus of the difference in pairs, plus half of gamma times both squared slopes, of a linear D by hand."""
    recipe = zoo.variant("r3gan").but(changes={"generator": "mlp", "discriminator": "mlp", "data": "ring"})
    recipe = recipe.but(changes={"terms.r1.gamma": 3.0, "terms.r2.gamma": 5.0, "schedules": None})
    game = game_of(recipe, DataSpec("points", (2,), size=100))
    u = torch.tensor([3.0, 4.0], requires_grad=True)

    class Linear(nn.Module):
        separable = True

        def forward(self, x):
            return x @ u

    game.D = Linear()
    (turn,) = [t for t in game.turns(0) if t.player == "D"]
    batch = ganzoo.Minibatch(0, 7, lambda: {"x": torch.randn(7, 2)})
    round = game.deal(batch, turn)
    costs = turn.cost(round)
    x, fake = (t.detach() @ u.detach() for t in (round.x, round.x_fake))
    pairs = [math.log(1 + math.exp(f - r)) for r, f in zip(x.tolist(), fake.tolist())]
    assert costs["rsgan"].item() == pytest.approx(sum(pairs) / 7, rel=1e-5)
    assert costs["r1"].item() == pytest.approx(1.5 * 25)
    assert costs["r2"].item() == pytest.approx(2.5 * 25)


def test_lr_beta2_and_gamma_follow_the_papers_cosine():
    """At the burn-in's beginning, a quarter, its middle and past its end."""
    recipe = zoo.variant("r3gan").but(changes={"generator.width": 2, "discriminator.width": 2})
    engine = engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})
    for step, share in ((0, 0.0), (250, 0.5 - math.sqrt(0.125)), (500, 0.5), (1000, 1.0), (1900, 1.0)):
        engine.set(step)
        for player in ("G", "D"):
            group = engine.optimizers[player].param_groups[0]
            assert group["lr"] == pytest.approx(2e-3 + share * (3e-4 - 2e-3))
            assert group["betas"] == (0.0, pytest.approx(0.9 + share * 0.09))
        for name in ("r1", "r2"):
            assert engine.game.terms[name].gamma == pytest.approx(1.0 + share * (0.1 - 1.0))
