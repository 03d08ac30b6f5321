"""Distances between laws in the space of D: Fisher's, the energy distance, the discrepancy of kernels; by hand."""

from __future__ import annotations

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
from ganzoo.two_player import Round

SIZES = [1, 3, 16]
PICTURES = DataSpec("image", (1, 28, 28), size=100)


def make(kind, name, **options):
    return zoo.part(kind, name).build({"name": name, **options}, {})


def tiny(name, **changes):
    recipe = zoo.variant(name)
    return recipe.but(changes={**recipe.tiny, **changes})


def engine(recipe):
    return engine_of(recipe, open_data(recipe, None), {"device": "cpu", "precision": "fp32", "threads": 1})


def said(real, fake):
    """A round in which D gave these scores."""
    return SimpleNamespace(pair=lambda: (real, fake), fake=SimpleNamespace(score=fake), mean=torch.Tensor.mean)


def seen(h, x, x_fake):
    """A round of these samples, on which D says h(x), as vectors and as features."""

    def judge(samples, conditions):
        return SimpleNamespace(h=h(samples), features=h(samples))

    return SimpleNamespace(
        x=x,
        x_fake=x_fake,
        m=1,
        conditions={},
        judge=judge,
        pair=lambda: None,
        real=judge(x, {}),
        fake=judge(x_fake, {}),
    )


def drawn(n, d=2, seed=None):
    torch.manual_seed(n if seed is None else seed)
    return torch.randn(2, n, d, dtype=torch.float64).unbind()


def slopes_agree(cost, parameters):
    """The gradient of a cost, by central differences."""
    gradients = torch.autograd.grad(cost(), parameters)
    assert all(gradient.any() for gradient in gradients)
    for parameter, gradient in zip(parameters, gradients):
        flat = parameter.detach().view(-1)
        for i in range(len(flat)):
            value, values = flat[i].item(), []
            for step in (1e-5, -1e-5):
                flat[i] = value + step
                values.append(cost().item())
            flat[i] = value
            assert (values[0] - values[1]) / 2e-5 == pytest.approx(gradient.view(-1)[i].item(), rel=1e-5, abs=1e-7)


class Smooth(nn.Sequential):
    """Points to vectors, float64, without a bend."""

    def __init__(self):
        super().__init__(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 4, bias=False))
        self.double()


# fisher


@pytest.mark.parametrize("n", SIZES)
def test_fishers_costs_are_the_augmented_lagrangian(n):
    real, fake = (t.squeeze(1) for t in drawn(n, 1))
    loss = make("loss", "fisher", rho=0.3)
    loss.multiplier.fill_(0.25)
    p, q = sum(real.tolist()) / n, sum(fake.tolist()) / n
    omega = sum(v * v for v in real.tolist()) / n / 2 + sum(v * v for v in fake.tolist()) / n / 2
    value = p - q + 0.25 * (1 - omega) - 0.15 * (omega - 1) ** 2
    assert loss.discriminator(said(real, fake)).item() == pytest.approx(-value)
    assert loss.generator(said(real, fake)).item() == pytest.approx(-q)
    report = loss.report(said(real, fake))
    assert report["omega"].item() == pytest.approx(omega)
    assert report["distance"].item() == pytest.approx((p - q) / math.sqrt(omega))


def test_the_multiplier_follows_the_papers_recurrence_and_is_saved():
    """Three steps by hand: Ω̂ = 3, 0, 3, so 0.1 · 2 up, 0.1 · 1 down, 0.1 · 2 up."""
    loss = make("loss", "fisher", rho=0.1)
    steps = (([3.0, 1.0], [1.0, 1.0]), ([0.0, 0.0], [0.0, 0.0]), ([2.0, 2.0], [0.0, 2.0]))
    values = []
    for real, fake in steps:
        loss.settle(said(torch.tensor(real), torch.tensor(fake)))
        values.append(loss.multiplier.item())
    assert values == pytest.approx([0.2, 0.1, 0.3])
    assert loss.state_dict()["multiplier"].item() == pytest.approx(0.3)


def test_the_multiplier_descends_what_d_ascends():
    """λ moves by −ρ times the derivative of the Lagrangian by λ, of the scores that D's turn computed."""
    player = engine(tiny("fisher-gan", **{"loss.rho": 0.5}))
    game, found = player.game, []
    loss = game.terms["fisher"]
    cost = loss.discriminator

    def watched(round):
        multiplier = loss.multiplier.clone().requires_grad_()
        loss.multiplier, before = multiplier, loss.multiplier
        (slope,) = torch.autograd.grad(cost(round), multiplier, retain_graph=True)
        loss.multiplier = before
        found.append((before + 0.5 * slope).item())  # the cost is the Lagrangian's negative
        return cost(round)

    loss.discriminator = watched
    for step in range(1, 4):
        player.play(step)
        assert loss.multiplier.item() == pytest.approx(found[-1], rel=1e-5)
    assert len(found) == 3
    assert loss.multiplier != 0


