"""The costs of 2014 against their closed forms, and the networks against the released ones."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
import torch

from ganzoo import zoo
from ganzoo.build import game_of, optimizers_of, schedules_of
from ganzoo.game import Minibatch
from ganzoo.specs import DataSpec, InputSpec, OutputSpec
from ganzoo.two_player import Round
from ganzoo.vanilla import Maxout, MaxoutDiscriminator, Minimax, Mlp2014Generator, MlpGenerator, NonSaturating

DIGITS = DataSpec("image", (1, 28, 28), size=100)


def scores(real, fake):
    """A round in which D said this."""
    fake = torch.as_tensor(fake, dtype=torch.float64)
    real = torch.as_tensor(real, dtype=torch.float64)
    return SimpleNamespace(
        pair=lambda: (real, fake), real=SimpleNamespace(score=real), fake=SimpleNamespace(score=fake)
    )


@pytest.mark.parametrize("n", [1, 3, 16])
def test_costs_equal_the_papers_formulas(n):
    torch.manual_seed(n)
    real, fake = torch.randn(n, dtype=torch.float64), torch.randn(n, dtype=torch.float64)
    d_real, d_fake = torch.sigmoid(real), torch.sigmoid(fake)
    value = d_real.log().mean() + (1 - d_fake).log().mean()
    round = scores(real, fake)
    torch.testing.assert_close(Minimax().discriminator(round), -value)
    torch.testing.assert_close(Minimax().generator(round), (1 - d_fake).log().mean())
    torch.testing.assert_close(NonSaturating().generator(round), -d_fake.log().mean())
    torch.testing.assert_close(NonSaturating(discriminator_scale=0.5).discriminator(round), -value / 2)


def test_the_generators_gradients_have_the_papers_ratio():
    """d/ds log(1 − σ(s)) = −σ(s) and d/ds −log σ(s) = −(1 − σ(s)): one sign, ratio σ/(1 − σ)."""
    s = torch.linspace(-6, 6, 13, dtype=torch.float64, requires_grad=True)
    slopes = []
    for loss in (Minimax(), NonSaturating()):
        (slope,) = torch.autograd.grad(loss.generator(_fake(s)), s)
        slopes.append(slope * 13)
    sigma = s.detach().sigmoid()
    torch.testing.assert_close(slopes[0], -sigma)
    torch.testing.assert_close(slopes[1], sigma - 1)


def _fake(score):
    return SimpleNamespace(fake=SimpleNamespace(score=score))


@pytest.mark.parametrize("loss", [Minimax(), NonSaturating()])
def test_costs_and_gradients_are_finite_at_scores_of_100(loss):
    for far in (-100.0, 100.0):
        s = torch.full((4,), far, requires_grad=True)
        for cost in (loss.discriminator(SimpleNamespace(pair=lambda s=s: (s, s))), loss.generator(_fake(s))):
            (slope,) = torch.autograd.grad(cost, s)
            assert cost.isfinite()
            assert slope.isfinite().all()


def test_report_has_the_value_and_the_probabilities():
    report = Minimax().report(scores([0.0, 0.0], [0.0, 0.0]))
    assert report["V"].item() == pytest.approx(-math.log(4))
    assert report["D(x)"].item() == report["D(G(z))"].item() == 0.5


def test_maxout_is_the_greatest_piece():
    layer = Maxout(6, 4, 3).double()
    x = torch.randn(5, 6, dtype=torch.float64)
    pieces = [x @ layer.linear.weight[4 * i : 4 * i + 4].T + layer.linear.bias[4 * i : 4 * i + 4] for i in range(3)]
    torch.testing.assert_close(layer(x), torch.stack(pieces).max(0).values)


def test_released_networks_are_to_the_letter():
    recipe = zoo.variant("vanilla-2014")
    mean = torch.full((1, 28, 28), 0.25)
    mean[0, 0] = 0.0  # never inked: the release clips at 1e-7
    game = game_of(recipe, DIGITS, lambda: mean)
    linears = [m for m in game.G.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in linears] == [(100, 1200), (1200, 1200), (1200, 784)]
    assert all(m.weight.abs().max() <= 0.05 and m.weight.abs().max() > 0.049 for m in linears)
    bias = linears[-1].bias.detach()
    torch.testing.assert_close(bias[28:], torch.full((756,), math.log(0.25 / 0.75)))
    torch.testing.assert_close(bias[:28], torch.full((28,), math.log(1e-7)))
    assert not linears[0].bias.any()
    judges = [m for m in game.D.modules() if isinstance(m, torch.nn.Linear)]
    assert [(m.in_features, m.out_features) for m in judges] == [(784, 1200), (240, 1200), (240, 1)]
    assert all(m.weight.abs().max() <= 0.005 for m in judges)
    assert [m.p for m in game.D.modules() if isinstance(m, torch.nn.Dropout)] == pytest.approx([0.2, 0.5, 0.5])
    assert game.G.spec.output.range == (0.0, 1.0)
    z = game.G.spec.inputs[0]
    assert z.distribution == "uniform"
    assert z.range == pytest.approx((-math.sqrt(3), math.sqrt(3)))
    (together,) = list(game.turns(0))
    assert [turn.player for turn in together] == ["D", "G"]


def test_released_schedule_is_to_the_letter():
    recipe = zoo.variant("vanilla-2014")
    game = game_of(recipe, DIGITS)
    optimizers = optimizers_of(recipe, game)
    schedules = schedules_of(recipe, game, optimizers)
    (group,) = optimizers["D"].param_groups

    def at(step):
        for schedule in schedules:
            schedule(step)
        return group["lr"], group["momentum"]

    assert at(0) == (0.1, 0.5)
    assert at(499) == pytest.approx((0.1 / 1.000004**499, 0.5))
    assert at(500 * 250)[1] == pytest.approx(0.7)
    assert at(500 * 125)[1] == pytest.approx(0.5 + 0.2 * 124 / 249)
    assert at(500 * 125)[1] == at(500 * 125 + 499)[1]  # per epoch of 500 batches
    assert at(10_000_000)[0] == 1e-6


def test_networks_make_what_their_specs_say():
    z = InputSpec("z", "latent", (7,))
    for output in (OutputSpec("image", (3, 8, 8)), OutputSpec("points", (2,))):
        made = MlpGenerator((z,), output)(torch.randn(4, 7))
        assert made.shape == (4, *output.shape)
        assert MaxoutDiscriminator(output)(made)["score"].shape == (4,)
    image = Mlp2014Generator((z,), OutputSpec("image", (1, 4, 4)), lambda: None)(torch.randn(4, 7))
    assert 0 <= image.min() <= image.max() <= 1


def test_data_arrive_in_the_generators_range():
    """uint8 0 and 255 become the ends of the range, whichever it is."""
    pixels = torch.tensor([0, 255, 51, 204], dtype=torch.uint8).reshape(1, 1, 2, 2).expand(2, 1, 2, 2)
    spec = DataSpec("image", (1, 2, 2), size=2)
    for name, expected in (("vanilla", [-1, 1, -0.6, 0.6]), ("vanilla-2014", [0, 1, 0.2, 0.8])):
        game = game_of(zoo.variant(name), spec)
        round = Round(game, Minibatch(0, 2, lambda: {"x": pixels}), ())
        torch.testing.assert_close(round.x[0].flatten(), torch.tensor(expected, dtype=torch.float32))
