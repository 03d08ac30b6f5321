"""Wasserstein's distance against W1 in closed form, clipped weights, and penalties on D's slope."""

from __future__ import annotations

import dataclasses
import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from ganzoo import zoo
from ganzoo.build import engine_of, game_of
from ganzoo.errors import RecipeError
from ganzoo.game import Minibatch
from ganzoo.run import open_data
from ganzoo.specs import DataSpec
from ganzoo.testing import CheckFailed, penalty_check

SIZES = [1, 3, 16]
PLACES = ["between", "around", "real", "fake"]


def make(kind, name, **options):
    return zoo.part(kind, name).build({"name": name, **options}, {})


def penalty(**options):
    return make("term", "gradient-penalty", **options)


def said(real, fake):
    """A round in which D said this."""
    return SimpleNamespace(pair=lambda: (real, fake), fake=SimpleNamespace(score=fake))


def played(D, x, x_fake, seen=None):
    """A round on these samples; those that the penalty judges are kept in `seen`."""

    def judge(samples, conditions):
        if seen is not None:
            seen.append(samples.detach())
        return SimpleNamespace(score=D(samples))

    return SimpleNamespace(x=x, x_fake=x_fake, conditions={}, inputs={}, judge=judge, m=1)


def points(n, seed=0):
    torch.manual_seed(seed)
    return torch.randn(2, n, 2, dtype=torch.float64).unbind()


def tiny(name, **changes):
    recipe = zoo.variant(name)
    return recipe.but(changes={**recipe.tiny, **changes})


ON_POINTS = {
    "data": "ring", "generator": {"name": "mlp", "widths": [8]},
    "discriminator": {"name": "pacgan-mlp", "units": 4, "layers": 1},
}  # fmt: skip


def engine(recipe):
    return engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})


# the loss


@pytest.mark.parametrize("n", SIZES)
def test_costs_are_differences_of_means_and_a_constant_changes_none(n):
    torch.manual_seed(n)
    real, fake = torch.randn(2, n, dtype=torch.float64).unbind()
    loss, p, q = make("loss", "wasserstein"), sum(real.tolist()) / n, sum(fake.tolist()) / n
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(q - p)
    assert loss.generator(said(real, fake)).item() == pytest.approx(-q)
    assert loss.report(said(real, fake))["W"].item() == pytest.approx(p - q)
    shifted = said(real + 7, fake + 7)
    torch.testing.assert_close(loss.discriminator(shifted), loss.discriminator(said(real, fake)))


@pytest.mark.parametrize(
    ("mean", "deviation", "D", "distance"),
    [
        (1.0, 1.0, lambda x: -x, 1.0),
        (0.0, 2.0, lambda x: -x.abs(), math.sqrt(2 / math.pi)),
        (1.0, 2.0, lambda x: -(x + 1).abs(), 1.166631),
    ],
)
def test_at_its_optimum_d_sees_the_distance_of_two_gaussians(mean, deviation, D, distance):
    """N(0, 1) against N(mean, deviation²), by their quantiles: D of slope 1 falls where the second has more mass."""
    shares = (torch.arange(200_000, dtype=torch.float64) + 0.5) / 200_000
    quantiles = torch.special.ndtri(shares)
    W = make("loss", "wasserstein").report(said(D(quantiles), D(mean + deviation * quantiles)))["W"]
    assert W.item() == pytest.approx(distance, abs=1e-4)


# clip


@pytest.mark.parametrize("c", [0.01, 0.03])
def test_after_every_turn_of_d_all_of_its_weights_are_clipped(c):
    """Also after the first of several turns; those of G are left alone."""
    player = engine(tiny("wgan", **ON_POINTS, **{"terms.clip.c": c, "k": 3}))
    game, greatest = player.game, []
    turns = game.turns

    def looked_at(turn):
        def settle(round):
            turn.settle(round)
            greatest.extend([max(p.abs().max().item() for p in game.D.parameters())] * (turn.player == "D"))

        return dataclasses.replace(turn, settle=settle)

    game.turns = lambda step: [looked_at(turn) for turn in turns(step)]
    before = max(p.abs().max().item() for p in game.D.parameters())
    player.play(4)
    assert before > c
    assert greatest == pytest.approx([c] * 12)
    assert max(p.abs().max().item() for p in game.G.parameters()) > c


def test_a_part_of_d_can_be_clipped_alone():
    player = engine(tiny("wgan", **ON_POINTS, **{"terms.clip.part": "body"}))
    player.game.D.score.weight.data.fill_(0.5)
    player.play(2)
    assert player.game.D.score.weight.min() > 0.4
    assert all(p.abs().max() <= 0.01 for p in player.game.D.body.parameters())