def test_at_fishers_optimum_d_sees_the_chi_squared_distance():
    """p = (5, 3, 2)/10 and q = (1, 3, 6)/10: D = (p − q)/m / √χ², m their mixture, is a saddle point at λ = √χ²/2."""
    p, q = torch.tensor([5, 3, 2]), torch.tensor([1, 3, 6])
    mixture = (p + q).double() / 20
    chi = math.sqrt(((p - q).double().square() / 100 / mixture).sum().item())
    D = ((p - q).double() / 10 / mixture / chi).requires_grad_()
    loss = make("loss", "fisher", rho=0.7)
    loss.multiplier = torch.tensor(chi / 2, dtype=torch.float64)
    round = said(D.repeat_interleave(p), D.repeat_interleave(q))
    report = loss.report(round)
    assert report["distance"].item() == pytest.approx(chi)
    assert report["omega"].item() == pytest.approx(1)
    (slope,) = torch.autograd.grad(loss.discriminator(round), D)
    assert slope.abs().max() < 1e-12


@pytest.mark.parametrize("n", SIZES)
def test_weight_gradients_of_fisher(n):
    torch.manual_seed(n)
    D, loss, (x, x_fake) = Smooth(), make("loss", "fisher", rho=0.3), drawn(n)
    loss.multiplier.fill_(0.2)
    slopes_agree(lambda: loss.discriminator(said(D(x)[:, 0] + 1, D(x_fake)[:, 0])), [D[0].weight, D[0].bias])


# cramer


def test_gs_cost_is_the_energy_distance_which_is_twice_cramers():
    """Data 0 or 3, fakes 1 or 5, half and half, in an order in which the pairs of neighbours are all pairs:
    2 E|x − y| − E|y − y'| less E|x − x'| is twice the integral of the squared difference of the two distribution
    functions, ½ on [0, 1], 0 on [1, 3] and ½ on [3, 5]."""
    x = torch.tensor([0.0] * 4 + [3.0] * 4).double()[:, None]
    y = torch.tensor([1.0, 1.0, 5.0, 5.0] * 2).double()[:, None]
    energy = make("loss", "cramer").generator(seen(lambda x: x, x, y)).item() - (0 + 0 + 3 + 3) / 4
    assert energy == pytest.approx(2 * (1 / 4 * 1 + 0 * 2 + 1 / 4 * 2))


@pytest.mark.parametrize("n", SIZES)
def test_cramers_costs_are_algorithm_1s(n):
    x, y = drawn(n)
    scale = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    h = [[3 * a, 4 * b] for a, b in x.tolist()], [[3 * a, 4 * b] for a, b in y.tolist()]
    other = [*h[1][1:], h[1][0]]

    def f(v, i):
        return math.dist(v, other[i]) - math.hypot(*v)

    surrogate = sum(f(h[0][i], i) - f(h[1][i], i) for i in range(n)) / n
    energy = sum(math.dist(a, b) + math.dist(a, c) - math.dist(b, c) for a, b, c in zip(*h, other)) / n
    loss, round = make("loss", "cramer", penalty=0.0), seen(lambda x: scale * x, x, y)
    assert loss.generator(round).item() == pytest.approx(energy, abs=1e-5)
    assert loss.discriminator(round).item() == pytest.approx(-surrogate, abs=1e-5)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("s", [0.0, 0.5, 1.0, 3.0])
def test_the_critics_slope_is_held_at_1_for_each_sample(n, s):
    """h(x) = s x: where 0 < h(x̂) < h(x'), f falls by 2s, and beyond h(x') not at all."""
    weight = torch.tensor(s, dtype=torch.float64, requires_grad=True)
    loss = make("loss", "cramer", penalty=10.0)
    for at, slope in ((1.0, 2 * s), (6.0, 0.0)):
        x, y = torch.full((n, 1), at).double(), torch.full((n, 1), 5.0).double()
        round = seen(lambda x: weight * x, x, y)
        f = (abs(s * at - s * 5) - s * at) - (0 - s * 5)
        cost = loss.discriminator(round)
        assert cost.item() == pytest.approx(10 * (slope - 1) ** 2 - f, rel=1e-4, abs=1e-4)
        (gradient,) = torch.autograd.grad(cost, weight)
        assert gradient.isfinite()


@pytest.mark.parametrize("n", SIZES)
def test_weight_gradients_of_cramer(n):
    torch.manual_seed(n)
    h, loss = Smooth(), make("loss", "cramer", penalty=3.0)

    def cost():
        torch.manual_seed(n)  # of the points between
        return loss.discriminator(seen(h, *drawn(n)))

    slopes_agree(cost, list(h.parameters()))


def test_h_is_the_score_and_linear_functions_of_ds_features():
    game = game_of(tiny("cramer-gan", **{"loss.dimensions": 5}), PICTURES)
    game.D.eval()
    pixels = torch.randint(256, (4, 1, 28, 28), dtype=torch.uint8)
    round = Round(game, Minibatch(0, 4, lambda: {"x": pixels}), ())
    round.pair()
    loss = game.terms["cramer"]
    assert round.real.h.shape == round.fake.h.shape == (4, 5)
    torch.testing.assert_close(round.real.h[:, 0], round.real.score)
    torch.testing.assert_close(round.real.h[:, 1:], loss.head(game.D(round.x)["features"]))
    assert {id(p) for p in loss.head.parameters()} < {id(p) for p in game.players()["D"].parameters()}


def test_what_cramer_cannot_use_is_said_before_the_first_step():
    def plain(sample):
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 1), nn.Flatten(0))

    with pytest.raises(RecipeError, match="with BatchNorm the discriminator's scores depend on all samples"):
        game_of(tiny("cramer-gan", **{"discriminator.norm": "batch"}), PICTURES)
    with pytest.raises(RecipeError, match="at least 2 are expected"):
        game_of(tiny("cramer-gan", **{"loss.dimensions": 1}), PICTURES)
    with pytest.raises(RecipeError, match="has no number `features`"):
        make("loss", "cramer").attach(nn.Identity(), plain(None))


# mmd


def kernel(a, b, bandwidths):
    return sum(math.exp(-(math.dist(a, b) ** 2) / (2 * s**2)) for s in bandwidths)


@pytest.mark.parametrize("estimate", ["unbiased", "biased"])
@pytest.mark.parametrize("n", SIZES)
def test_the_discrepancy_is_a_double_loop(n, estimate):
    x, y = drawn(n, 3)
    bandwidths = (0.5, 2.0)
    loss = make("loss", "mmd", bandwidths=bandwidths, estimate=estimate)
    a, b = x.tolist(), y.tolist()
    itself = estimate == "biased"
    pairs = n * n if itself else max(n * (n - 1), 1)
    within = [
        sum(kernel(s[i], s[j], bandwidths) for i in range(n) for j in range(n) if itself or i != j) / pairs
        for s in (a, b)
    ]
    due = sum(within) - 2 * sum(kernel(p, q, bandwidths) for p in a for q in b) / n**2
    round = seen(lambda x: x, x, y)
    assert loss.generator(round).item() == pytest.approx(due, abs=1e-12)
    assert loss.discriminator(round).item() == pytest.approx(-due, abs=1e-12)


@pytest.mark.parametrize("estimate", ["unbiased", "biased"])
def test_of_two_points_the_discrepancy_is_known(estimate):
    """Data at 0, fakes at distance 2, five kernels."""
    x, y = torch.zeros(7, 2).double(), torch.tensor([[0.0, 2.0]]).double().repeat(7, 1)
    loss = make("loss", "mmd", estimate=estimate)
    due = 10 - 2 * sum(math.exp(-2 / s**2) for s in (1, 2, 4, 8, 16))
    assert loss.generator(seen(lambda x: x, x, y)).item() == pytest.approx(due)


def test_of_two_gaussians_the_discrepancy_is_known():
    """N(0, 1) and N(m, 1) under one kernel: 2 σ/√(σ² + 2) · (1 − exp(−m²/2(σ² + 2)))."""
    quantiles = torch.special.ndtri((torch.arange(1000, dtype=torch.float64) + 0.5) / 1000)[:, None]
    for sigma, m in ((1.0, 1.0), (2.0, 3.0)):
        loss = make("loss", "mmd", bandwidths=(sigma,), estimate="biased")
        due = 2 * sigma / math.sqrt(sigma**2 + 2) * (1 - math.exp(-(m**2) / (2 * (sigma**2 + 2))))
        assert loss.generator(seen(lambda x: x, quantiles, quantiles + m)).item() == pytest.approx(due, abs=2e-3)


def test_the_unbiased_estimate_is_0_in_the_mean_where_the_laws_are_one():
    values = {"unbiased": [], "biased": []}
    for seed in range(400):
        round = seen(lambda x: x, *drawn(4, 2, seed))
        for estimate, found in values.items():
            found.append(make("loss", "mmd", bandwidths=(1.0,), estimate=estimate).generator(round).item())
    error = torch.tensor(values["unbiased"]).std().item() / 20
    assert abs(sum(values["unbiased"]) / 400) < 4 * error
    assert sum(values["biased"]) / 400 > 10 * error


@pytest.mark.parametrize("n", [3, 16])
def test_weight_gradients_of_mmd(n):
    torch.manual_seed(n)
    f, loss = Smooth(), make("loss", "mmd", bandwidths=(0.5, 1.0))
    slopes_agree(lambda: loss.discriminator(seen(f, *drawn(n))), list(f.parameters()))


@pytest.mark.parametrize("n", SIZES)
def test_reconstruction_is_the_mean_error_on_data_and_on_fakes(n):
    real, fake = (t.squeeze(1) for t in drawn(n, 1))
    due = sum(real.tolist()) / n + sum(fake.tolist()) / n
    assert make("term", "reconstruction").discriminator(said(real, fake)).item() == pytest.approx(due)


def test_mmd_gan_clips_the_encoder_and_not_the_decoder():
    player = engine(tiny("mmd-gan", **{"optimizers.D.lr": 0.1}))
    player.play(2)
    assert max(p.abs().max().item() for p in player.game.D.encoder.parameters()) <= 0.1 + 1e-7
    assert max(p.abs().max().item() for p in player.game.D.decoder.parameters()) > 0.5