def test_what_cannot_be_clipped_is_said_before_the_first_step():
    for changes, message in (({"terms.clip.part": "bodi"}, "are 'body', 'score'"), ({"terms.clip.c": 0.0}, "above 0")):
        with pytest.raises(RecipeError, match=message):
            game_of(tiny("wgan", **changes), DataSpec("image", (1, 28, 28), size=100))


# gradient-penalty


@pytest.mark.parametrize("shape", [(1, 8, 8), (2,)])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("options", "closed_form"),
    [
        ({}, lambda s: (s - 1) ** 2),
        ({"centre": 0.5}, lambda s: (s - 0.5) ** 2),
        ({"side": "above"}, lambda s: max(0, s - 1) ** 2),
        ({"centre": 0.0, "power": 6.0}, lambda s: s**6),
        ({"power": 1.0}, lambda s: abs(s - 1)),
    ],
)
def test_of_a_linear_critic_the_penalty_is_known_at_every_batch_size(options, closed_form, place, shape):
    penalty_check(penalty(points=place, **options), closed_form, shape)
    with pytest.raises(CheckFailed, match="closed form"):
        penalty_check(penalty(points=place, **options), lambda s: closed_form(s) + 0.01, shape)


@pytest.mark.parametrize("name", ["wgan-gp", "wgan-lp", "wgan-div", "dragan"])
def test_recipes_have_their_papers_penalty(name):
    """Of a linear critic of slope 3, with the paper's weight."""
    due = {"wgan-gp": 10 * 4, "wgan-lp": 10 * 4, "wgan-div": 2 * 3**6, "dragan": 10 * 4}[name]
    term = game_of(tiny(name), DataSpec("image", (1, 28, 28), size=100)).terms["gradient-penalty"]
    x, x_fake = points(5)
    slope = torch.tensor([1.8, 2.4], dtype=torch.float64)
    values = []
    for size in (0.0, 0.5, 3.0):
        weight = (size / 3 * slope).requires_grad_()
        values.append((term.weight * term.discriminator(played(lambda x, w=weight: x @ w, x, x_fake))).item())
    below = {"wgan-gp": [10, 2.5], "wgan-lp": [0, 0], "wgan-div": [0, 2 / 2**6], "dragan": [10, 2.5]}[name]
    assert values == pytest.approx([*below, due], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("n", SIZES)
def test_norms_are_of_each_samples_gradient(n):
    """D(x) = 3x₁ − 4x₂ for odd samples and twice that for even ones."""
    times = 1 + torch.arange(n, dtype=torch.float64) % 2
    for norm, size in (("l2", 5.0), ("l1", 7.0), ("max", 4.0)):
        weight = torch.tensor([3.0, -4.0], dtype=torch.float64, requires_grad=True)
        value = penalty(norm=norm).discriminator(played(lambda x, w=weight: times * (x @ w), *points(n)))
        due = sum((size * time - 1) ** 2 for time in times.tolist()) / n
        assert value.item() == pytest.approx(due)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("place", ["real", "fake"])
def test_of_a_square_the_slope_is_known(place, n):
    """D(x) = ‖x‖² has the slope 2‖x‖ at x."""
    x, x_fake = points(n)
    value = penalty(points=place).discriminator(played(lambda x: x.square().sum(1), x, x_fake))
    at = x if place == "real" else x_fake
    assert value.item() == pytest.approx(sum((2 * math.hypot(*p) - 1) ** 2 for p in at.tolist()) / n)


@pytest.mark.parametrize("shape", [(2,), (3, 4, 4)])
def test_lines_have_one_share_for_each_sample(shape):
    torch.manual_seed(0)
    x, x_fake = torch.randn(2, 500, *shape, dtype=torch.float64).unbind()
    seen = []
    weight = torch.ones(math.prod(shape), dtype=torch.float64, requires_grad=True)
    penalty().discriminator(played(lambda x: x.flatten(1) @ weight, x, x_fake, seen))
    shares = ((seen[0] - x_fake) / (x - x_fake)).flatten(1)
    torch.testing.assert_close(shares, shares[:, :1].expand_as(shares))
    assert 0 <= shares.min() < 0.02
    assert 0.98 < shares.max() <= 1
    assert shares.mean().item() == pytest.approx(0.5, abs=0.05)


def test_noise_around_data_is_as_wide_as_said():
    x = 3 * points(20_000)[0] + torch.tensor([10.0, 4.0])
    for spread in (0.0, 0.5):
        seen = []
        weight = torch.ones(2, dtype=torch.float64, requires_grad=True)
        term = penalty(points="around", spread=spread)
        term.discriminator(played(lambda x, w=weight: x @ w, x, torch.full_like(x, math.nan), seen))
        noise = seen[0] - x
        assert noise.std().item() == pytest.approx(spread * x.std(correction=0).item(), rel=0.02)
        assert noise.mean().abs() < 0.05


class Smooth(nn.Module):
    """A D of points whose second derivatives are not zero."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))

    def forward(self, x):
        return 3 * self.body(x).squeeze(1)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("options", [{}, {"side": "above", "centre": 0.05}, {"centre": 0.0, "power": 6.0}])
def test_weight_gradients_agree_with_finite_differences(options, place, n):
    torch.manual_seed(n)
    D, term = Smooth().double(), penalty(points=place, **options)

    def cost():
        return term.discriminator(played(D, *points(n, seed=n)))  # whose seed the noise follows

    gradients = torch.autograd.grad(cost(), list(D.parameters()), allow_unused=True)
    assert any(gradient is not None and gradient.any() for gradient in gradients)
    for parameter, gradient in zip(D.parameters(), gradients):
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            value, values = flat[i].item(), []
            for step in (1e-5, -1e-5):
                flat[i] = value + step
                values.append(cost().item())
            flat[i] = value
            due = 0.0 if gradient is None else gradient.view(-1)[i].item()
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(due, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("side", ["both", "above"])
def test_a_linear_critic_settles_a_little_above_the_slope_asked_for(side):
    """D(x) = w x, means m apart: m w − λ (w − 1)² is greatest at w = 1 + m/2λ."""
    w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    x, x_fake = torch.full((4, 1), 2.0, dtype=torch.float64), torch.zeros(4, 1, dtype=torch.float64)
    loss, term = make("loss", "wasserstein"), penalty(side=side, weight=5.0)
    for _ in range(200):
        cost = loss.discriminator(said(x @ w, x_fake @ w))
        cost = cost + term.weight * term.discriminator(played(lambda x: x @ w, x, x_fake))
        (slope,) = torch.autograd.grad(cost, w)
        w.data -= 0.05 * slope
    assert w.item() == pytest.approx(1 + 2 / (2 * 5))


def test_a_slope_through_batchnorm_is_refused_before_the_first_step():
    with pytest.raises(RecipeError, match="with BatchNorm the discriminator's scores depend on all samples"):
        game_of(tiny("wgan-gp", **{"discriminator.norm": "batch"}), DataSpec("image", (1, 28, 28), size=100))


def test_d_descends_the_loss_and_the_penalty_in_one_turn():
    for name, loss in (("wgan-gp", "wasserstein"), ("dragan", "non-saturating")):
        game = game_of(tiny(name, k=zoo.variant(name).parts["k"]), DataSpec("image", (1, 28, 28), size=100))
        turn, other = game.turns(0)
        pixels = torch.randint(256, (4, 1, 28, 28), dtype=torch.uint8)
        costs = turn.cost(game.deal(Minibatch(0, 4, lambda pixels=pixels: {"x": pixels}), turn))
        assert set(costs) == {loss, "gradient-penalty"}
        assert (turn.player, turn.precision, other.precision) == ("D", "fp32", "any")
        assert turn.repeat == (5 if name == "wgan-gp" else 1)


@pytest.mark.parametrize("norm", ["l2", "l1", "max"])
def test_in_bf16_a_slope_s_norm_is_taken_in_full_precision(norm):
    """A linear D of 1,024 weights of 1/256: bf16 holds them, but not a running sum of their squares."""
    w = torch.full((1024, 1), 1 / 256)
    slope = {"l2": 1 / 8, "l1": 4.0, "max": 1 / 256}[norm]
    x, x_fake = torch.randn(2, 16, 1024).unbind()
    with torch.autocast("cpu", torch.bfloat16):
        cost = penalty(norm=norm).discriminator(played(lambda x: (x @ w)[:, 0], x, x_fake))
    assert cost.dtype == torch.float32
    assert cost.item() == pytest.approx((slope - 1) ** 2, rel=1e-6)


def test_a_penalty_in_turns_of_its_own_goes_with_accumulated_minibatches():
    player = engine(tiny("wgan-gp", **ON_POINTS, **{"terms.gradient-penalty.every": 4, "accumulate": 2}))
    player.rehearse()
    player.play(5)
    player.verify()
